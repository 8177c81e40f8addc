"""A Ray cluster of a head and two nodes on this machine, as a process: prints its address, loses a node on ``lose``."""

import os
import sys
import tempfile
from pathlib import Path

FOLDER = tempfile.TemporaryDirectory(prefix="mg-")
os.environ["RAY_TMPDIR"] = FOLDER.name
Path(FOLDER.name, "ray").mkdir()

from ray.cluster_utils import Cluster  # noqa: E402  Ray reads RAY_TMPDIR when it is imported


def main() -> None:
    with FOLDER:
        head = {"num_cpus": 0, "object_store_memory": 100 << 20, "include_dashboard": False}
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
