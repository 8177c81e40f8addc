"""Takes navigation, notices and buttons from the ends of a text, and drops texts that are little else."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy.typing as npt
import pyarrow as pa

from pipeline.stage import Cost, Filter, Interval
from pipeline.text.boilerplate import Count, trim
from pipeline.text.chars import CHAR_COUNTS, char_counts, share, visible


class Boilerplate(Filter):
    """Takes boilerplate lines from the first and the last ten lines of a text, and drops texts made of them.

    A line is boilerplate if it is at most 40 characters wide, holds no sentence, and known phrases cover more than 0.3
    of it, as in Swallow Corpus v1's footer rule; if it holds nothing but such phrases; or if it is a trail of
    breadcrumbs. Only lines before the first sentence and after the last are taken, each by itself: Swallow's rule,
    which cuts whatever follows the first hit, loses text behind a heading such as コメント. What repeats on all pages
    of a host is not looked for here, since a step sees one document at a time.
    """

    cost = Cost.CHARS
    reads = ("text", CHAR_COUNTS.name)
    signals: ClassVar[Mapping[str, pa.DataType]] = {"characters_share": pa.float32(), "trimmed_lines": pa.int64()}

    rewrites: ClassVar[Mapping[str, pa.DataType]] = {"text": pa.string()}

    characters_share: Interval = Interval(max=0.5)
    """Characters of boilerplate lines among those of the whole text before the trim, white space aside."""
    trimmed_lines: Interval = Interval()
    """Lines taken."""

    def score(self, batch: pa.RecordBatch) -> Mapping[str, npt.NDArray[Any] | pa.Array]:
        """Score the texts as they came, and trim them."""
        text, counts = trim(batch["text"])
        return {
            "text": text,
            "characters_share": share(counts[:, Count.CHARACTERS], visible(char_counts(batch))),
            "trimmed_lines": counts[:, Count.TRIMMED],
        }
