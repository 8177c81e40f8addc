"""Drops text that was decoded by the wrong encoding."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.stage import Cost, Filter, Interval
from pipeline.text.mojibake import SIGNALS, mojibake


class Mojibake(Filter):
    """Drop garbled text by the traces that each decoding mistake leaves, as shares of characters.

    The bounds lie between clean Japanese (news, encyclopedia, boards, technical text) and the same text broken on
    purpose: broken text scores several times each bound, clean text 0 or close to it. Texts under 50 characters score
    0.
    """

    cost: ClassVar[Cost] = Cost.CHARS
    signals: ClassVar[Mapping[str, pa.DataType]] = dict.fromkeys(SIGNALS, pa.float32())

    cp932: Interval = Interval(max=0.02)
    """縺, 繧, 繝, 譁, 蜷 and 邱: UTF-8 that was read as CP932."""
    half_width_kana: Interval = Interval(max=0.5)
    """U+FF61-FF9F: EUC-JP that was read as CP932; posts on boards reach 0.48 with onomatopoeia, broken text 0.8."""
    replacement: Interval = Interval(max=0.005)
    """U+FFFD: Shift_JIS or EUC-JP that was read as UTF-8, or damage."""
    latin1: Interval = Interval(max=0.02)
    """Three-byte characters of UTF-8 that were read as Latin-1 or Windows-1252, e.g. ã‚ for あ."""
    raw_jis: Interval = Interval(max=0.02)
    """ISO-2022-JP that was read as ASCII: ``$B$3$l(B``."""
    private_use: Interval = Interval(max=0.01)
    """U+E000-F8FF: carrier emoji and user-defined characters, legible in no other font."""
    escapes: Interval = Interval(max=0.01)
    """Numeric character references and backslash-u escapes left in the text, per character."""

    def score(self, batch: pa.RecordBatch) -> Mapping[str, npt.NDArray[np.float32]]:
        """Score the text column."""
        return mojibake(batch.column("text"))
