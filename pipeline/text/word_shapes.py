"""What the words of a text look like to Gopher's rules: how many are real, alphabetic, stop words, and how long."""

from collections.abc import Sequence
from enum import IntEnum
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import Counts, Table, decode, entry
from pipeline.text.datatrove_chars import ALPHABETIC, SYMBOL, role_table
from pipeline.text.hashing import FNV_OFFSET, FNV_PRIME
from pipeline.text.words import Places, word_arrays

Hashes = npt.NDArray[np.uint64]


class Word(IntEnum):
    """What is counted, and its column in the counts."""

    WORDS = 0
    REAL = 1  # words with a character that is not in datatrove's PUNCTUATION_SET
    REAL_CHARACTERS = 2
    ALPHABETIC = 3  # words with a character of which ``isalpha`` holds
    STOP = 4  # different stop words that occur


KINDS = len(Word)


def count_words(texts: pa.Array, words: pa.ListArray, stop_words: Sequence[str]) -> Counts:
    """Count words by kind: n texts with their words -> int64 of shape (n, len(Word)); a null has none.

    A word is taken for the stop word that has its 64-bit hash.
    """
    places, starts, ends, _ = word_arrays(words)
    return _count(buffers(texts), (places, starts, ends), role_table(), _hashes(tuple(stop_words)))


def ratio(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Divide n numbers by n; nothing of nothing is NaN, which no bound drops, and something of nothing is infinite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return part / whole


@cache
def _hashes(stop_words: tuple[str, ...]) -> Hashes:
    letters = [np.frombuffer(word.encode(), np.uint8) for word in dict.fromkeys(stop_words)]
    return np.array([_shape(word, 0, word.size, role_table())[2] for word in letters], np.uint64)


@njit(cache=True, nogil=True)
def _count(
    texts: tuple[Offsets, Bytes], words: tuple[Offsets, Places, Places], roles: Table, stop_words: Hashes
) -> Counts:
    offsets, data = texts
    places, starts, ends = words
    counts = np.zeros((offsets.size - 1, KINDS), np.int64)
    present = np.zeros(stop_words.size, np.bool_)
    for row in range(counts.shape[0]):
        present[:] = False
        real = characters = alphabetic = 0
        for word in range(places[row], places[row + 1]):
            length, kinds, digest = _shape(data, offsets[row] + starts[word], offsets[row] + ends[word], roles)
            real += kinds & SYMBOL != 0
            characters += length * (kinds & SYMBOL != 0)
            alphabetic += kinds & ALPHABETIC != 0
            for index in range(stop_words.size):
                present[index] |= stop_words[index] == digest
        counts[row] = places[row + 1] - places[row], real, characters, alphabetic, present.sum()
    return counts


@njit(cache=True, nogil=True)
def _shape(data: Bytes, at: int, end: int, roles: Table) -> tuple[int, int, np.uint64]:
    """One word: its characters, ALPHABETIC if one of them is and SYMBOL if one is none, and its FNV-1a hash."""
    length, kinds, digest = 0, 0, FNV_OFFSET
    while at < end:
        code, at = decode(data, at, end)
        kinds |= roles[entry(code)] ^ SYMBOL
        length += 1
        digest = (digest ^ np.uint64(code)) * FNV_PRIME
    return length, kinds, digest
