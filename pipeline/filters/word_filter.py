"""What the filters have in common that judge a text by its words."""

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa

from pipeline.stage import Cost, Filter, Mask, Outcome
from pipeline.text.chars import CHAR_COUNTS
from pipeline.text.words import LIBRARIES, WORDS, fill


class WordFilter(Filter):
    """Scores batches that carry their words; a document's words are found once, by the first step that needs them."""

    cost = Cost.WORDS
    reads = ("text", CHAR_COUNTS.name)
    libraries: ClassVar[tuple[str, ...]] = LIBRARIES

    segment: Literal["doubtful", "all"] = "doubtful"
    """Which documents to segment: those whose characters do not already prove that no bound is crossed, or all."""

    def doubtful(self, batch: pa.RecordBatch) -> Mask:
        """Rows whose characters alone do not prove that every signal lies within its bounds; all unless overridden."""
        return np.ones(batch.num_rows, dtype=np.bool_)

    def needed(self, batch: pa.RecordBatch) -> Mask:
        """Rows to segment."""
        return super().needed(batch) if self.segment == "all" else self.doubtful(batch)

    def process(self, batch: pa.RecordBatch) -> Outcome:
        """Score the batch with its words, and hand them on to the steps that follow."""
        segmented = fill(batch)
        outcome = super().process(segmented)
        return replace(outcome, columns={**outcome.columns, WORDS.name: segmented[WORDS.name]})
