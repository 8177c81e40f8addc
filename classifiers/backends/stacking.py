"""Stacking: boosted trees over the scores of other backends and statistics of the text, stored as plain arrays."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from classifiers.backends.backend import Backend, Raw, Targets
from classifiers.backends.table import backend
from classifiers.backends.trees import Trees, exported, read
from classifiers.config import checked
from classifiers.errors import ClassifierError
from classifiers.features.statistics import STATISTICS, statistics
from classifiers.features.views import first
from pipeline.stage import Options

Groups = npt.NDArray[np.int64]
Inputs = npt.NDArray[np.float64]

ATTRIBUTES = "stacking.json"


class StackingOptions(Options):
    """Options of the ``stacking`` backend."""

    parts: Mapping[Literal["linear", "fasttext"], Mapping[str, Any]] = Field(
        default={"linear": {}, "fasttext": {}}, min_length=1
    )
    """Backends whose scores are stacked, with their options; their order is that of the trees' inputs."""
    characters: int | None = Field(default=1000, ge=1)
    """Characters of a text that its statistics are taken from; null for all."""
    folds: int = Field(default=5, ge=2)
    """The trees learn from scores of parts that were trained on the other folds."""
    trees: int = Field(default=100, ge=1)
    rate: float = Field(default=0.05, gt=0)
    """Share of each tree's correction that is taken."""
    leaves: int = Field(default=8, ge=2)
    least: int = Field(default=20, ge=1)
    """Documents of a leaf."""
    seed: int = Field(default=0, ge=0, lt=2**31)


class Stacking:
    """Gradient boosting (scikit-learn's histogram-based trees) over raw scores and statistics, an ensemble a head."""

    name: ClassVar[str] = "stacking"

    def __init__(self, options: StackingOptions, parts: Sequence[Backend], trees: Trees) -> None:
        self._options, self._parts, self._trees = options, parts, trees

    @classmethod
    def fit(
        cls,
        texts: pa.StringArray,
        targets: Targets,
        weights: npt.NDArray[np.float64],
        options: Mapping[str, Any],
        groups: Groups | None = None,
    ) -> Self:
        """Train on n texts. ``groups``: n numbers; texts of one stand on one side of the folds that the parts' scores
        come from, so that the trees see them as they are for text of other sources. Without it each text is its own.
        """
        resolved = checked(StackingOptions, options, "options")
        groups = np.arange(len(texts)) if groups is None else groups
        folds = _folds(groups, resolved)
        inner = [_out_of_fold(name, texts, targets, weights, folds, given) for name, given in resolved.parts.items()]
        inputs = np.hstack([*inner, _statistics(texts, resolved)])
        trees = exported([_boost(inputs, target, weights, resolved) for target in targets.T])
        parts = [backend(name).fit(texts, targets, weights, given) for name, given in resolved.parts.items()]
        return cls(resolved, parts, trees)

    def raw(self, texts: pa.StringArray) -> Raw:
        """Score n texts: (n, heads)."""
        inputs = np.hstack([*(part.raw(texts) for part in self._parts), _statistics(texts, self._options)])
        return self._trees.predict(inputs).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the trees as one array, and each part into a folder of its name."""
        self._trees.write(folder)
        content = {"options": self._options.model_dump(mode="json"), "statistics": list(STATISTICS)}
        (folder / ATTRIBUTES).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        for name, part in zip(self._options.parts, self._parts, strict=True):
            (folder / name).mkdir()
            part.save(folder / name)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ClassifierError for other content."""
        try:
            content = json.loads((folder / ATTRIBUTES).read_text(encoding="utf-8"))
            options, names = content["options"], content["statistics"]
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ClassifierError(f"{folder}: not a model of the `stacking` backend: {error!r}") from None
        if names != list(STATISTICS):
            raise ClassifierError(f"{folder}: the statistics of texts are no longer those it learnt: train it again")
        resolved = checked(StackingOptions, options, str(folder / ATTRIBUTES))
        return cls(resolved, [backend(name).load(folder / name) for name in resolved.parts], read(folder))


def _statistics(texts: pa.StringArray, options: StackingOptions) -> Inputs:
    seen = texts if options.characters is None else first(texts, options.characters)
    return statistics(seen, tuple(STATISTICS))


def _folds(groups: Groups, options: StackingOptions) -> list[Groups]:
    """Rows held out in each fold."""
    from sklearn.model_selection import GroupKFold  # noqa: PLC0415  serving does without

    count = np.unique(groups).size
    if count == 1:
        groups, count = np.arange(groups.size), groups.size
    if count == 1:
        raise ClassifierError("stacking needs two documents at least")
    splitter = GroupKFold(min(options.folds, count))
    return [held_out for _, held_out in splitter.split(groups, groups=groups)]


def _out_of_fold(
    name: str,
    texts: pa.StringArray,
    targets: Targets,
    weights: npt.NDArray[np.float64],
    folds: list[Groups],
    options: Mapping[str, Any],
) -> Raw:
    raw = np.empty(targets.shape, np.float32)
    for held_out in folds:
        rest = np.setdiff1d(np.arange(len(texts)), held_out)
        part = backend(name).fit(texts.take(pa.array(rest)), targets[rest], weights[rest], options)
        raw[held_out] = part.raw(texts.take(pa.array(held_out)))
    return raw


def _boost(
    inputs: Inputs, target: npt.NDArray[np.float32], weights: npt.NDArray[np.float64], options: StackingOptions
) -> Any:
    """Train the trees of one head on the documents that say something about it."""
    from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415  serving does without

    known = np.isfinite(target)
    model = HistGradientBoostingRegressor(
        learning_rate=options.rate,
        max_iter=options.trees,
        max_leaf_nodes=options.leaves,
        min_samples_leaf=options.least,
        early_stopping=False,
        random_state=options.seed,
    )
    return model.fit(inputs[known], target[known].astype(np.float64), sample_weight=weights[known])
