"""The edits of Swallow Corpus v1, its fourth phase: punctuation and footers."""

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

import pyarrow as pa
from pydantic import field_validator

from pipeline.stage import Cost, Outcome, Stage
from pipeline.text.swallow_edit import japanese_punctuation, without_footer
from pipeline.text.word_lists import Trie, build_trie, digests, load


class SwallowPunctuation(Stage):
    """Writes 、 for ， and 。 for ． where a text prefers those (swallow-llm/swallow-corpus, ``kutoten.py``).

    Each mark is judged by itself: it is replaced where it follows kana, kanji or a closing bracket more often than the
    Japanese one does, and not after full-width letters and digits.
    """

    cost = Cost.CHARS
    adds: ClassVar[Mapping[str, pa.DataType]] = {"text": pa.string()}

    def process(self, batch: pa.RecordBatch) -> Outcome:
        """Rewrite the text; a null stays null."""
        return Outcome(columns={"text": japanese_punctuation(batch["text"])})


class SwallowFooter(Stage):
    """Cuts a text at the first of its last 10 lines that is made of footer words (``footer.py`` of the same).

    Such a line has more than 0.3 of its characters in words of the list, the longest at each place. Swallow takes the
    words out one after the other, the longest first, so that what closes up around one may make another; and its list
    stands in its code.
    """

    cost = Cost.CHARS
    adds: ClassVar[Mapping[str, pa.DataType]] = {"text": pa.string()}

    words: tuple[str, ...] = ()
    """Lists of footer words, as in ``word_list``; without one nothing is cut."""

    @field_validator("words")
    @classmethod
    def _readable(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        load(names)
        return names

    def data(self) -> Mapping[str, str]:
        """Hash the contents of the lists."""
        return digests(self.words)

    @cached_property
    def trie(self) -> Trie:
        """The words as a kernel takes them."""
        return build_trie(load(self.words))

    def process(self, batch: pa.RecordBatch) -> Outcome:
        """Rewrite the text; a null stays null."""
        return Outcome(columns={"text": without_footer(batch["text"], self.trie)})
