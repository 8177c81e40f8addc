"""A hash table in one array, which counts how often each 64-bit hash was added."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Slots = npt.NDArray[np.uint64]

BASE = np.uint64(0x9E3779B97F4A7C15)
SPREAD = np.uint64(0xD1342543DE82EF95)
"""Odd factors for hashes modulo 2^64: sums of units times SPREAD and a power of BASE. Their high bits are the good ones
(Dietzfelbinger 1996, universal hashing and k-wise independent random variables via integer arithmetic)."""


class HashTable(NamedTuple):
    """A slot holds the high bits of a hash and, below them, its count; 0 is an empty slot."""

    slots: Slots
    counts: np.uint64  # mask of the bits that count
    shift: np.uint64  # bits of a hash below those that choose its slot


@njit(cache=True, nogil=True)
def hash_table(additions: int) -> HashTable:
    """Make an empty table, at most half full after as many additions: 16 to 32 bytes each."""
    bits = 4
    while 1 << bits < 2 * additions:
        bits += 1
    return HashTable(np.zeros(1 << bits, np.uint64), np.uint64((1 << bits) - 1), np.uint64(64 - bits))


@njit(cache=True, nogil=True)
def add(table: HashTable, value: np.uint64) -> np.int64:
    """Count a hash once more; return its slot."""
    slots, counts, shift = table
    last, key = np.uint64(slots.size - 1), value & ~counts
    place = value >> shift
    while slots[place] != 0:
        if slots[place] & ~counts == key:
            slots[place] += np.uint64(1)
            return np.int64(place)
        place = (place + np.uint64(1)) & last
    slots[place] = key | np.uint64(1)
    return np.int64(place)


@njit(cache=True, nogil=True, inline="always")
def count(table: HashTable, place: np.int64) -> np.int64:
    """Return how often the hash in a slot was added."""
    return np.int64(table.slots[place] & table.counts)
