"""Tells what kind of text a document is."""

from typing import ClassVar

import numpy as np
import pyarrow as pa

from classifiers.serving.base import Serving
from pipeline.stage import Outcome

SHIPPED = (
    "encyclopedic",
    "news",
    "explain_howto",
    "blog_diary",
    "review",
    "fiction_essay",
    "academic_legal",
    "commerce",
    "listing_nav",
    "other",
)
LABEL = "label"


class Genre(Serving):
    """Names the genre of a text by a classifier trained on judgements of a language model.

    ``label`` is the most probable class, a bucket for ``percentile: {per: genre.label}``; the other columns are the
    probabilities of the classes, each of which can be bounded: ``genre: {listing_nav: {max: 0.9}}``.
    """

    kind = "classes"
    adds: ClassVar = {**{f"genre.{name}": pa.float32() for name in SHIPPED}, f"genre.{LABEL}": pa.string()}

    model: str = "genre_ja"
    """Name of a model that ships, or path of a model folder, as ``migaki train`` writes it; one of classes."""

    def added(self) -> dict[str, pa.DataType]:
        """The probabilities, and the label."""
        return {**super().added(), f"{self.name()}.{LABEL}": pa.string()}

    def process(self, batch: pa.RecordBatch) -> Outcome:
        """Predict, judge by the bounds, and name the most probable class; a null text has none."""
        outcome = super().process(batch)
        names = self.served.columns
        scores = np.stack([outcome.columns[f"{self.name()}.{name}"].fill_null(0).to_numpy() for name in names])
        places = pa.array(scores.argmax(axis=0), mask=batch.column("text").is_null().to_numpy(zero_copy_only=False))
        label = pa.array(names, pa.string()).take(places)
        return Outcome({**outcome.columns, f"{self.name()}.{LABEL}": label}, outcome.drops)
