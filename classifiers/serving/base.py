"""What the steps share that score texts with a trained classifier: model, columns, and bounds on any of them."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import ConfigDict, Field, model_validator

from classifiers.model import Model, load
from pipeline.stage import Cost, Interval, Mask, Outcome, Stage
from pipeline.suggest import did_you_mean

Scores = npt.NDArray[np.float32]


class Serving(Stage):
    """Base of the steps that score texts with a model of one kind. The columns they add are what the model predicts.

    A subclass declares bounds for the columns of the model that ships; a column that another model has can be bounded
    by its name too. Everything that is wrong with a model or a bound is told when the recipe is read: a file whose hash
    does not fit, features of another version, a bound on what the model does not predict.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Interval] = Field(init=False)

    kind: ClassVar[str]
    """Kind of the models that the step takes: ordinal or binary."""
    cost = Cost.MODEL
    libraries = ("fasttext-numpy2", "fugashi", "unidic-lite")

    model: str

    @model_validator(mode="before")
    @classmethod
    def _known(cls, options: Any) -> Any:
        """Refuse names that are neither options nor columns of the model, and spell out a bound for each column."""
        if not isinstance(options, dict):
            return options
        name = options.get("model", cls.model_fields["model"].default)
        if not isinstance(name, str):
            return options
        columns = load(name).columns
        valid = [*cls.model_fields, *columns]
        for option in options:
            if option not in valid:
                raise ValueError(f"unknown option `{option}`{did_you_mean(str(option), valid)}")
        return {**{column: {} for column in columns if column not in cls.model_fields}, **options}

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        """Refuse a model of another kind, and bounds on columns that it does not have."""
        if self.served.kind != self.kind:
            raise ValueError(f"model `{self.model}` is {self.served.kind}; step `{self.step_name()}` takes {self.kind}")
        for column, bound in self._bounds().items():
            if bound != Interval() and column not in self.served.columns:
                near = did_you_mean(column, self.served.columns)
                raise ValueError(f"option `{column}`: model `{self.model}` does not predict it{near}")
        return self

    @cached_property
    def served(self) -> Model:
        """The model."""
        return load(self.model)

    def added(self) -> Mapping[str, pa.DataType]:
        """One column for each of the model's, ``<step>.<column>``."""
        return {f"{self.name()}.{column}": pa.float32() for column in self.served.columns}

    def data(self) -> Mapping[str, str]:
        """Hash of the model."""
        return {"model": self.served.hash}

    def process(self, batch: pa.RecordBatch) -> Outcome:
        """Predict, and judge by the bounds; a null text has no scores and stays."""
        texts = batch.column("text")
        absent = texts.is_null().to_numpy(zero_copy_only=False)
        columns = {
            f"{self.name()}.{column}": pa.array(values, pa.float32(), mask=absent)
            for column, values in self.predicted(texts).items()
        }
        return Outcome(columns, self.verdict(columns))

    def predicted(self, texts: pa.StringArray) -> Mapping[str, Scores]:
        """Predict the columns of n texts, n values each; a null text is an empty one."""
        return self.served.predict(texts)

    def verdict(self, columns: Mapping[str, pa.Array | pa.ChunkedArray]) -> dict[str, Mask]:
        """Reasons ``<column>.<min|max>``, from the stored columns alone."""
        return {
            f"{column}.{side}": rows
            for column, bound in self._bounds().items()
            if bound != Interval()
            for side, rows in bound.outside(columns[f"{self.name()}.{column}"]).items()
        }

    def _bounds(self) -> dict[str, Interval]:
        return {name: value for name, value in self if isinstance(value, Interval)}
