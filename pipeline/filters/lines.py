"""Drops texts whose lines are those of menus, lists and listings, not of prose."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy.typing as npt
import pyarrow as pa

from pipeline.stage import Cost, Filter, Interval
from pipeline.text.chars import CHAR_COUNTS, char_counts, share
from pipeline.text.lines import Line, count_lines
from pipeline.text.orthography import in_sentences

UNMARKED = 0.5
"""Share of characters in ended sentences below which a text of sentences is one that leaves their ends unmarked."""


class Lines(Filter):
    """Drops texts whose lines hold few ended sentences, are bullets, break off, or repeat.

    The rules are those of FineWeb (line ends, duplicate characters) and Gopher (bullets, ellipses, duplicate lines),
    with FineWeb-2's limits for ``jpn_Jpan`` rounded. For Japanese, sentence ends are weighted by characters, may stand
    inside a line and may be 」, … or ♪, since fiction breaks lines inside sentences and blogs end long ones with
    （笑） or a link; lines are stripped and blank ones do not count; and lines of fewer than 8 characters, or without
    kana and kanji, are never duplicates, since dialogue and shell commands repeat them. Duplicate characters get more
    room than FineWeb-2's 0.1 and Gopher's 0.2: manuals and statutes repeat rows of their tables.
    """

    cost = Cost.CHARS
    reads = ("text", CHAR_COUNTS.name)
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
    """Characters of each line up to its last sentence end, among the characters of all lines; null where sentences go
    without marks: in poems, told by their hiragana and their を, and in old laws of kanji and katakana, by their ヲ."""
    ended_lines: Interval = Interval()
    """Lines that end with a sentence, among all lines; FineWeb's rule."""
    short_lines: Interval = Interval()
    """Lines of at most 10 characters, among all lines; FineWeb's rule, which FineWeb-2 switched off for Japanese."""
    bullets: Interval = Interval(max=0.9)
    """Lines that open with a bullet (・, ●, ※, ①, (1) ...), among all lines."""
    ellipses: Interval = Interval(max=0.5)
    """Lines that break off (…, ..., 続きを読む ...), among all lines. Gopher's 0.3 loses dialogue and
    program menus; HojiChar's limit is 0.7."""
    duplicate_lines: Interval = Interval(max=0.4)
    """Later copies of a line with kana or kanji, among all lines."""
    duplicate_characters: Interval = Interval(max=0.25)
    """Characters in later copies of a line with kana or kanji, among the characters of all lines."""

    def score(self, batch: pa.RecordBatch) -> Mapping[str, npt.NDArray[Any] | pa.Array]:
        """Compute the counts and shares, 0 where a text has no line."""
        counts = count_lines(batch["text"])
        lines, characters = counts[:, Line.LINES], counts[:, Line.CHARACTERS]
        ended = share(counts[:, Line.ENDED_CHARACTERS], characters)
        unmarked = ended < UNMARKED
        unmarked[unmarked] = in_sentences(batch["text"].filter(pa.array(unmarked)), char_counts(batch)[unmarked])
        return {
            "lines": lines,
            "longest_line": counts[:, Line.LONGEST],
            "ended_characters": pa.array(ended, mask=unmarked),
            "ended_lines": share(counts[:, Line.ENDED], lines),
            "short_lines": share(counts[:, Line.SHORT], lines),
            "bullets": share(counts[:, Line.BULLETS], lines),
            "ellipses": share(counts[:, Line.ELLIPSES], lines),
            "duplicate_lines": share(counts[:, Line.DUPLICATES], lines),
            "duplicate_characters": share(counts[:, Line.DUPLICATE_CHARACTERS], characters),
        }
