"""How good the classifiers are on text that they were not trained on, beside a baseline, and what the step flags.

Quality: figures of cross-validation of each backend and of scikit-learn's ridge, over the same folds. Toxicity: what
the step of the default recipe flags, its model trained anew without the documents that are scored, and the model that
ships on clean text that it never saw.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rich.console import Console
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from benchmarks.documents import data_folder, documents
from benchmarks.real_shards import html_pages, loose_pages, text_lines
from benchmarks.results import FOLDER, Row, show, write
from classifiers import model
from classifiers.backends.backend import Backend, Raw
from classifiers.config import TOXIC, Config, load_config
from classifiers.evaluation import metrics
from classifiers.evaluation.crossvalidation import Columns, cross_validate, predictions
from classifiers.evaluation.measuring import headline
from classifiers.labels.grouping import connect, near_duplicates
from classifiers.labels.reading import Labelled, read_labels
from classifiers.labels.splits import By, Folds, folds, held_out
from classifiers.ordinal import Calibration, calibrate
from classifiers.serving.toxicity import Toxicity
from classifiers.serving.windows import windows
from classifiers.train import fit
from pipeline.recipe import load
from pipeline.stage import Interval

Mask = npt.NDArray[np.bool_]

LIBRARIES = ("fasttext-numpy2", "fugashi", "numba", "numpy", "pyarrow", "scikit-learn", "scipy", "unidic-lite")
FIGURES = {"spearman": "Spearman", "at_least_3.auc": "AUC", "at_least_4.f1": "F1"}
"""Figures of quality, and their units: of the score, of documents of 3 or more, and of 4 or more."""
INNER_FOLDS = 3
"""Folds from which the trees of stacking learn; its default of 5 takes half as long again."""
GOAL = 0.005
"""Largest share of a clean source that should be flagged."""
TOXIC_CUTS = (0.2, 0.25, 0.3, 0.35, 0.4)
CLEAN = ("wikipedia", "jsquad", "livedoor", "aozora", "blog", "moral")
"""Sources of the labels that hold nothing toxic."""
FEWEST = 2
"""Positive documents below which a group has no recall of its own."""
CUT_SOURCES = {"literature": "aozora", "news": "livedoor", "encyclopedia": "wikipedia", "blog": "blog"}
"""Kinds of clean text on which other cuts are tried, and their sources in the labels."""
COURT = "court_labels"
BOARDS = "open2ch"
LAW, LITERATURE = "law", "f_neardup_aozora"
UNSEEN_TEXTS = (LITERATURE, "c_text_fkc_complaints", "c_text_vimdoc", "c_text_ud_japanese_gsd")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--recipe", default="ja_web", help="whose toxicity step is measured")
    parser.add_argument("--output", type=Path, default=FOLDER / "classifiers.json")
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        parser.error(f"no real data at {arguments.data}: set MIGAKI_DATA")
    console = Console()
    with threadpool_limits(1):
        toxicity, about_toxicity = measure_toxicity(arguments.data, toxicity_step(arguments.recipe))
        show("Toxicity", toxicity, console)
        quality, about_quality = measure_quality(load_config("quality_ja"), arguments.data)
        show("Quality", quality, console)
    write(arguments.output, [*quality, *toxicity], LIBRARIES, [*about_quality, *about_toxicity])


class Baseline:
    """Ridge regression over TF-IDF of 1-3 characters, as scikit-learn has them; a backend for cross-validation."""

    def __init__(self, labelled: Labelled) -> None:
        vectors = TfidfVectorizer(analyzer="char", ngram_range=(1, 3))
        self._pipeline = make_pipeline(vectors, Ridge()).fit(labelled.texts.to_pylist(), labelled.targets[:, 0])

    def raw(self, texts: pa.StringArray) -> Raw:
        """Score n texts: (n, 1)."""
        return self._pipeline.predict(texts.to_pylist())[:, None].astype(np.float32)


def measure_quality(config: Config, data: Path) -> tuple[list[Row], list[str]]:
    """Rows of each backend beside the baseline, split by split; and notes."""
    labelled = read_labels(config, data)
    parts = {"linear": config.options, "fasttext": {}}
    candidates: dict[str, tuple[str, Mapping[str, Any]]] = {
        "linear": ("linear", config.options),
        "fasttext, characters": ("fasttext", {}),
        "fasttext, words": ("fasttext", {"tokens": "words"}),
        "stacking": ("stacking", {"parts": parts, "folds": INNER_FOLDS}),
    }
    rows = []
    for by, placed in quality_splits(labelled, config).items():
        baseline = figures(labelled, placed, Baseline, config)
        for name, (backend, options) in candidates.items():
            changed = config.model_copy(update={"backend": backend, "options": options})
            ours = figures(labelled, placed, partial(fit, changed), config)
            rows += [
                Row(f"quality, {by}, {name}", ours[figure], baseline[figure], unit) for figure, unit in FIGURES.items()
            ]
    notes = [
        f"quality: {labelled.table.num_rows} documents in {config.split.folds} folds; the peer is scikit-learn's ridge "
        "over TF-IDF of 1-3 characters; Spearman's correlation, AUC of 3 or more, F1 of 4 or more by a cut from the "
        "other folds",
        "by group no source, host or near-duplicate stands on both sides, at random no host or near-duplicate; "
        "stratified are documents at random",
        f"stacking is of linear and fasttext over characters, its trees taught by {INNER_FOLDS} folds",
    ]
    return rows, notes


def quality_splits(labelled: Labelled, config: Config) -> dict[str, Folds]:
    """Folds by group, at random with hosts and near-duplicates whole, and merely stratified by level."""
    count, seed = config.split.folds, config.split.seed
    stratified = np.zeros(labelled.table.num_rows, np.int64)
    splitter = StratifiedKFold(count, shuffle=True, random_state=seed)
    for fold, (_, rows) in enumerate(splitter.split(stratified, np.rint(labelled.targets[:, 0]))):
        stratified[rows] = fold
    return {
        "group": folds(labelled, "group", count, seed),
        "random": folds(labelled, "random", count, seed),
        "stratified": stratified,
    }


def figures(labelled: Labelled, placed: Folds, train: Callable[[Labelled], Any], config: Config) -> dict[str, float]:
    """FIGURES of cross-validation; calibration, which keeps the order, would not change them."""
    columns = model.columns(config.target.kind, config.target.heads, config.target.levels)
    found = predictions(
        labelled, cross_validate(labelled, placed, train), placed, lambda raw: dict.fromkeys(columns, raw[:, 0])
    )
    measured = headline(found, config.target)
    return {figure: float(measured[figure] or 0) for figure in FIGURES}


@dataclass(frozen=True)
class Scored:
    """Documents and what the step would say of them, by models that were not trained on them."""

    labelled: Labelled
    columns: Columns
    """Probabilities: of a document's windows the highest."""

    def of(self, rows: Mask) -> "Scored":
        """Some of the documents."""
        return Scored(
            self.labelled.take(np.flatnonzero(rows)), {name: values[rows] for name, values in self.columns.items()}
        )

    def label(self, head: str) -> npt.NDArray[np.float32]:
        """Labels of a head, NaN where nothing is said."""
        return self.labelled.targets[:, self.labelled.heads.index(head)]

    def named(self, column: str, name: str) -> Mask:
        """Documents of a source or group."""
        return np.array(self.labelled.table[column].to_pylist()) == name


def measure_toxicity(data: Path, step: Toxicity) -> tuple[list[Row], list[str]]:
    """Rows of what the step flags, held out and of clean text; and notes."""
    config = load_config(step.served.name)
    splits = scored(config, read_labels(config, data), step.window)
    unseen = {name: step.predicted(texts) for name, texts in unseen_texts(data, step).items()}
    rows = [row for by, found in splits.items() for row in held_out_rows(f"toxicity, {by}", found, step)]
    rows += [
        flagged_row(f"toxicity, the shipped model: {name}", flagged(step, columns)) for name, columns in unseen.items()
    ]
    rows += noncommercial_rows(config, data, step, splits["random"])
    rows += [row for by, found in splits.items() for row in cut_rows(f"toxicity, {by}", found, unseen, step)]
    bounds = ", ".join(f"{head} {bound.max:g}" for head, bound in bounds_of(step).items())
    notes = [
        f"toxicity: the step scores windows of {step.window} characters and flags above {bounds}; the whole text of a "
        f"document is scored; trained anew for each of {config.split.folds} folds, calibrated as `migaki train` does",
        "precision is of a mixture in which few documents are toxic and many are clean sources; the peer of a share of "
        f"clean text is the goal, {GOAL:g}",
        "the shipped model: documents that are not annotated and no near-duplicates of its training texts, but other "
        "documents of some of these sources are; the peer with the noncommercial sources is the shipped model without",
    ]
    return rows, notes


def toxicity_step(recipe: str) -> Toxicity:
    """The toxicity step of a recipe."""
    (step,) = [step for step in load(recipe).steps if isinstance(step, Toxicity)]
    return step


def bounds_of(step: Toxicity) -> dict[str, Interval]:
    """Bounds that are set."""
    return {name: value for name, value in step if isinstance(value, Interval) and value.max is not None}


def scored(
    config: Config, labelled: Labelled, window: int | None, by: Sequence[By] = ("random", "group")
) -> dict[By, Scored]:
    """What the step would say of held-out documents, by split; calibrated on the split that the configuration says."""
    measured = np.flatnonzero(~labelled.train_only)
    part, whole, highest = labelled.take(measured), {}, {}
    for name in sorted({*by, config.split.calibrate}):
        placed = folds(labelled, name, config.split.folds, config.split.seed)
        whole[name], highest[name] = scores_in_windows(config, labelled, placed, window)
    calibrations = calibrated(part, whole[config.split.calibrate][measured], config)
    return {
        name: Scored(part, model.predict(highest[name][measured], calibrations, config.target.heads)) for name in by
    }


def scores_in_windows(config: Config, labelled: Labelled, placed: Folds, window: int | None) -> tuple[Raw, Raw]:
    """Raw scores of documents that are held out: as training sees them, and of their windows the highest."""
    trained: list[Backend] = []

    def fit_and_keep(part: Labelled) -> Backend:
        trained.append(fit(config, part))
        return trained[-1]

    whole = cross_validate(labelled, placed, fit_and_keep)
    highest = np.full_like(whole, np.nan)
    for fold, backend in enumerate(trained):
        rows = held_out(labelled, placed, fold)
        highest[rows] = highest_raw(backend, labelled.take(rows).texts, window)
    return whole, highest


def highest_raw(backend: Backend, texts: pa.StringArray, window: int | None) -> Raw:
    """Raw scores of n texts: of their windows the highest."""
    if window is None:
        return backend.raw(texts)
    parts, firsts = windows(texts, window)
    return np.maximum.reduceat(backend.raw(parts), firsts, axis=0)


def calibrated(labelled: Labelled, raw: Raw, config: Config) -> list[Calibration]:
    """Calibrations as ``migaki train`` makes them of held-out scores of a binary target."""
    found = [calibrate(raw[:, place], labels, labelled.weights, 1) for place, labels in enumerate(labelled.targets.T)]
    if config.target.prior is None:
        return found
    said = np.isfinite(labelled.targets[:, 0])
    toxic = float(np.average(labelled.targets[said, 0], weights=labelled.weights[said]))
    return [calibration.moved(toxic, config.target.prior) for calibration in found]


def flagged(step: Toxicity, columns: Columns) -> Mask:
    """Documents of which any bound is crossed."""
    stored = {f"{step.name()}.{name}": pa.array(values) for name, values in columns.items()}
    return np.logical_or.reduce(list(step.verdict(stored).values()))


def held_out_rows(name: str, found: Scored, step: Toxicity) -> Iterator[Row]:
    """Precision and recall, of all and by head, recall of each group, and what is flagged of the clean sources."""
    decided, truth = flagged(step, found.columns), found.label(TOXIC) == 1
    yield Row(f"{name}: {TOXIC}", auc(found.columns[TOXIC], truth), None, "AUC")
    yield counted(f"{name}: any bound", truth, decided, "precision")
    yield counted(f"{name}: any bound", decided, truth, "recall")
    for head in found.labelled.heads:
        labels = found.label(head)
        if bound := bounds_of(step).get(head):
            crossed = bound.outside(pa.array(found.columns[head]))["max"] & ~np.isnan(labels)
            yield counted(f"{name}: bound of {head}", labels == 1, crossed, "precision")
        yield counted(f"{name}: {head} by any bound", decided, labels == 1, "recall")
    for group in sorted(set(found.labelled.table["group"].to_pylist())):
        positive = found.named("group", group) & truth
        if np.count_nonzero(positive) >= FEWEST:
            yield counted(f"{name}: group {group}", decided, positive, "recall")
    for source in CLEAN:
        if (rows := found.named("source", source)).any():
            yield flagged_row(f"{name}: {source}", decided[rows])


def flagged_row(name: str, decided: Mask) -> Row:
    """What is flagged of clean text, beside the goal."""
    return counted(name, decided, np.ones_like(decided), "flagged", GOAL)


def counted(name: str, part: Mask, whole: Mask, unit: str, peer: float | None = None) -> Row:
    """Share of ``whole`` that is in ``part``, and of how many it is."""
    return Row(f"{name}, {np.count_nonzero(part & whole)} of {np.count_nonzero(whole)}", share(part, whole), peer, unit)


def unseen_texts(data: Path, step: Toxicity) -> dict[str, pa.StringArray]:
    """Clean texts that the shipped model was not trained on, nor on a near-duplicate or an excerpt of one."""
    config = load_config(step.served.name)
    training = read_labels(config, data)
    annotated = set(training.table["id"].to_pylist())
    sources = {folder: list(texts_of(data / folder, annotated)) for folder in UNSEEN_TEXTS}
    sources = {LAW: statutes(data), **sources}
    return {name: strangers(pa.array(texts, pa.string()), training.texts) for name, texts in sources.items()}


def texts_of(folder: Path, without: set[str]) -> Iterator[str]:
    """Texts of the JSONL files of a folder, but for the documents with these ids."""
    for file in sorted(folder.glob("*.jsonl")):
        for line in text_lines(file):
            record = json.loads(line)
            if record["id"] not in without:
                yield record["text"]


def statutes(data: Path) -> list[str]:
    """Texts of the pages of laws."""
    pages = [page for folder in sorted(data.glob("a_html_egov_law")) for page in html_pages(folder)]
    pages += [page for folder in sorted(data.glob("f_neardup_egov")) for page in loose_pages(folder)]
    rows = [{"id": url, "url": url, "content": body, "content_type": "text/html"} for url, body in pages]
    return documents(rows).texts.to_pylist()


def strangers(texts: pa.StringArray, training: pa.StringArray) -> pa.StringArray:
    """Texts that begin like none of the training."""
    cluster = connect([near_duplicates(pa.concat_arrays([training, texts]))])
    return texts.filter(pa.array(~np.isin(cluster[len(training) :], cluster[: len(training)])))


def noncommercial_rows(config: Config, data: Path, step: Toxicity, without: Scored) -> Iterator[Row]:
    """The same with the noncommercial sources in training, beside the shipped model, which was trained without."""
    labelled = read_labels(config, data, noncommercial=True)
    found = scored(config, labelled, step.window, ["random"])["random"]
    shared = np.isin(found.labelled.table["key"].to_pylist(), without.labelled.table["key"].to_pylist())
    common, name = found.of(shared), "toxicity with noncommercial sources, random"
    ours, peer = (auc(each.columns[TOXIC], each.label(TOXIC) == 1) for each in (common, without))
    yield Row(f"{name}: {TOXIC}, the documents of the others", ours, peer, "AUC")
    court = found.of(found.named("source", COURT))
    shipped = step.predicted(court.labelled.texts)
    truth, decided, by_shipped = court.label(TOXIC) == 1, flagged(step, court.columns), flagged(step, shipped)
    yield Row(f"{name}: {TOXIC} of the courts", auc(court.columns[TOXIC], truth), auc(shipped[TOXIC], truth), "AUC")
    yield counted(f"{name}: any bound of the courts", truth, decided, "precision", share(truth, by_shipped))
    yield counted(f"{name}: any bound of the courts", decided, truth, "recall", share(by_shipped, truth))
    yield from held_out_rows(name, found, step)


def cut_rows(name: str, found: Scored, unseen: Mapping[str, Columns], step: Toxicity) -> Iterator[Row]:
    """What other cuts of ``toxic`` would flag of clean text and of the boards, the other bounds as they are."""
    boards = found.of(found.named("group", BOARDS) & (found.label(TOXIC) == 1)).columns
    clean = {kind: [found.of(found.named("source", source)).columns] for kind, source in CUT_SOURCES.items()}
    clean["literature"].append(unseen[LITERATURE])
    clean[LAW] = [unseen[LAW]]
    for cut in TOXIC_CUTS:
        moved = step.model_copy(update={TOXIC: Interval(max=cut)})
        for kind, parts in clean.items():
            decided = np.concatenate([flagged(moved, columns) for columns in parts])
            yield flagged_row(f"{name}, cut {cut:g}: {kind}", decided)
        decided = flagged(moved, boards)
        yield counted(f"{name}, cut {cut:g}: boards", decided, np.ones_like(decided), "recall")


def share(part: Mask, whole: Mask) -> float:
    """Share of ``whole`` that is in ``part``; 0 of nothing."""
    return int(np.count_nonzero(part & whole)) / max(1, int(np.count_nonzero(whole)))


def auc(scores: npt.NDArray[np.float32], truth: Mask) -> float:
    """Chance that a toxic document scores above another."""
    return metrics.point(metrics.auc(scores, truth), truth.size)


if __name__ == "__main__":
    main()
