"""How long the longest lines of a text are, as mC4's paragraph rule asks."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import decode

NEWLINE = 0x0A
LONGEST = 3


def third_longest_lines(texts: pa.Array) -> npt.NDArray[np.int64]:
    """Characters of the third longest line of each of n texts, 0 where it has fewer lines; they end at newlines."""
    offsets, data = buffers(texts)
    return _third_longest(offsets, data)


@njit(cache=True, nogil=True)
def _third_longest(offsets: Offsets, data: Bytes) -> npt.NDArray[np.int64]:
    thirds = np.empty(offsets.size - 1, np.int64)
    for row in range(thirds.size):
        at, stop = offsets[row], offsets[row + 1]
        longest = np.zeros(LONGEST, np.int64)  # ascending
        while at < stop:
            length, at = _line(data, at, stop)
            if length > longest[0]:
                longest[0] = length
                longest.sort()
        thirds[row] = longest[0]
    return thirds


@njit(cache=True, nogil=True)
def _line(data: Bytes, at: int, stop: int) -> tuple[int, int]:
    """One line: its characters, the next."""
    length = 0
    while at < stop:
        code, at = decode(data, at, stop)
        if code == NEWLINE:
            break
        length += 1
    return length, at
