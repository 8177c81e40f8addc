"""What predictions keep of what: calibration curves, cuts, and the buckets of a corpus before and after."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from classifiers.evaluation.metrics import Mask, Numbers, bins_of

Report = dict[str, Any]
Names = npt.NDArray[np.str_]

EVEN = 0.5
"""Cut of a probability at which being right is as likely as being wrong."""
DIGITS, FINE = 4, 6
SCORE_STEP = 0.5
PROBABILITIES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
FALSE_POSITIVES = (0.001, 0.005, 0.01)
LENGTHS = (100, 200, 400, 800, 1600)
"""Upper ends of the buckets of length, in characters."""
BUCKETS = 30
OTHERS, NONE = "(others)", "(none)"


def curve(scores: Numbers, truth: Mask) -> list[Report]:
    """Mean probability and share of positives of each tenth of the range that has documents."""
    bins = bins_of(scores)
    return [
        {
            "predicted": rounded(scores[bins == place].mean()),
            "observed": rounded(truth[bins == place].mean()),
            "documents": int(np.count_nonzero(bins == place)),
        }
        for place in np.unique(bins)
    ]


def histogram(scores: Numbers, levels: int) -> list[Report]:
    """Documents in each stretch of half a SCORE_STEP of the expected level."""
    edges = np.arange(0, levels + SCORE_STEP / 2, SCORE_STEP / 2)
    counts, _ = np.histogram(scores, edges)
    return [{"from": rounded(low), "documents": int(count)} for low, count in zip(edges[:-1], counts, strict=True)]


def score_thresholds(scores: Numbers, labels: Numbers, levels: int) -> list[Report]:
    """What stays at each cut of the expected level: share, mean label, and precision and recall of each level."""
    table = []
    for cut in np.arange(SCORE_STEP, levels, SCORE_STEP):
        kept = scores >= cut
        row: Report = {"cut": rounded(cut), "kept": rounded(kept.mean()), "mean_label": _mean(labels[kept])}
        for level in range(1, levels + 1):
            positive = labels >= level - EVEN
            row[f"precision_{level}"] = _mean(positive[kept])
            row[f"recall_{level}"] = _mean(kept[positive])
        table.append(row)
    return table


def probability_thresholds(scores: Numbers, truth: Mask) -> list[Report]:
    """What is flagged at PROBABILITIES, and at the lowest cuts that flag at most FALSE_POSITIVES of the negatives."""
    exact = scores.astype(np.float64)
    negative = np.sort(exact[~truth])[::-1]
    budgets = [_above(negative[int(share * negative.size)]) for share in FALSE_POSITIVES if negative.size]
    table = []
    for cut in sorted({*PROBABILITIES, *budgets}):
        flagged = exact >= cut
        row = {
            "cut": rounded(cut, FINE),
            "flagged": rounded(flagged.mean(), FINE),
            "precision": _mean(truth[flagged]),
            "recall": _mean(flagged[truth]),
            "false_positives": _mean(flagged[~truth], FINE),
        }
        table.append(row)
    return table


def false_positives(groups: Names, scores: Numbers, truth: Mask, cut: float) -> list[Report]:
    """Negatives of each group that are flagged at P = 0.5 and at another cut."""
    table = []
    for name in ordered(groups[~truth]):
        negative = scores[~truth & (groups == name)]
        flagged = {label: int(np.count_nonzero(negative >= at)) for label, at in (("even", EVEN), ("best", cut))}
        table.append({"group": name, "negatives": len(negative), **flagged})
    return table


def kept(
    buckets: Names, labels: Numbers, scores: Numbers, positive: Mapping[str, Mask], decided: Mapping[str, Mask]
) -> list[Report]:
    """How each bucket fares: its documents and means, then for each decision the share of it that is positive, the
    share that stays, its share of all that stays, and the mean label of that."""
    table = []
    for name in ordered(buckets):
        inside = buckets == name
        row: Report = {
            "bucket": name,
            "documents": int(np.count_nonzero(inside)),
            "mean_label": _mean(labels[inside]),
            "mean_score": _mean(scores[inside]),
        }
        for task, stays in decided.items():
            row[task] = {
                "labelled": _mean(positive[task][inside]),
                "kept": _mean(stays[inside]),
                "share_after": _mean(inside[stays]),
                "mean_label_after": _mean(labels[stays & inside]),
            }
        table.append(row)
    return table


def bucketed(column: pa.ChunkedArray) -> Names:
    """Values of n rows as buckets: the BUCKETS most frequent ones, OTHERS, and NONE for a null."""
    values = np.array(pc.fill_null(column, NONE).to_pylist(), np.str_)
    return np.where(np.isin(values, ordered(values)[:BUCKETS]), values, OTHERS)


def lengths(texts: pa.Array) -> Names:
    """Bucket of the length of each of n texts, in characters."""
    names = [f"{low}-{high - 1}" for low, high in zip((0, *LENGTHS[:-1]), LENGTHS, strict=True)]
    names.append(f"{LENGTHS[-1]} and more")
    return np.array(names)[np.searchsorted(LENGTHS, pc.utf8_length(texts).to_numpy(), side="right")]


def ordered(buckets: Names) -> list[str]:
    """Distinct values, the most frequent one first."""
    names, counts = np.unique(buckets, return_counts=True)
    return [str(name) for name in names[np.argsort(-counts, kind="stable")]]


def rounded(value: float | np.floating[Any], digits: int = DIGITS) -> float | None:
    """Round a number for JSON; None where it is undefined."""
    return round(float(value), digits) + 0.0 if math.isfinite(value) else None


def _mean(values: Numbers | Mask, digits: int = DIGITS) -> float | None:
    return rounded(float(values.mean(dtype=np.float64)), digits) if values.size else None


def _above(score: float) -> float:
    """The next number with FINE digits above a score."""
    return math.floor(score * 10**FINE + 1) / 10**FINE
