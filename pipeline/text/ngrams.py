"""How many of the different character n-grams of a text repeat, counted by their hashes."""

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import THREE_BYTES, Counts, decode, three_bytes
from pipeline.text.hash_table import BASE, SPREAD, HashTable, add, count, hash_table
from pipeline.text.shingles import Points, reserve

Places = npt.NDArray[np.int32]

LONGEST = 2**22
"""Characters that are looked at; of a longer text the first ones, so that memory stays below 200 MB."""
TWICE = 2
ONCE = -1


class Ngram(IntEnum):
    """What is counted, and its column in the counts."""

    TYPES = 0  # different n-grams
    REPEATED = 1  # those of them that occur twice or more


KINDS = len(Ngram)


def count_ngrams(texts: pa.Array, sizes: Sequence[int], prefix: int = LONGEST) -> Counts:
    """Count character n-grams of rising sizes, each at most twice the one before: int64 (n, len(sizes), len(Ngram)).

    Characters are code points as they stand, white space too; only the first ``prefix`` of a text count, at most
    LONGEST, and a null counts as empty.
    """
    offsets, data = buffers(texts)
    return _count(offsets, data, np.array(sizes, np.int64), min(prefix, LONGEST))


@njit(cache=True, nogil=True)
def _count(offsets: Offsets, data: Bytes, sizes: npt.NDArray[np.int64], most: int) -> Counts:
    counts = np.zeros((offsets.size - 1, sizes.size, KINDS), np.int64)
    points, places = np.empty(0, np.uint32), np.empty(0, np.int32)
    for row in range(counts.shape[0]):
        points, length = _decoded(data[offsets[row] : offsets[row + 1]], most, points)
        places = reserve(places, 0, length)
        _count_text(points[:length], sizes, places, counts[row])
    return counts


@njit(cache=True, nogil=True)
def _decoded(text: Bytes, most: int, points: Points) -> tuple[Points, int]:
    """Write up to ``most`` code points into ``points``; return it, grown where it was short, and their number."""
    points = reserve(points, 0, min(text.size, most))
    length = at = 0
    while at < text.size and length < most:
        while at + 2 < text.size and text[at] >> 4 == THREE_BYTES and length < most:
            points[length] = three_bytes(text, at)
            length += 1
            at += 3
        if at < text.size and length < most:
            points[length], at = decode(text, at, text.size)
            length += 1
    return points, length


@njit(cache=True, nogil=True)
def _count_text(points: Points, sizes: npt.NDArray[np.int64], places: Places, counts: Counts) -> None:
    windows = points.size - sizes[0] + 1
    if windows <= 0:
        return
    table = hash_table(windows)
    _count_all(points, sizes[0], table, places, counts[0])
    for level in range(1, sizes.size):
        _mark_single(table, places[:windows])
        windows = points.size - sizes[level] + 1
        if windows <= 0:
            return
        table = hash_table(_pairs(places, sizes[level] - sizes[level - 1], windows))
        _count_pairs(places, sizes[level] - sizes[level - 1], windows, table, counts[level])


@njit(cache=True, nogil=True)
def _count_all(points: Points, size: int, table: HashTable, places: Places, counts: npt.NDArray[np.int64]) -> None:
    """Count every window of ``size`` points; ``places`` gets its slot."""
    out = SPREAD
    for _ in range(size - 1):
        out *= BASE
    value = np.uint64(0)
    for last in range(size - 1):
        value = value * BASE + np.uint64(points[last]) * SPREAD
    types = repeated = 0
    for first in range(points.size - size + 1):
        value = value * BASE + np.uint64(points[first + size - 1]) * SPREAD
        place = add(table, value)
        places[first] = place
        seen = count(table, place)
        types += seen == 1
        repeated += seen == TWICE
        value -= np.uint64(points[first]) * out
    counts[Ngram.TYPES] = types
    counts[Ngram.REPEATED] = repeated


@njit(cache=True, nogil=True)
def _mark_single(table: HashTable, places: Places) -> None:
    """Forget the slots of windows that occur once: no longer window that holds one can repeat."""
    for first in range(places.size):
        place = places[first]
        if place != ONCE and count(table, place) == 1:
            places[first] = ONCE


@njit(cache=True, nogil=True)
def _pairs(places: Places, step: int, windows: int) -> int:
    pairs = 0
    for first in range(windows):
        pairs += places[first] != ONCE and places[first + step] != ONCE
    return pairs


@njit(cache=True, nogil=True)
def _count_pairs(places: Places, step: int, windows: int, table: HashTable, counts: npt.NDArray[np.int64]) -> None:
    """Count longer windows, each known by the slots of the shorter ones at its two ends."""
    types = repeated = 0
    for first in range(windows):
        head, tail = places[first], places[first + step]
        places[first] = ONCE
        if min(head, tail) == ONCE:
            types += 1
        else:
            place = add(table, np.uint64(head) * BASE + np.uint64(tail) * SPREAD)
            places[first] = place
            seen = count(table, place)
            types += seen == 1
            repeated += seen == TWICE
    counts[Ngram.TYPES] = types
    counts[Ngram.REPEATED] = repeated
