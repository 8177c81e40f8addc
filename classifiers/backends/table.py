"""The backends by name, each loaded only when it is used."""

import hashlib
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from classifiers.backends.backend import Backend, Targets
from classifiers.errors import ClassifierError
from pipeline.suggest import did_you_mean

STACKING = "stacking"
BACKENDS = {
    "linear": ("linear", "Linear"),
    "fasttext": ("fasttext_backend", "FastText"),
    STACKING: ("stacking", "Stacking"),
}
"""Module and class of each."""
SOURCES = (
    "backends.backend",
    "features.hashing",
    "features.statistics",
    "features.vectors",
    "features.views",
    "ordinal",
)
"""Modules of this package that all of them turn text into scores with."""
OWN_SOURCES = {
    "linear": ("backends.linear",),
    "fasttext": ("backends.fasttext_backend",),
    STACKING: ("backends.fasttext_backend", "backends.linear", "backends.stacking", "backends.trees"),
}


def backend(name: str) -> type[Backend]:
    """Return the class of a backend; ClassifierError for a name that none has."""
    if name not in BACKENDS:
        raise ClassifierError(f"no backend `{name}`{did_you_mean(name, BACKENDS)}")
    module, cls = BACKENDS[name]
    return getattr(import_module(f"classifiers.backends.{module}"), cls)


def fit(
    name: str,
    texts: pa.StringArray,
    targets: Targets,
    weights: npt.NDArray[np.float64],
    options: Mapping[str, Any],
    groups: npt.NDArray[np.int64],
) -> Backend:
    """Train a backend on n texts; that of stacking alone splits them again, by their groups' numbers."""
    cls: Any = backend(name)
    further = {"groups": groups} if name == STACKING else {}
    return cls.fit(texts, targets, weights, options, **further)


def code_hash(name: str) -> str:
    """sha256 of the source files by which a backend turns text into scores."""
    package, digest = Path(__file__).parent.parent, hashlib.sha256()
    for module in sorted((*SOURCES, *OWN_SOURCES[name])):
        source = (package / f"{module.replace('.', '/')}.py").read_bytes()
        digest.update(module.encode() + b"\0" + source + b"\0")
    return digest.hexdigest()
