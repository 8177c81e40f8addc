"""The contract of every step: a function of one Arrow batch that adds columns and names the rows that leave, and why.

A stage opens no data file, knows no Ray and keeps no counter; the worker does all three for it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, model_validator

Mask = npt.NDArray[np.bool_]


class Cost(IntEnum):
    """What a stage needs to look at, from cheap to dear. Stages up to CHARS score dropped documents too."""

    METADATA = 0
    CHARS = 1
    MODEL = 2
    WORDS = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a stage says about a batch of n rows.

    ``columns``: new or rewritten columns, n values each. ``drops``: reason below the stage's name -> mask of n rows
    that leave for it, in order of precedence. ``failures``: row -> error, for rows that could not be processed; they
    go to quarantine, and their values in ``columns`` are ignored.
    """

    columns: Mapping[str, pa.Array] = field(default_factory=dict)
    drops: Mapping[str, Mask] = field(default_factory=dict)
    failures: Mapping[int, str] = field(default_factory=dict)


class Options(BaseModel):
    """Base of everything a recipe can configure: immutable, unknown options refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Interval(Options):
    """Bounds of a signal, both inclusive; a document whose value lies outside leaves. Null and NaN stay."""

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "Interval":
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        return self

    def outside(self, values: pa.Array | pa.ChunkedArray) -> dict[str, Mask]:
        """Rows below ``min`` and above ``max``; a bound is rounded to the type of the values before it is compared."""
        numbers = values.to_numpy(zero_copy_only=False)
        kind = numbers.dtype.type if numbers.dtype.kind == "f" else np.float64
        drops = {}
        if self.min is not None:
            drops["min"] = numbers < kind(self.min)
        if self.max is not None:
            drops["max"] = numbers > kind(self.max)
        return drops


def snake_case(name: str) -> str:
    """Turn ``CamelCase`` into ``camel_case``; a run of capitals is one word, ``PIIFormatter`` a ``pii_formatter``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


class Stage(Options):
    """A step of a recipe. Its fields are its YAML options."""

    cost: ClassVar[Cost]
    reads: ClassVar[tuple[str, ...]] = ("text",)
    adds: ClassVar[Mapping[str, pa.DataType]] = {}
    """Columns that ``process`` returns, with their types; ``text`` among them makes the stage a modifier. Columns of
    ``flow.DERIVED`` may come along undeclared."""
    libraries: ClassVar[tuple[str, ...]] = ()
    """Distributions whose version changes what the stage returns; part of the fingerprint."""

    @classmethod
    def step_name(cls) -> str:
        """Name in recipes: the snake case of the class name."""
        return snake_case(cls.__name__)

    def name(self) -> str:
        """Name in reasons, signal columns and ``--set``; a recipe holds it once.

        A step that a recipe may hold several times takes it from its options.
        """
        return self.step_name()

    def added(self) -> Mapping[str, pa.DataType]:
        """Columns that this step adds: those of its class, under its own name where it has one."""
        return self.adds

    def required(self) -> tuple[str, ...]:
        """Columns that this step reads: those of its class, and any that its options name."""
        return self.reads

    def data(self) -> Mapping[str, str]:
        """Hashes of the files that the options name; part of the fingerprint."""
        return {}

    def open(self) -> None:
        """Load models and tables; called once per worker before the first batch."""

    def needed(self, batch: pa.RecordBatch) -> Mask:
        """Rows of living documents that ``process`` must see; of the others it is proven that they stay.

        Asked of stages that cost more than CHARS; what they would add to the other rows stays null, but for the audit
        sample, which is always processed.
        """
        return np.ones(batch.num_rows, dtype=np.bool_)

    def process(self, batch: pa.RecordBatch) -> Outcome:
        """Score or rewrite one batch."""
        raise NotImplementedError


class Filter(Stage):
    """A stage that only scores. Every option of type Interval bounds the signal of the same name."""

    signals: ClassVar[Mapping[str, pa.DataType]] = {}
    rewrites: ClassVar[Mapping[str, pa.DataType]] = {}
    """Columns that ``score`` returns beside the signals; ``text`` among them makes the filter a modifier too."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Derive the columns from the signals and refuse a bound on a signal the filter does not compute."""
        super().__pydantic_init_subclass__(**kwargs)
        bounds = {name for name, info in cls.model_fields.items() if info.annotation is Interval}
        if unknown := bounds - set(cls.signals):
            raise TypeError(f"{cls.__name__}: bounds without a signal: {sorted(unknown)}")
        cls.adds = {**cls.rewrites, **{f"{cls.step_name()}.{signal}": kind for signal, kind in cls.signals.items()}}

    def added(self) -> Mapping[str, pa.DataType]:
        """What it rewrites, and one column a signal, ``<name>.<signal>``."""
        return {**self.rewrites, **{f"{self.name()}.{signal}": kind for signal, kind in self.signals.items()}}

    def score(self, batch: pa.RecordBatch) -> Mapping[str, npt.NDArray[Any] | pa.Array]:
        """Compute every signal, and what it rewrites, one value per row."""
        raise NotImplementedError

    def process(self, batch: pa.RecordBatch) -> Outcome:
        """Turn the scores into columns and the bounds into reasons ``<signal>.<min|max>``."""
        scores = self.score(batch)
        columns = {f"{self.name()}.{key}": pa.array(scores[key], kind) for key, kind in self.signals.items()}
        return Outcome({**columns, **{key: scores[key] for key in self.rewrites}}, self.verdict(columns))

    def verdict(self, columns: Mapping[str, pa.Array | pa.ChunkedArray]) -> dict[str, Mask]:
        """Reasons from stored signal columns alone, without text; keys are ``<signal>.<min|max>``."""
        drops: dict[str, Mask] = {}
        for signal in self.signals:
            bounds = getattr(self, signal, None)
            if not isinstance(bounds, Interval):
                continue
            drops |= {
                f"{signal}.{side}": rows for side, rows in bounds.outside(columns[f"{self.name()}.{signal}"]).items()
            }
        return drops


class Checkpoint(Stage):
    """Ends a pass and stores its survivors, so that a later step can change without redoing the earlier ones."""

    cost = Cost.METADATA
    reads = ()
