"""How much a text can repeat itself at most, whatever its words are: repeated n-grams of its characters but white ones.

Words follow each other there without a gap, so an n-gram of words that comes twice is a string of at least n characters
that comes twice.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import Char, Table, char_table, decode, entry

Points = npt.NDArray[np.uint32]
Keys = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]

BASE = np.uint64(0x9E3779B97F4A7C15)
MIX = np.uint64(0xBF58476D1CE4E5B9)


class Repeats(NamedTuple):
    """What n texts repeat, by n-grams of m lengths: two int64 arrays of shape (n, m)."""

    top: Counts
    """Occurrences of the most frequent n-gram."""
    covered: Counts
    """Characters that lie in an n-gram which occurred before."""


def repeats(texts: pa.Array, sizes: Sequence[int]) -> Repeats:
    """Count repeated n-grams of these ``sizes`` among the characters of n texts that are neither white nor NUL."""
    offsets, data = buffers(texts)
    return Repeats(*_repeats(offsets, data, char_table(), np.array(sizes, np.int64)))


@njit(cache=True, nogil=True)
def _repeats(offsets: Offsets, data: Bytes, classes: Table, sizes: Counts) -> tuple[Counts, Counts]:
    rows = offsets.size - 1
    top, covered = np.zeros((rows, sizes.size), np.int64), np.zeros((rows, sizes.size), np.int64)
    longest = 0
    for row in range(rows):
        longest = max(longest, offsets[row + 1] - offsets[row])
    points, slots = np.empty(longest, np.uint32), np.empty(_table_size(longest), np.uint64)
    for row in range(rows):
        length = _white_free(data, offsets[row], offsets[row + 1], classes, points)
        for column, size in enumerate(sizes):
            table = slots[: _table_size(length)]
            table[:] = 0
            top[row, column], covered[row, column] = _count(points[:length], size, table)
    return top, covered


@njit(cache=True, nogil=True)
def _table_size(entries: int) -> int:
    """Slots of a hash table, a power of two, that these entries fill at most by half."""
    slots = 2
    while slots < 2 * entries:
        slots *= 2
    return slots


@njit(cache=True, nogil=True)
def _white_free(data: Bytes, at: int, stop: int, classes: Table, points: Points) -> int:
    """Write the code points that are not white (nor NUL, which the tagger takes for a space); returns how many."""
    length = 0
    while at < stop:
        code, at = decode(data, at, stop)
        kind = classes[entry(code)]
        points[length] = code
        length += kind not in (Char.SPACE, Char.NEWLINE) and code != 0
    return length


@njit(cache=True, nogil=True)
def _count(points: Points, size: int, slots: Keys) -> tuple[int, int]:
    """Roll a hash over the n-grams. A slot holds the upper bits of a hash and, below, how often it came; 0 is empty."""
    mask = np.uint64(slots.size - 1)
    oldest = np.uint64(1)
    for _ in range(size - 1):
        oldest *= BASE
    value = np.uint64(0)
    for place in range(min(size - 1, points.size)):
        value = value * BASE + np.uint64(points[place])
    top = covered = 0
    reached = -1
    for last in range(size - 1, points.size):
        value = value * BASE + np.uint64(points[last])
        mixed = (value ^ (value >> np.uint64(29))) * MIX
        key, slot = mixed & ~mask, (mixed >> np.uint64(20)) & mask
        while slots[slot] != 0 and slots[slot] & ~mask != key:
            slot = (slot + np.uint64(1)) & mask
        if slots[slot] != 0:
            covered += last - max(reached, last - size)
            reached = last
        slots[slot] = (key | slots[slot]) + np.uint64(1)
        top = max(top, int(slots[slot] & mask))
        value -= oldest * np.uint64(points[last - size + 1])
    return top, covered
