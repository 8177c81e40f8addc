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


def process(stage: Stage, batch: pa.RecordBatch) -> Outcome:
    """Run a step on a batch; documents on which it raises become failures, with null in the columns it adds.

    Raises StageError when more than FEW documents and more than half of the batch raise.
    """
    outcome, raised = _halving(stage, batch)
    if raised > max(FEW, batch.num_rows // 2):
        example = next(iter(outcome.failures.values()))
        raise StageError(f"step `{stage.name()}` raised on {raised} of {batch.num_rows} documents, e.g. {example}")
    return outcome


def split_error(message: str) -> str:
    """Return the kind of a failure message ``Kind: what happened``; ``error`` where it names none."""
    kind, colon, _ = message.partition(":")
    return kind if colon and kind.isidentifier() and kind.isascii() and len(kind) <= LONGEST_KIND else "error"


def _halving(stage: Stage, batch: pa.RecordBatch) -> tuple[Outcome, int]:
    try:
        return stage.process(batch), 0
    except Exception as error:  # noqa: BLE001  the one place where any error of a step becomes a document's outcome
        if batch.num_rows == 1:
            nulls = {name: pa.nulls(1, kind) for name, kind in stage.adds.items()}
            return Outcome(columns=nulls, failures={0: f"{type(error).__name__}: {error}"}), 1
    middle = batch.num_rows // 2
    left, left_raised = _halving(stage, batch.slice(0, middle))
    right, right_raised = _halving(stage, batch.slice(middle))
    return _join(left, right, middle, batch.num_rows - middle), left_raised + right_raised


def _join(left: Outcome, right: Outcome, left_rows: int, right_rows: int) -> Outcome:
    columns = {name: pa.concat_arrays([left.columns[name], right.columns[name]]) for name in left.columns}
    reasons = dict.fromkeys([*left.drops, *right.drops])
    drops = {
        reason: np.concatenate([_mask(left.drops, reason, left_rows), _mask(right.drops, reason, right_rows)])
        for reason in reasons
    }
    failures = dict(left.failures) | {row + left_rows: error for row, error in right.failures.items()}
    return Outcome(columns=columns, drops=drops, failures=failures)


def _mask(drops: Mapping[str, Mask], reason: str, rows: int) -> Mask:
    return drops[reason] if reason in drops else np.zeros(rows, dtype=np.bool_)
