"""How many words a text must have for its rates per word to keep their bounds, and whether its characters prove it."""

import math

import numpy as np
import numpy.typing as npt

from pipeline.stage import Interval

Numbers = npt.NDArray[np.int64]
MARGIN = 1 + 1e-6
"""More than what is lost where a rate is rounded to 32 bits."""


def for_rate(part: Numbers, bounds: Interval) -> Numbers:
    """Words with which n parts per word stay at or below ``bounds.max``; a bound of 0 or less asks for no part."""
    if bounds.max is None:
        return np.zeros_like(part)
    if bounds.max <= 0:
        return np.where(part > 0, np.iinfo(np.int64).max, 0)
    return np.where(part > 0, np.ceil(part / bounds.max * MARGIN) + 1, 0).astype(np.int64)


def at_least(bounds: Interval) -> int:
    """Words that a count needs to reach ``bounds.min``."""
    return max(0, math.ceil(bounds.min or 0))


def for_share(others: Numbers, bounds: Interval) -> Numbers:
    """Words of a kind that, beside at most ``others`` other words, make up ``bounds.min`` of all."""
    if bounds.min is None or bounds.min <= 0:
        return np.zeros_like(others)
    if bounds.min >= 1:
        return np.where((others > 0) | (bounds.min > 1), np.iinfo(np.int64).max, 0)
    odds = bounds.min / (1 - bounds.min)
    return np.where(others > 0, np.ceil(others * odds * MARGIN) + 1, 0).astype(np.int64)
