"""A Ray cluster of a head and two nodes on this machine, as a process: prints its address, loses a node on ``lose``."""

import sys
import tempfile

from ray.cluster_utils import Cluster


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="mg-") as folder:
        head = {"num_cpus": 0, "object_store_memory": 100 << 20, "include_dashboard": False, "temp_dir": folder}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        nodes = [cluster.add_node(num_cpus=1, object_store_memory=100 << 20) for _ in range(2)]
        print(f"address {cluster.address}", flush=True)
        for line in sys.stdin:
            if line.strip() == "lose":
                cluster.remove_node(nodes.pop(), allow_graceful=False)
                print("lost", flush=True)
        cluster.shutdown()


if __name__ == "__main__":
    main()
