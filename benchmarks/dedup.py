"""How the MinHash barrier grows: seconds, bytes and memory over planted clusters, on the real engine; and datatrove's.

``python -m benchmarks.dedup [--documents N ...]`` writes benchmarks/results/dedup.json. Signatures are made before the
clock starts; what is timed is all that Migaki does with them, commits included, on two workers of an embedded Ray.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import datatrove_clusters
from benchmarks.memory import Watch
from benchmarks.planted import Planted
from benchmarks.results import FOLDER, Row, show, write
from pipeline.dedup.minhash import MinHash
from pipeline.engine import Event, Failed, Finished, Task
from pipeline.plan import plan
from pipeline.ray_engine import RayEngine
from pipeline.recipe import Recipe, parse
from pipeline.resolution import StoredPart
from pipeline.storage import Store
from pipeline.task import BarrierTask, PartPaths

WORKERS = 2
DOCUMENTS = (1_000_000, 10_000_000)
PEER_DOCUMENTS = 200_000
PART_DOCUMENTS = 250_000
GIGABYTE = 1e9
STEP = {"minhash": {"verify": "estimate"}}  # the planted documents have no texts


@dataclass
class Measured:
    """What the barrier took."""

    documents: int
    removed: int = 0
    planted: int = 0
    start: float = 0.0
    """Seconds until the engine stood ready."""
    phases: dict[str, float] = field(default_factory=dict)
    """Phase -> seconds."""
    written: dict[str, int] = field(default_factory=dict)
    """Phase -> bytes."""
    memory: int = 0
    """Bytes of all processes at one time, at most."""
    processes: dict[str, int] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Seconds of all phases."""
        return sum(self.phases.values())


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, nargs="+", default=DOCUMENTS, help="numbers of documents to measure")
    parser.add_argument("--folder", type=Path, help="where the disk has room; the system's temporary folder by default")
    parser.add_argument("--results", type=Path, default=FOLDER / "dedup.json")
    options = parser.parse_args()
    rows: list[Row] = []
    for documents in options.documents:
        with _folder(options.folder) as folder:
            rows += list(rows_of(measure(documents, folder)))
    with _folder(options.folder) as folder:
        rows.append(against_datatrove(folder))
    write(options.results, rows, ["datatrove", "numba", "numpy", "pyarrow", "ray"], NOTES)
    show("Deduplication at scale", rows, Console())


NOTES = (
    "30 % of the documents in clusters of 3 on average, 0.5 % in one cluster; 14 bands of 8; 112 values a signature",
    "seconds: two workers of an embedded Ray on this machine, commits to disk included, the engine's start aside",
    "memory: proportional set size, sampled twice a second; all processes together, the driver's and Ray's own too",
    "datatrove: MinhashDedupBuckets in two processes, MinhashDedupCluster, MinhashDedupFilter over the same signatures "
    "and 200,000 short documents; ours: all phases, which also verify pairs, elect copies and write explanations",
)


def measure(documents: int, folder: Path) -> Measured:
    """Carry the barrier out over planted signatures."""
    planted = Planted(documents, max(2, documents // PART_DOCUMENTS))
    recipe = parse({"name": "bench_dedup", "steps": [STEP]})
    step = plan(recipe).passes[0].closing
    assert isinstance(step, MinHash)
    name = plan(recipe).passes[0].name
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        list(pool.map(partial(planted.write, step, str(folder), name), range(planted.parts)))
        found = Measured(documents, planted=pool.submit(planted.removals).result())
    _barrier(recipe, planted, folder, step, found)
    return found


def _barrier(recipe: Recipe, planted: Planted, folder: Path, step: MinHash, found: Measured) -> None:
    name = plan(recipe).passes[0].name
    store = Store(str(folder))
    parts = [StoredPart(store, PartPaths(name, part), planted.rows) for part in planted.names]
    resolved = json.dumps(recipe.resolved(), ensure_ascii=False, sort_keys=True)
    names, sizes = tuple(planted.names), (planted.rows,) * planted.parts
    with Watch() as watch:
        started = time.perf_counter()
        with RayEngine(None, WORKERS, patience=600, memory=3 * 2**30) as engine:
            found.start = time.perf_counter() - started
            for phase in step.phases(parts):
                tasks = [
                    BarrierTask(store.uri, resolved, 0, phase.name, number, "bench", names, sizes)
                    for number in range(phase.tasks)
                ]
                started = time.perf_counter()
                outputs = _carry_out(engine, tasks)
                found.phases[phase.name] = time.perf_counter() - started
                found.written[phase.name] = sum(output["bytes"] for output in outputs.values())
        found.removed = sum(
            output["rows"] for path, output in outputs.items() if Path(path).name.startswith("part-planted")
        )
    found.memory, found.processes = watch.total, dict(watch.processes)


def _carry_out(engine: RayEngine, tasks: Sequence[BarrierTask]) -> dict[str, dict[str, Any]]:
    """Do the tasks of a phase; returns the files they wrote."""
    outputs: dict[str, dict[str, Any]] = {}

    def handle(event: Event) -> list[Task]:
        if isinstance(event, Failed):
            raise RuntimeError(event.details)
        if isinstance(event, Finished):
            outputs.update(event.stats.outputs)
        return []

    engine.run(tasks, handle)
    return outputs


def rows_of(found: Measured) -> Iterator[Row]:
    """Turn a measurement into rows."""
    size = f"{found.documents:,} documents"
    for phase, seconds in found.phases.items():
        yield Row(f"{size}: {phase}", seconds, None, "s")
    yield Row(f"{size}: all phases", found.seconds, None, "s")
    yield Row(f"{size}: start of the engine", found.start, None, "s")
    for phase, written in found.written.items():
        yield Row(f"{size}: {phase}, written", written / GIGABYTE, None, "GB")
    yield Row(f"{size}: all phases, written", sum(found.written.values()) / GIGABYTE, None, "GB")
    yield Row(f"{size}: memory of all processes", found.memory / GIGABYTE, None, "GB")
    for name, memory in sorted(found.processes.items(), key=lambda item: -item[1]):
        yield Row(f"{size}: memory of one {name} at most", memory / GIGABYTE, None, "GB")
    yield Row(f"{size}: removed, of those planted", found.removed / found.planted, None, "share")


def against_datatrove(folder: Path) -> Row:
    """Documents per second of both, over the same signatures."""
    ours = measure(PEER_DOCUMENTS, folder / "ours")
    peer = datatrove_clusters.seconds(Planted(PEER_DOCUMENTS, 2), MinHash(), folder / "theirs")
    return Row(
        f"{PEER_DOCUMENTS:,} documents: signatures to clusters, beside datatrove's stages 2 to 4",
        PEER_DOCUMENTS / ours.seconds,
        PEER_DOCUMENTS / peer,
        "documents/s",
    )


@contextmanager
def _folder(parent: Path | None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="migaki-dedup-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
