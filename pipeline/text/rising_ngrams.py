"""Which n-grams of a sequence repeat, for rising n: an n-gram can repeat only where its first n - 1 items do.

So every step looks at what the one before it left, and a long n costs hardly more than a short one. Counts are exact:
an n-gram is known by the number of its first n - 1 items and its last item, not by a hash.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import Counts, decode
from pipeline.text.hashing import FNV_OFFSET, FNV_PRIME
from pipeline.text.words import Places, word_arrays

Items = npt.NDArray[np.int32]
Keys = npt.NDArray[np.uint64]
WordPlaces = tuple[Offsets, Places, Places]

LONGEST = 1 << 22
"""Items that are looked at; of a longer sequence the first ones, so that memory stays below 200 MB."""
FIRST = 2
"""The shortest n-grams that are counted."""
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FREE = np.uint64(0)
WORD_BITS = 64
TWICE = 2


class Repeat(IntEnum):
    """What is counted of the n-grams of one length, and its column in the counts."""

    TOTAL = 0
    TYPES = 1  # different ones
    REPEATED = 2  # types that occur twice or more
    OCCURRENCES = 3  # occurrences of those
    TOP = 4  # occurrences of the most frequent
    FREQUENT = 5  # occurrences of the √types most frequent of those that repeat; only for the longest n


KINDS = len(Repeat)


class Scratch(NamedTuple):
    """Memory that all rows share."""

    items: Items
    places: Items
    """Where the n-grams begin that may repeat."""
    groups: Items
    """The slot of the n-gram at each of these places, which is its number."""
    keys: Keys
    """The n-gram in each slot: the number of its first n - 1 items, and its last one."""
    counts: Items
    """Occurrences of the n-gram in each slot."""


def rising_chars(texts: pa.Array, longest: int) -> Counts:
    """Count the character n-grams of n texts, from 2 to ``longest``: int64 of shape (n, longest - 1, len(Repeat)).

    Only the first LONGEST characters of a text are looked at; a null counts as empty.
    """
    offsets, data = buffers(texts)
    return _chars(offsets, data, longest)


def rising_words(texts: pa.Array, words: pa.ListArray, longest: int) -> Counts:
    """Count the word n-grams of n texts with their words (a column of type WORDS); the same shape and limit."""
    places, starts, ends, _ = word_arrays(words)
    return _words(*buffers(texts), (places, starts, ends), longest)


@njit(cache=True, nogil=True)
def _chars(offsets: Offsets, data: Bytes, longest: int) -> Counts:
    counts = np.zeros((offsets.size - 1, longest - 1, KINDS), np.int64)
    scratch = _scratch(offsets)
    for row in range(counts.shape[0]):
        at, stop, size = offsets[row], offsets[row + 1], 0
        while at < stop and size < LONGEST:
            code, at = decode(data, at, stop)
            scratch.items[size] = code
            size += 1
        _climb(scratch, size, counts[row])
    return counts


@njit(cache=True, nogil=True)
def _words(offsets: Offsets, data: Bytes, words: WordPlaces, longest: int) -> Counts:
    bounds, starts, ends = words
    counts = np.zeros((offsets.size - 1, longest - 1, KINDS), np.int64)
    scratch = _scratch(bounds)
    for row in range(counts.shape[0]):
        first = bounds[row]
        size = min(bounds[row + 1] - first, LONGEST)
        shift = _clear(scratch.keys, size)
        for index in range(size):
            begin, end = offsets[row] + starts[first + index], offsets[row] + ends[first + index]
            key = _hash(data[begin:end])
            slot = _find(scratch.keys, key, shift)
            scratch.keys[slot] = key
            scratch.items[index] = slot
        _climb(scratch, size, counts[row])
    return counts


@njit(cache=True, nogil=True)
def _scratch(offsets: Offsets) -> Scratch:
    most = 1
    for row in range(offsets.size - 1):
        size = int(offsets[row + 1] - offsets[row])
        most = max(most, min(size, LONGEST))
    slots = 2
    while slots < 2 * most:
        slots *= 2
    items, places, groups = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.int32)
    return Scratch(items, places, groups, np.empty(slots, np.uint64), np.empty(slots, np.int32))


@njit(cache=True, nogil=True)
def _climb(scratch: Scratch, size: int, counts: Counts) -> None:
    """Fill the counts of one sequence: a row for each n from FIRST on."""
    for place in range(size):
        scratch.places[place] = place
        scratch.groups[place] = scratch.items[place]
    candidates = size
    for level in range(counts.shape[0]):
        candidates = _count(scratch, candidates, FIRST + level - 1, size, counts[level])
        if level < counts.shape[0] - 1:
            candidates = _keep_repeated(scratch, candidates)
    counts[-1, Repeat.FREQUENT] = _frequent(scratch, candidates, counts[-1])


@njit(cache=True, nogil=True)
def _count(scratch: Scratch, candidates: int, reach: int, size: int, counts: npt.NDArray[np.int64]) -> int:
    """Number and count the n-grams at the candidates; returns how many of these lie within the sequence."""
    items, places, groups, keys, frequencies = scratch
    shift = _clear(keys, candidates)
    whole = types = repeated = top = 0
    while whole < candidates and places[whole] + reach < size:
        key = np.uint64(groups[whole] + 1) << np.uint64(32) | np.uint64(items[places[whole] + reach])
        slot = _find(keys, key, shift)
        if keys[slot] == FREE:
            keys[slot] = key
            frequencies[slot] = 0
            types += 1
        frequencies[slot] += 1
        repeated += frequencies[slot] == TWICE
        top = max(top, frequencies[slot])
        groups[whole] = slot
        whole += 1
    total = max(0, size - reach)
    counts[Repeat.TOTAL] = total
    counts[Repeat.TYPES] = total - whole + types
    counts[Repeat.REPEATED] = repeated
    counts[Repeat.OCCURRENCES] = whole - (types - repeated)
    counts[Repeat.TOP] = max(top, min(1, total))
    return whole


@njit(cache=True, nogil=True)
def _keep_repeated(scratch: Scratch, candidates: int) -> int:
    kept = 0
    for index in range(candidates):
        place, group = scratch.places[index], scratch.groups[index]
        scratch.places[kept], scratch.groups[kept] = place, group
        kept += scratch.counts[group] > 1
    return kept


@njit(cache=True, nogil=True)
def _frequent(scratch: Scratch, candidates: int, counts: npt.NDArray[np.int64]) -> int:
    """Sum the counts of the most frequent types; uses the counts of the slots up."""
    frequencies = np.empty(counts[Repeat.REPEATED], np.int64)
    found = 0
    for group in scratch.groups[:candidates]:
        if scratch.counts[group] > 1:
            frequencies[found] = scratch.counts[group]
            scratch.counts[group] = 0
            found += 1
    most = min(int(np.sqrt(counts[Repeat.TYPES])), found)
    return np.sum(np.sort(frequencies)[found - most :])


@njit(cache=True, nogil=True)
def _clear(keys: Keys, most: int) -> np.uint64:
    """Free the slots that hold ``most`` keys at half load; returns the shift that makes a slot of a hash."""
    bits = 1
    while 1 << bits < 2 * most:
        bits += 1
    keys[: 1 << bits] = FREE
    return np.uint64(WORD_BITS - bits)


@njit(cache=True, nogil=True, inline="always")
def _find(keys: Keys, key: np.uint64, shift: np.uint64) -> np.uint64:
    """Slot of a key, or the free one where it belongs."""
    mask = (np.uint64(1) << (np.uint64(WORD_BITS) - shift)) - np.uint64(1)
    slot = (key * GOLDEN) >> shift
    while keys[slot] != FREE and keys[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return slot


@njit(cache=True, nogil=True)
def _hash(word: Bytes) -> np.uint64:
    """FNV-1a, never FREE."""
    value = FNV_OFFSET
    for byte in word:
        value = (value ^ np.uint64(byte)) * FNV_PRIME
    return value | np.uint64(1)
