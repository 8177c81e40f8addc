"""Exported trees: scikit-learn's own predictions, and files that are no trees."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.ensemble import HistGradientBoostingRegressor

from classifiers.backends.trees import NODES, Trees, exported, read
from classifiers.errors import ClassifierError

INPUTS = 4


@pytest.fixture(scope="module")
def fitted() -> tuple[list[HistGradientBoostingRegressor], Trees]:
    random = np.random.default_rng(3)
    inputs = random.normal(size=(400, INPUTS)).round(1)
    targets = np.stack([inputs[:, 0] * inputs[:, 1], (inputs[:, 2] > 0.3).astype(float)], axis=1)
    models = [
        HistGradientBoostingRegressor(max_iter=15, max_leaf_nodes=leaves, random_state=0).fit(inputs, target)
        for leaves, target in zip((12, 3), targets.T, strict=True)
    ]
    return models, exported(models)


@settings(max_examples=60, deadline=None)
@given(inputs=arrays(np.float64, st.tuples(st.integers(1, 8), st.just(INPUTS)), elements=st.floats(-3, 3)))
def test_exported_trees_predict_what_scikit_learn_does(
    fitted: tuple[list[HistGradientBoostingRegressor], Trees], inputs: np.ndarray
) -> None:
    models, trees = fitted
    expected = np.stack([model.predict(inputs) for model in models], axis=1)
    np.testing.assert_allclose(trees.predict(inputs), expected, rtol=0, atol=1e-12)


def test_values_on_a_threshold_go_the_same_way(fitted: tuple[list[HistGradientBoostingRegressor], Trees]) -> None:
    models, trees = fitted
    thresholds = trees.nodes["threshold"][np.isfinite(trees.nodes["threshold"])]
    inputs = np.repeat(thresholds[:, None], INPUTS, axis=1)
    expected = np.stack([model.predict(inputs) for model in models], axis=1)
    np.testing.assert_allclose(trees.predict(inputs), expected, rtol=0, atol=1e-12)


def test_read_trees_predict_as_before(
    fitted: tuple[list[HistGradientBoostingRegressor], Trees], tmp_path: Path
) -> None:
    trees, inputs = fitted[1], np.random.default_rng(5).normal(size=(20, INPUTS))
    trees.write(tmp_path)
    np.testing.assert_array_equal(read(tmp_path).predict(inputs), trees.predict(inputs))


def test_a_node_that_points_nowhere_is_refused(
    fitted: tuple[list[HistGradientBoostingRegressor], Trees], tmp_path: Path
) -> None:
    fitted[1].write(tmp_path)
    nodes = fitted[1].nodes.copy()
    nodes["left"][0] = len(nodes)
    np.save(tmp_path / NODES, nodes, allow_pickle=False)
    with pytest.raises(ClassifierError, match="points nowhere"):
        read(tmp_path)


def test_a_pickle_is_refused_unread(fitted: tuple[list[HistGradientBoostingRegressor], Trees], tmp_path: Path) -> None:
    fitted[1].write(tmp_path)
    np.save(tmp_path / NODES, np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(ClassifierError, match="not trees"):
        read(tmp_path)


def test_missing_numbers_are_refused(fitted: tuple[list[HistGradientBoostingRegressor], Trees], tmp_path: Path) -> None:
    fitted[1].write(tmp_path)
    (tmp_path / "trees.json").write_text(json.dumps({"roots": [[0]]}))
    with pytest.raises(ClassifierError, match="not trees"):
        read(tmp_path)
