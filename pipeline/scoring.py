"""Running a step on a flow: on the rows worth the work, its outcome spread over all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.flow import Flow
from pipeline.isolation import needed, process
from pipeline.known import Known
from pipeline.provenance import judges
from pipeline.stage import Cost, Mask, Outcome, Stage


@dataclass(frozen=True, slots=True)
class Scored:
    """What a step said about the rows of a flow, and how many living ones it proved to stay without looking closely."""

    outcome: Outcome
    spared: int


def score(flow: Flow, stage: Stage, known: Known | None = None) -> Scored:
    """Run a step on the rows it is worth running on: all, or for dear steps the living in doubt and the audit sample.

    Rows whose scores are ``known`` are judged by them. Raises StageError when the step fails on most documents.
    """
    wanted = _wanted(flow, stage)
    stored = known.columns(stage, flow.batch) if known else None
    outcome = _complete(stage, flow.batch, wanted, stored) if stored else _process(stage, flow.batch, wanted)
    columns = {name: _plain(values) if name in stage.added() else values for name, values in outcome.columns.items()}
    return Scored(replace(outcome, columns=columns), int((flow.alive & ~wanted).sum()))


def _wanted(flow: Flow, stage: Stage) -> Mask:
    if stage.cost <= Cost.CHARS:
        return np.ones(flow.batch.num_rows, dtype=np.bool_)
    if type(stage).needed is Stage.needed:
        return flow.alive | flow.audit
    wanted = flow.audit.copy()
    living = flow.batch if flow.alive.all() else flow.batch.filter(pa.array(flow.alive))
    wanted[flow.alive] |= needed(stage, living)
    return wanted


def _process(stage: Stage, batch: pa.RecordBatch, wanted: Mask, spared: int = 0) -> Outcome:
    if wanted.all():
        return process(stage, batch, spared)
    return _scatter(process(stage, batch.filter(pa.array(wanted)), spared), wanted, batch)


def _complete(stage: Stage, batch: pa.RecordBatch, wanted: Mask, stored: Mapping[str, pa.Array]) -> Outcome:
    """Compute what is missing among stored scores, and judge all rows."""
    assert judges(stage)
    valid = [values.is_valid().to_numpy(zero_copy_only=False) for values in stored.values()]
    known = wanted & np.logical_or.reduce(valid)
    missing = wanted & ~known
    fresh = _process(stage, batch, missing, int(known.sum())) if missing.any() else Outcome()
    columns = {
        name: pc.if_else(pa.array(known), values, fresh.columns.get(name, pa.scalar(None, values.type)))
        for name, values in stored.items()
    }
    return Outcome({**fresh.columns, **columns}, stage.verdict(columns), fresh.failures)


def _scatter(outcome: Outcome, wanted: Mask, batch: pa.RecordBatch) -> Outcome:
    """Spread the outcome of some rows over all rows; the others keep their values, or get null in new columns."""
    places = np.flatnonzero(wanted)
    take = np.full(wanted.size, -1, dtype=np.int64)
    take[places] = np.arange(places.size)
    indices = pa.array(take, mask=take < 0)
    columns = {}
    for name, values in outcome.columns.items():
        spread = values.take(indices)
        old = batch.column(name) if name in batch.schema.names else None
        columns[name] = spread if old is None else pc.if_else(pa.array(wanted), spread, old)
    drops = {}
    for reason, rows in outcome.drops.items():
        drops[reason] = np.zeros(wanted.size, dtype=np.bool_)
        drops[reason][places] = rows
    return Outcome(columns, drops, {int(places[row]): error for row, error in outcome.failures.items()})


def _plain(values: pa.Array) -> pa.Array:
    """Let go of a null bitmap that marks no null: its size would count, and files would be cut in other places."""
    if values.null_count or not len(values) or values.buffers()[0] is None or pa.types.is_nested(values.type):
        return values
    return pa.Array.from_buffers(values.type, len(values), [None, *values.buffers()[1:]], 0, values.offset)
