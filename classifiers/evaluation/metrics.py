"""Figures of predictions as functions of how often each document counts, so that resamples are measured together.

scikit-learn and scipy have the same figures for one sample; a thousand resamples of sixty figures take them minutes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = Floats
"""(b, n): how often each of n documents stands in each of b samples."""
Statistic = Callable[[Counts], Floats]
"""One figure for each of b samples; NaN where a sample leaves it undefined."""
Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.floating[Any]]

BINS = 10
TOP = 0.1
RESAMPLES = 1000
TOGETHER = 1 << 18
"""Values of (b, n) that are worked on at once: what caches hold."""
LEVEL = 0.95
EQUAL = 1e-20
"""Spread of values, relative to their squares, that is rounding."""


def point(statistic: Statistic, documents: int) -> float:
    """Figure of the documents as they are."""
    return float(statistic(np.ones((1, documents)))[0])


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Samples of n documents that draw whole clusters with replacement (Efron and Tibshirani 1993, An Introduction to
    the Bootstrap, chapter 13)."""

    drawn: npt.NDArray[np.uint16]
    """(RESAMPLES, clusters): how often each cluster stands in each sample."""
    cluster: npt.NDArray[np.int64]
    """Place of the cluster of each of n documents."""

    @classmethod
    def of(cls, clusters: npt.NDArray[np.int64], seed: int) -> "Bootstrap":
        """Draw samples of n documents; ``clusters``: the cluster of each, by any number."""
        names, cluster = np.unique(clusters, return_inverse=True)
        chances = np.full(names.size, 1 / names.size)
        return cls(np.random.default_rng(seed).multinomial(names.size, chances, RESAMPLES).astype(np.uint16), cluster)

    def take(self, rows: npt.NDArray[np.int64]) -> "Bootstrap":
        """The same samples, of these documents alone."""
        return Bootstrap(self.drawn, self.cluster[rows])

    def interval(self, statistic: Statistic) -> tuple[float, float]:
        """Bounds of the middle 95 % of a figure over the samples that define it; NaN if none does."""
        step = max(1, TOGETHER // max(1, self.cluster.size))
        parts = range(0, RESAMPLES, step)
        figures = np.concatenate(
            [statistic(self.drawn[start : start + step, self.cluster].astype(np.float64)) for start in parts]
        )
        figures = figures[~np.isnan(figures)]
        if not figures.size:
            return float("nan"), float("nan")
        low, high = np.quantile(figures, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return float(low), float(high)


def mean(values: Numbers) -> Statistic:
    """Mean of n values: the mean absolute error of errors, the Brier score of squared ones."""
    exact = values.astype(np.float64)
    return lambda counts: _ratio(counts @ exact, counts.sum(axis=1))


def precision(decided: Mask, truth: Mask) -> Statistic:
    """Share of the decided documents that are positive."""
    return lambda counts: _ratio(counts @ (decided & truth), counts @ decided)


def recall(decided: Mask, truth: Mask) -> Statistic:
    """Share of the positive documents that are decided."""
    return lambda counts: _ratio(counts @ (decided & truth), counts @ truth)


def f1(decided: Mask, truth: Mask) -> Statistic:
    """Harmonic mean of precision and recall."""
    return lambda counts: _ratio(2 * (counts @ (decided & truth)), counts @ decided + counts @ truth)


def auc(scores: Numbers, truth: Mask) -> Statistic:
    """Chance that a positive document scores above a negative one; ties count half."""
    per_value = _per_value(scores)

    def statistic(counts: Counts) -> Floats:
        positive, negative = per_value(counts * truth), per_value(counts * ~truth)
        below = np.cumsum(negative, axis=1) - negative / 2
        return _ratio((positive * below).sum(axis=1), positive.sum(axis=1) * negative.sum(axis=1))

    return statistic


def average_precision(scores: Numbers, truth: Mask) -> Statistic:
    """Precision at each score, averaged over the positive documents that it adds."""
    per_value = _per_value(-scores)

    def statistic(counts: Counts) -> Floats:
        positive, all_ = per_value(counts * truth), per_value(counts)
        precisions = np.nan_to_num(_ratio(np.cumsum(positive, axis=1), np.cumsum(all_, axis=1)))
        return _ratio((precisions * positive).sum(axis=1), positive.sum(axis=1))

    return statistic


def pearson(left: Numbers, right: Numbers) -> Statistic:
    """Linear correlation."""
    exact = left.astype(np.float64)[None], right.astype(np.float64)[None]
    return lambda counts: _correlation(counts, *exact)


def spearman(left: Numbers, right: Numbers) -> Statistic:
    """Correlation of the ranks that the documents have within each sample, ties at their mean."""
    left_ranks, right_ranks = _ranks(left), _ranks(right)
    return lambda counts: _correlation(counts, left_ranks(counts), right_ranks(counts))


def quadratic_kappa(left: npt.NDArray[np.int64], right: npt.NDArray[np.int64], levels: int) -> Statistic:
    """Agreement beyond chance of levels from 0 to ``levels``, disagreement weighed by its square (Cohen 1968)."""
    size = levels + 1
    cells = np.zeros((len(left), size * size))
    cells[np.arange(len(left)), left * size + right] = 1
    penalty = (np.arange(size)[:, None] - np.arange(size)) ** 2

    def statistic(counts: Counts) -> Floats:
        table = (counts @ cells).reshape(-1, size, size)
        rows, columns = table.sum(axis=2), table.sum(axis=1)
        expected = rows[:, :, None] * columns[:, None, :] / table.sum(axis=(1, 2))[:, None, None]
        return 1 - _ratio((table * penalty).sum(axis=(1, 2)), (expected * penalty).sum(axis=(1, 2)))

    return statistic


def calibration_error(probabilities: Numbers, truth: Mask) -> Statistic:
    """Mean distance of probability and share of positives over BINS bins of equal width (Naeini et al. 2015, ECE)."""
    bins = bins_of(probabilities)
    gaps = np.zeros((len(bins), BINS))
    gaps[np.arange(len(bins)), bins] = probabilities - truth.astype(np.float64)
    return lambda counts: _ratio(np.abs(counts @ gaps).sum(axis=1), counts.sum(axis=1))


def bins_of(probabilities: Numbers) -> npt.NDArray[np.int64]:
    """Number of the bin of each probability; 1 falls into the last one."""
    return np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)


def top(scores: Numbers) -> Mask:
    """The tenth of the documents that scores highest, at least one; of equal scores the first ones."""
    chosen = np.zeros(len(scores), np.bool_)
    chosen[np.argsort(-scores, kind="stable")[: max(1, round(TOP * len(scores)))]] = True
    return chosen


def best_cut(scores: Numbers, truth: Mask) -> float:
    """The cut at or above which deciding gives the highest F1, half-way to the next lower score; the highest of equals.

    0.5 if there is no positive document.
    """
    if not truth.any():
        return 0.5
    values, group = np.unique(scores.astype(np.float64), return_inverse=True)
    decided = np.cumsum(np.bincount(group)[::-1])[::-1]
    hits = np.cumsum(np.bincount(group, truth)[::-1])[::-1]
    figures = 2 * hits / (decided + np.count_nonzero(truth))
    best = int(np.flatnonzero(figures == figures.max())[-1])
    return float(values[best] if best == 0 else (values[best - 1] + values[best]) / 2)


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole != 0)


def _per_value(scores: Numbers) -> Callable[[Counts], Floats]:
    """Adds up counts of documents with equal scores: (b, n) to (b, values), from the lowest score to the highest."""
    values, group = np.unique(scores, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(len(values)))
    return lambda counts: np.add.reduceat(counts[:, order], starts, axis=1)


def _ranks(values: Numbers) -> Callable[[Counts], Floats]:
    per_value = _per_value(values)
    _, group = np.unique(values, return_inverse=True)

    def ranks(counts: Counts) -> Floats:
        totals = per_value(counts)
        return (np.cumsum(totals, axis=1) - totals / 2)[:, group]

    return ranks


def _correlation(counts: Counts, left: Floats, right: Floats) -> Floats:
    left, left_spread = _centred(counts, left)
    right, right_spread = _centred(counts, right)
    return _ratio((counts * left * right).sum(axis=1), np.sqrt(left_spread * right_spread))


def _centred(counts: Counts, values: Floats) -> tuple[Floats, Floats]:
    """Values less their mean, and the sum of their squares, 0 where only rounding makes them differ."""
    centred = values - (counts * values).sum(axis=1, keepdims=True) / counts.sum(axis=1, keepdims=True)
    spread = (counts * centred**2).sum(axis=1)
    return centred, np.where(spread > EQUAL * (counts * values**2).sum(axis=1), spread, 0)
