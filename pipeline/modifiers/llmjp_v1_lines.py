"""Drops the lines without kana, URLs and long stretches of ASCII, as llm-jp-corpus v1 does."""

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.stage import Cost, Outcome, Stage

NO_KANA = r"(?m)^[^\p{Hiragana}\p{Katakana}ー\n]*(?:\n|\z)"
URL = r"https?://[A-Za-z0-9_/:%#$&?()~.=+\-]+"
ASCII = r"[\x00-\x09\x0b-\x7f]{100,}"


class LlmjpV1Lines(Stage):
    """Drops lines without kana and, from the others, URLs and runs of at least 100 ASCII characters.

    The patterns are those of llm-jp-corpus v1 (``extract_japanese_text``) with two of its bugs mended: it joins the
    lines that stay without a newline, and its URLs go on over Japanese letters, so that a sentence after a URL is lost.
    """

    cost = Cost.CHARS
    adds: ClassVar[Mapping[str, pa.DataType]] = {"text": pa.string()}

    def process(self, batch: pa.RecordBatch) -> Outcome:
        """Rewrite the text; a null stays null."""
        text = batch["text"]
        for pattern in (NO_KANA, r"\n\z", URL, ASCII):
            text = pc.replace_substring_regex(text, pattern, "")
        return Outcome(columns={"text": text})
