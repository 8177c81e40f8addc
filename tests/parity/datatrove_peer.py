"""datatrove's blocks on our words: what its verdicts would be if it cut words where Migaki does."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from datatrove.data import Document
from datatrove.utils.text import TERMINAL_PUNCTUATION
from datatrove.utils.word_tokenizers import WordTokenizer

from pipeline.stage import Outcome, Stage
from pipeline.text.chars import CHAR_COUNTS, as_column, count_chars
from pipeline.text.words import WORDS, fill

PUNCTUATION = "".join(re.escape(chr(code)) for code in range(0x20000) if unicodedata.category(chr(code))[0] == "P")
ENDERS = "".join(map(re.escape, sorted(TERMINAL_PUNCTUATION)))
INSIDE = rf"(?:[^{ENDERS}]|(?<=\d)[.．](?=\d))"
SENTENCE = re.compile(rf"{INSIDE}*+[{ENDERS}][{ENDERS}{PUNCTUATION} ]*|{INSIDE}+")


class Words(WordTokenizer):  # type: ignore[misc]  # datatrove is untyped
    """Gives datatrove the words of known texts, and sentences by spaCy's rule with characters instead of tokens."""

    def __init__(self, words: dict[str, list[str]]) -> None:
        super().__init__()
        self.words = words

    def word_tokenize(self, text: str) -> list[str]:
        return self.words[text]

    def sent_tokenize(self, text: str) -> list[str]:
        return SENTENCE.findall(text)

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        return [found.span() for found in SENTENCE.finditer(text)]


def words_of(batch: pa.RecordBatch) -> Words:
    known: dict[str, list[str]] = {}
    for text, places in zip(batch["text"].to_pylist(), batch[WORDS.name].to_pylist(), strict=True):
        data = text.encode()
        known[text] = [data[place["start"] : place["end"]].decode() for place in places]
    return Words(known)


def with_words(texts: Sequence[str]) -> pa.RecordBatch:
    batch = pa.record_batch({"text": pa.array(texts, pa.string())})
    return fill(batch.append_column(CHAR_COUNTS, as_column(count_chars(batch["text"]))))


def their_verdict(block: Any, text: str) -> tuple[str | None, str]:
    """Their reason, None for a text that stays, or the name of the error; and the text as they leave it."""
    document = Document(text=text, id="0")
    try:
        kept = block.filter(document)
    except ZeroDivisionError as error:
        return type(error).__name__, text
    return (None if kept is True else kept[1]), document.text


def first_reasons(outcome: Outcome, rows: int) -> list[str | None]:
    return [next((reason for reason, mask in outcome.drops.items() if mask[row]), None) for row in range(rows)]


def our_verdicts(stage: Stage, batch: pa.RecordBatch) -> list[str | None]:
    return first_reasons(stage.process(batch), batch.num_rows)
