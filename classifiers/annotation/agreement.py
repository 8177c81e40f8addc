"""How far two judgements of the same documents agree, head by head: the ceiling of any classifier trained on them."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score

from classifiers.annotation.rubric import Rubric
from pipeline.stage import Options


class Agreement(Options):
    """Agreement of two judgements on one head."""

    documents: int
    """Documents judged twice."""
    exact: float
    """Share with the same level."""
    within_one: float
    """Share at most one level apart."""
    quadratic_kappa: float | None
    """Cohen's kappa with quadratic weights (scikit-learn); null where both give one and the same level to all."""
    spearman: float | None
    """Spearman's rank correlation (scipy); null where one of them gives one level to all."""


def agreement(
    rubric: Rubric, first: Mapping[str, Mapping[str, Any]], second: Mapping[str, Mapping[str, Any]]
) -> dict[str, Agreement]:
    """Compare annotations, by key, of the documents that both have; {} if there are none.

    Heads are ``score`` and each item, or each category and ``overall``.
    """
    levels = [(rubric.levels(first[key]), rubric.levels(second[key])) for key in sorted(first.keys() & second.keys())]
    heads = levels[0][0] if levels else {}
    return {head: levels_agreement([a[head] for a, _ in levels], [b[head] for _, b in levels]) for head in heads}


def levels_agreement(first: Sequence[int], second: Sequence[int]) -> Agreement:
    """Compare two lists of n > 0 levels."""
    one, two = np.asarray(first), np.asarray(second)
    apart = np.abs(one - two)
    return Agreement(
        documents=len(one),
        exact=round(float(np.mean(apart == 0)), 4),
        within_one=round(float(np.mean(apart <= 1)), 4),
        quadratic_kappa=None if len(np.union1d(one, two)) == 1 else _kappa(one, two),
        spearman=None if min(len(np.unique(one)), len(np.unique(two))) == 1 else _finite(spearmanr(one, two).statistic),
    )


def _kappa(one: Any, two: Any) -> float:
    levels = np.arange(min(one.min(), two.min()), max(one.max(), two.max()) + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=UserWarning)  # levels between that nobody gave
        return _finite(cohen_kappa_score(one, two, labels=levels, weights="quadratic"))


def _finite(value: float) -> float:
    return round(float(value), 4)
