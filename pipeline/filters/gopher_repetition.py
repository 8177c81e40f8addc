"""Drops texts that repeat lines, paragraphs or runs of words: Gopher's repetition rules."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.filters.word_filter import WordFilter
from pipeline.filters.word_floors import MARGIN
from pipeline.stage import Interval, Mask
from pipeline.text.chars import char_counts, characters, share
from pipeline.text.pieces import Piece, repeated_lines, repeated_paragraphs
from pipeline.text.repeat_ceilings import may_repeat
from pipeline.text.word_ngrams import duplicate_ngrams, top_ngrams

TOP = (2, 3, 4)
DUPLICATE = (5, 6, 7, 8, 9, 10)
LONG = 2_000_000
"""Characters above which a text is segmented at once: what a proof counts would take a quarter of a worker's memory."""
PIECES = ("characters", "dup_para_frac", "dup_para_char_frac", "dup_line_frac", "dup_line_char_frac")


class GopherRepetition(WordFilter):
    """Gopher's repetition rules as datatrove's GopherRepetitionFilter computes them, with FineWeb-2's Japanese limits.

    Words are those of fugashi with unidic-lite where FineWeb-2 took Sudachi's. The rules stand in datatrove's order;
    every share of characters is one of all characters, newlines too, and the first copy of anything is free. The words
    of ``top_*`` are joined by spaces that a Japanese text does not have, since FineWeb-2's limits are made for that;
    the share may lie above 1. A bound of 0 is a bound, where datatrove takes it for none.
    """

    proven: ClassVar[frozenset[str]] = frozenset(
        {
            *(f"{signal}.{side}" for signal in PIECES for side in ("min", "max")),
            *(f"top_{size}_gram.max" for size in TOP),
            *(f"dup_{size}_gram.max" for size in DUPLICATE),
        }
    )
    signals: ClassVar[Mapping[str, pa.DataType]] = {
        "characters": pa.int64(),
        "dup_para_frac": pa.float32(),
        "dup_para_char_frac": pa.float32(),
        "dup_line_frac": pa.float32(),
        "dup_line_char_frac": pa.float32(),
        **{f"top_{size}_gram": pa.float32() for size in TOP},
        **{f"dup_{size}_gram": pa.float32() for size in DUPLICATE},
    }

    characters: Interval = Interval(min=1)
    """Characters of the text; datatrove's reason ``empty``."""
    dup_para_frac: Interval = Interval()
    """Later copies of a paragraph, among the paragraphs of the stripped text; Gopher drops above 0.3."""
    dup_para_char_frac: Interval = Interval()
    """Characters in later copies of a paragraph; Gopher drops above 0.2."""
    dup_line_frac: Interval = Interval(max=0.328)
    """Later copies of a line, among all lines; Gopher drops above 0.3. A run of newlines ends one line."""
    dup_line_char_frac: Interval = Interval()
    """Characters in later copies of a line; Gopher drops above 0.2."""
    top_2_gram: Interval = Interval(max=0.239)
    """Characters in the occurrences of the most frequent run of 2 words; of several, the one seen first."""
    top_3_gram: Interval = Interval(max=0.196)
    """The same for 3 words."""
    top_4_gram: Interval = Interval(max=0.172)
    """The same for 4 words."""
    dup_5_gram: Interval = Interval(max=0.243)
    """Characters in runs of 5 words that were met before, each passed over as a whole."""
    dup_6_gram: Interval = Interval(max=0.225)
    """The same for 6 words."""
    dup_7_gram: Interval = Interval(max=0.207)
    """The same for 7 words."""
    dup_8_gram: Interval = Interval(max=0.19)
    """The same for 8 words."""
    dup_9_gram: Interval = Interval(max=0.175)
    """The same for 9 words."""
    dup_10_gram: Interval = Interval(max=0.159)
    """The same for 10 words."""

    def score(self, batch: pa.RecordBatch) -> Mapping[str, npt.NDArray[Any]]:
        """Compute the shares, 0 where a text has too few words."""
        text, words = batch["text"], batch["words"]
        length = characters(char_counts(batch))
        top, duplicate = top_ngrams(text, words, TOP), duplicate_ngrams(text, words, DUPLICATE)
        return {
            **_pieces(text, length),
            **{f"top_{size}_gram": share(top[:, column], length) for column, size in enumerate(TOP)},
            **{f"dup_{size}_gram": share(duplicate[:, column], length) for column, size in enumerate(DUPLICATE)},
        }

    def doubtful(self, batch: pa.RecordBatch) -> Mask:
        """Rows that repeat lines or paragraphs too often, or in whose characters runs of words may repeat too often."""
        text, length = batch["text"], characters(char_counts(batch))
        doubt = self.crossed(_pieces(text, length))
        doubt |= length > LONG
        rows = length[~doubt]
        doubt[~doubt] = may_repeat(
            text.filter(pa.array(~doubt)), self._limits("dup", DUPLICATE, rows), self._limits("top", TOP, rows)
        )
        return doubt

    def _limits(
        self, kind: str, sizes: tuple[int, ...], length: npt.NDArray[np.int64]
    ) -> dict[int, npt.NDArray[np.float64]]:
        """Size of an n-gram -> characters it may make up in each of n texts, for the rules that are on."""
        bounds = {size: getattr(self, f"{kind}_{size}_gram").max for size in sizes}
        return {size: bound * length / MARGIN for size, bound in bounds.items() if bound is not None}


def _pieces(text: pa.Array, length: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
    """Signals that need no words."""
    paragraphs, lines = repeated_paragraphs(text), repeated_lines(text)
    return {
        "characters": length,
        "dup_para_frac": share(paragraphs[:, Piece.DUPLICATES], paragraphs[:, Piece.PIECES]),
        "dup_para_char_frac": share(paragraphs[:, Piece.DUPLICATE_CHARACTERS], length),
        "dup_line_frac": share(lines[:, Piece.DUPLICATES], lines[:, Piece.PIECES]),
        "dup_line_char_frac": share(lines[:, Piece.DUPLICATE_CHARACTERS], length),
    }
