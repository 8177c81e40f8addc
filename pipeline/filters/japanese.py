"""Drops texts whose characters are not those of Japanese prose."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy.typing as npt
import pyarrow as pa

from pipeline.stage import Cost, Filter, Interval
from pipeline.text.chars import CHAR_COUNTS, Char, char_counts, japanese_letters, share, visible


class Japanese(Filter):
    """Drops texts with few Japanese characters, little hiragana (lists, Chinese) or much katakana (spam, parts lists).

    The Japanese share of 0.5 and the katakana share are Swallow Corpus v1's; its 0.5 of katakana is 0.6 here, where ー
    counts as katakana and punctuation is no letter. Hiragana at 0.1 is Uzushio's HiraganaRatio, where Swallow takes
    0.2. White space does not count, so a text that is laid out with spaces is judged by its characters.
    """

    cost = Cost.CHARS
    reads = (CHAR_COUNTS.name,)
    signals: ClassVar[Mapping[str, pa.DataType]] = {
        "japanese_share": pa.float32(),
        "hiragana_share": pa.float32(),
        "katakana_share": pa.float32(),
    }

    japanese_share: Interval = Interval(min=0.5)
    """Kana, kanji and Japanese punctuation among the characters that are not white space."""
    hiragana_share: Interval = Interval(min=0.1)
    """Hiragana among kana and kanji."""
    katakana_share: Interval = Interval(max=0.6)
    """Katakana among kana and kanji."""

    def score(self, batch: pa.RecordBatch) -> Mapping[str, npt.NDArray[Any]]:
        """Compute the three shares, 0 where there is nothing to take a share of."""
        counts = char_counts(batch)
        letters = japanese_letters(counts)
        return {
            "japanese_share": share(letters + counts[:, Char.JAPANESE_PUNCTUATION], visible(counts)),
            "hiragana_share": share(counts[:, Char.HIRAGANA], letters),
            "katakana_share": share(counts[:, Char.KATAKANA], letters),
        }
