"""Drops texts that are too short or too long."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy.typing as npt
import pyarrow as pa

from pipeline.stage import Cost, Filter, Interval
from pipeline.text.chars import CHAR_COUNTS, char_counts, characters, japanese_letters


class Length(Filter):
    """Drops texts with few Japanese letters, and by length in characters if asked.

    Counted in characters, since Japanese has no spaces to count words by. The default of 200 kana and kanji lies
    between the 50 words (about 90 characters) of FineWeb-2's ``jpn_Jpan`` and the 400 letters of Swallow Corpus v1.
    """

    cost = Cost.CHARS
    reads = (CHAR_COUNTS.name,)
    signals: ClassVar[Mapping[str, pa.DataType]] = {"characters": pa.int64(), "japanese_letters": pa.int64()}

    characters: Interval = Interval()
    """Characters (code points), white space too."""
    japanese_letters: Interval = Interval(min=200)
    """Kana and kanji, with ー and 々."""

    def score(self, batch: pa.RecordBatch) -> Mapping[str, npt.NDArray[Any]]:
        """Count characters and Japanese letters."""
        counts = char_counts(batch)
        return {"characters": characters(counts), "japanese_letters": japanese_letters(counts)}
