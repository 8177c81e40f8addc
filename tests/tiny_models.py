"""Small models of the real format, trained in no time, and the texts they can tell apart."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from classifiers.backends.linear import Linear
from classifiers.model import Model, load, seal

GOOD = "春の川べりを歩くと、つくしが顔を出していた。祖母は籠を持って、私は歌をうたった。"
BAD = "激安！！今すぐクリック→→→会員登録無料☆☆☆"
OPTIONS = {"features": {"views": [{"of": "characters", "ngrams": [1, 2], "bits": 10}]}}


def write_model(folder: Path, kind: str = "ordinal", heads: Sequence[str] = ("score",), levels: int = 5) -> Model:
    """Write a model folder whose first head rises from BAD to GOOD, and falls where it is a binary one."""
    if kind == "binary":
        levels = 1
    texts = pa.array([GOOD, BAD, GOOD + "。", BAD + "☆"])
    rising = np.array([1, 0, 1, 0], np.float32) if kind == "ordinal" else np.array([0, 1, 0, 1], np.float32)
    targets = np.stack([rising * (levels - place / 10) for place in range(len(heads))], axis=1).astype(np.float32)
    (folder / "weights").mkdir(parents=True)
    Linear.fit(texts, targets, np.ones(4), OPTIONS).save(folder / "weights")
    calibration = {"slope": 2.0, "intercepts": [1.0 - 2.0 * level for level in range(1, levels + 1)]}
    about = {
        "name": folder.name,
        "version": 1,
        "description": "",
        "kind": kind,
        "heads": list(heads),
        "levels": levels,
        "backend": "linear",
        "config": {},
        "noncommercial": False,
        "labels": {},
        "code": "",
        "libraries": {},
        "calibration": dict.fromkeys(heads, calibration),
        "cuts": {},
        "metrics": {},
    }
    seal(folder, about)
    return load(folder)
