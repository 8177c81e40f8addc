"""Drops texts whose lines do not end as sentences do, are short, repeat or are many: FineWeb's own rules."""

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import NonNegativeInt

from pipeline.filters.word_filter import WordFilter
from pipeline.filters.word_floors import for_rate
from pipeline.stage import Interval, Mask
from pipeline.text.chars import Char, Table, char_counts, characters
from pipeline.text.fineweb_lines import PlainLine, count_plain_lines
from pipeline.text.lexicon import CHANNELS, counted, fewest_words
from pipeline.text.word_shapes import ratio
from pipeline.text.words import LIBRARIES

LINES = ("lines", "line_punct_ratio", "short_line_ratio", "char_dup_ratio")


class FinewebQuality(WordFilter):
    """FineWeb's rules as datatrove's FineWebQualityFilter computes them, with FineWeb-2's limits for ``jpn_Jpan``.

    Lines end at newlines and are taken as they stand; blank ones do not count. The rules stand in datatrove's order.
    A text without words that has newlines is a list, where datatrove raises.
    """

    libraries: ClassVar[tuple[str, ...]] = (*LIBRARIES, "datatrove")
    proven: ClassVar[frozenset[str]] = frozenset(
        {*(f"{signal}.{side}" for signal in LINES for side in ("min", "max")), "list_ratio.max"}
    )
    signals: ClassVar[Mapping[str, pa.DataType]] = {
        "lines": pa.int64(),
        "line_punct_ratio": pa.float32(),
        "short_line_ratio": pa.float32(),
        "char_dup_ratio": pa.float32(),
        "list_ratio": pa.float32(),
    }

    lines: Interval = Interval(min=1)
    """Lines that are not blank; datatrove's ``empty``."""
    line_punct_ratio: Interval = Interval(min=0.096)
    """Lines that end with one of datatrove's TERMINAL_PUNCTUATION (。！？ but not 」 or …), among all lines."""
    line_punct_exclude_zero: bool = False
    """Spare texts none of whose lines ends so."""
    short_line_ratio: Interval = Interval()
    """Short lines among all lines; FineWeb's limit is 0.67, FineWeb-2 switched the rule off."""
    short_line_length: NonNegativeInt = 30
    """Characters of the longest short line."""
    char_dup_ratio: Interval = Interval(max=0.1)
    """Characters in later copies of a line, among all characters but newlines; FineWeb's limit is 0.01."""
    list_ratio: Interval = Interval(max=0.13)
    """Newlines per word; FineWeb's limit is 0.3."""

    def score(self, batch: pa.RecordBatch) -> Mapping[str, npt.NDArray[Any]]:
        """Compute the ratios, NaN for nothing of nothing."""
        words = pa.compute.list_value_length(batch["words"]).fill_null(0).to_numpy()
        return {**self._lines(batch), "list_ratio": ratio(char_counts(batch)[:, Char.NEWLINE], words)}

    def doubtful(self, batch: pa.RecordBatch) -> Mask:
        """Rows whose lines cross a bound, or that may have too few words for their newlines."""
        newlines = char_counts(batch)[:, Char.NEWLINE]
        enough = np.zeros((batch.num_rows, CHANNELS), np.int64)
        enough[:, 0] = for_rate(newlines, self.list_ratio)
        floors = fewest_words(batch["text"], _visible(), (), enough)
        return self.crossed(self._lines(batch)) | (floors < enough).any(axis=1)

    def verdict(self, columns: Mapping[str, pa.Array | pa.ChunkedArray]) -> dict[str, Mask]:
        """Reasons from the stored signals; ``line_punct_exclude_zero`` takes one back."""
        drops = super().verdict(columns)
        if self.line_punct_exclude_zero and "line_punct_ratio.min" in drops:
            ended = columns[f"{self.name()}.line_punct_ratio"].to_numpy(zero_copy_only=False)
            drops["line_punct_ratio.min"] &= np.not_equal(ended, 0)
        return drops

    def _lines(self, batch: pa.RecordBatch) -> dict[str, npt.NDArray[Any]]:
        """Signals that need no words."""
        counts, chars = count_plain_lines(batch["text"], self.short_line_length), char_counts(batch)
        lines = counts[:, PlainLine.LINES]
        return {
            "lines": lines,
            "line_punct_ratio": ratio(counts[:, PlainLine.TERMINATED], lines),
            "short_line_ratio": ratio(counts[:, PlainLine.SHORT], lines),
            "char_dup_ratio": ratio(
                counts[:, PlainLine.DUPLICATE_CHARACTERS], characters(chars) - chars[:, Char.NEWLINE]
            ),
        }


@cache
def _visible() -> Table:
    return counted(lambda char: not char.isspace() and char != "\0")
