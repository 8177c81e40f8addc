"""Sketches of MinHash signatures: the lowest byte of every value, enough to estimate a Jaccard index by."""

import numpy as np
import numpy.typing as npt
from numba import njit

from pipeline.text.minhash import Signatures

Sketches = npt.NDArray[np.uint8]

CHANCE = 1 / 256
"""Share of bytes that two sketches with nothing in common have in common (b-bit MinHash, Li and König 2010)."""


def sketches(signed: Signatures) -> Sketches:
    """Return the lowest byte of each value: n signatures of p values become uint8 (n, p)."""
    return signed.astype(np.uint8)


def similarity(left: Sketches, right: Sketches) -> npt.NDArray[np.float64]:
    """Estimate the Jaccard index of m pairs, uint8 (m, p) each: the share of equal bytes, less those equal by chance.

    0 where fewer are equal than chance would have it.
    """
    return np.maximum(0, (_equal(left, right) / max(1, left.shape[1]) - CHANCE) / (1 - CHANCE))


@njit(cache=True, nogil=True)
def _equal(left: Sketches, right: Sketches) -> npt.NDArray[np.int64]:
    counts = np.zeros(left.shape[0], np.int64)
    for pair in range(counts.size):
        count = 0
        for place in range(left.shape[1]):
            count += left[pair, place] == right[pair, place]
        counts[pair] = count
    return counts


@njit(cache=True, nogil=True)
def shared_bands(left: Sketches, right: Sketches, bands: int, rows: int) -> npt.NDArray[np.int32]:
    """Count the bands, the first ``bands`` times ``rows`` bytes, in which the sketches of m pairs are equal."""
    counts = np.zeros(left.shape[0], np.int32)
    for pair in range(counts.size):
        for start in range(0, bands * rows, rows):
            equal = True
            for place in range(start, start + rows):
                equal &= left[pair, place] == right[pair, place]
            counts[pair] += equal
    return counts
