"""Drops texts with fewer than three long paragraphs: mC4's rule."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy.typing as npt
import pyarrow as pa

from pipeline.stage import Cost, Filter, Interval
from pipeline.text.c4_paragraphs import third_longest_lines


class C4Paragraphs(Filter):
    """Drops texts with fewer than three lines of 200 characters: mC4's rule, as in datatrove's C4ParagraphFilter."""

    cost = Cost.CHARS
    signals: ClassVar[Mapping[str, pa.DataType]] = {"third_longest_line": pa.int64()}

    third_longest_line: Interval = Interval(min=200)
    """Characters of the third longest line, 0 where there are fewer lines."""

    def score(self, batch: pa.RecordBatch) -> Mapping[str, npt.NDArray[Any]]:
        """Measure the lines."""
        return {"third_longest_line": third_longest_lines(batch["text"])}
