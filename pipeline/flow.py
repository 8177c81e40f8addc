"""Documents of one batch on their way through the steps of a pass: their columns, their verdicts and their sizes."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.stage import Mask
from pipeline.stats import Tally
from pipeline.text.chars import CHAR_COUNTS, as_column, char_counts, characters, count_chars, token_estimate
from pipeline.text.words import WORDS

VERDICT = pa.schema([("audit", pa.bool_()), ("reason", pa.string()), ("reasons", pa.list_(pa.string()))])
"""Columns that carry the verdicts of a document from pass to pass; ``reason`` is the first, null while it is kept."""

DERIVED = (CHAR_COUNTS, WORDS)
"""Columns that follow from the text: they ride along inside a pass, are never stored, and go when the text changes."""


class Flow:
    """Rows in flight. A row is alive until its first reason; dead rows may stay on board to be scored further."""

    def __init__(self, batch: pa.RecordBatch, ordinals: npt.NDArray[np.int64], audit: Mask) -> None:
        self.batch = batch
        self.ordinals = ordinals
        self.audit = audit
        self.alive: Mask = np.ones(batch.num_rows, dtype=np.bool_)
        self.first: npt.NDArray[np.object_] = np.full(batch.num_rows, None, dtype=object)
        self.verdicts: dict[str, Mask] = {}
        self.measure()

    @classmethod
    def resume(cls, batch: pa.RecordBatch, ordinals: npt.NDArray[np.int64]) -> "Flow":
        """Take up documents where an earlier pass stored them."""
        audit = batch.column("audit").to_numpy(zero_copy_only=False)
        flow = cls(batch.select([name for name in batch.schema.names if name not in VERDICT.names]), ordinals, audit)
        flow.first = np.array(batch.column("reason").to_pylist(), dtype=object)
        flow.alive = batch.column("reason").is_null().to_numpy(zero_copy_only=False)
        flow.verdicts = _masks(batch.column("reasons"))
        return flow

    def measure(self, before: pa.RecordBatch | None = None) -> None:
        """Count the text: characters by class, and the sizes (characters, bytes, which are those of the content before
        there is text, and tokens). A text that is as it was ``before`` is not counted again."""
        text = self.batch.column("text")
        if before is None:
            counts = count_chars(text)
        else:
            changed = pc.fill_null(pc.not_equal(text, before.column("text")), True)
            counts = char_counts(before).copy()
            counts[changed.to_numpy(zero_copy_only=False)] = count_chars(text.filter(changed))
        self.set_columns({CHAR_COUNTS.name: as_column(counts)})
        content = pc.binary_length(self.batch.column("content")) if "content" in self.batch.schema.names else 0
        sizes = pc.coalesce(pc.binary_length(text), content, 0)
        self.sizes = np.stack([characters(counts), sizes.to_numpy(), token_estimate(counts)], axis=1).astype(np.int64)

    def tally(self, rows: Mask) -> Tally:
        """Sum the sizes of some rows."""
        characters, size, tokens = (int(total) for total in self.sizes[rows].sum(axis=0))
        return Tally(int(rows.sum()), characters, size, tokens)

    def mark(self, reason: str, rows: Mask) -> Mask:
        """Give rows a reason to leave; returns those for which it is the first."""
        if not rows.any():
            return rows
        self.verdicts[reason] = self.verdicts[reason] | rows if reason in self.verdicts else rows
        newly: Mask = rows & self.alive
        self.first[newly] = reason
        self.alive = self.alive & ~rows
        return newly

    def set_columns(self, columns: Mapping[str, pa.Array]) -> None:
        """Add columns, or put new values in the place of old ones."""
        before = self.batch
        for name, values in columns.items():
            index = self.batch.schema.get_field_index(name)
            field = pa.field(name, values.type)
            self.batch = (
                self.batch.append_column(field, values) if index < 0 else self.batch.set_column(index, field, values)
            )
        if "text" in columns:
            self.drop_columns([field.name for field in DERIVED if field.name in self.batch.schema.names])
            self.measure(before)

    def drop_columns(self, names: Sequence[str]) -> None:
        """Let go of columns that no later step reads."""
        self.batch = self.batch.drop_columns(list(names))

    def select(self, rows: Mask) -> "Flow":
        """Return the flow of some rows alone."""
        part = object.__new__(Flow)
        part.batch = self.batch.filter(pa.array(rows))
        part.ordinals, part.audit, part.sizes = self.ordinals[rows], self.audit[rows], self.sizes[rows]
        part.alive, part.first = self.alive[rows], self.first[rows]
        part.verdicts = {reason: mask[rows] for reason, mask in self.verdicts.items() if mask[rows].any()}
        return part

    def table(self) -> pa.RecordBatch:
        """Return the columns together with the verdicts."""
        columns = [
            pa.array(self.audit),
            pa.array(self.first, pa.string()),
            _lists(self.verdicts, self.batch.num_rows),
        ]
        return pa.RecordBatch.from_arrays(
            [*self.batch.columns, *columns], schema=pa.schema([*self.batch.schema, *VERDICT])
        )


def _lists(masks: Mapping[str, Mask], rows: int) -> pa.Array:
    """Turn reason -> mask into one list of reasons per row, in the order of the mapping."""
    if not masks:
        return pa.array([[]] * rows, pa.list_(pa.string()))
    matrix = np.stack(list(masks.values()), axis=1)
    offsets = np.concatenate([[0], np.cumsum(matrix.sum(axis=1))]).astype(np.int32)
    reasons = pa.array(list(masks), pa.string()).take(pa.array(np.nonzero(matrix)[1]))
    return pa.ListArray.from_arrays(pa.array(offsets), reasons)


def _masks(lists: pa.Array) -> dict[str, Mask]:
    """Turn lists of reasons into reason -> mask, reasons in order of appearance."""
    rows = pc.list_parent_indices(lists).to_numpy()
    reasons = np.array(pc.list_flatten(lists).to_pylist(), dtype=object)
    masks: dict[str, Mask] = {}
    for reason in dict.fromkeys(reasons):
        mask = np.zeros(len(lists), dtype=np.bool_)
        mask[rows[reasons == reason]] = True
        masks[str(reason)] = mask
    return masks
