"""What the filters have in common that judge a text by its words."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.stage import Cost, Filter, Interval, Mask, Outcome
from pipeline.text.chars import CHAR_COUNTS, Char, char_counts
from pipeline.text.words import LIBRARIES, WORDS, fill

SMALLEST, GREATEST = 1e-6, 1e9
"""Bounds beyond which nothing is proven; such a bound makes every document doubtful."""


class WordFilter(Filter):
    """Scores batches that carry their words; a document's words are found once, by the first step that needs them."""

    cost = Cost.WORDS
    reads = ("text", CHAR_COUNTS.name)
    libraries: ClassVar[tuple[str, ...]] = LIBRARIES
    proven: ClassVar[frozenset[str]] = frozenset()
    """Bounds, ``<signal>.<min|max>``, of which ``doubtful`` can prove that a document keeps them."""

    segment: Literal["doubtful", "all"] = "doubtful"
    """Which documents to segment: those whose characters do not already prove that no bound is crossed, or all."""

    def doubtful(self, batch: pa.RecordBatch) -> Mask:
        """Rows whose characters alone do not prove that every bound in ``proven`` is kept."""
        return np.ones(batch.num_rows, dtype=np.bool_)

    def needed(self, batch: pa.RecordBatch) -> Mask:
        """Rows to segment; bytes that are no UTF-8 are for the tagger to refuse."""
        bounds = self._bounds()
        usual = all(limit == 0 or SMALLEST <= limit <= GREATEST for limit in bounds.values())
        if self.segment == "all" or not set(bounds) <= self.proven or not usual:
            return super().needed(batch)
        return self.doubtful(batch) | (char_counts(batch)[:, Char.REPLACEMENT] > 0)

    def crossed(self, scores: Mapping[str, npt.NDArray[Any]]) -> Mask:
        """Rows of n of which one of these signals, scored without words, lies out of its bounds."""
        masks = [
            mask
            for signal, values in scores.items()
            for mask in getattr(self, signal).outside(pa.array(values, self.signals[signal])).values()
        ]
        return np.logical_or.reduce(masks) if masks else np.zeros(len(next(iter(scores.values()))), dtype=np.bool_)

    def process(self, batch: pa.RecordBatch) -> Outcome:
        """Score the batch with its words, and hand them on to the steps that follow."""
        segmented = fill(batch)
        outcome = super().process(segmented)
        return replace(outcome, columns={**outcome.columns, WORDS.name: segmented[WORDS.name]})

    def _bounds(self) -> dict[str, float]:
        intervals = {signal: getattr(self, signal, None) for signal in self.signals}
        return {
            f"{signal}.{side}": limit
            for signal, interval in intervals.items()
            if isinstance(interval, Interval)
            for side, limit in interval.model_dump(exclude_none=True).items()
        }
