"""Drops texts that say the same over and over, by the characters alone."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy.typing as npt
import pyarrow as pa
from pydantic import PositiveInt

from pipeline.stage import Cost, Filter, Interval
from pipeline.text.chars import share
from pipeline.text.ngrams import LONGEST, Ngram, count_ngrams

SIZES = (5, 10)


class Repetition(Filter):
    """Drops texts of whose different character n-grams many occur twice or more.

    The measure is Swallow Corpus v1's, which drops above 0.15 of 5-grams and 0.10 of 10-grams. News, literature and
    encyclopedias lie below 0.3 of both, but statutes (median 0.26 and 0.13, up to 0.54 and 0.36) and manuals repeat
    their formulas by nature, and most would go. The defaults leave both, and drop what says most of it twice.
    """

    cost = Cost.CHARS
    signals: ClassVar[Mapping[str, pa.DataType]] = {f"char_{size}_gram": pa.float32() for size in SIZES}

    char_5_gram: Interval = Interval(max=0.55)
    """Different 5-grams that occur at least twice, among all different 5-grams. White space counts."""
    char_10_gram: Interval = Interval(max=0.4)
    """The same for 10-grams."""
    prefix: PositiveInt | None = 2500
    """Characters at the head of a text that are looked at, since the shares rise with length; null for all."""

    def score(self, batch: pa.RecordBatch) -> Mapping[str, npt.NDArray[Any]]:
        """Compute the shares, 0 where a text is too short."""
        counts = count_ngrams(batch["text"], SIZES, self.prefix or LONGEST)
        return {
            f"char_{size}_gram": share(counts[:, column, Ngram.REPEATED], counts[:, column, Ngram.TYPES])
            for column, size in enumerate(SIZES)
        }
