"""Repeated word n-grams as Gopher's rules count them (Rae et al. 2021, table A1; datatrove's reading of it)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import Counts
from pipeline.text.hash_table import BASE, SPREAD, Slots, add, count, hash_table
from pipeline.text.words import CONTINUATION, LEAD_MASK, Places, word_arrays

WordPlaces = tuple[Offsets, Places, Places]

INVERSE = np.uint64(pow(int(BASE), -1, 2**64))
SPACE = np.uint64(0x20)


class Joined(NamedTuple):
    """Sums over the bytes of the first 0, 1, ... words, from which the hash of any run of words follows."""

    sums: Slots
    powers: Slots
    characters: Places


def top_ngrams(texts: pa.Array, words: pa.ListArray, sizes: Sequence[int]) -> Counts:
    """Characters in the most frequent word n-gram, joined by spaces, times its occurrences, which may overlap.

    n texts with their words -> int64 (n, len(sizes)). Of equally frequent n-grams the one seen first counts; one that
    occurs once counts too; where a text has too few words there is none, 0.
    """
    places, starts, ends, _ = word_arrays(words)
    return _top(buffers(texts), (places, starts, ends), np.array(sizes, np.int64))


def duplicate_ngrams(texts: pa.Array, words: pa.ListArray, sizes: Sequence[int]) -> Counts:
    """Characters in word n-grams that were met before: n texts with their words -> int64 (n, len(sizes)).

    A walk from word to word; an n-gram that was met is passed over as a whole, any other is remembered. N-grams are
    equal when their words joined by nothing are.
    """
    places, starts, ends, _ = word_arrays(words)
    return _duplicates(buffers(texts), (places, starts, ends), np.array(sizes, np.int64))


@njit(cache=True, nogil=True)
def _top(texts: tuple[Offsets, Bytes], words: WordPlaces, sizes: npt.NDArray[np.int64]) -> Counts:
    found = np.zeros((texts[0].size - 1, sizes.size), np.int64)
    for row in range(found.shape[0]):
        joined = _joined(texts, words, row, True)
        for column, size in enumerate(sizes):
            found[row, column] = _top_characters(joined, size)
    return found


@njit(cache=True, nogil=True)
def _duplicates(texts: tuple[Offsets, Bytes], words: WordPlaces, sizes: npt.NDArray[np.int64]) -> Counts:
    found = np.zeros((texts[0].size - 1, sizes.size), np.int64)
    for row in range(found.shape[0]):
        joined = _joined(texts, words, row, False)
        for column, size in enumerate(sizes):
            found[row, column] = _duplicate_characters(joined, size)
    return found


@njit(cache=True, nogil=True)
def _joined(texts: tuple[Offsets, Bytes], words: WordPlaces, row: int, spaced: bool) -> Joined:
    """Sum up the words of a text, each with a space behind it or none."""
    offsets, data = texts
    places, starts, ends = words
    first, size = places[row], places[row + 1] - places[row] + 1
    joined = Joined(np.zeros(size, np.uint64), np.ones(size, np.uint64), np.zeros(size, np.int32))
    total, power, inverse, characters = np.uint64(0), np.uint64(1), np.uint64(1), 0
    for word in range(size - 1):
        for at in range(offsets[row] + starts[first + word], offsets[row] + ends[first + word]):
            total += np.uint64(data[at] + 1) * inverse
            power, inverse = power * BASE, inverse * INVERSE
            characters += data[at] & LEAD_MASK != CONTINUATION
        if spaced:
            total += (SPACE + np.uint64(1)) * inverse
            power, inverse = power * BASE, inverse * INVERSE
            characters += 1
        joined.sums[word + 1], joined.powers[word + 1], joined.characters[word + 1] = total, power, characters
    return joined


@njit(cache=True, nogil=True, inline="always")
def _hash(joined: Joined, first: int, size: int) -> np.uint64:
    """Hash of the words from ``first`` on, the same wherever they stand."""
    return (joined.sums[first + size] - joined.sums[first]) * joined.powers[first] * SPREAD


@njit(cache=True, nogil=True)
def _top_characters(joined: Joined, size: int) -> int:
    windows = joined.sums.size - size
    if windows <= 0:
        return 0
    table = hash_table(windows)
    places = np.empty(windows, np.int32)
    most = 0
    for first in range(windows):
        places[first] = add(table, _hash(joined, first, size))
        most = max(most, count(table, places[first]))
    first = 0
    while count(table, places[first]) < most:
        first += 1
    return most * (np.int64(joined.characters[first + size]) - joined.characters[first] - 1)


@njit(cache=True, nogil=True)
def _duplicate_characters(joined: Joined, size: int) -> int:
    words = joined.sums.size - 1
    table = hash_table(max(0, words - size + 1))
    first = characters = 0
    while first + size <= words:
        if count(table, add(table, _hash(joined, first, size))) == 1:
            first += 1
        else:
            characters += joined.characters[first + size] - joined.characters[first]
            first += size
    return characters
