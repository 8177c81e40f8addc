"""The configuration of one classifier, from its labels to its backend, as a YAML file says it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import yaml
from pydantic import Field, PrivateAttr, ValidationError, model_validator

from classifiers.errors import ClassifierError
from pipeline.stage import Options
from pipeline.suggest import did_you_mean

Value = str | int | bool | None
Checked = TypeVar("Checked", bound=Options)

NAME = r"^[a-z0-9][a-z0-9_]*$"
SCORE, TOXIC = "score", "toxic"
"""Head of an ordinal target, and the first head of a binary one."""


class Labels(Options):
    """One file of labelled documents, or a part of it."""

    path: str
    """JSONL file, or annotation folder; relative to the data folder, else to the configuration."""
    name: str = Field(min_length=1)
    """Name of the source in metrics and cards."""
    only: Mapping[str, tuple[Value, ...]] = {}
    """Field -> values: documents with another value are not part of this source. A file whose documents stand under
    different terms is listed once for each."""
    text: str = "text"
    """Field with the text."""
    texts: str | None = None
    """JSONL file whose `id` and `text` give each label its text, for labels that go without; found as `path` is."""
    group: str | None = None
    """Field that names the group of a document for splits by group; without it the whole file is one group."""
    group_pattern: str = ""
    """What is cut from the group's name, a regular expression: `_(main|full)$` makes two extractions one group."""
    score: str | None = None
    """Field with the level of an ordinal target."""
    toxic: Mapping[str, Mapping[Value, int]] | int | None = None
    """For a binary target: field -> value -> 1 or 0 (values not named leave the document out), or one label for all."""
    categories: str | None = None
    """Field with an object of category -> severity; 2 is positive, 0, 1 and a missing category are negative. Without it
    nothing is known about the categories of a toxic document, and one that is not toxic has none."""
    label: str | None = None
    """Field with the label of a target of classes."""
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Weight of each document in training and calibration."""
    agreement: Mapping[str, Mapping[str, float]] = {}
    """Agreement of the annotators where the file does not have it, the ceiling in cards: head -> figure -> value, e.g.
    `{score: {quadratic_kappa: 0.9}}`."""
    train_only: bool = False
    """Never held out: documents that teach and do not measure, e.g. clean texts taken as nontoxic."""
    licence: str
    """Licence as its source states it, for the card."""
    noncommercial: bool = False
    """Left out unless asked for: sources under non-commercial or research-only terms."""


class Target(Options):
    """What is learnt."""

    kind: Literal["ordinal", "binary", "classes"]
    """Levels of one scale; toxic or not, with categories; or one of several classes."""
    levels: int = Field(default=5, ge=1, le=20)
    """Highest level of an ordinal target; the lowest is 0."""
    categories: Mapping[str, tuple[str, ...]] = {}
    """Heads of a binary target beside `toxic`, each with the categories of which one makes it positive."""
    classes: Mapping[str, tuple[str, ...]] = {}
    """Heads of a target of classes, each with the labels that mean it; a document with another label is left out."""
    prior: float | None = Field(default=None, gt=0, lt=1)
    """Share of toxic documents in the text that will be scored, where labelled sets hold more of them: the
    probabilities of all heads of a binary target are moved by as much; without it they are those of the labels."""

    positive_weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Weight in training of a toxic document against one that is not; calibration does not know it."""

    @property
    def heads(self) -> tuple[str, ...]:
        """Names of the heads, in the order of the columns of targets and raw scores."""
        binary = (TOXIC, *self.categories)
        return {"ordinal": (SCORE,), "binary": binary, "classes": tuple(self.classes)}[self.kind]

    @model_validator(mode="after")
    def _fitting(self) -> "Target":
        if (self.kind == "classes") != bool(self.classes):
            raise ValueError("a target of classes, and no other, names its `classes`")
        if self.kind != "binary" and (self.categories or self.prior is not None or self.positive_weight != 1):
            raise ValueError("`categories`, `prior` and `positive_weight` belong to a binary target")
        if TOXIC in self.categories:
            raise ValueError("`toxic` is a head of every binary target, not a category")
        if empty := [head for head, names in self.categories.items() if not names]:
            raise ValueError(f"no category makes `{empty[0]}` positive")
        return self


class Split(Options):
    """How documents are held out for measuring and calibration; near-duplicates and hosts never stand on both sides."""

    folds: int = Field(default=5, ge=2)
    seed: int = Field(default=0, ge=0, lt=2**31)
    calibrate: Literal["group", "random"] = "group"
    """Which held-out scores calibrate the served ones and give their cuts: those of documents of groups that were not
    trained on, or, where a few groups hold all the positives, those of documents held out at random."""


class Config(Options):
    """A classifier."""

    name: str = Field(pattern=NAME)
    """Name of the model: small letters, digits and `_`."""
    version: int = Field(default=1, ge=1)
    description: str = ""
    """One or two sentences for the card."""
    labels: tuple[Labels, ...] = Field(min_length=1)
    target: Target
    balance: float = Field(default=0.0, ge=0, le=1)
    """Keeps large groups from ruling the training: the weight of a document is divided by the size of its group to this
    power. 0 leaves it, 1 gives every group the same weight."""
    backend: Literal["linear", "fasttext", "stacking"]
    options: Mapping[str, Any] = {}
    """Options of the backend."""
    split: Split = Split()
    excerpts: bool = True
    """Whether the card shows how the worst errors begin; not where the terms of a source forbid it."""
    _folder: Path = PrivateAttr(default=Path())

    @property
    def folder(self) -> Path:
        """Folder of the configuration's file, where files are sought that the data folder does not have."""
        return self._folder

    @model_validator(mode="after")
    def _answering(self) -> "Config":
        names = [source.name for source in self.labels]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two sources of labels have the name {repeated[0]!r}")
        for source in self.labels:
            if self.target.kind == "ordinal" and source.score is None:
                raise ValueError(f"labels {source.name!r}: an ordinal target needs `score`, the field with the level")
            if self.target.kind == "classes" and source.label is None:
                raise ValueError(f"labels {source.name!r}: a target of classes needs `label`, the field with the class")
            if self.target.kind == "binary" and source.toxic is None and source.categories is None:
                raise ValueError(f"labels {source.name!r}: a binary target needs `toxic` or `categories`")
        return self


def load_config(path: str | Path) -> Config:
    """Read a configuration file, or a shipped one by its name. Raises ClassifierError, naming file and option."""
    file = _find(path)
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ClassifierError(f"{file}: cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise ClassifierError(f"{file}: not valid YAML: {error}") from None
    config = checked(Config, data, str(file))
    config._folder = file.parent
    return config


def checked(model: type[Checked], data: Any, place: str) -> Checked:
    """Build options from plain data; ClassifierError names the place and each option that does not fit."""
    if not isinstance(data, Mapping):
        raise ClassifierError(f"{place}: write a mapping with {', '.join(f'`{name}`' for name in model.model_fields)}")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        lines = [f"{place}: {line}" for line in _explained(error, model)]
        raise ClassifierError("\n".join(lines)) from None


def _find(path: str | Path) -> Path:
    file = Path(path)
    if file.is_file():
        return file
    package = Path(__file__).parent.parent
    folders = (package / "configs" / "classifiers", package / "pipeline" / "configs" / "classifiers")
    shipped = {found.stem: found for folder in folders for found in sorted(folder.glob("*.yaml"))}
    if str(path) in shipped:
        return shipped[str(path)]
    raise ClassifierError(f"{path}: no such file and no shipped configuration{did_you_mean(str(path), shipped)}")


def _explained(error: ValidationError, model: type[Options]) -> Iterator[str]:
    for problem in error.errors():
        *path, last = problem["loc"] or ("",)
        option = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            yield f"unknown option `{option}`{did_you_mean(str(last), _fields(model, path))}"
            continue
        where = f"option `{option}`: " if option else ""
        shown = "" if problem["type"] == "missing" or not option else f" (got {problem['input']!r:.80})"
        yield f"{where}{problem['msg'].removeprefix('Value error, ')}{shown}"


def _fields(model: type[Options], path: list[str | int]) -> list[str]:
    """Options that are valid at a place inside a model."""
    for part in path:
        field = model.model_fields.get(str(part))
        inner = (field.annotation, *get_args(field.annotation)) if field else ()
        model = next((kind for kind in inner if isinstance(kind, type) and issubclass(kind, Options)), model)
    return list(model.model_fields)
