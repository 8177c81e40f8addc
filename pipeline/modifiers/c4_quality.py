"""Takes lines out of texts, and texts out of the corpus, by the rules of C4."""

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import NonNegativeInt

from pipeline.stage import Cost, Outcome, Stage
from pipeline.text.c4_lines import FIRST_FATAL, SENTENCES, Line, Rules, rewrite

NAMES = {line: f"{line.name.lower()}_lines" for line in Line}
UNLIMITED = 2**62


class C4Quality(Stage):
    """C4's rules in the order and the words of datatrove's C4QualityFilter, with defaults that Japanese can live with.

    A line is looked at by one rule after the other until one takes it: ``long_word``, ``no_terminal_punct``,
    ``few_words``, ``lorem_ipsum``, ``javascript``, ``curly_bracket``, ``policy``. Drops: ``lorem_ipsum`` and
    ``curly_bracket``, whichever a line that got so far has first, and ``too_few_sentences``; dropped texts stay as they
    were. Three rules of C4 ask for spaces and English punctuation and leave nothing of Japanese, so they are off here;
    datatrove's own defaults are ``filter_no_terminal_punct: true, min_words_per_line: 3, max_word_length: 1000``.

    A sentence ends with TERMINAL_PUNCTUATION and the punctuation after it; a decimal point ends none. datatrove splits
    Japanese by spaCy's sentencizer, whose rule is this one asked of words: in ``Yahoo!`` none ends there. An empty
    line, which only stays while ``min_words_per_line`` is 0, is no sentence here and one there.
    """

    cost = Cost.CHARS
    adds: ClassVar[Mapping[str, pa.DataType]] = {
        "text": pa.string(),
        **{f"c4_quality.{name}": pa.int64() for name in NAMES.values()},
        "c4_quality.sentences": pa.int64(),
    }
    libraries = ("datatrove",)

    split_paragraph: bool = True
    """Judge lines; otherwise sentences, which are joined by spaces then."""
    remove_citations: bool = True
    """Take ``[12]``, ``[edit]`` and ``[citation needed]`` out of the lines."""
    filter_no_terminal_punct: bool = False
    """Lines must end with ``.``, ``?``, ``!``, ``"`` or ``'``, and not with ``...``."""
    min_num_sentences: NonNegativeInt = 5
    """Sentences that the kept lines of a text must have together."""
    min_words_per_line: NonNegativeInt = 0
    """Words between white space that a line must have."""
    max_word_length: NonNegativeInt | None = None
    """Characters that a word between white space may have."""
    filter_lorem_ipsum: bool = True
    """Drop texts with ``lorem ipsum``."""
    filter_javascript: bool = True
    """Take out lines with ``javascript``."""
    filter_curly_bracket: bool = True
    """Drop texts with ``{``."""
    filter_policy: bool = True
    """Take out lines with ``terms of use``, ``privacy policy``, ``cookie policy`` or ``use cookies``."""

    def process(self, batch: pa.RecordBatch) -> Outcome:
        """Rewrite the texts and judge them."""
        texts = batch["text"]
        left, counts = rewrite(texts, self._rules(), self._phrases())
        drops = {line.name.lower(): counts[:, FIRST_FATAL] == line for line in (Line.LOREM_IPSUM, Line.CURLY_BRACKET)}
        drops["too_few_sentences"] = counts[:, SENTENCES] < self.min_num_sentences
        dropped = pa.array(drops["lorem_ipsum"] | drops["curly_bracket"] | drops["too_few_sentences"])
        columns = {f"c4_quality.{name}": pa.array(counts[:, line]) for line, name in NAMES.items()}
        columns["c4_quality.sentences"] = pa.array(counts[:, SENTENCES])
        return Outcome(columns={"text": pc.if_else(dropped, texts, left), **columns}, drops=drops)

    def _rules(self) -> Rules:
        longest = UNLIMITED if self.max_word_length is None else self.max_word_length
        return Rules(
            self.split_paragraph,
            self.remove_citations,
            self.filter_no_terminal_punct,
            self.min_words_per_line,
            longest,
        )

    def _phrases(self) -> frozenset[Line]:
        switches = {
            Line.LOREM_IPSUM: self.filter_lorem_ipsum,
            Line.JAVASCRIPT: self.filter_javascript,
            Line.CURLY_BRACKET: self.filter_curly_bracket,
            Line.POLICY: self.filter_policy,
        }
        return frozenset(line for line, on in switches.items() if on)
