"""How much a text can repeat itself at most, whatever its words are: repeated n-grams of its characters but white ones.

Words follow each other there without a gap, so an n-gram of words that comes twice is a string of at least n characters
that comes twice.
"""

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
    """What n texts repeat, by n-grams of one length."""

    top: Counts
    """Occurrences of the most frequent n-gram."""
    covered: Counts
    """Characters that lie in an n-gram which occurred before."""


def repeats(texts: pa.Array, size: int) -> Repeats:
    """Count repeated character n-grams of ``size`` in the white-free form of n texts: two int64 arrays of n."""
    offsets, data = buffers(texts)
    return Repeats(*_repeats(offsets, data, char_table(), size))


@njit(cache=True, nogil=True)
def _repeats(offsets: Offsets, data: Bytes, classes: Table, size: int) -> tuple[Counts, Counts]:
    rows = offsets.size - 1
    top, covered = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    longest = 0
    for row in range(rows):
        longest = max(longest, offsets[row + 1] - offsets[row])
    points = np.empty(longest, np.uint32)
    keys, counts = np.zeros(_slots(longest), np.uint64), np.zeros(_slots(longest), np.int32)
    for row in range(rows):
        length = _white_free(data, offsets[row], offsets[row + 1], classes, points)
        slots = _slots(length)
        keys[:slots] = 0
        counts[:slots] = 0
        top[row], covered[row] = _count(points[:length], size, keys[:slots], counts[:slots])
    return top, covered


@njit(cache=True, nogil=True)
def _slots(entries: int) -> int:
    """Size of an open hash table, a power of two, that these entries fill at most by half."""
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
def _count(points: Points, size: int, keys: Keys, counts: npt.NDArray[np.int32]) -> tuple[int, int]:
    """Roll a hash over the n-grams; 0 is an empty slot."""
    mask = np.uint64(keys.size - 1)
    oldest = np.uint64(1)
    for _ in range(size):
        oldest *= BASE
    value = np.uint64(0)
    top = covered = 0
    reached = -1
    for last in range(points.size):
        value = value * BASE + np.uint64(points[last])
        if last >= size:
            value -= oldest * np.uint64(points[last - size])
        if last >= size - 1:
            key = (value ^ (value >> np.uint64(29))) * MIX | np.uint64(1)
            slot = (key >> np.uint64(20)) & mask
            while keys[slot] != 0 and keys[slot] != key:
                slot = (slot + np.uint64(1)) & mask
            if keys[slot] == key:
                covered += last - max(reached, last - size)
                reached = last
            keys[slot] = key
            counts[slot] += 1
            top = max(top, counts[slot])
    return top, covered
