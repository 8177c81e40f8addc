"""The figures of a classifier: what it orders and decides right, how sure one may be, and what it keeps of what."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.metrics import confusion_matrix

from classifiers.config import SCORE, TOXIC, Target
from classifiers.evaluation import metrics
from classifiers.evaluation.baselines import LENGTH, statistics, strongest, turned
from classifiers.evaluation.breakdowns import (
    EVEN,
    FINE,
    Report,
    bucketed,
    curve,
    false_positives,
    histogram,
    kept,
    lengths,
    probability_thresholds,
    rounded,
    score_thresholds,
)
from classifiers.evaluation.crossvalidation import Predictions
from classifiers.evaluation.metrics import Bootstrap, Floats, Mask, Numbers, Statistic
from classifiers.labels.grouping import codes, connect
from classifiers.labels.reading import Labelled
from classifiers.labels.splits import By, Folds

WORST = 20


def measure(predictions: Predictions, target: Target, seed: int = 0, by: By = "random") -> Report:
    """Measure predictions against labels: plain JSON, the same for the same input.

    A figure is ``{value, low, high}``, with the 95 % interval of a bootstrap over near-duplicate clusters, or over
    whole groups of predictions held out ``by`` group, since new groups are what that figure is of; null where it is
    undefined. ``cuts`` holds for each probability the cut with the best F1 on all of these documents; ``tuned``
    figures do not use it, but cuts found on the other folds, or in training.
    """
    bootstrap = Bootstrap.of(_units(predictions.labelled, by), seed)
    sheet = _Sheet(predictions, bootstrap)
    report = _ordinal(sheet, target.levels) if target.kind == "ordinal" else _binary(sheet, target.heads)
    agreement = {
        source["name"]: source["agreement"]
        for source in predictions.labelled.report.get("sources", [])
        if source.get("agreement")
    }
    return {"kind": target.kind, "documents": sheet.documents, **report, "annotators": agreement}


def headline(predictions: Predictions, target: Target) -> dict[str, float | None]:
    """The few figures that tell classifiers apart, without intervals."""
    figures: dict[str, float | None] = {}
    if target.kind == "ordinal":
        levels, scores = predictions.labelled.targets[:, 0], predictions.columns[SCORE]
        figures["spearman"] = rounded(metrics.point(metrics.spearman(levels, scores), len(levels)))
    if target.kind == "classes":
        chosen = np.argmax([predictions.columns[head] for head in target.heads], axis=0)
        figures["accuracy"] = rounded(np.mean(chosen == predictions.labelled.targets.argmax(axis=1)))
    for name, head, truth in _tasks(predictions.labelled, target):
        known = np.flatnonzero(~np.isnan(predictions.labelled.targets[:, head]))
        scores, positive = predictions.columns[name][known], truth[known]
        tuned = _tuned(scores, positive, predictions.folds[known], predictions.cuts.get(name))
        figures[f"{name}.auc"] = rounded(metrics.point(metrics.auc(scores, positive), len(positive)))
        if tuned is not None:
            figures[f"{name}.f1"] = rounded(metrics.point(metrics.f1(tuned, positive), len(positive)))
    return figures


def worst(predictions: Predictions, target: Target) -> list[Report]:
    """The WORST documents whose label and first prediction differ most, farthest first, without their texts.

    Of a target of classes the prediction is the probability of the document's own class, and its label 1.
    """
    if target.kind == "classes":
        labels, scores = np.ones(predictions.labelled.table.num_rows, np.float32), _of_own_class(predictions, target)
    else:
        column = SCORE if target.kind == "ordinal" else TOXIC
        labels, scores = predictions.labelled.targets[:, 0], predictions.columns[column]
    errors = np.nan_to_num(np.abs(labels - scores), nan=-1.0)
    rows = [int(row) for row in np.argsort(-errors, kind="stable")[:WORST] if errors[row] >= 0]
    table = predictions.labelled.table.select(["key", "id", "source", "group", "genre"]).take(
        pa.array(rows, pa.int64())
    )
    return [
        {**document, "label": rounded(labels[row]), "predicted": rounded(scores[row]), "row": row}
        for row, document in zip(rows, table.to_pylist(), strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Predictions, and the rows of them that a figure is of."""

    predictions: Predictions
    bootstrap: Bootstrap

    @property
    def documents(self) -> int:
        return self.predictions.labelled.table.num_rows

    @property
    def labelled(self) -> Labelled:
        return self.predictions.labelled

    def figure(self, statistic: Statistic, rows: npt.NDArray[np.int64] | None = None) -> Report:
        """A figure of these rows, or of all documents."""
        bootstrap = self.bootstrap if rows is None else self.bootstrap.take(rows)
        low, high = bootstrap.interval(statistic)
        value = metrics.point(statistic, bootstrap.cluster.size)
        return {"value": rounded(value), "low": rounded(low), "high": rounded(high)}


def _ordinal(sheet: _Sheet, levels: int) -> Report:
    columns = sheet.predictions.columns
    labels, scores = sheet.labelled.targets[:, 0], columns[SCORE]
    truth, predicted = _nearest(labels, levels), _nearest(scores, levels)
    signals = statistics(sheet.labelled.texts)
    tasks = [(f"at_least_{level}", labels >= level - EVEN) for level in range(1, levels + 1)]
    everything = np.arange(sheet.documents)
    table = confusion_matrix(truth, predicted, labels=range(levels + 1))
    return {
        "spearman": sheet.figure(metrics.spearman(labels, scores)),
        "pearson": sheet.figure(metrics.pearson(labels, scores)),
        "quadratic_kappa": sheet.figure(metrics.quadratic_kappa(truth, predicted, levels)),
        "mean_absolute_error": sheet.figure(metrics.mean(np.abs(labels - scores))),
        "probabilities": {name: _probability(sheet, name, truth, everything) for name, truth in tasks},
        "cuts": {name: rounded(metrics.best_cut(columns[name], truth), FINE) for name, truth in tasks},
        "confusion": {str(level): [int(count) for count in table[level]] for level in range(levels + 1)},
        "histogram": histogram(scores, levels),
        "thresholds": score_thresholds(scores, labels, levels),
        "kept": _kept(sheet, labels, scores, dict(tasks)),
        "baselines": _baselines(sheet.predictions, signals, labels, dict(tasks)),
    }


def _binary(sheet: _Sheet, heads: Sequence[str]) -> Report:
    targets = sheet.labelled.targets
    said = {head: np.flatnonzero(~np.isnan(targets[:, place])) for place, head in enumerate(heads)}
    signals = statistics(sheet.labelled.texts)
    found = {
        head: _head(sheet, head, targets[:, place], said[head], signals)
        for place, head in enumerate(heads)
        if said[head].size
    }
    names = ("probabilities", "cuts", "thresholds", "false_positives", "baselines")
    report = {name: {head: figures[name] for head, figures in found.items()} for name in names}
    return {**report, "unlabelled": [head for head in heads if head not in found]}


def _head(
    sheet: _Sheet, head: str, labels: Numbers, rows: npt.NDArray[np.int64], signals: Mapping[str, Floats]
) -> Report:
    """Figures of one head of a binary target, over the rows that say something about it."""
    truth, scores = labels[rows] == 1, sheet.predictions.columns[head][rows]
    part = Predictions(sheet.labelled.take(rows), {head: scores}, sheet.predictions.folds[rows])
    cut = metrics.best_cut(scores, truth)
    return {
        "probabilities": _probability(sheet, head, labels == 1, rows),
        "cuts": rounded(cut, FINE),
        "thresholds": probability_thresholds(scores, truth),
        "false_positives": false_positives(bucketed(part.labelled.table["group"]), scores, truth, cut),
        "baselines": _baselines(
            part, {name: values[rows] for name, values in signals.items()}, labels[rows], {head: truth}
        ),
    }


def _probability(sheet: _Sheet, name: str, truth: Mask, rows: npt.NDArray[np.int64]) -> Report:
    """Figures of one probability over the rows that say something about it."""
    truth, scores = truth[rows], sheet.predictions.columns[name][rows]
    calibrated = scores >= EVEN
    tuned = _tuned(scores, truth, sheet.predictions.folds[rows], sheet.predictions.cuts.get(name))
    return {
        "documents": len(rows),
        "positives": int(np.count_nonzero(truth)),
        "auc": sheet.figure(metrics.auc(scores, truth), rows),
        "average_precision": sheet.figure(metrics.average_precision(scores, truth), rows),
        "brier": sheet.figure(metrics.mean((scores - truth) ** 2), rows),
        "calibration_error": sheet.figure(metrics.calibration_error(scores, truth), rows),
        "top_tenth_precision": sheet.figure(metrics.precision(metrics.top(scores), truth), rows),
        "even": _decision(sheet, calibrated, truth, rows),
        "tuned": _decision(sheet, tuned, truth, rows) if tuned is not None else None,
        "curve": curve(scores, truth),
    }


def _decision(sheet: _Sheet, decided: Mask, truth: Mask, rows: npt.NDArray[np.int64]) -> Report:
    kinds: dict[str, Callable[[Mask, Mask], Statistic]] = {
        "precision": metrics.precision,
        "recall": metrics.recall,
        "f1": metrics.f1,
    }
    figures = {name: sheet.figure(kind(decided, truth), rows) for name, kind in kinds.items()}
    return {"decided": int(np.count_nonzero(decided)), **figures}


def _tuned(scores: Numbers, truth: Mask, folds: npt.NDArray[np.int64], cut: float | None) -> Mask | None:
    """Decisions by a cut from training, else by the best cut of the other folds; None where there are none."""
    if cut is not None:
        return scores >= cut
    if np.unique(folds).size == 1:
        return None
    decided = np.zeros(len(scores), np.bool_)
    for fold in np.unique(folds):
        here = folds == fold
        decided[here] = scores[here] >= metrics.best_cut(scores[~here], truth[~here])
    return decided


def _kept(sheet: _Sheet, labels: Numbers, scores: Numbers, tasks: Mapping[str, Mask]) -> Report:
    """What stays of each genre, group and length at P = 0.5 of each level."""
    decided = {name: sheet.predictions.columns[name] >= EVEN for name in tasks}
    table = sheet.labelled.table
    buckets = {
        "genre": bucketed(table["genre"]),
        "group": bucketed(table["group"]),
        "length": lengths(sheet.labelled.texts),
    }
    return {by: kept(names, labels, scores, tasks, decided) for by, names in buckets.items()}


def _baselines(
    predictions: Predictions, signals: Mapping[str, Floats], labels: Numbers, tasks: Mapping[str, Mask]
) -> Report:
    """The same figures for length, for the strongest statistic of the text, and for keeping everything."""
    name, values = strongest(signals, labels)
    length = turned(signals[LENGTH], labels)
    return {
        "length": _baseline(predictions.folds, LENGTH, length, labels, tasks),
        "best_signal": _baseline(predictions.folds, name, values, labels, tasks),
        "everything": {
            task: {"f1": rounded(metrics.point(metrics.f1(np.ones_like(truth), truth), len(truth)))}
            for task, truth in tasks.items()
        },
    }


def _baseline(folds: Folds, name: str, values: Floats, labels: Numbers, tasks: Mapping[str, Mask]) -> Report:
    report: Report = {"signal": name}
    report["spearman"] = rounded(metrics.point(metrics.spearman(values, labels), len(labels)))
    for task, truth in tasks.items():
        tuned = _tuned(values, truth, folds, None)
        f1 = rounded(metrics.point(metrics.f1(tuned, truth), len(truth))) if tuned is not None else None
        report[task] = {"auc": rounded(metrics.point(metrics.auc(values, truth), len(truth))), "f1": f1}
    return report


def _tasks(labelled: Labelled, target: Target) -> list[tuple[str, int, Mask]]:
    """Name of each probability, the place of its head, and which documents are positive."""
    if target.kind == "ordinal":
        labels = labelled.targets[:, 0]
        return [(f"at_least_{level}", 0, labels >= level - EVEN) for level in range(1, target.levels + 1)]
    return [(head, place, labelled.targets[:, place] == 1) for place, head in enumerate(target.heads)]


def _units(labelled: Labelled, by: By) -> npt.NDArray[np.int64]:
    """What is drawn as a whole, numbered, for each document."""
    clusters: npt.NDArray[np.int64] = labelled.table["cluster"].to_numpy()
    return connect([clusters, codes(labelled.table["group"])]) if by == "group" else clusters


def _of_own_class(predictions: Predictions, target: Target) -> npt.NDArray[np.float32]:
    own = predictions.labelled.targets.argmax(axis=1)
    scores = np.stack([predictions.columns[head] for head in target.heads], axis=1)
    return scores[np.arange(len(own)), own]


def _nearest(values: Numbers, levels: int) -> npt.NDArray[np.int64]:
    return np.clip(np.floor(values + EVEN), 0, levels).astype(np.int64)
