"""Where the documents of a part come from: a shard through its reader, or the survivors of the pass before."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.barrier import Barrier
from pipeline.flow import Flow
from pipeline.plan import Plan
from pipeline.readers.chunk import Damage
from pipeline.readers.files import identity_of
from pipeline.readers.read import read
from pipeline.schema import HOST
from pipeline.stage import Outcome
from pipeline.storage import Store
from pipeline.task import PartTask, Progress
from pipeline.text.hashing import hash64
from pipeline.text.url import hosts

RESUME_ROWS = 4096

Ordinals = npt.NDArray[np.int64]


class InputChangedError(RuntimeError):
    """A shard that is not, or not any more, the file that the run set out to read."""


@dataclass(slots=True)
class Feed:
    """One batch as it comes in, with everything met on the way to it."""

    progress: Progress
    flow: Flow
    skipped: Mapping[str, int] = field(default_factory=dict)
    damaged: tuple[Damage, ...] = ()
    poison: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    """Row -> (reason, message) of documents that must not be processed."""
    outcome: Outcome = field(default_factory=Outcome)
    """What the opening barrier decided on these rows."""
    seconds: float = 0.0

    @property
    def records_gone(self) -> int:
        """Records that never became a row."""
        return sum(self.skipped.values()) + len(self.damaged)


def read_shard(task: PartTask, planned: Plan) -> Iterator[Feed]:
    """Read the task's shard; ordinals number its documents in file order."""
    assert task.source
    ordinal = size = 0
    started = time.perf_counter()
    for chunk in read(task.source, planned.recipe.read):
        records = chunk.records
        end = ordinal + records.num_rows
        ordinals = np.arange(ordinal, end)
        records, ordinals = _probed(task, records, ordinals)
        flow = _first_flow(records, ordinals, planned)
        poison = _poisoned(task, ordinals) | _textless(flow, planned)
        seconds = time.perf_counter() - started
        yield Feed(
            Progress(ordinal, size, ordinal, end), flow, chunk.skipped, tuple(chunk.damaged), poison, seconds=seconds
        )
        if task.probe and end >= task.probe[1]:
            return
        ordinal, size = end, size + chunk.records.nbytes
        started = time.perf_counter()
    if identity_of(task.source.uri) != task.source.identity:
        raise InputChangedError(f"{task.source.file_path}: changed since the run began; run again to read it anew")


def resume_part(task: PartTask, store: Store, barrier: Barrier | None) -> Iterator[Feed]:
    """Take up the survivors of the pass before; ordinals are their rows. ``barrier`` is the one that opens the pass."""
    decisions = _read_table(store, task.decisions) if barrier else None
    started = time.perf_counter()
    with store.open(task.upstream) as file:
        start = size = 0
        for batch in pq.ParquetFile(file).iter_batches(RESUME_ROWS):
            end = start + batch.num_rows
            rows, ordinals = _probed(task, batch, np.arange(start, end))
            flow = Flow.resume(rows, ordinals)
            outcome = Outcome()
            if barrier is not None and decisions is not None:
                outcome = _decided(barrier, decisions, flow.batch, ordinals)
            seconds = time.perf_counter() - started
            poison = _poisoned(task, ordinals)
            yield Feed(Progress(start, size, start, end), flow, poison=poison, outcome=outcome, seconds=seconds)
            if task.probe and end >= task.probe[1]:
                return
            start, size = end, size + batch.nbytes
            started = time.perf_counter()


def _first_flow(records: pa.RecordBatch, ordinals: Ordinals, planned: Plan) -> Flow:
    records = records.append_column(HOST, hosts(records.column("url")))
    audit = hash64(records.column("id")) < planned.recipe.audit * 2.0**64
    return Flow(records, ordinals, audit)


def _probed(task: PartTask, rows: pa.RecordBatch, ordinals: Ordinals) -> tuple[pa.RecordBatch, Ordinals]:
    if task.probe is None:
        return rows, ordinals
    inside = (ordinals >= task.probe[0]) & (ordinals < task.probe[1])
    return rows.filter(pa.array(inside)), ordinals[inside]


def _poisoned(task: PartTask, ordinals: Ordinals) -> dict[int, tuple[str, str]]:
    rows = {int(ordinal): row for row, ordinal in enumerate(ordinals)} if task.poison else {}
    return {
        rows[ordinal]: (f"worker.{cause}", f"the worker process ended ({cause}) on this document")
        for ordinal, cause in task.poison
        if ordinal in rows
    }


def _textless(flow: Flow, planned: Plan) -> dict[int, tuple[str, str]]:
    if planned.text_step is not None:
        return {}
    missing = flow.batch.column("text").is_null().to_numpy(zero_copy_only=False)
    error = ("read.no_text", "the record holds bytes, and the recipe has no step that extracts text")
    return {int(row): error for row in np.flatnonzero(missing)}


def _decided(barrier: Barrier, decisions: pa.Table, batch: pa.RecordBatch, rows: Ordinals) -> Outcome:
    """Spread a barrier's sparse decisions over the rows of a batch, and let the barrier apply them."""
    named = decisions.column("row").to_numpy()
    found = np.isin(rows, named, assume_unique=True)
    at = np.searchsorted(named, rows)
    indices = pa.array(at, mask=~found)
    decided = {}
    for name, kind in barrier.decides().items():
        values = decisions.column(name).combine_chunks().take(indices)
        default = barrier.defaults.get(name)
        decided[name] = values if default is None else pc.if_else(pa.array(found), values, pa.scalar(default, kind))
    drop = np.zeros(rows.size, dtype=np.bool_)
    drop[found] = decisions.column("drop").to_numpy()[at[found]]
    added = {name: decided[name] for name in barrier.added() if name in decided}
    return barrier.apply(batch, decided, Outcome(added, {barrier.reason: drop}))


def _read_table(store: Store, path: str) -> pa.Table:
    with store.open(path) as file:
        return pq.read_table(file)
