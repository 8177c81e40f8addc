"""What HojiChar's character rules count: kana at the head, 。, lines, runs of one character."""

from enum import IntEnum
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import Counts, Table, decode, entry, tabulate

HEAD = 50
SHORT = 10
FULL_STOPS = 3
KANA, KUTEN, NEWLINE, ELLIPSIS, FULL_STOP = 1, 2, 4, 8, 16


class HojiChar(IntEnum):
    """What is counted, and its column in the counts."""

    KANA_AT_HEAD = 0  # kana among the first HEAD characters
    KUTEN = 1
    NEWLINES = 2
    ELLIPSES = 3  # newlines after … or ...
    SHORT_LINES = 4  # lines of at most SHORT characters, blank ones too
    LONGEST_RUN = 5  # of one character


KINDS = len(HojiChar)


def role(char: str) -> int:
    """Say what a character is to these rules, as a set of bits; kana are ぁ to ん and ァ to ン, without ヴ and ー."""
    return (
        KANA * ("ぁ" <= char <= "ん" or "ァ" <= char <= "ン")
        | KUTEN * (char == "。")
        | NEWLINE * (char == "\n")
        | ELLIPSIS * (char == "…")
        | FULL_STOP * (char == ".")
    )


@cache
def role_table() -> Table:
    """``role`` as a table for kernels."""
    return tabulate(role)


def count_hojichar(texts: pa.Array) -> Counts:
    """Count n texts: int64 of shape (n, len(HojiChar)); lines end at newlines; a null counts as empty."""
    offsets, data = buffers(texts)
    return _count(offsets, data, role_table())


@njit(cache=True, nogil=True)
def _count(offsets: Offsets, data: Bytes, roles: Table) -> Counts:
    counts = np.zeros((offsets.size - 1, KINDS), np.int64)
    for row in range(counts.shape[0]):
        counts[row, HojiChar.KANA_AT_HEAD] = _kana_at_head(data, offsets[row], offsets[row + 1], roles)
        _lines(data, offsets[row], offsets[row + 1], roles, counts[row])
    return counts


@njit(cache=True, nogil=True)
def _kana_at_head(data: Bytes, at: int, stop: int, roles: Table) -> int:
    kana = characters = 0
    while at < stop and characters < HEAD:
        code, at = decode(data, at, stop)
        kana += roles[entry(code)] & KANA != 0
        characters += 1
    return kana


@njit(cache=True, nogil=True)
def _lines(data: Bytes, at: int, stop: int, roles: Table, counts: npt.NDArray[np.int64]) -> None:
    previous = np.int64(-1)
    run = longest = length = full_stops = kuten = 0
    breaks_off = False
    while at < stop:
        code, at = decode(data, at, stop)
        run = run + 1 if code == previous else 1
        longest = max(longest, run)
        previous = code
        kind = roles[entry(code)]
        kuten += kind & KUTEN != 0
        length += 1
        if kind & NEWLINE:
            counts[HojiChar.NEWLINES] += 1
            counts[HojiChar.ELLIPSES] += breaks_off
            counts[HojiChar.SHORT_LINES] += length - 1 <= SHORT
            length = 0
        full_stops = full_stops + 1 if kind & FULL_STOP else 0
        breaks_off = kind & ELLIPSIS != 0 or full_stops >= FULL_STOPS
    counts[HojiChar.SHORT_LINES] += length <= SHORT
    counts[HojiChar.LONGEST_RUN] = longest
    counts[HojiChar.KUTEN] = kuten
