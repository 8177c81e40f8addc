"""Boosted regression trees as one plain array of nodes, scored with numpy alone."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifiers.errors import ClassifierError

NODE = np.dtype([("feature", "<i4"), ("threshold", "<f8"), ("left", "<i4"), ("right", "<i4"), ("value", "<f8")])
"""A node sends a document left where its feature is at most the threshold. A leaf sends every one to itself, so that
all documents can take as many steps as the deepest tree has."""
NODES, ENSEMBLES = "trees.npy", "trees.json"
ROWS = 4096
"""Documents that walk at a time."""


@dataclass(frozen=True, slots=True)
class Trees:
    """An ensemble of trees for each head."""

    nodes: npt.NDArray[np.void]
    """Nodes of all trees, of type NODE."""
    roots: tuple[tuple[int, ...], ...]
    """Per head, the places of the roots of its trees."""
    baselines: tuple[float, ...]
    """Per head, what is predicted before the first tree."""
    depth: int
    """Steps from a root to the farthest leaf."""
    inputs: int
    """Features of a document."""

    def predict(self, inputs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Score n documents of shape (n, inputs), without NaN: (n, heads)."""
        found = np.empty((len(inputs), len(self.roots)))
        for start in range(0, len(inputs), ROWS):
            part = np.ascontiguousarray(inputs[start : start + ROWS], np.float64)
            for head, roots in enumerate(self.roots):
                found[start : start + ROWS, head] = self.baselines[head] + self._sums(part, roots)
        return found

    def write(self, folder: Path) -> None:
        """Write the nodes and what else is known into a folder."""
        np.save(folder / NODES, self.nodes, allow_pickle=False)
        content = {"roots": self.roots, "baselines": self.baselines, "depth": self.depth, "inputs": self.inputs}
        (folder / ENSEMBLES).write_text(json.dumps(content, sort_keys=True) + "\n", encoding="utf-8")

    def _sums(self, inputs: npt.NDArray[np.float64], roots: tuple[int, ...]) -> npt.NDArray[np.float64]:
        """Sum of the leaves that each document reaches; trees one after the other, as scikit-learn adds them."""
        rows = np.arange(len(inputs))
        total = np.zeros(len(inputs))
        for root in roots:
            at = np.full(len(inputs), root)
            for _ in range(self.depth):
                node = self.nodes[at]
                left = inputs[rows, node["feature"]] <= node["threshold"]
                at = np.where(left, node["left"], node["right"])
            total += self.nodes["value"][at]
        return total


def exported(models: Sequence[Any]) -> Trees:
    """Turn fitted HistGradientBoostingRegressors of one output each, of numeric features, into arrays."""
    nodes: list[npt.NDArray[np.void]] = []
    roots: list[tuple[int, ...]] = []
    depth = first = 0
    for model in models:
        own = []
        for (predictor,) in model._predictors:
            own.append(first)
            nodes.append(_converted(predictor.nodes, first))
            depth = max(depth, int(predictor.nodes["depth"].max()))
            first += len(predictor.nodes)
        roots.append(tuple(own))
    baselines = tuple(float(np.ravel(model._baseline_prediction)[0]) for model in models)
    return Trees(np.concatenate(nodes), tuple(roots), baselines, depth, int(models[0].n_features_in_))


def read(folder: Path) -> Trees:
    """Read what ``Trees.write`` wrote. Raises ClassifierError for other content."""
    try:
        nodes = np.load(folder / NODES, allow_pickle=False)
        content = json.loads((folder / ENSEMBLES).read_text(encoding="utf-8"))
        roots = tuple(tuple(int(root) for root in own) for own in content["roots"])
        trees = Trees(nodes, roots, tuple(map(float, content["baselines"])), content["depth"], content["inputs"])
    except (OSError, EOFError, KeyError, TypeError, ValueError) as error:
        raise ClassifierError(f"{folder}: not trees: {error!r}") from None
    if nodes.dtype != NODE or not _closed(trees):
        raise ClassifierError(f"{folder}: not trees: a node points nowhere")
    return trees


def _closed(trees: Trees) -> bool:
    """Whether every step leads from a node to a node, by a feature that there is."""
    nodes = trees.nodes
    places = np.concatenate([nodes["left"], nodes["right"], *trees.roots])
    bounds = ((places, nodes.size), (nodes["feature"], trees.inputs))
    return all(bool(np.all((numbers >= 0) & (numbers < end))) for numbers, end in bounds)


def _converted(found: npt.NDArray[np.void], first: int) -> npt.NDArray[np.void]:
    """Nodes of one tree, whose root will stand at ``first``."""
    leaf, own = found["is_leaf"].astype(np.bool_), np.arange(first, first + len(found))
    nodes = np.zeros(len(found), NODE)
    nodes["feature"] = np.where(leaf, 0, found["feature_idx"])
    nodes["threshold"] = np.where(leaf, np.inf, found["num_threshold"])
    nodes["left"] = np.where(leaf, own, first + found["left"].astype(np.int64))
    nodes["right"] = np.where(leaf, own, first + found["right"].astype(np.int64))
    nodes["value"] = found["value"]
    return nodes
