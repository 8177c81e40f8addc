"""One bad document costs that document: a step that raises is tried again on halves, down to the single row."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from pipeline.stage import Mask, Outcome, Stage

LONGEST_KIND = 64
FEW = 5
"""Documents that may raise in any batch, however small, before a step is suspected."""


class StageError(RuntimeError):
    """A step that fails on most documents is itself at fault; its shard fails instead of filling the quarantine."""


def process(stage: Stage, batch: pa.RecordBatch, spared: int = 0) -> Outcome:
    """Run a step on a batch; documents on which it raises become failures, with null in the columns it adds.

    ``spared``: documents beside the batch on which the step is known not to raise. Raises StageError when more than FEW
    documents and more than half of all raise.
    """
    outcome, raised = _halving(stage, batch)
    if raised > max(FEW, (batch.num_rows + spared) // 2):
        example = next(iter(outcome.failures.values()))
        rows = batch.num_rows + spared
        raise StageError(f"step `{stage.name()}` raised on {raised} of {rows} documents, e.g. {example}")
    return outcome


def needed(stage: Stage, batch: pa.RecordBatch) -> Mask:
    """Ask a step which rows it must see; all of them if it raises, and ``process`` finds the document at fault."""
    try:
        return stage.needed(batch)
    except Exception:  # noqa: BLE001  a proof that fails proves nothing, so every row is scored
        return np.ones(batch.num_rows, dtype=np.bool_)


def split_error(message: str) -> str:
    """Return the kind of a failure message ``Kind: what happened``; ``error`` where it names none."""
    kind, colon, _ = message.partition(":")
    return kind if colon and kind.isidentifier() and kind.isascii() and len(kind) <= LONGEST_KIND else "error"


def _halving(stage: Stage, batch: pa.RecordBatch) -> tuple[Outcome, int]:
    try:
        return stage.process(batch), 0
    except Exception as error:  # noqa: BLE001  the one place where any error of a step becomes a document's outcome
        if batch.num_rows == 1:
            nulls = {name: pa.nulls(1, kind) for name, kind in stage.added().items()}
            return Outcome(columns=nulls, failures={0: f"{type(error).__name__}: {error}"}), 1
    middle = batch.num_rows // 2
    left, left_raised = _halving(stage, batch.slice(0, middle))
    right, right_raised = _halving(stage, batch.slice(middle))
    return _join(left, right, middle, batch.num_rows - middle), left_raised + right_raised


def _join(left: Outcome, right: Outcome, left_rows: int, right_rows: int) -> Outcome:
    kinds = {name: values.type for name, values in [*left.columns.items(), *right.columns.items()]}
    columns = {
        name: pa.concat_arrays([_values(left, name, left_rows, kind), _values(right, name, right_rows, kind)])
        for name, kind in kinds.items()
    }
    reasons = dict.fromkeys([*left.drops, *right.drops])
    drops = {
        reason: np.concatenate([_mask(left.drops, reason, left_rows), _mask(right.drops, reason, right_rows)])
        for reason in reasons
    }
    failures = dict(left.failures) | {row + left_rows: error for row, error in right.failures.items()}
    return Outcome(columns=columns, drops=drops, failures=failures)


def _values(outcome: Outcome, name: str, rows: int, kind: pa.DataType) -> pa.Array:
    return outcome.columns[name] if name in outcome.columns else pa.nulls(rows, kind)


def _mask(drops: Mapping[str, Mask], reason: str, rows: int) -> Mask:
    return drops[reason] if reason in drops else np.zeros(rows, dtype=np.bool_)
