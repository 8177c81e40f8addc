"""MinHash signatures of texts (Broder 1997), and the keys of their bands."""

from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.shingles import LONGEST, Forms, Hashes, Starts, forms, hash_ngrams, mix, normalize

Signatures = npt.NDArray[np.uint32]
Valid = npt.NDArray[np.bool_]
Family = npt.NDArray[np.uint32]

ABREAST = 4
"""Hashes that go through the permutations together, so that each pass over a signature serves all of them."""

BLOCK = 1024
"""Hashes held at a time, so that a text of any length needs no more."""


def signatures(texts: pa.Array, ngram: int, permutations: int) -> tuple[Signatures, Valid]:
    """Sign n texts over the hashes of their ``ngram``-character shingles (``shingles``): uint32 (n, permutations).

    Value p is the least of a[p] * h + b[p] modulo 2^32 over the upper halves h of the hashes. The second array of n
    tells which texts have a signature: those with at least one letter or digit; the others' values are all ones.
    """
    offsets, data = buffers(texts)
    return _sign(offsets, data, forms(), ngram, family(permutations))


def sign_hashes(starts: Starts, hashes: Hashes, permutations: int) -> tuple[Signatures, Valid]:
    """Sign n texts over the hashes of their shingles, as ``shingles`` returns them; the result is as above."""
    return _sign_hashes(starts, hashes, family(permutations))


@cache
def family(permutations: int) -> Family:
    """Constants of the permutations, shape (2, permutations): odd factors and shifts, from a splitmix64 sequence."""
    steps = np.arange(1, 2 * permutations + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    values = np.array([mix(step) >> np.uint64(32) for step in steps], np.uint32).reshape(2, permutations)
    values[0] |= 1
    return values


@njit(cache=True, nogil=True)
def band_keys(signed: Signatures, bands: int, rows: int, seeds: Hashes) -> Hashes:
    """Hash the first ``bands`` times ``rows`` values of n signatures band by band: uint64 (n, bands).

    Keys are equal only for equal values of the same band and the same of the n ``seeds``, but for chance.
    """
    keys = np.empty((signed.shape[0], bands), np.uint64)
    for document in range(signed.shape[0]):
        for band in range(bands):
            key = mix(seeds[document] ^ mix(np.uint64(band + 1)))
            for place in range(band * rows, (band + 1) * rows):
                key = mix(key ^ np.uint64(signed[document, place])) + np.uint64(1)
            keys[document, band] = key
    return keys


@njit(cache=True, nogil=True)
def _sign(offsets: Offsets, data: Bytes, tables: Forms, ngram: int, constants: Family) -> tuple[Signatures, Valid]:
    signed = np.full((offsets.size - 1, constants.shape[1]), 0xFFFFFFFF, np.uint32)
    valid = np.zeros(offsets.size - 1, np.bool_)
    points = np.empty(LONGEST, np.uint32)
    hashes = np.empty(BLOCK + ABREAST, np.uint64)
    for row in range(valid.size):
        points, size = normalize(data, offsets[row], offsets[row + 1], tables, points)
        valid[row] = size > 0
        for start in range(0, min(size, max(size - ngram + 1, 1)), BLOCK):
            window = points[start : min(size, start + BLOCK + ngram - 1)]
            count = hash_ngrams(window, window.size, ngram, hashes)
            lower(signed[row], hashes, count, constants)
        if 0 < size <= ngram:
            _spread(signed[row], hashes[0])
    return signed, valid


@njit(cache=True, nogil=True)
def _sign_hashes(starts: Starts, hashes: Hashes, constants: Family) -> tuple[Signatures, Valid]:
    signed = np.full((starts.size - 1, constants.shape[1]), 0xFFFFFFFF, np.uint32)
    block = np.empty(BLOCK + ABREAST, np.uint64)
    for row in range(starts.size - 1):
        for start in range(starts[row], starts[row + 1], BLOCK):
            count = min(starts[row + 1] - start, BLOCK)
            block[:count] = hashes[start : start + count]
            lower(signed[row], block, count, constants)
        if starts[row + 1] - starts[row] == 1:
            _spread(signed[row], hashes[starts[row]])
    return signed, np.diff(starts) > 0


@njit(cache=True, nogil=True)
def _spread(signature: Signatures, value: np.uint64) -> None:
    """Sign a text of one shingle by all 64 bits of its hash: of 32, many short texts would share some by chance."""
    for place in range(signature.size):
        signature[place] = np.uint32(mix(value + np.uint64(place)) >> np.uint64(32))


@njit(cache=True, nogil=True)
def lower(signature: Signatures, hashes: Hashes, count: int, constants: Family) -> None:
    """Lower the values of a signature by the upper halves of ``count`` hashes, behind which ABREAST may be written."""
    factors, shifts = constants[0], constants[1]
    hashes[count : count + ABREAST] = hashes[count - 1]
    for start in range(0, count, ABREAST):
        first = np.uint32(hashes[start] >> np.uint64(32))
        second = np.uint32(hashes[start + 1] >> np.uint64(32))
        third = np.uint32(hashes[start + 2] >> np.uint64(32))
        fourth = np.uint32(hashes[start + 3] >> np.uint64(32))
        for place in range(signature.size):
            factor, shift = factors[place], shifts[place]
            signature[place] = min(
                signature[place],
                np.uint32(factor * first + shift),
                np.uint32(factor * second + shift),
                np.uint32(factor * third + shift),
                np.uint32(factor * fourth + shift),
            )
