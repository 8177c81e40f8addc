"""How a trained model does on labels that it has not seen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from classifiers.annotation.annotations import ANNOTATIONS
from classifiers.config import Config, Labels, Value, checked, load_config
from classifiers.errors import ClassifierError
from classifiers.evaluation.breakdowns import Report
from classifiers.evaluation.card import write_evaluation
from classifiers.evaluation.crossvalidation import Predictions, predicted, silent
from classifiers.evaluation.measuring import headline, measure
from classifiers.jsonl import numbered_lines, read_line
from classifiers.labels.reading import Labelled, read_labels
from classifiers.model import Model

OVERALL: Mapping[Value, int] = {"toxic": 1, "has_toxic_expression": 0, "nontoxic": 0}
"""What the verdicts of the safety rubric mean for `toxic`."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of a model on a set, and what to bear in mind when reading them."""

    report: Report
    """Plain JSON: the model, its hash, the labels, documents seen in training, and ``figures`` of ``measure``."""
    headline: Mapping[str, float | None]
    """The few figures that tell classifiers apart."""
    predictions: Predictions
    warnings: tuple[str, ...]


def evaluate(
    model: Model,
    on: Path,
    data: Path = Path(),
    to: Path | None = None,
    progress: Callable[[str], None] = silent,
    noncommercial: bool = False,
) -> Evaluation:
    """Score the documents of a set and compare with their labels.

    ``on``: an annotation folder, a JSONL file with the same fields, or a configuration whose labels are used (files
    below ``data``), those that only teach left aside. With ``to`` the figures, a card and plots are written into that
    folder. Raises ClassifierError for labels that cannot be read or are not of the model's kind.
    """
    progress("reading labels")
    config = _configuration(model, on)
    labelled = read_labels(config, data, noncommercial)
    labelled = labelled.take(np.flatnonzero(~labelled.train_only))
    if not labelled.table.num_rows:
        raise ClassifierError(f"{on}: all labelled documents are `train_only`, none measures")
    progress(f"scoring {labelled.table.num_rows} documents")
    predictions = predicted(labelled, model.predict, model.about.cuts)
    seen = int(np.isin(labelled.fingerprints, model.trained_on).sum())
    progress("measuring")
    with threadpool_limits(1):
        figures = measure(predictions, config.target, config.split.seed)
    report: Report = {
        "model": {"name": model.name, "hash": model.hash},
        "labels": {"hash": labelled.hash, **labelled.report},
        "seen_in_training": seen,
        "figures": figures,
    }
    warnings = _warnings(model, labelled, seen)
    if to is not None:
        to.mkdir(parents=True, exist_ok=True)
        title = f"Evaluation of {model.name} on {on.name}"
        notes = [f"sha256 of the model: {model.hash}.", *warnings]
        write_evaluation(to, title, notes, config.target, predictions, report)
    return Evaluation(report, headline(predictions, config.target), predictions, warnings)


def _configuration(model: Model, on: Path) -> Config:
    """The labels of a set as a configuration with the model's target."""
    own = checked(Config, model.about.config, str(model.folder))
    if on.suffix not in (".yaml", ".yml"):
        return own.model_copy(update={"labels": (_source(own, on),)})
    config = load_config(on)
    if (config.target.kind, config.target.heads, config.target.levels) != (model.kind, model.heads, own.target.levels):
        raise ClassifierError(
            f"{on}: its target is {_described(config)}, that of the model {model.name} is {_described(own)}"
        )
    return config


def _source(config: Config, on: Path) -> Labels:
    file = on / ANNOTATIONS if on.is_dir() else on
    fields: dict[str, Any] = {"path": str(on.absolute()), "name": on.name, "licence": "not stated"}
    _, first = next(numbered_lines(file), (0, b"{}"))
    try:
        record = read_line(first)
    except ValueError as error:
        raise ClassifierError(f"{file}:1: {error}") from None
    if "source" in record:
        fields["group"] = "source"
    if config.target.kind == "ordinal":
        return Labels(**fields, score="score")
    if config.target.kind == "classes":
        return Labels(**fields, label=config.labels[0].label)
    return Labels(**fields, toxic={"overall": OVERALL}, categories="labels" if "labels" in record else None)


def _described(config: Config) -> str:
    target = config.target
    return f"{target.kind}, " + (f"0 to {target.levels}" if target.kind == "ordinal" else ", ".join(target.heads))


def _warnings(model: Model, labelled: Labelled, seen: int) -> tuple[str, ...]:
    if not seen:
        return ()
    return (
        f"{seen} of {labelled.table.num_rows} documents were in the training of {model.name}: "
        "figures on them say how well it remembers, not how well it judges",
    )
