"""Small labelled tables, and predictions about them, for tests of what is done with them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from classifiers.config import Config
from classifiers.evaluation.crossvalidation import Predictions
from classifiers.labels.reading import COLUMNS, Labelled

SUBJECTS = ("鉄道", "料理", "天文", "登山", "建築", "農業", "将棋", "陶芸", "気象", "方言")


def text_of(place: int) -> str:
    """A text of its own for each number."""
    subject = SUBJECTS[place % len(SUBJECTS)]
    return f"{subject}についての{place}番目の話です。" * (1 + place % 7)


def labelled_table(heads: Mapping[str, Sequence[float | None]], **columns: Sequence[Any]) -> Labelled:
    """Labelled documents with the values of these heads; columns that are not given have defaults."""
    size = len(next(iter(heads.values())))
    given = {
        "key": [f"{place:04x}" for place in range(size)],
        "text": [text_of(place) for place in range(size)],
        "source": ["web"] * size,
        "group": ["web"] * size,
        "cluster": range(size),
        "weight": [1.0] * size,
        "train_only": [False] * size,
        **columns,
    }
    table = {name: pa.array(given.get(name, [None] * size), kind) for name, kind in COLUMNS.items()}
    table |= {head: pa.array(values, pa.float32()) for head, values in heads.items()}
    report = {
        "sources": [
            {
                "name": "web",
                "licence": "CC BY 4.0",
                "noncommercial": False,
                "read": size,
                "left_out": {},
                "documents": size,
                "agreement": {next(iter(heads)): {"spearman": 0.9, "quadratic_kappa": 0.8}},
            }
        ],
        "noncommercial_left_out": [],
        "conflicting_copies": 0,
        "documents": size,
        "train_only": 0,
        "near_duplicates": 0,
        "labels": {head: {} for head in heads},
    }
    return Labelled(pa.table(table), tuple(heads), report)


def ordinal_predictions(
    labels: Sequence[float], scores: Sequence[float], folds: int = 1, **columns: Any
) -> Predictions:
    """Expected levels, and probabilities that are steep functions of them."""
    expected = np.array(scores, np.float32)
    found = {"score": expected}
    for level in range(1, 6):
        found[f"at_least_{level}"] = (1 / (1 + np.exp(-4 * (expected - level + 0.5)))).astype(np.float32)
    return Predictions(labelled_table({"score": labels}, **columns), found, np.arange(len(labels)) % folds)


def configuration(kind: str = "ordinal", **options: Any) -> Config:
    """A configuration of one source, `labels.jsonl`."""
    source = {"path": "labels.jsonl", "name": "web", "licence": "CC BY 4.0"}
    source |= {"score": "score"} if kind == "ordinal" else {"toxic": {"label": {"bad": 1, "good": 0}}}
    target = {"kind": kind, **options.pop("target", {})}
    return Config.model_validate({"name": "test", "labels": [source], "target": target, "backend": "linear", **options})
