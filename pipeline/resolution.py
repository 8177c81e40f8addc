"""The work of a barrier between two passes: all sidecars in, decisions and explanations per part out."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.parts import PartFiles
from pipeline.stage import Barrier
from pipeline.stats import PartStats
from pipeline.storage import Store
from pipeline.task import BarrierTask, PartPaths, Progress
from pipeline.worker import planned


@dataclass(frozen=True)
class StoredPart:
    """A part of the pass before, as a barrier may see it."""

    store: Store
    paths: PartPaths

    @property
    def name(self) -> str:
        """Name of the part."""
        return self.paths.part

    def sidecar(self) -> pa.Table:
        """Return the part's sidecar."""
        with self.store.open(self.paths.sidecar) as file:
            return pq.read_table(file)

    def texts(self, rows: Sequence[int]) -> pa.Array:
        """Return the text of some rows, in the order given; only their row groups are read."""
        wanted = np.asarray(rows, dtype=np.int64)
        found: dict[int, str] = {}
        with self.store.open(self.paths.survivors) as file:
            parquet = pq.ParquetFile(file)
            start = 0
            for group in range(parquet.num_row_groups):
                end = start + parquet.metadata.row_group(group).num_rows
                inside = np.unique(wanted[(wanted >= start) & (wanted < end)])
                if inside.size:
                    texts = (
                        parquet.read_row_group(group, columns=["text"]).column("text").take(pa.array(inside - start))
                    )
                    found |= dict(zip(inside.tolist(), texts.to_pylist(), strict=True))
                start = end
        return pa.array([found[int(row)] for row in wanted], pa.string())


def run_barrier(task: BarrierTask) -> Iterator[Progress | PartStats]:
    """Resolve the barrier that ends a pass; yields Progress per part decided and at the end the committed PartStats."""
    current = planned(task.recipe).passes[task.index]
    barrier = current.closing
    assert isinstance(barrier, Barrier)
    barrier.open()
    store = Store(task.run)
    paths = {part: PartPaths(current.name, part) for part in task.parts}
    yield Progress()
    store.remove(PartPaths(current.name, task.part).stats)
    started = time.perf_counter()
    stats = PartStats(task.part, task.fingerprint)
    for done, resolution in enumerate(barrier.resolve([StoredPart(store, paths[part]) for part in task.parts]), 1):
        with PartFiles(store) as files:
            _write(files, paths[resolution.part].decisions, resolution.decisions)
            if resolution.removed.num_rows:
                _write(files, f"{barrier.folder}/part-{resolution.part}.parquet", resolution.removed)
            files.close()
            stats.outputs |= files.publish()
        yield Progress(records=done)
    stats.seconds[barrier.name()] = time.perf_counter() - started
    store.write(PartPaths(current.name, task.part).stats, json.dumps(stats.to_json(), ensure_ascii=False).encode())
    yield stats


def _write(files: PartFiles, path: str, rows: pa.Table) -> None:
    file = files.file(path, rows.schema)
    for batch in rows.to_batches():
        file.write(batch)
