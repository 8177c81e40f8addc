"""Drops texts whose lines are those of menus, lists and listings, not of prose."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy.typing as npt
import pyarrow as pa

from pipeline.stage import Cost, Filter, Interval
from pipeline.text.chars import share
from pipeline.text.lines import Line, count_lines


class Lines(Filter):
    """Drops texts whose lines hold few ended sentences, are bullets, break off, or repeat.

    The rules are those of FineWeb (line ends, duplicate characters) and Gopher (bullets, ellipses, duplicate lines),
    with FineWeb-2's limits for ``jpn_Jpan`` rounded. For Japanese, sentence ends are weighted by characters, may stand
    inside a line and may be 」, … or ♪, since fiction breaks lines inside sentences and blogs end long ones with
    （笑） or a link; lines are stripped and blank ones do not count; and lines of fewer than 8 characters are never
    duplicates, since dialogue repeats them.
    """

    cost = Cost.CHARS
    signals: ClassVar[Mapping[str, pa.DataType]] = {
        "lines": pa.int64(),
        "longest_line": pa.int64(),
        "ended_characters": pa.float32(),
        "ended_lines": pa.float32(),
        "short_lines": pa.float32(),
        "bullets": pa.float32(),
        "ellipses": pa.float32(),
        "duplicate_lines": pa.float32(),
        "duplicate_characters": pa.float32(),
    }

    lines: Interval = Interval()
    """Lines that are not blank."""
    longest_line: Interval = Interval()
    """Characters of the longest line."""
    ended_characters: Interval = Interval(min=0.1)
    """Characters of each line up to its last sentence end, among the characters of all lines."""
    ended_lines: Interval = Interval()
    """Lines that end with a sentence, among all lines; FineWeb's rule."""
    short_lines: Interval = Interval()
    """Lines of at most 10 characters, among all lines; FineWeb's rule, which FineWeb-2 switched off for Japanese."""
    bullets: Interval = Interval(max=0.9)
    """Lines that open with a bullet (・, ●, ※, ①, (1) ...), among all lines."""
    ellipses: Interval = Interval(max=0.3)
    """Lines that break off (…, ..., 続きを読む ...), among all lines."""
    duplicate_lines: Interval = Interval(max=0.33)
    """Later copies of a line, among all lines."""
    duplicate_characters: Interval = Interval(max=0.1)
    """Characters in later copies of a line, among the characters of all lines."""

    def score(self, batch: pa.RecordBatch) -> Mapping[str, npt.NDArray[Any]]:
        """Compute the counts and shares, 0 where a text has no line."""
        counts = count_lines(batch["text"])
        lines, characters = counts[:, Line.LINES], counts[:, Line.CHARACTERS]
        return {
            "lines": lines,
            "longest_line": counts[:, Line.LONGEST],
            "ended_characters": share(counts[:, Line.ENDED_CHARACTERS], characters),
            "ended_lines": share(counts[:, Line.ENDED], lines),
            "short_lines": share(counts[:, Line.SHORT], lines),
            "bullets": share(counts[:, Line.BULLETS], lines),
            "ellipses": share(counts[:, Line.ELLIPSES], lines),
            "duplicate_lines": share(counts[:, Line.DUPLICATES], lines),
            "duplicate_characters": share(counts[:, Line.DUPLICATE_CHARACTERS], characters),
        }
