"""The MinHash barrier over planted documents on the real engine, phase by phase, and what it takes.

Signatures are made before the clock starts, a share of the documents at a time, and files go as soon as no later phase
reads them, so that a machine's disk holds more documents than a run of that size would need.
"""

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.memory import Watch
from benchmarks.planted import Planted
from pipeline.dedup.minhash import MinHash
from pipeline.engine import Died, Event, Failed, Finished, Task
from pipeline.plan import plan
from pipeline.ray_engine import RayEngine
from pipeline.recipe import parse
from pipeline.resolution import StoredPart
from pipeline.storage import Store
from pipeline.task import BarrierTask, PartPaths, PhasePaths

WORKERS = 2
PART_DOCUMENTS = 250_000
SHARE_DOCUMENTS = 10_000_000
"""Documents whose signatures are on disk at one time."""
LAST_READERS = {"pairs": ("keys", "keys"), "signatures": ("pairs", "pairs"), "estimates": ("signatures", "sketched")}
"""Phase -> phase and file that no later one reads; the smaller files stay."""
RECIPE = parse({"name": "bench_dedup", "steps": [{"minhash": {"verify": "estimate"}}]})
"""Planted documents have no texts that could be compared."""

Outputs = dict[str, dict[str, Any]]


@dataclass
class Measured:
    """What the barrier took."""

    documents: int
    planted: int
    """Documents that should go."""
    removed: int = 0
    mistakes: int = 0
    """Those that went in favour of one that is not of their cluster."""
    start: float = 0.0
    """Seconds until the engine stood ready."""
    sidecars: int = 0
    """Bytes that the pass before wrote."""
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

    @property
    def disk(self) -> int:
        """Bytes on disk when a run has done the last phase, before it lets the files of the others go."""
        return self.sidecars + sum(self.written.values())


def measure(documents: int, folder: Path) -> Measured:
    """Carry the barrier out over planted signatures, in an empty folder."""
    planted = Planted(documents, max(2, documents // PART_DOCUMENTS))
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        found = Measured(documents, pool.submit(planted.removals).result())
        list(pool.map(abs, range(WORKERS)))  # processes that stand before the watch begins are not counted
        with Watch() as watch:
            started = time.perf_counter()
            with RayEngine(None, WORKERS, patience=600, memory=3 * 2**30) as engine:
                found.start = time.perf_counter() - started
                run = _Run(planted, Store(str(folder)), engine, pool, found)
                outputs = run.carry_out()
    found.memory, found.processes = watch.total, dict(watch.processes)
    run.check(outputs)
    return found


class _Run:
    """The barrier as ``pipeline.run`` carries it out, without the passes around it."""

    def __init__(
        self, planted: Planted, store: Store, engine: RayEngine, pool: ProcessPoolExecutor, found: Measured
    ) -> None:
        self._planted, self._store, self._engine, self._pool, self._found = planted, store, engine, pool, found
        current = plan(RECIPE).passes[0]
        assert isinstance(current.closing, MinHash)
        self._step, self._pass = current.closing, current.name
        self._parts = [StoredPart(store, PartPaths(current.name, part), planted.rows) for part in planted.names]
        self._tasks = {phase.name: phase.tasks for phase in self._step.phases(self._parts)}

    def carry_out(self) -> Outputs:
        """Do all phases; returns the files of the last."""
        for blocks in self._shares():
            parts = [part for block in blocks for part in self._step.numbering(self._parts).parts(block)]
            self._found.sidecars += sum(self._pool.map(partial(self._writer(), signed=True), parts))
            self._phase("keys", blocks)
            list(self._pool.map(partial(self._writer(), signed=False), parts))
        outputs: Outputs = {}
        for phase in list(self._tasks)[1:]:
            outputs = self._phase(phase, range(self._tasks[phase]))
            if phase in LAST_READERS:
                self._let_go(*LAST_READERS[phase])
        return outputs

    def _writer(self) -> Any:
        return partial(self._planted.write, self._step, self._store.uri, self._pass)

    def _shares(self) -> Iterator[range]:
        """Divide the blocks into runs of about SHARE_DOCUMENTS."""
        numbering = self._step.numbering(self._parts)
        blocks = self._tasks["keys"]
        first = 0
        for block in range(1, blocks):
            if numbering.span(block)[1] - numbering.span(first)[0] > SHARE_DOCUMENTS:
                yield range(first, block)
                first = block
        yield range(first, blocks)

    def _phase(self, phase: str, numbers: Sequence[int]) -> Outputs:
        """Do some tasks of a phase; returns the files they wrote."""
        resolved = json.dumps(RECIPE.resolved(), ensure_ascii=False, sort_keys=True)
        names, rows = tuple(part.name for part in self._parts), tuple(part.rows for part in self._parts)
        tasks = [BarrierTask(self._store.uri, resolved, 0, phase, number, "bench", names, rows) for number in numbers]
        outputs: Outputs = {}

        def handle(event: Event) -> list[Task]:
            if isinstance(event, Finished):
                outputs.update(event.stats.outputs)
            if isinstance(event, Failed | Died):
                raise RuntimeError(f"{phase}: {event}")
            return []

        started = time.perf_counter()
        self._engine.run(tasks, handle)
        spent = time.perf_counter() - started
        written = sum(output["bytes"] for output in outputs.values())
        self._found.phases[phase] = self._found.phases.get(phase, 0.0) + spent
        self._found.written[phase] = self._found.written.get(phase, 0) + written
        return outputs

    def _let_go(self, phase: str, name: str) -> None:
        for number in range(self._tasks[phase]):
            Path(self._store.path(PhasePaths(self._pass, phase, number).file(name))).unlink()

    def check(self, outputs: Outputs) -> None:
        """Compare what was removed with what was planted."""
        for part, name in enumerate(self._planted.names):
            path = f"{self._step.folder()}/part-{name}.parquet"
            if path in outputs:
                with self._store.open(path) as file:
                    removed = pq.read_table(file, columns=["row", "kept_id"])
                self._found.removed += removed.num_rows
                self._found.mistakes += self._planted.mistakes(part, removed)
