"""Training: from a configuration and its labels to a model folder, the same bytes each time."""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from classifiers import model
from classifiers.backends import table as backends
from classifiers.backends.backend import Backend, Raw, Targets
from classifiers.config import Config, Target
from classifiers.errors import ClassifierError
from classifiers.evaluation import card
from classifiers.evaluation.card import Subject
from classifiers.evaluation.crossvalidation import (
    Columns,
    Progress,
    cross_validate,
    learning_curve,
    predictions,
    silent,
)
from classifiers.evaluation.measuring import headline
from classifiers.labels.grouping import codes
from classifiers.labels.reading import Labelled, read_labels
from classifiers.labels.splits import By, Folds, check_leaks, folds
from classifiers.model import Model
from classifiers.ordinal import Calibration, calibrate

LIBRARIES = ("fasttext-numpy2", "fugashi", "numpy", "pyarrow", "scikit-learn", "scipy", "unidic-lite")


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Documents scored by classifiers that were not trained on them, their groups, hosts or near-duplicates."""

    by: By
    folds: Folds
    raw: Raw
    """(n, heads); NaN for documents that only teach."""


def train(config: Config, data: Path, to: Path, noncommercial: bool = False, progress: Progress = silent) -> Model:
    """Train a classifier on the labels that its configuration names and write it into a model folder.

    It is measured and calibrated on documents held out: by group, so that the figures hold for sources it has not seen,
    and at random; labels of fewer groups than folds can be held out at random only. ``noncommercial``
    lets sources under such terms take part; ``progress`` is told of every step. Raises ClassifierError for labels or
    options that do not fit, and where ``to`` holds anything but a model.
    """
    model.refuse_occupied(to)
    with threadpool_limits(1):
        progress("labels: read")
        labelled = read_labels(config, data, noncommercial)
        _refuse_one_sided(labelled)
        placed = _place(config, labelled, progress)
        splits = {by: _hold_out(config, labelled, by, numbers, progress) for by, numbers in placed.items()}
        calibrating = splits.get(config.split.calibrate) or splits["random"]
        calibrations = _calibrations(config.target, calibrating.raw, labelled.targets, labelled.weights)
        served = partial(model.predict, calibrations=calibrations, names=_columns(config.target))
        held_out = {by: predictions(labelled, split.raw, split.folds, served) for by, split in splits.items()}
        curve = _curve(config, labelled, next(iter(splits.values())), served, progress)
        progress("model: fit on all documents")
        backend = fit(config, labelled)
        with model.new_folder(to) as folder:
            _write_weights(folder, backend, labelled)
            progress("card: measure and draw")
            report = card.write(folder, Subject(config, labelled, held_out, curve, config.excerpts, noncommercial))
            about = _about(config, labelled, noncommercial) | {
                "calibration": dict(zip(labelled.heads, (each.to_json() for each in calibrations), strict=True)),
                "cuts": report["splits"][calibrating.by]["cuts"],
                "metrics": {by: headline(unseen, config.target) for by, unseen in held_out.items()},
            }
            model.seal(folder, about)
    return model.load(to)


def _place(config: Config, labelled: Labelled, progress: Progress) -> dict[By, Folds]:
    """Folds by group, if there are enough groups, and at random."""
    placed: dict[By, Folds] = {}
    try:
        placed["group"] = folds(labelled, "group", config.split.folds, config.split.seed)
    except ClassifierError as error:
        progress(f"split: {error}; they are held out at random only")
    placed["random"] = folds(labelled, "random", config.split.folds, config.split.seed)
    for by, numbers in placed.items():
        check_leaks(labelled, numbers, by)
    return placed


def _hold_out(config: Config, labelled: Labelled, by: By, placed: Folds, progress: Progress) -> HeldOut:
    try:
        raw = cross_validate(labelled, placed, partial(fit, config), lambda step: progress(f"{by}: {step}"))
    except ClassifierError as error:
        raise ClassifierError(f"training without the documents held out by {by}: {error}") from None
    return HeldOut(by, placed, raw)


def _curve(
    config: Config, labelled: Labelled, split: HeldOut, served: Callable[[Raw], Columns], progress: Progress
) -> list[dict[str, Any]]:
    progress("learning curve: train on shares of the documents")

    def figures(raw: Raw) -> Mapping[str, Any]:
        return headline(predictions(labelled, raw, split.folds, served), config.target)

    fit_part = partial(fit, config)
    try:
        return learning_curve(labelled, split.folds, fit_part, figures, split.raw, config.split.seed)
    except ClassifierError as error:
        progress(f"learning curve: left out, a share of the documents is too few: {error}")
        return []


def fit(config: Config, labelled: Labelled) -> Backend:
    """Train the backend of a configuration, with the weights that it gives documents, groups and toxic texts."""
    groups = codes(labelled.table["group"])
    positive = labelled.targets[:, 0] == 1 if config.target.kind == "binary" else False
    weights = _balanced(labelled.weights, groups, config.balance) * np.where(positive, config.target.positive_weight, 1)
    return backends.fit(config.backend, labelled.texts, labelled.targets, weights, config.options, groups)


def _balanced(weights: npt.NDArray[np.float64], groups: npt.NDArray[np.int64], power: float) -> npt.NDArray[np.float64]:
    """Divide weights by a power of the size of their groups; their sum stays."""
    shared = weights / np.bincount(groups)[groups] ** power
    return shared * (weights.sum() / shared.sum())


def _columns(target: Target) -> tuple[str, ...]:
    return model.columns(target.kind, target.heads, target.levels)


def _calibrations(target: Target, raw: Raw, targets: Targets, weights: npt.NDArray[np.float64]) -> list[Calibration]:
    """One for each head, from the documents that were held out; a binary one moved to the prior, if there is one."""
    levels = target.levels if target.kind == "ordinal" else 1
    held_out = np.isfinite(raw).all(axis=1)
    raw, targets, weights = raw[held_out], targets[held_out], weights[held_out]
    found = []
    for place, head in enumerate(target.heads):
        try:
            found.append(calibrate(raw[:, place], targets[:, place], weights, levels))
        except ClassifierError as error:
            raise ClassifierError(f"head `{head}`: {error} on held-out documents") from None
    if target.prior is None:
        return found
    said = np.isfinite(targets[:, 0])
    labelled = float(np.average(targets[said, 0], weights=weights[said]))
    return [calibration.moved(labelled, target.prior) for calibration in found]


def _refuse_one_sided(labelled: Labelled) -> None:
    for head, labels in zip(labelled.heads, labelled.targets.T, strict=True):
        values = np.unique(labels[np.isfinite(labels)])
        if values.size <= 1:
            said = f"all labels are {values[0]:g}" if values.size else "no document has a label"
            raise ClassifierError(f"head `{head}`: {said}; there is nothing to tell apart")


def _write_weights(folder: Path, backend: Backend, labelled: Labelled) -> None:
    (folder / model.WEIGHTS).mkdir()
    backend.save(folder / model.WEIGHTS)
    np.save(folder / model.TRAINED_ON, np.unique(labelled.fingerprints), allow_pickle=False)


def _about(config: Config, labelled: Labelled, noncommercial: bool) -> dict[str, Any]:
    return {
        "name": config.name,
        "version": config.version,
        "description": config.description,
        "kind": config.target.kind,
        "heads": labelled.heads,
        "levels": config.target.levels if config.target.kind == "ordinal" else 1,
        "backend": config.backend,
        "config": config.model_dump(mode="json"),
        "noncommercial": noncommercial,
        "labels": {"hash": labelled.hash, **labelled.report},
        "code": backends.code_hash(config.backend),
        "libraries": {name: version(name) for name in LIBRARIES} | {"unicode": unicodedata.unidata_version},
    }
