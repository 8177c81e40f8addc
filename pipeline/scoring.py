"""Running a step on a flow: on the rows worth the work, its outcome spread over all of them."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.flow import Flow
from pipeline.isolation import needed, process
from pipeline.stage import Cost, Mask, Outcome, Stage


@dataclass(frozen=True, slots=True)
class Scored:
    """What a step said about the rows of a flow, and how many living ones it proved to stay without looking closely."""

    outcome: Outcome
    spared: int


def score(flow: Flow, stage: Stage) -> Scored:
    """Run a step on the rows it is worth running on: all, or for dear steps the living in doubt and the audit sample.

    Raises StageError when the step fails on most documents.
    """
    wanted = _wanted(flow, stage)
    if wanted.all():
        return Scored(process(stage, flow.batch), 0)
    outcome = _scatter(process(stage, flow.batch.filter(pa.array(wanted))), wanted, flow.batch)
    return Scored(outcome, int((flow.alive & ~wanted).sum()))


def _wanted(flow: Flow, stage: Stage) -> Mask:
    if stage.cost <= Cost.CHARS:
        return np.ones(flow.batch.num_rows, dtype=np.bool_)
    wanted = flow.audit.copy()
    living = flow.batch if flow.alive.all() else flow.batch.filter(pa.array(flow.alive))
    wanted[flow.alive] |= needed(stage, living)
    return wanted


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
        columns[name] = spread if old is None else pa.compute.if_else(pa.array(wanted), spread, old)
    drops = {}
    for reason, rows in outcome.drops.items():
        drops[reason] = np.zeros(wanted.size, dtype=np.bool_)
        drops[reason][places] = rows
    return Outcome(columns, drops, {int(places[row]): error for row, error in outcome.failures.items()})
