"""Signatures that ``datasketch.MinHash`` accepts, value for value: its hash functions over the shingles of texts.

They are those of datasketch 2 (scheme affine32, seed 1): SHA-1 of a shingle's UTF-8, mixed, permuted modulo 2^32.
"""

from functools import cache

import numpy as np
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.minhash import ABREAST, BLOCK, Family, Signatures, Valid, lower
from pipeline.text.sha1 import BLOCK_WORDS, LANES, Words, first_words, pad, padded_blocks, put
from pipeline.text.shingles import LONGEST, Forms, Hashes, Points, Starts, forms, normalize
from pipeline.text.word_shingles import SPACED, Texts, WordPlaces, spell
from pipeline.text.words import word_arrays

SEED = 1
LONGEST_CHARACTER = 4
TWO_BYTES, THREE_BYTES, FOUR_BYTES = 0x80, 0x800, 0x10000
LEAD_MARKS = np.array([0, 0xC0, 0xE0, 0xF0], np.uint32)


def signatures(texts: pa.Array, ngram: int, permutations: int) -> tuple[Signatures, Valid]:
    """Sign n texts as ``MinHash(permutations)`` does when updated with the n-grams of their normal forms in UTF-8.

    uint32 (n, permutations), and which have a signature (see ``minhash.signatures``). A normal form shorter than
    ``ngram`` characters is its own only shingle.
    """
    offsets, data = buffers(texts)
    return _sign(offsets, data, forms(), ngram, family(permutations))


def word_signatures(texts: pa.Array, words: pa.ListArray, ngram: int, permutations: int) -> tuple[Signatures, Valid]:
    """Sign n texts as ``MinHash(permutations)`` does when updated with their word n-grams, joined by spaces, in UTF-8.

    Words are put into normal form (see ``word_shingles``); the result is as above.
    """
    places, starts, ends, _ = word_arrays(words)
    return _sign_words(buffers(texts), (places, starts, ends), forms(), ngram, family(permutations))


@cache
def family(permutations: int) -> Family:
    """Constants of ``datasketch.MinHash(permutations)``: odd factors and shifts, shape (2, permutations)."""
    random = np.random.RandomState(SEED)
    factors = random.randint(0, 1 << 31, permutations, np.uint32) * np.uint32(2) + np.uint32(1)
    return np.array([factors, random.randint(0, 1 << 32, permutations, np.uint32)])


@njit(cache=True, nogil=True)
def _sign(offsets: Offsets, data: Bytes, tables: Forms, ngram: int, constants: Family) -> tuple[Signatures, Valid]:
    signed = np.full((offsets.size - 1, constants.shape[1]), 0xFFFFFFFF, np.uint32)
    valid = np.zeros(offsets.size - 1, np.bool_)
    points, begins = np.empty(LONGEST, np.uint32), np.arange(1)
    for row in range(valid.size):
        points, size = normalize(data, offsets[row], offsets[row + 1], tables, points)
        if size >= begins.size:
            begins = np.arange(max(2 * begins.size, size + 1))
        valid[row] = size > 0
        _sign_units(signed[row], points, begins[: size + 1], 0, ngram, constants)
    return signed, valid


@njit(cache=True, nogil=True)
def _sign_words(
    texts: Texts, words: WordPlaces, tables: Forms, ngram: int, constants: Family
) -> tuple[Signatures, Valid]:
    signed = np.full((texts[0].size - 1, constants.shape[1]), 0xFFFFFFFF, np.uint32)
    valid = np.zeros(texts[0].size - 1, np.bool_)
    points, begins = np.empty(LONGEST, np.uint32), np.empty(1, np.int64)
    for row in range(valid.size):
        points, begins, count = spell(texts, words, row, tables, points, begins)
        valid[row] = count > 0
        _sign_units(signed[row], points, begins[: count + 1], SPACED, ngram, constants)
    return signed, valid


@njit(cache=True, nogil=True)
def _sign_units(
    signature: Signatures, points: Points, begins: Starts, between: int, ngram: int, constants: Family
) -> None:
    """Sign one text, of whose units ``begins`` tells where they begin in ``points``, and where one more would."""
    hashes = np.empty(BLOCK + ABREAST, np.uint64)
    width = min(ngram, begins.size - 1)
    ngrams = begins.size - width if width else 0
    for start in range(0, ngrams, BLOCK):
        count = min(BLOCK, ngrams - start)
        for first in range(0, count, LANES):
            last = min(first + LANES, count)
            stops = begins[start + first + width : start + last + width] - between
            _hash(points, begins[start + first : start + last], stops, hashes[first:last])
        lower(signature, hashes, count, constants)


@njit(cache=True, nogil=True)
def _hash(points: Points, starts: Starts, stops: Starts, hashes: Hashes) -> None:
    """Hash up to LANES stretches of the points; what datasketch permutes is in the upper halves."""
    longest = padded_blocks(LONGEST_CHARACTER * np.max(stops - starts))
    message = np.zeros((BLOCK_WORDS * longest, LANES), np.uint32)
    sizes = np.zeros(LANES, np.int64)
    for lane in range(starts.size):
        sizes[lane] = _encode(points[starts[lane] : stops[lane]], message, lane)
        pad(message, lane, sizes[lane])
    words = first_words(message, sizes)
    for lane in range(starts.size):
        hashes[lane] = np.uint64(_mixed(_swapped(words[lane]))) << np.uint64(32)


@njit(cache=True, nogil=True)
def _encode(points: Points, message: Words, lane: int) -> int:
    """Write points as UTF-8 and return the number of bytes."""
    size = 0
    for code in points:
        trailing = (code >= TWO_BYTES) + (code >= THREE_BYTES) + (code >= FOUR_BYTES)
        put(message, lane, size, LEAD_MARKS[trailing] | code >> np.uint32(6 * trailing))
        for place in range(1, trailing + 1):
            put(message, lane, size + place, 0x80 | code >> np.uint32(6 * (trailing - place)) & 0x3F)
        size += trailing + 1
    return size


@njit(cache=True, nogil=True, inline="always")
def _swapped(word: np.uint32) -> np.uint32:
    """Reverse the bytes; datasketch reads the digest's first four as little-endian."""
    halves = np.uint32(word << np.uint32(16) | word >> np.uint32(16))
    return np.uint32((halves & 0x00FF00FF) << np.uint32(8) | (halves >> np.uint32(8)) & 0x00FF00FF)


@njit(cache=True, nogil=True, inline="always")
def _mixed(value: np.uint32) -> np.uint32:
    """Finaliser of MurmurHash3 (Appleby 2011)."""
    value = np.uint32((value ^ (value >> np.uint32(16))) * np.uint32(0x85EBCA6B))
    value = np.uint32((value ^ (value >> np.uint32(13))) * np.uint32(0xC2B2AE35))
    return np.uint32(value ^ (value >> np.uint32(16)))
