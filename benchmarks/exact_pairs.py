"""The exact Jaccard index of every pair of documents that share a shingle: the truth behind near-duplicates."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.shingles import shingles

Numbers = npt.NDArray[np.int64]
Indices = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Pairs:
    """Pairs of document numbers in ascending order, ``left`` below ``right``, and their Jaccard index."""

    left: Numbers
    right: Numbers
    index: Indices

    @property
    def size(self) -> int:
        """How many pairs there are."""
        return self.left.size

    def where(self, chosen: Mask) -> "Pairs":
        """Some of the pairs."""
        return Pairs(self.left[chosen], self.right[chosen], self.index[chosen])


def exact_pairs(texts: pa.Array, ngram: int, least: float) -> Pairs:
    """Return all pairs of n texts whose sets of ``ngram``-character shingles have a Jaccard index of ``least`` or more.

    ``least`` is above 0. Every document meets all later ones that share a shingle with it, so the work is quadratic in
    the number of documents that hold a shingle.
    """
    starts, hashes = shingles(texts, ngram)
    sizes = np.diff(starts)
    _, groups, holders_of = np.unique(hashes, return_inverse=True, return_counts=True)
    holders = np.repeat(np.arange(sizes.size), sizes)[np.argsort(groups, kind="stable")]
    ends = np.cumsum(holders_of)
    found = [(sizes[:0], sizes[:0], np.empty(0))]
    for left in range(sizes.size):
        common = _common(left, groups[starts[left] : starts[left + 1]], ends, holders, sizes.size)
        index = common / np.maximum(sizes + sizes[left] - common, 1)
        right = np.flatnonzero(index >= least)
        found.append((np.full(right.size, left), right, index[right]))
    return Pairs(*map(np.concatenate, zip(*found, strict=True)))


@njit(cache=True, nogil=True)
def _common(left: int, groups: Numbers, ends: Numbers, holders: Numbers, documents: int) -> Numbers:
    """Count the shingles that each later document shares with ``left``, whose shingles are ``groups``.

    The documents that hold shingle g end at ``holders[ends[g]]``, in ascending order, ``left`` among them.
    """
    counts = np.zeros(documents, np.int64)
    for group in groups:
        place = ends[group] - 1
        while holders[place] > left:
            counts[holders[place]] += 1
            place -= 1
    return counts
