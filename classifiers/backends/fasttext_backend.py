"""fastText over the characters or words of the shadow: the expected level of classes, never the likeliest of them."""

import ctypes
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import fasttext
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from classifiers.backends.backend import Raw, Targets
from classifiers.config import checked
from classifiers.errors import ClassifierError
from classifiers.features.views import first, views
from pipeline.stage import Options
from pipeline.text.arrow import buffers

Values = npt.NDArray[np.float64]

PREFIX = "\u3000"
"""Begins a label. A shadow holds no ideographic space and fastText does not part words at it, so that no token of a
text can be read as a label."""
END, HARMLESS = "</s>", "</s >"
"""fastText stops reading a line at this token, whoever wrote it."""
HALF = 0.5
MOST_COPIES = 20
ATTRIBUTES = "fasttext.json"
PERTURB, ZEROS, OFF = -6, 0xFF, 0
"""M_PERTURB of glibc's malloc.h, the value that fills what is allocated with zeros, and the default."""


class FastTextOptions(Options):
    """Options of the ``fasttext`` backend."""

    tokens: Literal["characters", "words"] = "characters"
    """Each character a token, as Swallow's classifiers read unsegmented text; or fugashi's words."""
    characters: int | None = Field(default=1000, ge=1)
    """How much of a text is looked at, in characters; null for all."""
    ngrams: int = Field(default=3, ge=1, le=10)
    """Longest run of tokens that is a feature."""
    classes: tuple[float, ...] = (1.5, 2.5, 3.5)
    """Cuts between the classes of an ordinal target: the default learns levels 0-1, 2, 3 and 4-5. A head of 0 and 1 is
    cut in the middle."""
    epochs: int = Field(default=25, ge=1)
    rate: float = Field(default=0.3, gt=0)
    """Learning rate at the start."""
    dimensions: int = Field(default=16, ge=1, le=1000)
    buckets: int = Field(default=200_000, ge=1000)
    """Rows of the table that holds all n-grams of two and more tokens."""
    least: int = Field(default=2, ge=1)
    """Occurrences below which a token is not in the vocabulary."""
    quantise: bool = False
    """Store vectors as product-quantised codes: an eighth of the size, slightly other scores."""
    seed: int = Field(default=0, ge=0, lt=2**31)

    @field_validator("classes")
    @classmethod
    def _rising(cls, cuts: tuple[float, ...]) -> tuple[float, ...]:
        if not cuts or any(first >= second for first, second in pairwise(cuts)):
            raise ValueError("write one or more cuts, each larger than the one before")
        return cuts


class FastText:
    """One fastText model a head (Joulin et al. 2017); its raw score is the mean target of the classes it expects."""

    name: ClassVar[str] = "fasttext"

    def __init__(self, options: FastTextOptions, models: Sequence[Any], values: Sequence[Values]) -> None:
        self._options, self._models, self._values = options, models, values

    @classmethod
    def fit(
        cls, texts: pa.StringArray, targets: Targets, weights: npt.NDArray[np.float64], options: Mapping[str, Any]
    ) -> Self:
        """Train on n texts, in one thread.

        fastText knows no weights: a document stands in its training file as often as its weight says, against the
        lightest, 20 times at most. ClassifierError for options that do not fit.
        """
        resolved = checked(FastTextOptions, options, "options")
        lines = _lines(texts, resolved)
        copies = np.minimum(np.rint(weights / weights.min()), MOST_COPIES).astype(np.int64)
        heads = [_fit_head(lines, targets[:, head], copies, resolved) for head in range(targets.shape[1])]
        return cls(resolved, [model for model, _ in heads], [values for _, values in heads])

    def raw(self, texts: pa.StringArray) -> Raw:
        """Score n texts: (n, heads), the expected target of each head."""
        lines = _lines(texts, self._options).to_pylist()
        scores = [_expected(model, values, lines) for model, values in zip(self._models, self._values, strict=True)]
        return np.stack(scores, axis=1).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the models in fastText's own format, and beside them what their classes are worth."""
        for head, model in enumerate(self._models):
            model.save_model(str(folder / _file(head)))
        content = {
            "options": self._options.model_dump(mode="json"),
            "values": [values.tolist() for values in self._values],
        }
        (folder / ATTRIBUTES).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ClassifierError for other content."""
        try:
            content = json.loads((folder / ATTRIBUTES).read_text(encoding="utf-8"))
            values = [np.array(each, np.float64) for each in content["values"]]
            options = checked(FastTextOptions, content["options"], ATTRIBUTES)
            models = [fasttext.load_model(str(folder / _file(head))) for head in range(len(values))]
        except ClassifierError as error:
            raise ClassifierError(f"{folder}: {error}") from None
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ClassifierError(f"{folder}: not a fastText model of this backend: {error!r}") from None
        if any(set(model.get_labels()) != set(_names(each)) for model, each in zip(models, values, strict=True)):
            raise ClassifierError(f"{folder}: the classes of the fastText models are not those of {ATTRIBUTES}")
        return cls(options, models, values)


def _names(values: Values) -> list[str]:
    return [f"{PREFIX}{index}" for index in range(values.size)]


def _file(head: int) -> str:
    return f"fasttext-{head}.bin"


def _lines(texts: pa.StringArray, options: FastTextOptions) -> pa.StringArray:
    """Turn n texts into n lines of tokens between spaces; white space, newlines too, only parts tokens."""
    seen = texts if options.characters is None else first(texts, options.characters)
    (tokens,) = views(seen, (options.tokens,))
    if options.tokens == "characters":
        return pc.replace_substring_regex(pc.replace_substring(tokens, "\n", " "), r"([^ ])", r"\1 ")
    return pc.replace_substring(tokens, END, HARMLESS)


def _fit_head(
    lines: pa.StringArray, target: npt.NDArray[np.float32], copies: npt.NDArray[np.int64], options: FastTextOptions
) -> tuple[Any, Values]:
    """Train one head on the documents that say something about it; return the model and the mean target per class."""
    known = np.flatnonzero(np.isfinite(target))
    if not known.size:
        raise ClassifierError("a head has no labels")
    target, copies = target[known].astype(np.float64), copies[known]
    cuts = (HALF,) if set(np.unique(target)) <= {0.0, 1.0} else options.classes
    classes = np.searchsorted(cuts, target, side="right")
    _, classes = np.unique(classes, return_inverse=True)
    values = np.bincount(classes, copies * target) / np.bincount(classes, copies)
    labels = pa.array([f"{name} " for name in _names(values)])
    rows = np.repeat(np.arange(known.size), copies)
    _shuffle(rows, options.seed)
    examples = pc.binary_join_element_wise(labels.take(pa.array(classes)), lines.take(pa.array(known)), "\n", "")
    return _train(examples.take(pa.array(rows)), options), values


def _shuffle(rows: npt.NDArray[np.int64], seed: int) -> None:
    """fastText reads its file from top to bottom, and files of labels are sorted by source."""
    np.random.default_rng(seed).shuffle(rows)


def _train(examples: pa.StringArray, options: FastTextOptions) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "examples.txt")
        offsets, data = buffers(examples)
        file.write_bytes(data[offsets[0] : offsets[-1]].tobytes())
        with _zeroed_memory():
            model = fasttext.train_supervised(
                str(file),
                dim=options.dimensions,
                epoch=options.epochs,
                lr=options.rate,
                wordNgrams=options.ngrams,
                minCount=options.least,
                bucket=options.buckets,
                label=PREFIX,
                seed=options.seed,
                thread=1,
                verbose=0,
            )
    if options.quantise:
        model.quantize()
    return model


@contextmanager
def _zeroed_memory() -> Iterator[None]:
    """Make fresh memory of this process hold zeros.

    With one thread fastText fills the first tenth of its vectors, where those of the vocabulary are, and leaves the
    others to what the memory held (DenseMatrix::uniform in densematrix.cc): never the same model twice, or NaN.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        raise ClassifierError("fastText can be trained where the C library is glibc only; `backend: linear` anywhere")
    mallopt(PERTURB, ZEROS)
    try:
        yield
    finally:
        mallopt(PERTURB, OFF)


def _expected(model: Any, values: Values, lines: list[str]) -> Values:
    """Expected target of n lines; one without any known token, not even a line's end, has the mean of the classes."""
    labels, chances = model.predict(lines, k=-1)
    sizes = np.fromiter(map(len, labels), np.int64, len(lines))
    found = pa.array(chain.from_iterable(labels), pa.string())
    places = pc.index_in(found, pa.array(_names(values))).to_numpy()
    parts = np.concatenate(chances).astype(np.float64) if sizes.any() else np.empty(0)
    rows = np.repeat(np.arange(len(lines)), sizes)
    total = np.bincount(rows, parts, len(lines))
    sums = np.bincount(rows, parts * values[places], len(lines))
    return np.divide(sums, total, out=np.full(len(lines), values.mean()), where=total > 0)
