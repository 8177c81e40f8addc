"""Marks in a text that Gopher's rules count: hashes, ellipses, bullets."""

from enum import IntEnum

import numpy as np
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import Counts, Table, decode, entry
from pipeline.text.datatrove_chars import BREAK, SPACE, role_table

HASH, DOT, ELLIPSIS, BULLET, HYPHEN = 0x23, 0x2E, 0x2026, 0x2022, 0x2D
RETURN, NEWLINE = 0x0D, 0x0A
DOTS = 3


class Mark(IntEnum):
    """What is counted, and its column in the counts. Lines are those of Python's ``splitlines``, blank ones too."""

    LINES = 0
    HASHES = 1  # of the text
    ELLIPSES = 2  # of the text: "…" and "..."
    BULLET_LINES = 3  # lines that open with "•" or "-", white space aside
    ELLIPSIS_LINES = 4  # lines that end with an ellipsis, white space aside


KINDS = len(Mark)


def count_marks(texts: pa.Array) -> Counts:
    """Count marks by kind: n texts -> int64 of shape (n, len(Mark)); a null has none."""
    offsets, data = buffers(texts)
    return _count(offsets, data, role_table())


@njit(cache=True, nogil=True)
def _count(offsets: Offsets, data: Bytes, roles: Table) -> Counts:
    counts = np.zeros((offsets.size - 1, KINDS), np.int64)
    for row in range(counts.shape[0]):
        at, stop = offsets[row], offsets[row + 1]
        while at < stop:
            hashes, ellipses, bullet, ending, at = _scan(data, at, stop, roles)
            counts[row, Mark.LINES] += 1
            counts[row, Mark.HASHES] += hashes
            counts[row, Mark.ELLIPSES] += ellipses
            counts[row, Mark.BULLET_LINES] += bullet
            counts[row, Mark.ELLIPSIS_LINES] += ending
    return counts


@njit(cache=True, nogil=True)
def _scan(data: Bytes, at: int, stop: int, roles: Table) -> tuple[int, int, bool, bool, int]:
    """One line: its hashes and ellipses, whether it opens with a bullet and ends with an ellipsis, the next line."""
    hashes = ellipses = dots = 0
    blank, bullet, ending = True, False, False
    while at < stop:
        code, at = decode(data, at, stop)
        kind = roles[entry(code)]
        if kind & BREAK:
            return hashes, ellipses, bullet, ending, at + (code == RETURN and at < stop and data[at] == NEWLINE)
        dots = dots + 1 if code == DOT else 0
        hashes += code == HASH
        ellipses += code == ELLIPSIS or (dots > 0 and dots % DOTS == 0)
        if kind & SPACE == 0:
            bullet |= blank and code in (BULLET, HYPHEN)
            ending = code == ELLIPSIS or dots >= DOTS
            blank = False
    return hashes, ellipses, bullet, ending, at
