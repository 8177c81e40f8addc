"""Calibration: from a raw score to the probability of each level, by proportional odds; one level is Platt scaling."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from classifiers.errors import ClassifierError

Numbers = npt.NDArray[np.floating[Any]]

STEEPEST, WIDEST = 6.0, 5.0
"""Natural logarithms of the largest slope and of the largest gap between levels, on standardised scores: bounds for
data that a score separates without error."""
NARROWEST, FARTHEST = -7.0, 30.0
TINY = 1e-12
SMALLEST = 1e-6
"""Spread of scores that are all the same, and share of documents in a level that has none."""
DECIMALS = 6
EXACT = {"ftol": 1e-13, "gtol": 1e-9, "maxiter": 1000}


@dataclass(frozen=True, slots=True)
class Calibration:
    """Proportional odds (McCullagh 1980): P(level >= t | raw) = 1 / (1 + exp(-(slope * raw + intercepts[t - 1]))).

    ``slope`` is positive and ``intercepts`` do not rise, so that probabilities rise with the raw score and fall with
    the level. With one level this is Platt's sigmoid (Platt 1999).
    """

    slope: float
    intercepts: tuple[float, ...]

    def probabilities(self, raw: Numbers) -> npt.NDArray[np.float64]:
        """P(level >= t) of n raw scores: (n, levels), t = 1 first."""
        return _sigmoid(self.slope * np.asarray(raw, np.float64)[:, None] + np.array(self.intercepts))

    def expected(self, raw: Numbers) -> npt.NDArray[np.float64]:
        """Expected level of n raw scores, between 0 and the highest: the sum of the probabilities of the levels."""
        return self.probabilities(raw).sum(axis=1)

    def moved(self, labelled: float, prior: float) -> Self:
        """Make the odds those of text of which ``prior`` is positive, where ``labelled`` of the labels were.

        Saerens, Latinne and Decaestecker (2002), for likelihoods that are the same in both.
        """
        shift = float(_log_odds(prior) - _log_odds(labelled))
        return type(self)(self.slope, tuple(round(number + shift, DECIMALS) for number in self.intercepts))

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as plain data."""
        return {"slope": self.slope, "intercepts": list(self.intercepts)}

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read what ``to_json`` gave; ClassifierError for numbers that are no calibration."""
        try:
            slope, intercepts = float(data["slope"]), tuple(float(number) for number in data["intercepts"])
        except (KeyError, TypeError, ValueError) as error:
            raise ClassifierError(f"not a calibration: {error!r}") from None
        ordered = bool(np.all(np.diff(intercepts) <= 0)) and bool(np.all(np.isfinite((slope, *intercepts))))
        if not (intercepts and ordered and slope > 0):
            raise ClassifierError("not a calibration: the slope must be positive and the intercepts must not rise")
        return cls(slope, intercepts)


def calibrate(raw: Numbers, levels: Numbers, weights: Numbers, highest: int) -> Calibration:
    """Fit a calibration to n raw scores that were made without their documents' labels, and these labels.

    ``levels`` are 0 to ``highest``; one between two levels, the mean of several labels, counts in part for each. NaN
    takes no part. The fit is the weighted maximum likelihood, with bounds that hold where the labels do not decide: a
    level without documents, or scores that separate two levels. ClassifierError without labels.
    """
    from scipy.optimize import minimize  # noqa: PLC0415  serving does without

    known = np.isfinite(levels)
    if not known.any():
        raise ClassifierError("no labels to calibrate with")
    scores = np.asarray(raw, np.float64)[known]
    mean, spread = float(scores.mean()), max(float(scores.std()), SMALLEST)
    shares = _shares(np.asarray(levels, np.float64)[known], highest) * np.asarray(weights, np.float64)[known, None]
    shares /= shares.sum()
    at_least = np.cumsum(shares[:, ::-1], axis=1)[:, -2::-1].sum(axis=0)
    first = _log_odds(at_least.clip(SMALLEST, 1 - SMALLEST))
    start = np.concatenate([[0.0, first[0]], np.log(np.maximum(-np.diff(first), np.exp(NARROWEST)))])
    bounds = [(-STEEPEST, STEEPEST), (-FARTHEST, FARTHEST), *[(NARROWEST, WIDEST)] * (highest - 1)]
    found = minimize(
        _loss, start, args=((scores - mean) / spread, shares), jac=True, method="L-BFGS-B", bounds=bounds, options=EXACT
    )
    slope = float(np.exp(found.x[0]) / spread)
    return Calibration(slope, tuple(round(float(number), DECIMALS) for number in _intercepts(found.x) - slope * mean))


def _sigmoid(log_odds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.exp(-np.logaddexp(0, -log_odds))


def _log_odds(probability: Any) -> Any:
    return np.log(probability) - np.log1p(-probability)


def _shares(levels: npt.NDArray[np.float64], highest: int) -> npt.NDArray[np.float64]:
    """Share of each document in each level: (n, highest + 1)."""
    return np.clip(1 - np.abs(np.clip(levels, 0, highest)[:, None] - np.arange(highest + 1)), 0, 1)


def _intercepts(parameters: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return parameters[1] - np.concatenate([[0.0], np.cumsum(np.exp(parameters[2:]))])


def _loss(
    parameters: npt.NDArray[np.float64], scores: npt.NDArray[np.float64], shares: npt.NDArray[np.float64]
) -> tuple[float, npt.NDArray[np.float64]]:
    """Negative log likelihood and its gradient; parameters: log slope, first intercept, logs of the gaps."""
    slope, intercepts = np.exp(parameters[0]), _intercepts(parameters)
    inner = _sigmoid(slope * scores[:, None] + intercepts)
    at_least = np.pad(inner, ((0, 0), (1, 1)), constant_values=((0, 0), (1, 0)))
    each = np.maximum(at_least[:, :-1] - at_least[:, 1:], TINY)
    pull = shares / each
    by_intercept = -(pull[:, 1:] - pull[:, :-1]) * inner * (1 - inner)
    sums = by_intercept.sum(axis=0)
    gaps = -np.exp(parameters[2:]) * np.cumsum(sums[::-1])[::-1][1:]
    by_slope = slope * float((by_intercept.sum(axis=1) * scores).sum())
    return -float((shares * np.log(each)).sum()), np.concatenate([[by_slope, sums.sum()], gaps])
