"""How the values of a signature are laid out in bands, which decides what similarity makes two documents candidates."""

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

THRESHOLD = 0.7
PERMUTATIONS = 112
NODES = 256


class Bands(NamedTuple):
    """Bands of ``rows`` values each; documents are candidates if all values of one band agree."""

    bands: int
    rows: int

    @property
    def permutations(self) -> int:
        """Values in a signature."""
        return self.bands * self.rows

    def probability(self, similarity: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Chance that documents of this Jaccard index s are candidates: 1 - (1 - s^rows)^bands (Leskovec et al.,
        Mining of Massive Datasets, 3.4.2)."""
        chance: npt.NDArray[np.float64] = 1 - (1 - np.asarray(similarity, np.float64) ** self.rows) ** self.bands
        return chance


FINEWEB = Bands(14, 8)
"""FineWeb's layout (Penedo et al. 2024) of 112 values, for a threshold of about 0.7."""


def layout(threshold: float, permutations: int, bands: int | None = None, rows: int | None = None) -> Bands:
    """Lay out a signature of up to ``permutations`` values for a threshold.

    What is given explicitly wins, whatever the threshold; FINEWEB stands for the default threshold and number of
    values; else the optimum. Raises ValueError if only one of ``bands`` and ``rows`` is given.
    """
    if bands and rows:
        return Bands(bands, rows)
    if bands or rows:
        raise ValueError("bands and rows go together: give both, or neither and a threshold")
    if (threshold, permutations) == (THRESHOLD, PERMUTATIONS):
        return FINEWEB
    return optimum(threshold, permutations)


@cache
def optimum(threshold: float, permutations: int) -> Bands:
    """Bands for which missed and false candidates are fewest: the layout that ``datasketch.MinHashLSH`` chooses.

    It minimises the area under ``probability`` below the threshold plus the area above it from the threshold on, and
    may leave values over. The areas are those of polynomials; Gauss-Legendre quadrature of NODES nodes is exact up to
    degree 2 NODES - 1, and nearly so above.
    """
    nodes, weights = np.polynomial.legendre.leggauss(min(permutations // 2 + 1, NODES))
    below, above = threshold * (nodes + 1) / 2, threshold + (1 - threshold) * (nodes + 1) / 2
    best, least = Bands(1, 1), np.inf
    for bands in range(1, permutations + 1):
        rows = np.arange(1, permutations // bands + 1)[:, np.newaxis]
        found = 1 - (1 - below**rows) ** bands
        missed = (1 - above**rows) ** bands
        errors = (threshold * found @ weights + (1 - threshold) * missed @ weights) / 2
        if errors.min() < least:
            best, least = Bands(bands, int(errors.argmin()) + 1), errors.min()
    return best
