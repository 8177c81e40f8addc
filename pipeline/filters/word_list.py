"""Counts the words of lists in a text: NG words, advertisements, whatever a list names."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

import numpy.typing as npt
import pyarrow as pa
from pydantic import Field, field_validator

from pipeline.stage import Cost, Filter, Interval
from pipeline.text.chars import CHAR_COUNTS, char_counts, japanese_letters, share
from pipeline.text.word_lists import Hit, Trie, build_trie, count_hits, digests, load


class WordList(Filter):
    """Counts hits of word lists in the text as it stands, from the left, the longest word at each place.

    Words are found wherever they stand, inside other words too, as HojiChar's NgWordsFilterJa and Swallow's ngword do;
    so a bound on their mere presence drops much clean text (medicine, history, literature), and density and variety
    tell more. A recipe may hold the step several times under different labels. HojiChar's regular expression takes the
    first word of its list that fits, not the longest, and so counts some overlapping words differently; and it refuses
    every text where a list has no katakana words or no others, which is not copied.
    """

    cost = Cost.CHARS
    reads = ("text", CHAR_COUNTS.name)
    signals: ClassVar[Mapping[str, pa.DataType]] = {
        "hits": pa.int64(),
        "distinct": pa.int64(),
        "characters_share": pa.float32(),
    }

    label: str = Field(default="", pattern="^[a-z0-9_]*$")
    """What the lists are about, e.g. ``adult``: the step is called ``word_list_adult`` then."""
    words: tuple[str, ...] = ()
    """Lists to use together: files with a word a line (UTF-8, lines that begin with # are comments), or
    ``hojichar:adult_keywords_ja`` for a list of the installed package HojiChar."""
    katakana_guard: bool = True
    """Whether a word of katakana alone is a hit only where no katakana and no ー stands beside it; HojiChar's
    ``ignore_confused``."""
    hits: Interval = Interval()
    """Hits, which do not overlap."""
    distinct: Interval = Interval()
    """Different words hit."""
    characters_share: Interval = Interval()
    """Characters of the hits, among kana and kanji."""

    @field_validator("words")
    @classmethod
    def _readable(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        load(names)
        return names

    def name(self) -> str:
        """``word_list``, and the label if there is one."""
        return f"{self.step_name()}_{self.label}" if self.label else self.step_name()

    def data(self) -> Mapping[str, str]:
        """Hash the contents of the lists."""
        return digests(self.words)

    @cached_property
    def trie(self) -> Trie:
        """The words as a kernel takes them."""
        return build_trie(load(self.words), self.katakana_guard)

    def score(self, batch: pa.RecordBatch) -> Mapping[str, npt.NDArray[Any]]:
        """Count hits, 0 where there are no words."""
        counts = count_hits(batch["text"], self.trie)
        letters = japanese_letters(char_counts(batch))
        return {
            "hits": counts[:, Hit.HITS],
            "distinct": counts[:, Hit.DISTINCT],
            "characters_share": share(counts[:, Hit.CHARACTERS], letters),
        }
