"""Cross-validation: no document is scored, calibrated or thinned by what it should not have seen."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from labelled import labelled_table

from classifiers.backends.backend import Raw, Targets
from classifiers.evaluation.crossvalidation import cross_validate, learning_curve, predictions, thinned
from classifiers.labels.reading import Labelled


class Memory:
    """A backend that says of each text whether it was trained on it."""

    name: ClassVar[str] = "memory"

    def __init__(self, seen: set[str]) -> None:
        self.seen = seen

    @classmethod
    def fit(
        cls, texts: pa.StringArray, targets: Targets, weights: npt.NDArray[np.float64], options: Mapping[str, Any]
    ) -> Self:
        return cls(set(texts.to_pylist()))

    def raw(self, texts: pa.StringArray) -> Raw:
        return np.array([[text in self.seen] for text in texts.to_pylist()], np.float32)

    def save(self, folder: Path) -> None:
        raise NotImplementedError

    @classmethod
    def load(cls, folder: Path) -> Self:
        raise NotImplementedError


def remember(documents: Labelled) -> Memory:
    return Memory.fit(documents.texts, documents.targets, documents.weights, {})


SIZE = 20
DOCUMENTS = labelled_table(
    {"score": [float(place) for place in range(SIZE)]}, train_only=[place >= 16 for place in range(SIZE)]
)
FOLDS = np.array([*(place % 4 for place in range(16)), -1, -1, 2, -1])


def test_each_document_is_scored_by_a_classifier_that_has_not_seen_it() -> None:
    raw = cross_validate(DOCUMENTS, FOLDS, remember)
    assert raw[:16, 0].tolist() == [0.0] * 16
    assert np.isnan(raw[16:]).all()


def test_all_other_folds_and_the_documents_that_only_teach_are_in_training() -> None:
    trained: list[set[str]] = []

    def fit(documents: Labelled) -> Memory:
        trained.append(set(documents.texts.to_pylist()))
        return remember(documents)

    cross_validate(DOCUMENTS, FOLDS, fit)
    texts = np.array(DOCUMENTS.texts.to_pylist())
    assert trained == [set(texts[fold != FOLDS]) for fold in range(4)]
    assert texts[16] in trained[2]
    assert texts[18] not in trained[2]


def test_documents_that_only_teach_are_not_measured() -> None:
    raw = cross_validate(DOCUMENTS, FOLDS, remember)
    found = predictions(DOCUMENTS, raw, FOLDS, lambda measured: {"score": measured[:, 0] + 1})
    assert found.labelled.table.num_rows == 16
    np.testing.assert_array_equal(found.columns["score"], raw[:16, 0] + 1)
    np.testing.assert_array_equal(found.folds, FOLDS[:16])


def test_a_larger_share_holds_a_smaller_one() -> None:
    parts = [set(thinned(DOCUMENTS, share, 3).texts.to_pylist()) for share in (0.1, 0.25, 0.5, 1.0)]
    assert [len(part) for part in parts] == [2, 5, 10, 20]
    assert all(small < large for small, large in pairwise(parts))


def test_the_learning_curve_counts_what_was_trained_on_and_ends_with_all() -> None:
    sizes: list[int] = []

    def fit(documents: Labelled) -> Memory:
        sizes.append(documents.table.num_rows)
        return remember(documents)

    full = np.full((SIZE, 1), 7, np.float32)
    rows = learning_curve(DOCUMENTS, FOLDS, fit, lambda raw: {"mean": float(np.nanmean(raw))}, full)
    assert [row["share"] for row in rows] == [1 / 8, 1 / 4, 1 / 2, 1]
    # Folds 0, 1 and 3 train on 16 documents, fold 2 on 15, since one that only teaches belongs to it.
    assert sizes == [2, 2, 2, 2, 4, 4, 4, 4, 8, 8, 8, 8]
    assert [row["documents"] for row in rows] == [2, 4, 8, 16]
    assert [row["mean"] for row in rows] == [0, 0, 0, 7]
