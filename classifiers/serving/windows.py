"""Texts in windows of about so many characters each, as views of the same bytes."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers

Places = npt.NDArray[np.int64]

LEAD_MASK, CONTINUATION = 0xC0, 0x80


def windows(texts: pa.StringArray, characters: int) -> tuple[pa.StringArray, Places]:
    """Cut n texts into windows that follow each other: all of them in order, and the place of the first of each text.

    A text of more than ``characters`` is cut into as few windows as it takes, all of the same length but for a rest, so
    that none is a mere scrap; any other text is one window, null an empty one.
    """
    offsets, data = buffers(texts)
    ends, firsts = _cut(offsets, data, characters)
    return pa.StringArray.from_buffers(ends.size - 1, pa.py_buffer(ends), pa.py_buffer(data)), firsts


@njit(cache=True, nogil=True)
def _cut(offsets: Offsets, data: Bytes, characters: int) -> tuple[npt.NDArray[np.int32], Places]:
    rows = offsets.size - 1
    lengths, firsts = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    total = 0
    for row in range(rows):
        for at in range(offsets[row], offsets[row + 1]):
            lengths[row] += data[at] & LEAD_MASK != CONTINUATION
        firsts[row] = total
        total += max(1, -(-lengths[row] // characters))
    ends = np.empty(total + 1, np.int32)
    ends[0] = offsets[0]
    for row in range(rows):
        window = firsts[row]
        pieces = max(1, -(-lengths[row] // characters))
        size, seen = -(-lengths[row] // pieces), 0
        for at in range(offsets[row], offsets[row + 1]):
            if data[at] & LEAD_MASK != CONTINUATION:
                if seen and seen % size == 0:
                    window += 1
                    ends[window] = at
                seen += 1
        last = firsts[row] + pieces
        ends[window + 1 : last + 1] = offsets[row + 1]
    return ends, firsts
