"""HojiChar's usual filters for Japanese, by the formulae of its ``document_filters`` (version 0.18)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.filters.word_filter import WordFilter
from pipeline.stage import Cost, Filter, Interval
from pipeline.text.chars import CHAR_COUNTS, WHITE, Char, char_counts, characters, share
from pipeline.text.hojichar import HojiChar as Count
from pipeline.text.hojichar import count_hojichar
from pipeline.text.rising_ngrams import Repeat, rising_chars, rising_words
from pipeline.text.words import PartOfSpeech, word_arrays

BOARD = (
    r"\p{Nd}{4}[年.\-/] *\p{Nd}{1,2}[月.\-/] *\p{Nd}{1,2}日*|\([月火水木金土日]\)|\p{Nd}+話|-"
    "|コメント|レビュー|投稿|ページ|質問|SOLD OUT|楽天市場"
)
"""What DiscardBBSComments counts: dates, days, instalments and words of boards and shops, and every hyphen."""
CHAR_NGRAM = 5
WORD_NGRAM = 7
SPECIAL = [Char.JAPANESE_PUNCTUATION, Char.SYMBOL, Char.REPLACEMENT, *WHITE]


class Hojichar(Filter):
    """Drops what HojiChar's character filters for Japanese drop; the filter of each signal is named with it.

    Its odd cases are kept: only 。 ends a sentence, any hyphen is a sign of a board, blank lines are short lines, the
    last line never breaks off, ヴ and ー are no kana. Other than there, all of Unicode's symbols, punctuation and
    spaces are special characters, where DiscardTooManySpecialToken has a list of its own and of emoji. HojiChar's word
    lists are the step ``word_list``'s.
    """

    cost = Cost.CHARS
    reads = ("text", CHAR_COUNTS.name)
    signals: ClassVar[Mapping[str, pa.DataType]] = {
        "characters": pa.int64(),
        "kana_at_head": pa.int64(),
        "characters_per_kuten": pa.float32(),
        "board_marks": pa.int64(),
        "char_repetition": pa.float32(),
        "special_characters": pa.float32(),
        "longest_run": pa.int64(),
        "ending_ellipses": pa.float32(),
        "short_lines": pa.float32(),
    }

    characters: Interval = Interval(min=200, max=50_000)
    """DocumentLengthFilter: characters. It has no limits of its own; these are what its documentation calls default."""
    kana_at_head: Interval = Interval(min=1)
    """AcceptJapanese: kana among the first 50 characters."""
    characters_per_kuten: Interval = Interval(max=100)
    """DiscardRareKuten: characters by 。, infinite without one."""
    board_marks: Interval = Interval(max=14)
    """DiscardBBSComments: matches of its pattern, every hyphen among them."""
    char_repetition: Interval = Interval(max=0.32999998)
    """CharRepetitionRatioFilter: occurrences of the √types most frequent character 5-grams that repeat, among all
    5-grams of the first 4,194,304 characters; 0.33 itself is refused."""
    special_characters: Interval = Interval(max=0.4)
    """DiscardTooManySpecialToken: symbols, punctuation and white space, among characters."""
    longest_run: Interval = Interval(max=199)
    """SingleCharacterRepetitionFilter: characters of the longest run of one character; 200 are refused."""
    ending_ellipses: Interval = Interval(max=0.7)
    """DiscardTooManyEndingEllipsis: newlines after … or ..., among newlines."""
    short_lines: Interval = Interval(max=0.5)
    """DiscardTooShortLines: lines of at most 10 characters, blank ones too, among lines."""

    def score(self, batch: pa.RecordBatch) -> Mapping[str, npt.NDArray[Any] | pa.Array]:
        """Compute the signals, 0 where there is nothing to take a share of."""
        text, chars = batch["text"], char_counts(batch)
        counts, length = count_hojichar(text), characters(chars)
        grams = rising_chars(text, CHAR_NGRAM)[:, -1]
        newlines = counts[:, Count.NEWLINES]
        return {
            "characters": length,
            "kana_at_head": counts[:, Count.KANA_AT_HEAD],
            "characters_per_kuten": per_kuten(length, counts),
            "board_marks": pc.fill_null(pc.cast(pc.count_substring_regex(text, BOARD), pa.int64()), 0),
            "char_repetition": share(grams[:, Repeat.FREQUENT], grams[:, Repeat.TOTAL]),
            "special_characters": share(chars[:, SPECIAL].sum(axis=1), length),
            "longest_run": counts[:, Count.LONGEST_RUN],
            "ending_ellipses": share(counts[:, Count.ELLIPSES], newlines),
            "short_lines": share(counts[:, Count.SHORT_LINES], newlines + 1),
        }


class HojicharWords(WordFilter):
    """Drops what HojiChar's filters on words drop, DiscardTooManyNouns and WordRepetitionRatioFilter.

    Words are this project's: of each line by itself, and without ideographic spaces, which HojiChar counts as words;
    and n-grams are not cut every 100,000 characters.
    """

    signals: ClassVar[Mapping[str, pa.DataType]] = {"noun_share": pa.float32(), "word_repetition": pa.float32()}

    noun_share: Interval = Interval(max=0.79999995)
    """DiscardTooManyNouns: nouns among words that are no punctuation; 0.8 itself is refused."""
    word_repetition: Interval = Interval(max=0.39999998)
    """WordRepetitionRatioFilter: occurrences of word 7-grams that repeat, among all 7-grams of the first 4,194,304
    words; 0.4 itself is refused."""

    def score(self, batch: pa.RecordBatch) -> Mapping[str, npt.NDArray[Any]]:
        """Compute the two shares, 0 where there are no words."""
        grams = rising_words(batch["text"], batch["words"], WORD_NGRAM)[:, -1]
        places, _, _, speech = word_arrays(batch["words"])
        nouns = _within(places, speech == PartOfSpeech.NOUN)
        words = _within(places, speech != PartOfSpeech.PUNCTUATION)
        return {
            "noun_share": share(nouns, words),
            "word_repetition": share(grams[:, Repeat.OCCURRENCES], grams[:, Repeat.TOTAL]),
        }


def per_kuten(length: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Characters by 。 as DiscardRareKuten means them: infinite without one, but 0 for an empty text."""
    kuten = counts[:, Count.KUTEN]
    return np.divide(length, kuten, out=np.where(length > 0, np.inf, 0), where=kuten > 0)


def _within(places: npt.NDArray[Any], words: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Count the words marked, document by document."""
    before = np.concatenate([[0], np.cumsum(words)])
    return np.diff(before[places])
