"""Numbers about the form of a text, for classifiers: its scripts, lines and sentences."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.text.chars import Char, Counts, characters, count_chars, share, visible
from pipeline.text.lines import Line, count_lines
from pipeline.text.sentences import Sentence, count_sentences

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Counted:
    """Texts, and the counts that statistics ask of them, each made once."""

    texts: pa.Array

    @cached_property
    def chars(self) -> Counts:
        return count_chars(self.texts)

    @cached_property
    def lines(self) -> Counts:
        return count_lines(self.texts)

    @cached_property
    def sentences(self) -> Counts:
        return count_sentences(self.texts)


def _of_chars(*kinds: Char) -> Callable[[_Counted], Values]:
    return lambda of: share(of.chars[:, list(kinds)].sum(axis=1), visible(of.chars))


def _of_lines(part: Line, whole: Line) -> Callable[[_Counted], Values]:
    return lambda of: share(of.lines[:, part], of.lines[:, whole])


STATISTICS: Mapping[str, Callable[[_Counted], npt.NDArray[np.number]]] = {
    "characters": lambda of: characters(of.chars),
    "hiragana": _of_chars(Char.HIRAGANA),
    "katakana": _of_chars(Char.KATAKANA),
    "kanji": _of_chars(Char.KANJI),
    "letters": _of_chars(Char.ASCII_LETTER, Char.LETTER),
    "digits": _of_chars(Char.DIGIT),
    "punctuation": _of_chars(Char.JAPANESE_PUNCTUATION),
    "symbols": _of_chars(Char.SYMBOL),
    "lines": lambda of: of.lines[:, Line.LINES],
    "line_length": _of_lines(Line.CHARACTERS, Line.LINES),
    "longest_line": lambda of: of.lines[:, Line.LONGEST],
    "ended_characters": _of_lines(Line.ENDED_CHARACTERS, Line.CHARACTERS),
    "short_lines": _of_lines(Line.SHORT, Line.LINES),
    "bullets": _of_lines(Line.BULLETS, Line.LINES),
    "duplicate_characters": _of_lines(Line.DUPLICATE_CHARACTERS, Line.CHARACTERS),
    "sentences": lambda of: of.sentences[:, Sentence.SENTENCES],
    "median_sentence": lambda of: of.sentences[:, Sentence.MEDIAN],
    "longest_sentence": lambda of: of.sentences[:, Sentence.LONGEST],
}
"""Name -> values of n texts. Shares of scripts are of what is not white, those of lines as in the step ``lines``."""


def statistics(texts: pa.Array, names: Sequence[str]) -> Values:
    """Compute some of STATISTICS of n texts: (n, len(names)); a null is seen as empty."""
    counted = _Counted(texts)
    columns = [STATISTICS[name](counted).astype(np.float64) for name in names]
    return np.stack(columns, axis=1) if columns else np.zeros((len(texts), 0))
