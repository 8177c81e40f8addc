"""The quality rules of Swallow Corpus v1, by the formulae of its published code."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import field_validator

from pipeline.stage import Cost, Filter, Interval
from pipeline.text.chars import share
from pipeline.text.rising_ngrams import FIRST, Repeat, rising_chars
from pipeline.text.swallow import Swallow, count_swallow
from pipeline.text.word_lists import Hit, Trie, build_trie, count_hits, digests, load

TOP = (2, 3, 4)
DUPLICATE = (5, 6, 7, 8, 9, 10)


class SwallowV1(Filter):
    """Drops what Swallow Corpus v1 drops (Okazaki et al., COLM 2024; swallow-llm/swallow-corpus, ``quality.apply_v1``).

    Formulae and limits are those of the code, with what it makes of odd cases: blank lines are paragraphs, so that a
    text with more of them than of others is a duplicate; ー is no Japanese letter; a closing 」 begins a sentence;
    duplicate n-grams are counted by types, where its README speaks of occurrences. A text too short for an n-gram, or
    without a sentence, is an error there and has the value 0 here. N-grams are those of the first 4,194,304 characters.
    """

    cost = Cost.CHARS
    signals: ClassVar[Mapping[str, pa.DataType]] = {
        "num_letters": pa.int64(),
        "num_japanese_letters": pa.int64(),
        "hiragana_fraction": pa.float32(),
        "katakana_fraction": pa.float32(),
        "japanese_fraction": pa.float32(),
        "avg_sentence_length": pa.float32(),
        "max_sentence_length": pa.int64(),
        "ellipsis_fraction": pa.float32(),
        "duplicate_paragraph_fraction": pa.float32(),
        "duplicate_sentence_fraction": pa.float32(),
        "duplicate_paragraph_characters": pa.float32(),
        "duplicate_sentence_characters": pa.float32(),
        **{f"top_{n}_gram": pa.float32() for n in TOP},
        **{f"duplicate_{n}_gram": pa.float32() for n in DUPLICATE},
        "ng_fraction": pa.float32(),
    }

    num_letters: Interval = Interval(min=400)
    """Characters, newlines too."""
    num_japanese_letters: Interval = Interval(min=400)
    """Hiragana, katakana without ー, kanji of the basic plane, and 。．！？、，."""
    hiragana_fraction: Interval = Interval(min=0.2)
    """Hiragana among Japanese letters."""
    katakana_fraction: Interval = Interval(max=0.5)
    """Katakana among Japanese letters."""
    japanese_fraction: Interval = Interval(min=0.5)
    """Japanese letters among characters."""
    avg_sentence_length: Interval = Interval(min=20, max=90)
    """Mean characters of the sentences."""
    max_sentence_length: Interval = Interval(max=200)
    """Characters of the longest sentence."""
    ellipsis_fraction: Interval = Interval(max=0.2)
    """Sentences that end with ・ or …, among sentences."""
    duplicate_paragraph_fraction: Interval = Interval(max=0.3)
    """Later copies of a line, among lines."""
    duplicate_sentence_fraction: Interval = Interval(max=0.3)
    """Later copies of a sentence, among sentences."""
    duplicate_paragraph_characters: Interval = Interval(max=0.2)
    """Characters in later copies of a line, among those of all lines."""
    duplicate_sentence_characters: Interval = Interval(max=0.2)
    """Characters in later copies of a sentence, among those of all sentences."""
    top_2_gram: Interval = Interval(max=0.2)
    """Occurrences of the most frequent character 2-gram, among all."""
    top_3_gram: Interval = Interval(max=0.18)
    """The same for 3-grams."""
    top_4_gram: Interval = Interval(max=0.16)
    """The same for 4-grams."""
    duplicate_5_gram: Interval = Interval(max=0.15)
    """Different character 5-grams that occur twice or more, among different 5-grams."""
    duplicate_6_gram: Interval = Interval(max=0.14)
    """The same for 6-grams."""
    duplicate_7_gram: Interval = Interval(max=0.13)
    """The same for 7-grams."""
    duplicate_8_gram: Interval = Interval(max=0.12)
    """The same for 8-grams."""
    duplicate_9_gram: Interval = Interval(max=0.11)
    """The same for 9-grams."""
    duplicate_10_gram: Interval = Interval(max=0.1)
    """The same for 10-grams."""
    ng_fraction: Interval = Interval(max=0.04999999)
    """Characters of ``ng_words``, longest match first, among Japanese letters; the limit is 0.05, itself refused."""
    ng_words: tuple[str, ...] = ()
    """Word lists as in ``word_list``; Swallow's own is not public. Without one ``ng_fraction`` is not computed."""

    @field_validator("ng_words")
    @classmethod
    def _readable(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        load(names)
        return names

    def data(self) -> Mapping[str, str]:
        """Hash the contents of the word lists."""
        return digests(self.ng_words)

    @cached_property
    def trie(self) -> Trie:
        """The NG words as a kernel takes them."""
        return build_trie(load(self.ng_words))

    def score(self, batch: pa.RecordBatch) -> Mapping[str, npt.NDArray[Any] | pa.Array]:
        """Compute the signals, 0 where there is nothing to take a share of."""
        text = batch["text"]
        counts = count_swallow(text)
        grams = rising_chars(text, DUPLICATE[-1])
        return self._rates(counts) | _ngram_rates(grams) | {"ng_fraction": self._ng_fraction(text, counts)}

    def _rates(self, counts: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
        japanese, sentences = counts[:, Swallow.JAPANESE], counts[:, Swallow.SENTENCES]
        paragraphs, letters = counts[:, Swallow.PARAGRAPHS], counts[:, Swallow.SENTENCE_LETTERS]
        return {
            "num_letters": counts[:, Swallow.LETTERS],
            "num_japanese_letters": japanese,
            "hiragana_fraction": share(counts[:, Swallow.HIRAGANA], japanese),
            "katakana_fraction": share(counts[:, Swallow.KATAKANA], japanese),
            "japanese_fraction": share(japanese, counts[:, Swallow.LETTERS]),
            "avg_sentence_length": share(letters, sentences),
            "max_sentence_length": counts[:, Swallow.LONGEST_SENTENCE],
            "ellipsis_fraction": share(counts[:, Swallow.ELLIPSES], sentences),
            "duplicate_paragraph_fraction": share(counts[:, Swallow.DUPLICATE_PARAGRAPHS], paragraphs),
            "duplicate_sentence_fraction": share(counts[:, Swallow.DUPLICATE_SENTENCES], sentences),
            "duplicate_paragraph_characters": share(counts[:, Swallow.DUPLICATE_PARAGRAPH_LETTERS], letters),
            "duplicate_sentence_characters": share(counts[:, Swallow.DUPLICATE_SENTENCE_LETTERS], letters),
        }

    def _ng_fraction(self, text: pa.Array, counts: npt.NDArray[np.int64]) -> npt.NDArray[Any] | pa.Array:
        if not self.ng_words:
            return pa.nulls(len(text), pa.float32())
        hits = count_hits(text, self.trie)
        japanese = counts[:, Swallow.JAPANESE]
        return np.where(japanese > 0, share(hits[:, Hit.CHARACTERS], japanese), 0)


def _ngram_rates(grams: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
    rates = {}
    for n in TOP:
        counts = grams[:, n - FIRST]
        rates[f"top_{n}_gram"] = share(counts[:, Repeat.TOP], counts[:, Repeat.TOTAL])
    for n in DUPLICATE:
        counts = grams[:, n - FIRST]
        rates[f"duplicate_{n}_gram"] = share(counts[:, Repeat.REPEATED], counts[:, Repeat.TYPES])
    return rates
