"""A trained classifier as a folder whose files are all under one hash; it appears whole or not at all."""

import hashlib
import json
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from classifiers.backends.backend import Backend, Raw
from classifiers.backends.table import backend
from classifiers.config import SCORE, checked
from classifiers.errors import ClassifierError
from classifiers.features.vectors import FEATURE_VERSION
from classifiers.ordinal import Calibration
from pipeline.stage import Options
from pipeline.suggest import did_you_mean

Columns = dict[str, npt.NDArray[np.float32]]

FORMAT = 1
ABOUT = "model.json"
WEIGHTS = "weights"
TRAINED_ON = "trained_on.npy"
SHIPPED = Path(__file__).parent / "models"


class About(Options):
    """What ``model.json`` says of a model."""

    format: Literal[1]
    name: str
    version: int
    description: str
    kind: Literal["ordinal", "binary", "classes"]
    heads: tuple[str, ...] = Field(min_length=1)
    levels: int
    """Highest level of an ordinal model; 1 for another."""
    backend: str
    features: int
    """FEATURE_VERSION of the code that trained it."""
    config: Mapping[str, Any]
    """The resolved configuration."""
    noncommercial: bool
    """Whether sources under non-commercial terms took part."""
    labels: Mapping[str, Any]
    """Hash, number and sources of the labels."""
    code: str
    """sha256 of the source of features, backend and calibration; FEATURE_VERSION vouches for the normal forms below."""
    libraries: Mapping[str, str]
    """Versions of the libraries that trained it."""
    calibration: Mapping[str, Any]
    """Per head, what turns its raw score into probabilities."""
    cuts: Mapping[str, float]
    """Per column, the cut of the best F1 on held-out documents."""
    metrics: Mapping[str, Any]
    """Headline figures of cross-validation; ``metrics.json`` has all."""
    files: Mapping[str, str]
    """sha256 of every other file of the model."""


@dataclass(frozen=True, slots=True)
class Model:
    """A classifier that was trained before."""

    folder: Path
    hash: str
    """sha256 of ``model.json``, which holds the hashes of all other files."""
    about: About
    _backend: Backend
    _calibrations: Sequence[Calibration]

    @property
    def name(self) -> str:
        """Name, as its configuration gives it."""
        return self.about.name

    @property
    def kind(self) -> str:
        """``ordinal``, ``binary`` or ``classes``."""
        return self.about.kind

    @property
    def heads(self) -> tuple[str, ...]:
        """What it was trained on: ``score``, or ``toxic`` and categories, or classes."""
        return self.about.heads

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of what ``predict`` returns, in its order."""
        return columns(self.kind, self.heads, self.about.levels)

    @property
    def reach(self) -> int | None:
        """Characters from the beginning of a text that it sees; None where its configuration does not say."""
        options = self.about.config.get("options", {})
        return options.get("characters") or options.get("features", {}).get("characters")

    @property
    def trained_on(self) -> npt.NDArray[np.uint64]:
        """Fingerprints (``Labelled.fingerprints``) of the texts it was trained on, rising."""
        file = self.folder / TRAINED_ON
        try:
            found = np.load(file, allow_pickle=False)
        except (OSError, EOFError, ValueError) as error:
            raise ClassifierError(f"{file}: not an array of fingerprints: {error}") from None
        if found.dtype != np.uint64 or found.ndim != 1:
            raise ClassifierError(f"{file}: not an array of fingerprints: {found.dtype} of shape {found.shape}")
        return found

    def predict(self, texts: pa.Array) -> Columns:
        """Score n texts; a null is scored as the empty text.

        Ordinal: ``score``, the expected level, and ``at_least_1`` to the highest level, the probability of that level
        or more. Others: a probability for each head.
        """
        return predict(self._backend.raw(texts), self._calibrations, self.columns)


def columns(kind: str, heads: Sequence[str], levels: int) -> tuple[str, ...]:
    """Names of the columns that a model of this kind predicts."""
    return (SCORE, *(f"at_least_{level}" for level in range(1, levels + 1))) if kind == "ordinal" else tuple(heads)


def predict(raw: Raw, calibrations: Sequence[Calibration], names: Sequence[str]) -> Columns:
    """Turn the raw scores of n texts, (n, heads), into the columns of these names, n float32 each."""
    heads = [head.probabilities(raw[:, place]) for place, head in enumerate(calibrations)]
    parts = [heads[0].sum(axis=1, keepdims=True)] if SCORE in names else []
    found = np.hstack([*parts, *heads])
    return {name: found[:, place].astype(np.float32) for place, name in enumerate(names)}


def load(name: str | Path) -> Model:
    """Read a model folder, or a shipped model by its name.

    Raises ClassifierError for a folder that is none, a file that is missing or not the one that was trained, an unknown
    backend, and features of another version.
    """
    folder = _find(name)
    content = _bytes(folder / ABOUT)
    about = _about(content, folder / ABOUT)
    if about.features != FEATURE_VERSION:
        raise ClassifierError(
            f"{folder}: trained on features of version {about.features}, this release has {FEATURE_VERSION}: "
            "train it again"
        )
    for file, sha256 in about.files.items():
        _check(folder, file, sha256)
    weights = {f"{WEIGHTS}/{file}" for file in _files(folder / WEIGHTS)}
    if not weights or not weights <= about.files.keys():
        raise ClassifierError(f"{folder}: {ABOUT} does not vouch for the files in {WEIGHTS}/")
    calibrations = [_calibration(folder, about, head) for head in about.heads]
    loaded = backend(about.backend).load(folder / WEIGHTS)
    return Model(folder, hashlib.sha256(content).hexdigest(), about, loaded, calibrations)


def shipped() -> list[str]:
    """Names of the models that ship."""
    return sorted(file.parent.name for file in SHIPPED.glob(f"*/{ABOUT}"))


@contextmanager
def new_folder(to: Path) -> Iterator[Path]:
    """Give an empty folder that takes the place of ``to`` when all went well, and vanishes otherwise.

    A model folder that stands there is replaced. Raises ClassifierError where anything else does, before any work.
    """
    refuse_occupied(to)
    to = to.resolve()
    to.parent.mkdir(parents=True, exist_ok=True)
    temporary = to.with_name(f".{to.name}.{secrets.token_hex(4)}.tmp")
    temporary.mkdir()
    try:
        yield temporary
        _put_in_place(temporary, to)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def refuse_occupied(to: Path) -> None:
    """Raise ClassifierError if there is something that no model folder may replace."""
    if not to.exists() or (to.is_dir() and not any(to.iterdir())):
        return
    if not (to / ABOUT).is_file():
        raise ClassifierError(f"{to}: there is something else than a model; name a new folder")
    own = {ABOUT, *_about(_bytes(to / ABOUT), to / ABOUT).files}
    if others := sorted(_files(to) - own):
        raise ClassifierError(f"{to}: there is more than a model, e.g. {others[0]}; name a new folder")


def _files(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if not file.is_dir()}


def seal(folder: Path, about: Mapping[str, Any]) -> None:
    """Write ``model.json`` into a folder that holds everything else: ``about``, and the hash of every file."""
    hashes = {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in sorted(_files(folder))}
    content = About.model_validate({**about, "format": FORMAT, "features": FEATURE_VERSION, "files": hashes})
    text = json.dumps(content.model_dump(mode="json"), ensure_ascii=False, indent=1, allow_nan=False)
    (folder / ABOUT).write_text(text + "\n", encoding="utf-8")


def _find(name: str | Path) -> Path:
    if str(name) in shipped():
        return SHIPPED / str(name)
    folder = Path(name)
    if (folder / ABOUT).is_file():
        return folder
    if folder.exists():
        raise ClassifierError(f"{folder}: no model folder: it has no {ABOUT}")
    raise ClassifierError(f"{name}: no such folder and no shipped model{did_you_mean(str(name), shipped())}")


def _about(content: bytes, file: Path) -> About:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ClassifierError(f"{file}: not JSON: {error}") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ClassifierError(f"{file}: not a model of format {FORMAT}, the one that this release reads")
    return checked(About, data, str(file))


def _check(folder: Path, file: str, sha256: str) -> None:
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts:
        raise ClassifierError(f"{folder / ABOUT}: {file!r} is not inside the folder")
    if hashlib.sha256(_bytes(folder / path)).hexdigest() != sha256:
        raise ClassifierError(f"{folder / path}: changed after training; its sha256 is not the one in {ABOUT}")


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ClassifierError(f"{file}: a model needs this file: {error.strerror}") from None
    except ValueError as error:
        raise ClassifierError(f"{str(file)!r}: no name of a file: {error}") from None


def _calibration(folder: Path, about: About, head: str) -> Calibration:
    try:
        calibration = Calibration.from_json(about.calibration.get(head))
    except ClassifierError as error:
        raise ClassifierError(f"{folder / ABOUT}: head {head!r}: {error}") from None
    if len(calibration.intercepts) != about.levels:
        raise ClassifierError(f"{folder / ABOUT}: head {head!r}: {about.levels} levels need as many intercepts")
    return calibration


def _put_in_place(folder: Path, to: Path) -> None:
    """Rename; an older model steps aside first, and goes when the new one stands."""
    if not to.exists():
        folder.rename(to)
        return
    old = folder.with_suffix(".old")
    to.rename(old)
    folder.rename(to)
    shutil.rmtree(old)
