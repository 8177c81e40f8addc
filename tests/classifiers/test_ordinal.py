"""Calibration: the likelihood's optimum, order of levels and scores, and what the labels leave open."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from classifiers.errors import ClassifierError
from classifiers.ordinal import Calibration, calibrate

FLOATS = st.floats(-50, 50, width=32)


def drawn(slope: float, intercepts: list[float], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Raw scores, and levels drawn from a known calibration."""
    random = np.random.default_rng(7)
    raw = random.normal(2, 1.5, count)
    at_least = expit(slope * raw[:, None] + np.array(intercepts))
    return raw, (random.random(count)[:, None] < at_least).sum(axis=1)


def test_a_known_calibration_is_found_again() -> None:
    raw, levels = drawn(1.4, [1.0, -1.0, -2.5, -4.0, -7.0], 20_000)
    found = calibrate(raw, levels, np.ones(len(raw)), 5)
    assert found.slope == pytest.approx(1.4, abs=0.05)
    assert found.intercepts == pytest.approx([1.0, -1.0, -2.5, -4.0, -7.0], abs=0.15)


def test_one_level_is_logistic_regression_on_the_raw_score() -> None:
    raw, levels = drawn(0.8, [-2.0], 2_000)
    weights = np.random.default_rng(1).uniform(0.1, 4, len(raw))
    reference = LogisticRegression(C=1e9, tol=1e-9).fit(raw[:, None], levels, weights)
    found = calibrate(raw, levels, weights, 1)
    expected = reference.predict_proba(raw[:, None])[:, 1]
    np.testing.assert_allclose(found.probabilities(raw)[:, 0], expected, atol=1e-4)


def test_the_gradient_leads_to_probabilities_that_match_the_shares_of_the_labels() -> None:
    raw, levels = drawn(1.0, [2.0, 0.0, -2.0], 3_000)
    found = calibrate(raw, levels, np.ones(len(raw)), 3).probabilities(raw).mean(axis=0)
    np.testing.assert_allclose(found, [(levels >= level).mean() for level in (1, 2, 3)], atol=5e-3)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(FLOATS, st.integers(0, 5), st.floats(0.1, 10)), min_size=1, max_size=30), FLOATS, FLOATS)
def test_probabilities_fall_with_the_level_and_rise_with_the_score(
    labels: list[tuple[float, int, float]], one: float, other: float
) -> None:
    raw, levels, weights = (np.array(column, float) for column in zip(*labels, strict=True))
    found = calibrate(raw, levels, weights, 5)
    low, high = found.probabilities(np.sort(np.array([one, other])))
    assert np.all(np.diff(low) <= 0)
    assert np.all(low <= high)
    assert 0 <= found.expected(np.array([one]))[0] <= 5
    assert Calibration.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_a_mean_of_two_labels_counts_half_for_each() -> None:
    raw, levels = drawn(1.0, [1.0, -1.0, -3.0], 200)
    first, levels[:2] = raw[0], (2, 3)
    mean = calibrate(np.append(first, raw[2:]), np.append(2.5, levels[2:]), np.append(2.0, np.ones(198)), 3)
    both = calibrate(np.append([first, first], raw[2:]), levels, np.ones(200), 3)
    np.testing.assert_allclose(mean.probabilities(raw), both.probabilities(raw), atol=1e-5)


def test_a_document_without_a_label_takes_no_part() -> None:
    raw, levels = drawn(1.0, [0.0], 200)
    with_unknown = calibrate(np.append(raw, 99.0), np.append(levels, np.nan), np.ones(201), 1)
    assert with_unknown == calibrate(raw, levels, np.ones(200), 1)


def test_scores_that_separate_the_labels_give_finite_numbers() -> None:
    raw = np.arange(10.0)
    found = calibrate(raw, (raw > 4).astype(float), np.ones(10), 1)
    assert np.isfinite(found.slope)
    assert found.probabilities(np.array([4.0, 5.0]))[:, 0] == pytest.approx([0, 1], abs=0.01)


def test_no_label_at_all_is_refused() -> None:
    with pytest.raises(ClassifierError, match="no labels"):
        calibrate(np.zeros(2), np.full(2, np.nan), np.ones(2), 1)


def test_a_prior_moves_the_odds_of_every_score_by_the_same_factor() -> None:
    labelled = Calibration(2.0, (0.5,))
    web = labelled.moved(labelled=0.3, prior=0.01)
    raw = np.array([-1.0, 0.0, 3.0])
    odds = [p[:, 0] / (1 - p[:, 0]) for p in (labelled.probabilities(raw), web.probabilities(raw))]
    np.testing.assert_allclose(odds[1] / odds[0], (0.01 / 0.99) / (0.3 / 0.7), rtol=1e-5)


@pytest.mark.parametrize(
    "data",
    [
        None,
        {"slope": 1.0},
        {"slope": -1.0, "intercepts": [0.0]},
        {"slope": 1.0, "intercepts": []},
        {"slope": 1.0, "intercepts": [0.0, 1.0]},
        {"slope": float("nan"), "intercepts": [0.0]},
        {"slope": 1.0, "intercepts": ["x"]},
    ],
)
def test_numbers_that_are_no_calibration_are_refused(data: object) -> None:
    with pytest.raises(ClassifierError, match="not a calibration"):
        Calibration.from_json(data)
