"""Drops texts whose words, marks and lines are not those of prose: Gopher's quality rules."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.filters.word_filter import WordFilter
from pipeline.filters.word_floors import Numbers, at_least, for_rate, for_share
from pipeline.stage import Interval, Mask
from pipeline.text.chars import Counts, char_counts, characters, visible
from pipeline.text.datatrove_chars import ALPHABETIC, count_others, word_kinds
from pipeline.text.gopher_lines import Mark, count_marks
from pipeline.text.lexicon import fewest_words
from pipeline.text.word_shapes import Word, count_words, ratio
from pipeline.text.words import LIBRARIES

SHORTEST_WORD = 1


class GopherQuality(WordFilter):
    """Gopher's quality rules as datatrove's GopherQualityFilter has them, with FineWeb-2's limits for ``jpn_Jpan``.

    Words are those of fugashi with unidic-lite where FineWeb-2 took Sudachi's: their mean length differs by 1 %. The
    rules stand in datatrove's order. A ratio of nothing to nothing is NaN and stays, where datatrove raises or, for the
    mean, passes. A bound of 0 is a bound, where datatrove takes it for none.
    """

    libraries: ClassVar[tuple[str, ...]] = (*LIBRARIES, "datatrove")
    proven: ClassVar[frozenset[str]] = frozenset(
        {
            *("words.min", "words.max", "mean_word_length.min", "mean_word_length.max", "hash_ratio.max"),
            *("ellipsis_ratio.max", "bullet_lines.min", "bullet_lines.max", "ellipsis_lines.min", "ellipsis_lines.max"),
            *("alpha_words.min", "stop_words.min"),
        }
    )
    signals: ClassVar[Mapping[str, pa.DataType]] = {
        "words": pa.int64(),
        "mean_word_length": pa.float32(),
        "hash_ratio": pa.float32(),
        "ellipsis_ratio": pa.float32(),
        "bullet_lines": pa.float32(),
        "ellipsis_lines": pa.float32(),
        "alpha_words": pa.float32(),
        "stop_words": pa.int64(),
    }

    words: Interval = Interval(min=50, max=100_000)
    """Words that are not punctuation alone, by datatrove's PUNCTUATION_SET."""
    mean_word_length: Interval = Interval(min=1, max=6)
    """Characters of these words, on average; Gopher's 3 to 10 is English and drops all Japanese."""
    hash_ratio: Interval = Interval(max=0.1)
    """Hash signs per word."""
    ellipsis_ratio: Interval = Interval(max=0.1)
    """Ellipses (``...`` and ``…``) per word."""
    bullet_lines: Interval = Interval(max=0.9)
    """Lines that open with ``•`` or ``-``, among all lines, blank ones too."""
    ellipsis_lines: Interval = Interval(max=0.3)
    """Lines that end with ``...`` or ``…``, among all lines, blank ones too."""
    alpha_words: Interval = Interval(min=0.759)
    """Words with a letter of any script, kana and kanji too, among all words."""
    stop_words: Interval = Interval(min=2)
    """Different words of ``stop_word_list`` that occur."""
    stop_word_list: tuple[str, ...] = (
        *("の", "に", "を", "は", "た", "て", "が", "と"),
        *("で", "年", "し", "・", "月", "れ", "さ"),
    )
    """Words, as they are written, that prose cannot do without; FineWeb-2's for ``jpn_Jpan``."""

    def score(self, batch: pa.RecordBatch) -> Mapping[str, npt.NDArray[Any]]:
        """Compute the counts and ratios."""
        words = count_words(batch["text"], batch["words"], self.stop_word_list)
        marks = count_marks(batch["text"])
        total = words[:, Word.WORDS]
        return {
            "words": words[:, Word.REAL],
            "mean_word_length": ratio(words[:, Word.REAL_CHARACTERS], words[:, Word.REAL]),
            "hash_ratio": ratio(marks[:, Mark.HASHES], total),
            "ellipsis_ratio": ratio(marks[:, Mark.ELLIPSES], total),
            **_line_shares(marks),
            "alpha_words": ratio(words[:, Word.ALPHABETIC], total),
            "stop_words": words[:, Word.STOP],
        }

    def doubtful(self, batch: pa.RecordBatch) -> Mask:
        """Rows whose lines cross a bound, or that may have too few words of a kind, or more than ``words.max``."""
        marks, chars = count_marks(batch["text"]), char_counts(batch)
        enough = self._enough(marks, characters(chars), count_others(batch["text"], ALPHABETIC))
        floors = fewest_words(batch["text"], word_kinds(), self.stop_word_list, enough)
        many = np.full(len(chars), (self.mean_word_length.min or 0) > SHORTEST_WORD)
        if self.words.max is not None:
            many |= visible(chars) > self.words.max
        return self.crossed(_line_shares(marks)) | many | (floors < enough).any(axis=1)

    def _enough(self, marks: Counts, length: Numbers, unalphabetic: Numbers) -> Counts:
        """Words of each kind of ``word_kinds``, and stop words, with which no lower bound and no rate is crossed."""
        hashes = for_rate(marks[:, Mark.HASHES], self.hash_ratio)
        ellipses = for_rate(marks[:, Mark.ELLIPSES], self.ellipsis_ratio)
        real = np.maximum(for_rate(length, self.mean_word_length), at_least(self.words))
        stops = np.full_like(length, at_least(self.stop_words))
        return np.stack([np.maximum(hashes, ellipses), real, for_share(unalphabetic, self.alpha_words), stops], axis=1)


def _line_shares(marks: Counts) -> dict[str, npt.NDArray[np.float64]]:
    return {
        "bullet_lines": ratio(marks[:, Mark.BULLET_LINES], marks[:, Mark.LINES]),
        "ellipsis_lines": ratio(marks[:, Mark.ELLIPSIS_LINES], marks[:, Mark.LINES]),
    }
