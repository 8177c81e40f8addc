"""Drops texts whose words are those of lists, tables and foreign languages, not of Japanese prose."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from pipeline.filters.word_filter import WordFilter
from pipeline.filters.word_floors import Numbers, at_least, for_rate, for_share
from pipeline.stage import Interval, Mask
from pipeline.text.chars import Char, Counts, char_counts, characters, japanese_letters, share, visible
from pipeline.text.datatrove_chars import ALPHABETIC, SYMBOL, count_others, word_kinds
from pipeline.text.lexicon import fewest_words
from pipeline.text.word_shapes import Word, count_words, ratio
from pipeline.text.words import PartOfSpeech, word_arrays

STOP_WORDS = (
    *("の", "に", "は", "を", "た", "が", "て", "で", "と", "し", "れ", "さ", "ない", "です", "ます"),
    *("ノ", "ニ", "ハ", "ヲ", "タ", "ガ", "テ", "デ", "ト", "シ", "レ", "サ", "ナイ", "デス", "マス"),
)
"""Without FineWeb-2's 年, 月 and ・, which let lists of dates pass, and as laws before 1946 spell them too."""


class Words(WordFilter):
    """Drops texts with words that are too short or too long, without letters, mostly nouns, or without grammar.

    The rules are Gopher's (word length, words with letters, stop words), FineWeb's (newlines per word) and HojiChar's
    (nouns), over words of fugashi with unidic-lite. A ratio of nothing to nothing is NaN and stays.
    """

    signals: ClassVar[Mapping[str, pa.DataType]] = {
        "words": pa.int64(),
        "mean_word_length": pa.float32(),
        "alpha_words": pa.float32(),
        "stop_words": pa.int64(),
        "newlines_per_word": pa.float32(),
        "noun_share": pa.float32(),
        "hiragana_share": pa.float32(),
    }
    proven: ClassVar[frozenset[str]] = frozenset(
        {
            *("words.min", "words.max", "mean_word_length.max", "alpha_words.min", "stop_words.min"),
            *("newlines_per_word.max", "noun_share.max"),
        }
    )

    words: Interval = Interval()
    """Words that are not punctuation alone, by datatrove's PUNCTUATION_SET."""
    mean_word_length: Interval = Interval(max=6)
    """Characters of these words, on average; the limit is FineWeb-2's for ``jpn_Jpan``, prose has 1.3 to 2.9."""
    alpha_words: Interval = Interval(min=0.65)
    """Words with a letter of any script, kana and kanji too, among those that are not punctuation alone. FineWeb-2 asks
    for 0.759 of all words, which drops news with many quotes and lists of specifications."""
    stop_words: Interval = Interval(min=3)
    """Different ones of の に は を た が て で と し れ さ ない です ます that occur, in hiragana or katakana."""
    newlines_per_word: Interval = Interval(max=0.3)
    """Newlines over words; the limit is FineWeb's own. FineWeb-2's for ``jpn_Jpan``, 0.13, loses poems and one manual
    page in ten."""
    noun_share: Interval = Interval(max=0.8)
    """Nouns (名詞) among the words that are not punctuation (補助記号), HojiChar's DiscardTooManyNouns."""
    little_hiragana: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Hiragana among kana and kanji from which on nouns are not judged: particles and endings leave them no such
    share."""

    def score(self, batch: pa.RecordBatch) -> Mapping[str, npt.NDArray[Any]]:
        """Compute the counts and ratios."""
        counts = count_words(batch["text"], batch["words"], STOP_WORDS)
        total = counts[:, Word.WORDS]
        nouns, punctuation = _speech(batch["words"])
        return {
            "words": counts[:, Word.REAL],
            "mean_word_length": ratio(counts[:, Word.REAL_CHARACTERS], counts[:, Word.REAL]),
            "alpha_words": ratio(counts[:, Word.ALPHABETIC], counts[:, Word.REAL]),
            "stop_words": counts[:, Word.STOP],
            "newlines_per_word": ratio(char_counts(batch)[:, Char.NEWLINE], total),
            "noun_share": ratio(nouns, total - punctuation),
            "hiragana_share": _hiragana(batch),
        }

    def verdict(self, columns: Mapping[str, pa.Array | pa.ChunkedArray]) -> dict[str, Mask]:
        """Reasons from the stored signals; nouns count where there is little hiragana."""
        drops = super().verdict(columns)
        little = columns[f"{self.name()}.hiragana_share"].to_numpy(zero_copy_only=False) < np.float32(
            self.little_hiragana
        )
        return {reason: rows & little if reason.startswith("noun_share.") else rows for reason, rows in drops.items()}

    def doubtful(self, batch: pa.RecordBatch) -> Mask:
        """Rows with little hiragana, or that may have too few words of a kind, or more than ``words.max``."""
        chars = char_counts(batch)
        doubt = np.zeros(batch.num_rows, dtype=np.bool_)
        if self.noun_share.max is not None:
            doubt |= _hiragana(batch).astype(np.float32) < np.float32(self.little_hiragana)
        if self.words.max is not None:
            doubt |= visible(chars) > self.words.max
        enough = self._enough(chars, count_others(batch["text"], SYMBOL | ALPHABETIC))
        floors = fewest_words(batch["text"], word_kinds(), STOP_WORDS, enough)
        return doubt | (floors < enough).any(axis=1)

    def _enough(self, chars: Counts, others: Numbers) -> Counts:
        """Words of each kind of ``word_kinds``, and stop words, with which no lower bound and no rate is crossed."""
        lines = for_rate(chars[:, Char.NEWLINE], self.newlines_per_word)
        real = np.maximum(for_rate(characters(chars), self.mean_word_length), at_least(self.words))
        stops = np.full_like(lines, at_least(self.stop_words))
        return np.stack([lines, real, for_share(others, self.alpha_words), stops], axis=1)


def _hiragana(batch: pa.RecordBatch) -> npt.NDArray[np.float64]:
    chars = char_counts(batch)
    return share(chars[:, Char.HIRAGANA], japanese_letters(chars))


def _speech(words: pa.ListArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Count the nouns and the marks among the words of each of n texts."""
    places, _, _, kinds = word_arrays(words)
    rows = np.repeat(np.arange(len(words)), np.diff(places))
    inside = kinds[places[0] : places[-1]]
    return (
        np.bincount(rows[inside == PartOfSpeech.NOUN], minlength=len(words)),
        np.bincount(rows[inside == PartOfSpeech.PUNCTUATION], minlength=len(words)),
    )
