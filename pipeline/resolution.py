"""One task of a phase of the barrier between two passes: sidecars and files of earlier phases in, files out."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.barrier import Barrier
from pipeline.parts import PartFiles
from pipeline.stats import PartStats
from pipeline.storage import Store
from pipeline.task import BarrierTask, PartPaths, PhasePaths, Progress
from pipeline.worker import planned


@dataclass(frozen=True)
class StoredPart:
    """A part of the pass before, as a barrier may see it."""

    store: Store
    paths: PartPaths
    rows: int
    """Rows of its sidecar."""

    @property
    def name(self) -> str:
        """Name of the part."""
        return self.paths.part

    def sidecar(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield columns of the part's sidecar, a row group at a time."""
        with self.store.open(self.paths.sidecar) as file:
            parquet = pq.ParquetFile(file)
            for group in range(parquet.num_row_groups):
                table = parquet.read_row_group(group, columns=list(columns), use_threads=False)
                yield from table.select(columns).combine_chunks().to_batches()

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


@dataclass
class StoredFiles:
    """The files of a barrier in a run folder, as one task sees them."""

    store: Store
    barrier: Barrier
    paths: PhasePaths
    parts: Sequence[StoredPart]
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)

    @contextmanager
    def create(self, name: str) -> Iterator[IO[bytes]]:
        """Write a file of this task; it is published when it is complete."""
        path = self.paths.file(name)
        temporary = self.store.temporary(path)
        try:
            with temporary.open("wb") as file:
                yield file
            published = self.store.publish(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        self.outputs[path] = {"rows": 0, "bytes": published.bytes, "sha256": published.sha256}

    def open(self, phase: str, task: int, name: str) -> IO[bytes]:
        """Read a file of an earlier phase."""
        return self.store.open(PhasePaths(self.paths.name, phase, task).file(name))

    def decide(self, part: int, decisions: pa.Table, removed: pa.Table) -> None:
        """Write the decisions on a part, and its explanation file if anything is removed."""
        self._publish(self.parts[part].paths.decisions, decisions)
        if removed.num_rows:
            self.explain(f"part-{self.parts[part].name}", removed)

    def explain(self, name: str, table: pa.Table) -> None:
        """Write a table into the barrier's folder."""
        self._publish(f"{self.barrier.folder()}/{name}.parquet", table)

    def _publish(self, path: str, table: pa.Table) -> None:
        with PartFiles(self.store) as files:
            file = files.file(path, table.schema)
            for batch in table.to_batches():
                file.write(batch)
            files.close()
            self.outputs |= files.publish()


def run_barrier(task: BarrierTask) -> Iterator[Progress | PartStats]:
    """Do one task of a phase; yields Progress now and then and at the end the committed PartStats."""
    current = planned(task.recipe).passes[task.index]
    barrier = current.closing
    assert isinstance(barrier, Barrier)
    barrier.open()
    store = Store(task.run)
    paths = PhasePaths(current.name, task.phase, task.number)
    parts = [
        StoredPart(store, PartPaths(current.name, part), rows) for part, rows in zip(task.parts, task.rows, strict=True)
    ]
    files = StoredFiles(store, barrier, paths, parts)
    yield Progress()
    store.remove(paths.stats)
    started = time.perf_counter()
    done = 0
    for rows in barrier.work(task.phase, task.number, files):
        done += rows
        yield Progress(records=done)
    stats = PartStats(task.part, task.fingerprint, outputs=files.outputs)
    stats.seconds[f"{barrier.name()}.{task.phase}"] = time.perf_counter() - started
    store.write(paths.stats, json.dumps(stats.to_json(), ensure_ascii=False).encode())
    yield stats
