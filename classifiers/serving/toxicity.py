"""Scores texts by how likely they harm: as a whole and by category."""

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from classifiers.serving.base import Scores, Serving
from classifiers.serving.windows import windows
from pipeline.stage import Interval


class Toxicity(Serving):
    """Scores texts with a classifier trained on texts that are toxic, touch on such topics, or neither.

    ``toxic`` is the probability that a text promotes harm, depicts it explicitly or is an attack itself; reporting,
    medicine, history and literature on the same topics are not. The other columns are the probabilities of categories.
    """

    kind = "binary"
    adds: ClassVar = {
        "toxicity.toxic": pa.float32(),
        "toxicity.sexual": pa.float32(),
        "toxicity.abuse": pa.float32(),
    }

    model: str = "toxicity_ja"
    """Name of a model that ships, or path of a model folder, as ``migaki train`` writes it; a binary one."""
    window: int | None = Field(None, ge=100)
    """Characters of a window: a longer text is scored in windows of the same length, and the highest score of each
    column counts, so that a paragraph in a long page is not overlooked. Without it the model sees the beginning of a
    text only."""
    toxic: Interval = Interval()
    """Probability that the text is toxic."""
    sexual: Interval = Interval()
    """Probability that it is explicitly sexual."""
    abuse: Interval = Interval()
    """Probability that it is hate or harassment."""

    @model_validator(mode="after")
    def _seen_whole(self) -> Self:
        """Refuse windows of which the model would not see the end."""
        reach = self.served.reach
        if self.window is not None and reach is not None and self.window > reach:
            raise ValueError(f"window {self.window}: model `{self.model}` sees {reach} characters; give no more")
        return self

    def predicted(self, texts: pa.StringArray) -> Mapping[str, Scores]:
        """Predict the columns of n texts, n values each: of windows the highest."""
        if self.window is None or not len(texts):
            return self.served.predict(texts)
        parts, firsts = windows(texts, self.window)
        return {name: np.maximum.reduceat(scores, firsts) for name, scores in self.served.predict(parts).items()}
