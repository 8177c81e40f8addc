"""The features of a text, one code for training and serving: hashed n-grams of its views, and binned statistics."""

from typing import TYPE_CHECKING, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field, model_validator

from classifiers.features.hashing import BINARY, COUNT, LOG, Counts, Grams, Weights, add_scores, no_counts, rows
from classifiers.features.statistics import STATISTICS, statistics
from classifiers.features.views import Look, first, views
from pipeline.stage import Options
from pipeline.suggest import did_you_mean
from pipeline.text.arrow import buffers

if TYPE_CHECKING:
    from scipy import sparse

FEATURE_VERSION = 1
"""Rises whenever the same options give any text other features; models of another version are refused."""
ROWS = 512
"""Texts that are scored at a time, so that their views stay in the cache."""
LONGEST = 16
"""Most characters or words of an n-gram."""
FREQUENCIES = {"count": COUNT, "log": LOG, "binary": BINARY}

Edges = npt.NDArray[np.float64]
"""(statistics, bins - 1): where the bins of each statistic begin, but for the first; rising."""
Scores = npt.NDArray[np.float64]


class View(Options):
    """The hashed n-grams of one view of a text, a column for each bucket."""

    of: Look = "characters"
    """`characters`; `outline`, which has symbols for kanji, katakana and letters: style, not topic; or `words`."""
    ngrams: tuple[int, int] = (1, 3)
    """Least and most characters, or words, of an n-gram."""
    bits: int = Field(default=18, ge=1, le=24)
    """2**bits buckets."""
    frequency: Literal["count", "log", "binary"] = "binary"
    """What a bucket's number of n-grams, 65,535 at most, counts: itself, 1 + log of it, or 1."""
    scale: float = Field(default=1.0, gt=0)
    """Norm of the view of a text; a view of a larger scale is regularised less."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        least, most = self.ngrams
        if not 1 <= least <= most <= LONGEST:
            raise ValueError(f"ngrams [{least}, {most}] are no range within 1 to {LONGEST}")
        return self

    @property
    def grams(self) -> Grams:
        """What the kernels take."""
        return (*self.ngrams, self.of == "words")

    @property
    def counting(self) -> tuple[int, Counts]:
        """What else they take: how an n-gram's number counts, and a table for the numbers."""
        frequency = FREQUENCIES[self.frequency]
        return frequency, no_counts(self.bits, frequency)


class Features(Options):
    """Which features a text has."""

    characters: int | None = Field(default=1000, ge=1)
    """How many characters of the stored text are looked at, from its beginning; null: all."""
    views: tuple[View, ...] = (View(), View(of="outline", ngrams=(2, 6)))
    """Views of the text."""
    statistics: tuple[str, ...] = ()
    """Statistics of the text, each cut into bins of about as many training texts; a column for each bin."""
    bins: int = Field(default=10, ge=2, le=255)
    """Bins of a statistic."""
    statistics_scale: float = Field(default=1.0, gt=0)
    """Norm of the columns of statistics of a text."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name in self.statistics:
            if name not in STATISTICS:
                raise ValueError(f"no statistic `{name}`{did_you_mean(name, STATISTICS)}")
        return self

    @property
    def columns(self) -> int:
        """How many columns there are: those of the views, then those of the statistics."""
        return self.first_bin + len(self.statistics) * self.bins

    @property
    def first_bin(self) -> int:
        """The first column of the statistics."""
        return sum(1 << view.bits for view in self.views)

    @property
    def bin_value(self) -> float:
        """Value of the one column of each statistic that is not 0."""
        return self.statistics_scale / max(1, len(self.statistics)) ** 0.5


def edges(texts: pa.Array, features: Features) -> Edges:
    """Cut the statistics of training texts, at least one, at their quantiles."""
    found = statistics(_seen(texts, features), features.statistics)
    return np.quantile(found, np.arange(1, features.bins) / features.bins, axis=0).T


def matrix(texts: pa.Array, features: Features, cuts: Edges) -> "sparse.csr_matrix":
    """The features of n texts: (n, features.columns) float64; a null has those of the empty text."""
    from scipy import sparse  # noqa: PLC0415  serving does without

    seen = _seen(texts, features)
    blocks = []
    for part, shown in zip(features.views, views(seen, _looks(features)), strict=True):
        starts, buckets, values = rows(*buffers(shown), part.grams, *part.counting)
        blocks.append(
            sparse.csr_matrix((part.scale * values, buckets.view(np.int32), starts), (len(texts), 1 << part.bits))
        )
    columns = _bins(seen, features, cuts)
    starts = np.arange(len(texts) + 1) * columns.shape[1]
    values = np.full(columns.size, features.bin_value)
    blocks.append(
        sparse.csr_matrix((values, columns.ravel(), starts), (len(texts), features.columns - features.first_bin))
    )
    found = sparse.csr_matrix(sparse.hstack(blocks, format="csr"))
    found.sort_indices()
    return found


def scores(texts: pa.Array, features: Features, cuts: Edges, weights: Weights) -> Scores:
    """Multiply ``matrix`` of n texts by weights (features.columns, heads) in one pass, without it: (n, heads)."""
    found = np.zeros((len(texts), weights.shape[1]))
    for start in range(0, len(texts), ROWS):
        _add_scores(texts.slice(start, ROWS), features, cuts, weights, found[start : start + ROWS])
    return found


def _add_scores(texts: pa.Array, features: Features, cuts: Edges, weights: Weights, found: Scores) -> None:
    seen = _seen(texts, features)
    begin = 0
    for part, shown in zip(features.views, views(seen, _looks(features)), strict=True):
        own = weights[begin : begin + (1 << part.bits)]
        sums = np.zeros_like(found)
        add_scores(*buffers(shown), part.grams, *part.counting, own, sums)
        found += part.scale * sums
        begin += 1 << part.bits
    found += features.bin_value * weights[begin + _bins(seen, features, cuts)].sum(axis=1, dtype=np.float64)


def _bins(seen: pa.Array, features: Features, cuts: Edges) -> npt.NDArray[np.int64]:
    """Which column of the statistics' own is not 0: (n, statistics)."""
    values = statistics(seen, features.statistics)
    columns = np.empty(values.shape, np.int64)
    for place, cut in enumerate(cuts):
        columns[:, place] = place * features.bins + np.searchsorted(cut, values[:, place], side="right")
    return columns


def _seen(texts: pa.Array, features: Features) -> pa.Array:
    return texts if features.characters is None else first(texts, features.characters)


def _looks(features: Features) -> tuple[Look, ...]:
    return tuple(part.of for part in features.views)
