"""Drops texts without sentences: lists of single words, and walls of text that never come to an end."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy.typing as npt
import pyarrow as pa

from pipeline.stage import Cost, Filter, Interval
from pipeline.text.chars import share
from pipeline.text.sentences import Sentence, count_sentences


class Sentences(Filter):
    """Drops texts whose sentences are on average far shorter or far longer than Japanese sentences are.

    llm-jp-corpus v1 drops texts of more than 250 characters per 。; here line ends, ！, ？ and ． end sentences too. Of
    2,114 clean texts with at least 200 kana and kanji (news, encyclopedia, literature, statutes, manuals) the default
    drops one, a list of 29,000 characters in one line. Prose averages 25 to 75 characters a sentence, tables of
    contents go down to 9, novels of the 1890s up to 672. Sentence lengths hardly tell good prose from bad, so the rest
    is not bounded: a median above 120 would lose 3 % of literature and 6 % of single paragraphs of an encyclopedia, a
    median below 8 3 % of manuals, and half of the characters in long sentences 1 % of statutes.
    """

    cost = Cost.CHARS
    signals: ClassVar[Mapping[str, pa.DataType]] = {
        "sentences": pa.int64(),
        "mean_length": pa.float32(),
        "median_length": pa.int64(),
        "longest": pa.int64(),
        "long_characters": pa.float32(),
    }

    sentences: Interval = Interval()
    """Sentences that are not blank; a line end ends one."""
    mean_length: Interval = Interval(min=5, max=800)
    """Characters of a sentence, without white space around it, on average; null for a text without sentences."""
    median_length: Interval = Interval()
    """Characters of the median sentence, the shorter one of two."""
    longest: Interval = Interval()
    """Characters of the longest sentence."""
    long_characters: Interval = Interval()
    """Characters in sentences of more than 200, among the characters of all sentences."""

    def score(self, batch: pa.RecordBatch) -> Mapping[str, npt.NDArray[Any] | pa.Array]:
        """Count the sentences of each text."""
        counts = count_sentences(batch["text"])
        sentences, characters = counts[:, Sentence.SENTENCES], counts[:, Sentence.CHARACTERS]
        return {
            "sentences": sentences,
            "mean_length": pa.array(share(characters, sentences), mask=sentences == 0),
            "median_length": counts[:, Sentence.MEDIAN],
            "longest": counts[:, Sentence.LONGEST],
            "long_characters": share(counts[:, Sentence.LONG_CHARACTERS], characters),
        }
