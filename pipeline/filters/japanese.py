"""Drops texts whose characters are not those of Japanese prose."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.stage import Cost, Filter, Interval
from pipeline.text.chars import CHAR_COUNTS, Char, char_counts, japanese_letters, share, visible
from pipeline.text.kana_lines import Kana, count_kana_lines
from pipeline.text.orthography import in_katakana


class Japanese(Filter):
    """Drops texts with few Japanese characters, little hiragana (lists, Chinese) or much katakana (spam, parts lists).

    Swallow Corpus v1 drops below 0.5 of Japanese characters, which loses a third of all manuals, since they show code.
    So that is asked of lines with kana alone here, and at 0.4, for prose full of product names; of the whole text 0.15
    are enough. Hiragana at 0.1 is Uzushio's HiraganaRatio, where Swallow takes 0.2; of katakana Swallow allows 0.5,
    which prose about foreign companies exceeds. Where a text is in kanji and katakana, as laws were until 1946, its
    katakana count as hiragana: they are its grammar. White space does not count.
    """

    cost = Cost.CHARS
    reads = ("text", CHAR_COUNTS.name)
    signals: ClassVar[Mapping[str, pa.DataType]] = {
        "japanese_share": pa.float32(),
        "kana_line_share": pa.float32(),
        "hiragana_share": pa.float32(),
        "katakana_share": pa.float32(),
    }

    japanese_share: Interval = Interval(min=0.15)
    """Kana, kanji and Japanese punctuation among the characters that are not white space."""
    kana_line_share: Interval = Interval(min=0.4)
    """The same within the lines that hold kana; null for a text without kana."""
    hiragana_share: Interval = Interval(min=0.1)
    """Hiragana among kana and kanji."""
    katakana_share: Interval = Interval(max=0.75)
    """Katakana among kana and kanji."""

    def score(self, batch: pa.RecordBatch) -> Mapping[str, npt.NDArray[Any] | pa.Array]:
        """Compute the shares, 0 where there is nothing to take a share of."""
        counts = char_counts(batch)
        letters = japanese_letters(counts)
        hiragana, katakana = counts[:, Char.HIRAGANA], counts[:, Char.KATAKANA]
        grammar = np.where(in_katakana(batch["text"], counts), katakana, 0)
        lines = count_kana_lines(batch["text"])
        inside = share(lines[:, Kana.JAPANESE], lines[:, Kana.VISIBLE])
        return {
            "japanese_share": share(letters + counts[:, Char.JAPANESE_PUNCTUATION], visible(counts)),
            "kana_line_share": pa.array(inside, mask=lines[:, Kana.VISIBLE] == 0),
            "hiragana_share": share(hiragana + grammar, letters),
            "katakana_share": share(katakana - grammar, letters),
        }
