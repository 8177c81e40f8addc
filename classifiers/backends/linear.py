"""The linear backend: scikit-learn trains it on hashed n-grams, kernels score with plain arrays."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from classifiers.backends.backend import Raw, Targets
from classifiers.config import checked
from classifiers.errors import ClassifierError
from classifiers.features.vectors import FEATURE_VERSION, Edges, Features, edges, matrix, scores
from pipeline.stage import Options

if TYPE_CHECKING:
    from scipy import sparse

WEIGHTS, SETTINGS = "weights.npy", "linear.json"
MOST = np.iinfo(np.int16).max
ITERATIONS = 10_000
TOLERANCE = 1e-6

Whole = npt.NDArray[np.int16]
Scales = npt.NDArray[np.float64]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class LinearOptions(Options):
    """Options of the ``linear`` backend."""

    features: Features = Features()
    """What it sees of a text."""
    loss: Literal["squared", "logistic"] = "squared"
    """`squared` fits any targets, `logistic` those of 0 and 1."""
    alpha: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """How much the squared weights of a head cost beside the losses of all its documents."""


class Saved(Options):
    """What ``linear.json`` holds."""

    feature_version: int
    options: LinearOptions
    scales: tuple[Finite, ...] = Field(min_length=1)
    intercepts: tuple[Finite, ...]
    edges: tuple[tuple[Finite, ...], ...]


class Linear:
    """A weight for each feature and head, and an intercept for each head.

    Weights are whole numbers of 16 bits times a scale for each head, from the beginning, so that saving changes no
    score. Half as many bytes stay in the cache longer, and the error of a score is below that of 16-bit floats, since
    all weights have the error of the smallest.
    """

    name: ClassVar[str] = "linear"

    def __init__(self, options: LinearOptions, cuts: Edges, weights: Whole, scales: Scales, intercepts: Scales) -> None:
        self.options = options
        self.cuts = cuts
        self.weights = weights
        self.scales = scales
        self.intercepts = intercepts

    @classmethod
    def fit(
        cls, texts: pa.StringArray, targets: Targets, weights: npt.NDArray[np.float64], options: Mapping[str, Any]
    ) -> Self:
        """Train a head for each column of the targets (n, heads), on the texts that it is said of.

        Raises ClassifierError for unknown options, and for a head whose targets the loss cannot learn.
        """
        settings = checked(LinearOptions, dict(options), "options of the linear backend")
        if not len(texts):
            raise ClassifierError("no documents to learn from")
        cuts = edges(texts, settings.features)
        design = matrix(texts, settings.features, cuts)
        heads = [_fit_head(design, targets[:, head], weights, settings, head) for head in range(targets.shape[1])]
        learnt = np.stack([of_columns for of_columns, _ in heads], axis=1)
        return cls.rounded(settings, cuts, learnt, np.array([intercept for _, intercept in heads]))

    @classmethod
    def rounded(cls, options: LinearOptions, cuts: Edges, weights: Scales, intercepts: Scales) -> Self:
        """Take over weights (columns, heads) from elsewhere, rounded to 65,535 steps between the largest of a head."""
        scales = np.abs(weights).max(axis=0) / MOST
        scales[scales == 0] = 1
        return cls(options, cuts, np.rint(weights / scales).astype(np.int16), scales, intercepts)

    def raw(self, texts: pa.StringArray) -> Raw:
        """Score n texts: (n, heads); a fitted target, or its log odds for the logistic loss."""
        found = scores(texts, self.options.features, self.cuts, self.weights)
        return (found * self.scales + self.intercepts).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write ``weights.npy``, (columns, heads) int16, and ``linear.json``."""
        np.save(folder / WEIGHTS, self.weights, allow_pickle=False)
        saved = Saved(
            feature_version=FEATURE_VERSION,
            options=self.options,
            scales=tuple(self.scales.tolist()),
            intercepts=tuple(self.intercepts.tolist()),
            edges=tuple(map(tuple, self.cuts.tolist())),
        )
        (folder / SETTINGS).write_text(saved.model_dump_json(indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ClassifierError for anything else, and for another feature version."""
        saved = _saved(folder / SETTINGS)
        features = saved.options.features
        if [len(row) for row in saved.edges] != [features.bins - 1] * len(features.statistics):
            raise ClassifierError(f"{folder / SETTINGS}: edges do not fit the statistics")
        if len(saved.scales) != len(saved.intercepts):
            raise ClassifierError(
                f"{folder / SETTINGS}: {len(saved.scales)} scales, {len(saved.intercepts)} intercepts"
            )
        cuts = np.array(saved.edges, np.float64).reshape(-1, features.bins - 1)
        weights = _read_weights(folder / WEIGHTS, (features.columns, len(saved.scales)))
        return cls(saved.options, cuts, weights, np.array(saved.scales), np.array(saved.intercepts))


def _fit_head(
    design: "sparse.csr_matrix", target: Targets, weights: npt.NDArray[np.float64], settings: LinearOptions, head: int
) -> tuple[npt.NDArray[np.float64], float]:
    """Weights of the columns, and the intercept."""
    from sklearn.linear_model import LogisticRegression, Ridge  # noqa: PLC0415  serving does without
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    said = np.isfinite(target)
    values = set(np.unique(target[said]).tolist())
    if settings.loss == "logistic" and values != {0, 1}:
        raise ClassifierError(f"head {head}: the logistic loss needs targets of 0 and of 1, not {sorted(values)}")
    if len(values) <= 1:
        raise ClassifierError(f"head {head}: nothing to learn from targets that are all the same: {sorted(values)}")
    if settings.loss == "logistic":
        model = LogisticRegression(C=1 / settings.alpha, tol=TOLERANCE, max_iter=ITERATIONS)
    else:
        model = Ridge(settings.alpha, solver="sparse_cg", tol=TOLERANCE, max_iter=ITERATIONS)
    with threadpool_limits(1):  # sums of several threads differ from run to run
        model.fit(design[said], target[said].astype(np.float64), weights[said])
    return model.coef_.ravel(), float(np.ravel(model.intercept_)[0])


def _saved(path: Path) -> Saved:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ClassifierError(f"{path}: cannot be read: {error}") from None
    version = content.get("feature_version") if isinstance(content, dict) else None
    if version != FEATURE_VERSION:
        raise ClassifierError(
            f"{path}: made for version {version} of the features, this is {FEATURE_VERSION}: train the model again"
        )
    return checked(Saved, content, str(path))


def _read_weights(path: Path, shape: tuple[int, int]) -> Whole:
    try:
        found = np.array(np.lib.format.open_memmap(path, mode="r"))
    except (OSError, ValueError) as error:
        raise ClassifierError(f"{path}: cannot be read: {error}") from None
    if found.shape != shape or found.dtype != np.int16:
        raise ClassifierError(f"{path}: holds {found.dtype} of the shape {found.shape}, not int16 of {shape}")
    return found
