"""Figures: the same as scikit-learn's and scipy's, for as many resamples at once as there are."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    cohen_kappa_score,
    f1_score,
    mean_absolute_error,
    precision_score,
    recall_score,
    roc_auc_score,
)

from classifiers.evaluation import metrics
from classifiers.evaluation.metrics import Bootstrap, Mask, Numbers, Statistic

SEEDS = st.integers(0, 2**32 - 1)


def sample(seed: int, size: int = 40) -> tuple[Numbers, Mask, Numbers, metrics.Counts]:
    """Scores with ties, labels of two kinds, and how often each document stands in each of three samples."""
    random = np.random.default_rng(seed)
    levels = random.integers(0, 6, size).astype(np.float32)
    scores = np.round(levels / 5 + random.normal(0, 0.4, size), 1).clip(0, 1)
    counts = random.integers(0, 4, (3, size)).astype(np.float64)
    counts[:, :4] = 1
    scores[:4], levels[:4] = [0.2, 0.9, 0.4, 0.6], [1, 4, 2, 5]
    return scores, levels >= 3, levels, counts


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (metrics.auc, roc_auc_score),
        (metrics.average_precision, average_precision_score),
        (lambda scores, truth: metrics.mean((scores - truth) ** 2), brier_score_loss),
    ],
)
@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_figures_of_scores_are_those_of_scikit_learn(
    seed: int, ours: Callable[[Numbers, Mask], Statistic], theirs: Callable[..., float]
) -> None:
    scores, truth, _, counts = sample(seed)
    expected = [theirs(truth, scores, sample_weight=each) for each in counts]
    np.testing.assert_allclose(ours(scores, truth)(counts), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(metrics.precision, precision_score), (metrics.recall, recall_score), (metrics.f1, f1_score)],
)
@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_figures_of_decisions_are_those_of_scikit_learn(
    seed: int, ours: Callable[[Mask, Mask], Statistic], theirs: Callable[..., float]
) -> None:
    scores, truth, _, counts = sample(seed)
    decided = scores >= 0.5
    expected = [theirs(truth, decided, sample_weight=each) for each in counts]
    np.testing.assert_allclose(ours(decided, truth)(counts), expected, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_figures_of_levels_are_those_of_scipy_on_the_documents_of_each_resample(seed: int) -> None:
    scores, _, levels, counts = sample(seed)
    nearest, whole = np.floor(scores * 5 + 0.5).astype(np.int64), levels.astype(np.int64)
    rows = [np.repeat(np.arange(len(scores)), each.astype(int)) for each in counts]
    kappa = [cohen_kappa_score(whole[row], nearest[row], labels=range(6), weights="quadratic") for row in rows]
    np.testing.assert_allclose(metrics.quadratic_kappa(whole, nearest, 5)(counts), kappa, atol=1e-12)
    ranked = [spearmanr(scores[row], levels[row]).statistic for row in rows]
    np.testing.assert_allclose(metrics.spearman(scores, levels)(counts), ranked, atol=1e-12)
    linear = [pearsonr(scores[row], levels[row]).statistic for row in rows]
    np.testing.assert_allclose(metrics.pearson(scores, levels)(counts), linear, atol=1e-6)
    error = [mean_absolute_error(levels[row], scores[row]) for row in rows]
    np.testing.assert_allclose(metrics.mean(np.abs(levels - scores))(counts), error, atol=1e-6)


def test_calibration_error_is_the_mean_gap_of_the_bins() -> None:
    probabilities, truth = np.array([0.15, 0.15, 0.85, 1.0]), np.array([False, True, True, True])
    # Gaps: 0.35 for the two at 0.15, 0.15 at 0.85, 0 at 1.
    assert metrics.point(metrics.calibration_error(probabilities, truth), 4) == pytest.approx((0.7 + 0.15) / 4)


@pytest.mark.parametrize(
    "statistic",
    [
        metrics.auc(np.array([0.1, 0.2]), np.array([True, True])),
        metrics.average_precision(np.array([0.1, 0.2]), np.array([False, False])),
        metrics.precision(np.array([False, False]), np.array([True, False])),
        metrics.spearman(np.array([0.3, 0.3]), np.array([1.0, 2.0])),
        metrics.pearson(np.full(2, 0.1), np.array([1.0, 2.0])),
        metrics.quadratic_kappa(np.array([2, 2]), np.array([2, 2]), 5),
    ],
)
def test_what_is_undefined_is_not_a_number_and_no_warning(statistic: Statistic) -> None:
    assert np.isnan(metrics.point(statistic, 2))
    assert np.isnan(Bootstrap.of(np.arange(2), 0).interval(statistic)).all()


def test_an_interval_holds_the_figure_and_narrows_with_more_documents() -> None:
    widths = []
    for size in (100, 1600):
        values = np.tile([0.0, 1.0], size // 2)
        low, high = Bootstrap.of(np.arange(size), 0).interval(metrics.mean(values))
        assert low < 0.5 < high
        widths.append(high - low)
    # The standard error of a mean is 0.5 / sqrt(n); 95 % of a normal distribution lie within 1.96 of them.
    np.testing.assert_allclose(widths, [2 * 1.96 * 0.5 / 10, 2 * 1.96 * 0.5 / 40], rtol=0.12)


def test_copies_of_documents_in_a_cluster_do_not_narrow_an_interval() -> None:
    values = np.tile([0.0, 1.0], 50)
    alone = Bootstrap.of(np.arange(100), 0).interval(metrics.mean(values))
    copied = Bootstrap.of(np.repeat(np.arange(100), 16), 0).interval(metrics.mean(np.repeat(values, 16)))
    assert copied == pytest.approx(alone)


def test_the_seed_decides_an_interval_and_chunks_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    statistic = metrics.mean(np.arange(50.0))
    first = Bootstrap.of(np.arange(50), 3).interval(statistic)
    assert Bootstrap.of(np.arange(50), 4).interval(statistic) != first
    monkeypatch.setattr(metrics, "TOGETHER", 1)
    assert Bootstrap.of(np.arange(50), 3).interval(statistic) == pytest.approx(first)


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_the_best_cut_has_the_highest_f1_of_all(seed: int) -> None:
    scores, truth, _, _ = sample(seed)
    cut = metrics.best_cut(scores, truth)
    candidates = [f1_score(truth, scores >= other) for other in np.unique(scores)]
    assert f1_score(truth, scores >= cut) == pytest.approx(max(candidates))


def test_a_cut_without_positives_is_even() -> None:
    assert metrics.best_cut(np.array([0.1, 0.9]), np.array([False, False])) == 0.5


def test_the_top_tenth_is_chosen_by_score() -> None:
    assert np.flatnonzero(metrics.top(np.arange(30.0))).tolist() == [27, 28, 29]
    assert np.count_nonzero(metrics.top(np.zeros(3))) == 1
