"""How fast classifiers score Japanese text, beside scikit-learn and fastText, on the same documents in the same run.

A figure is MB of UTF-8 text per CPU second of one core, the best of three alternating turns. Our linear scores are
those that scikit-learn gives for the same features, which is checked first.
"""

import argparse
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import RidgeClassifier

from benchmarks.documents import Documents, data_folder, sample
from benchmarks.results import FOLDER, Row, show, write
from benchmarks.timing import MEGABYTE, TURNS, Job, speeds, stay_on_one_core
from classifiers.backends.fasttext_backend import FastText
from classifiers.backends.linear import Linear, LinearOptions
from classifiers.features.vectors import Features, View, edges
from classifiers.features.views import views
from classifiers.model import load, shipped
from classifiers.serving.base import Serving
from pipeline.recipe import load as load_recipe
from pipeline.text.chars import Char, characters, count_chars

SPEED = "MB/s"
PEER_MEGABYTES = 4
SHORT = 100
TOLERANCE = 1e-5
LIBRARIES = ("numba", "numpy", "pyarrow", "scikit-learn", "scipy", "fasttext-numpy2")
PLAIN = Features(characters=None, views=(View(of="characters", ngrams=(1, 3), bits=18, frequency="count"),))
VARIANTS = {
    "linear, characters 1-3, 2**18, two heads": PLAIN,
    "the same, each n-gram counted once": PLAIN.model_copy(update={"views": (View(),)}),
    "that, of the first 1000 characters": Features(),
    "that, and outline 2-6": Features(views=(View(), View(of="outline", ngrams=(2, 6)))),
}
"""Options of the linear backend; the first is what the peers do."""

FASTTEXT = {"characters": None, "ngrams": 3, "buckets": 1 << 18, "epochs": 1}

Labels = npt.NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--megabytes", type=float, default=20, help="of text in the sample")
    parser.add_argument("--output", type=Path, default=FOLDER / "scoring.json")
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        parser.error(f"no real data at {arguments.data}: set MIGAKI_DATA")
    stay_on_one_core()
    documents = sample(arguments.data, int(arguments.megabytes * MEGABYTE))
    rows, notes = measure(documents)
    show("Scoring", rows, Console())
    write(arguments.output, rows, LIBRARIES, notes)


def measure(documents: Documents) -> tuple[list[Row], list[str]]:
    """Rows of figures, and notes on what they mean."""
    few = documents.first(PEER_MEGABYTES * MEGABYTE)
    notes = [
        f"{documents.records.num_rows} documents, {documents.size / MEGABYTE:.1f} MB of UTF-8 text, of which the peers "
        f"get the first {few.size / MEGABYTE:.1f} MB; MB/s are per CPU second of one core, the best of {TURNS} turns",
        "ours starts from the stored text; the peers are given normalised text (scikit-learn) or its characters parted "
        "by spaces (fastText), which costs them nothing here",
        f"scores of ours and of scikit-learn differ by at most {TOLERANCE:g} on the documents of the peers",
    ]
    return [*peer_rows(few), *own_rows(documents)], notes


def peer_rows(documents: Documents) -> Iterator[Row]:
    """Our linear scoring beside the peers; raises AssertionError where it does not give scikit-learn's scores."""
    (shown,) = views(documents.texts, ("characters",))
    texts = shown.to_pylist()
    hashing = HashingVectorizer(analyzer="char", ngram_range=(1, 3), n_features=1 << 18, alternate_sign=False)
    labels = two_labels(documents.texts)
    peer = RidgeClassifier(solver="sparse_cg").fit(hashing.transform(texts), labels)
    ours = linear(PLAIN, documents, peer.coef_.T, peer.intercept_)
    peer.coef_ = (ours.weights * ours.scales).T
    theirs = peer.decision_function(hashing.transform(texts))
    np.testing.assert_allclose(ours.raw(documents.texts), theirs, rtol=0, atol=TOLERANCE)
    backend, model = train_fasttext(documents.texts, labels)
    lines = [" ".join(text.replace("\n", " ")) for text in texts]
    jobs: dict[str, Job] = {
        "ours": lambda: ours.raw(documents.texts),
        "scikit-learn": lambda: peer.decision_function(hashing.transform(texts)),
        "fastText": lambda: model.predict(lines),
        "backend": lambda: backend.raw(documents.texts),
    }
    measured = speeds(jobs, documents.size)
    yield Row(
        "linear / scikit-learn HashingVectorizer + decision_function", measured["ours"], measured["scikit-learn"], SPEED
    )
    yield Row("linear / fastText predict(list), 1-3 characters", measured["ours"], measured["fastText"], SPEED)
    yield Row("fasttext backend, from the stored text", measured["backend"], None, SPEED)


def own_rows(documents: Documents) -> Iterator[Row]:
    """Variants of the linear backend with two heads, and the shipped models with calibration and all."""
    for name, features in VARIANTS.items():
        weights = np.random.default_rng(0).normal(size=(features.columns, 2))
        job = partial(linear(features, documents, weights, np.zeros(2)).raw, documents.texts)
        yield Row(name, speeds({name: job}, documents.size)[name], None, SPEED)
    for name in shipped():
        job = partial(load(name).predict, documents.texts)
        yield Row(f"shipped model {name}", speeds({name: job}, documents.size)[name], None, SPEED)
    yield from step_rows(documents)


def step_rows(documents: Documents) -> Iterator[Row]:
    """The steps of ``ja_web``, with columns and verdicts: on whole documents, and on their first SHORT characters."""
    beginnings = pc.utf8_slice_codeunits(documents.texts, 0, SHORT)
    sets = {"documents": documents.texts, f"texts of {SHORT} characters": beginnings}
    for step in (step for step in load_recipe("ja_web").steps if isinstance(step, Serving)):
        for of, texts in sets.items():
            name = f"step {step.name()} of ja_web, on {of}"
            job = partial(step.process, pa.RecordBatch.from_pydict({"text": texts}))
            yield Row(name, speeds({name: job}, pc.sum(pc.binary_length(texts)).as_py())[name], None, SPEED)


def linear(
    features: Features, documents: Documents, weights: npt.NDArray[np.float64], intercepts: npt.NDArray[np.float64]
) -> Linear:
    """A linear classifier of these weights, (columns, heads)."""
    return Linear.rounded(LinearOptions(features=features), edges(documents.texts, features), weights, intercepts)


def two_labels(texts: pa.Array) -> Labels:
    """Something to learn, (n, 2): whether a text has more hiragana, and more characters, than half of all texts."""
    counts = count_chars(texts)
    values = np.stack([counts[:, Char.HIRAGANA] / characters(counts), characters(counts)], axis=1)
    return (values > np.median(values, axis=0)).astype(np.int64)  # the library makes -1 of 0, not of False


def train_fasttext(texts: pa.Array, labels: Labels) -> tuple[FastText, Any]:
    """A small model of the same n-grams, trained on the spot: as our backend, and as the library's own model."""
    backend = FastText.fit(texts, labels[:, :1].astype(np.float32), np.ones(len(texts)), FASTTEXT)
    with tempfile.TemporaryDirectory() as folder:
        backend.save(Path(folder))
        (file,) = Path(folder).glob("*.bin")
        return backend, fasttext.load_model(str(file))


if __name__ == "__main__":
    main()
