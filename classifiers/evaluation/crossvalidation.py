"""Scores of documents by classifiers that have not seen them, and what more labels would bring."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from classifiers.backends.backend import Backend, Raw
from classifiers.labels.reading import Labelled
from classifiers.labels.splits import Folds, held_out

Columns = Mapping[str, npt.NDArray[np.float32]]
Fit = Callable[[Labelled], Backend]
"""Trains a backend on labelled documents."""
Progress = Callable[[str], None]

SHARES = (1 / 8, 1 / 4, 1 / 2)


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a classifier says about documents it was not trained on, beside their labels."""

    labelled: Labelled
    """The n documents that are measured."""
    columns: Columns
    """n values a column, as ``Model.predict`` names them."""
    folds: Folds
    """Fold of each document; all 0 where one model scored them all."""
    cuts: Mapping[str, float] = field(default_factory=dict)
    """Cut of a column that was found in training; of cross-validated ones each fold takes that of the others."""


def silent(_: str) -> None:
    """Progress that nobody watches."""


def cross_validate(labelled: Labelled, folds: Folds, fit: Fit, progress: Progress = silent) -> Raw:
    """Score each document by a backend trained on the other folds: (n, heads), NaN for those that only teach."""
    raw = np.full((len(folds), len(labelled.heads)), np.nan, np.float32)
    for fold in range(int(folds.max()) + 1):
        progress(f"fold {fold + 1} of {int(folds.max()) + 1}")
        rows = held_out(labelled, folds, fold)
        backend = fit(labelled.take(np.flatnonzero(folds != fold)))
        raw[rows] = backend.raw(labelled.take(rows).texts)
    return raw


def predictions(labelled: Labelled, raw: Raw, folds: Folds, served: Callable[[Raw], Columns]) -> Predictions:
    """What the documents that measure would be served; ``served`` turns raw scores into columns, in the same order."""
    measured = np.flatnonzero(~labelled.train_only)
    return Predictions(labelled.take(measured), served(raw[measured]), folds[measured])


def predicted(
    labelled: Labelled, predict: Callable[[pa.StringArray], Columns], cuts: Mapping[str, float]
) -> Predictions:
    """Predictions of one trained model, with the cuts that its training found."""
    return Predictions(labelled, predict(labelled.texts), np.zeros(labelled.table.num_rows, np.int64), cuts)


def thinned(labelled: Labelled, share: float, seed: int) -> Labelled:
    """A random share of the documents; a larger share holds a smaller one."""
    count = labelled.table.num_rows
    order = np.random.default_rng(seed).permutation(count)
    return labelled.take(np.sort(order[: _count(share, count)]))


def learning_curve(
    labelled: Labelled,
    folds: Folds,
    fit: Fit,
    score: Callable[[Raw], Mapping[str, float]],
    full: Raw,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Figures of backends trained on SHARES of the training documents of each fold, then on all of them.

    ``full``: what ``cross_validate`` returned for the same folds; ``score`` makes figures of such raw scores. A row a
    share: the mean number of documents in training, and the figures.
    """
    sizes = [int(np.count_nonzero(folds != fold)) for fold in range(int(folds.max()) + 1)]
    rows = []
    for share in (*SHARES, 1.0):
        raw = full if share == 1 else cross_validate(labelled, folds, _on_share(fit, share, seed))
        documents = round(float(np.mean([_count(share, size) for size in sizes])))
        rows.append({"share": share, "documents": documents, **score(raw)})
    return rows


def _on_share(fit: Fit, share: float, seed: int) -> Fit:
    return lambda training: fit(thinned(training, share, seed))


def _count(share: float, documents: int) -> int:
    return max(1, round(share * documents))
