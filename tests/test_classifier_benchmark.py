"""That the benchmark of classifiers measures what it says, on tiny input."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from labelled import configuration, labelled_table, text_of

from benchmarks import classifiers as benchmark
from benchmarks.classifiers import Scored
from benchmarks.results import FOLDER, ROOT
from classifiers.config import Config
from classifiers.labels.reading import Labelled, read_labels
from classifiers.labels.splits import folds
from classifiers.serving.toxicity import Toxicity
from classifiers.train import fit, train

LINEAR = {"features": {"views": [{"bits": 12}]}}
NOUNS = "海山川空森町村駅橋寺"


def write_labels(folder: Path, **labels: str) -> None:
    """Documents of 10 sources, each of its own characters; every other one ends like an advertisement."""
    random = np.random.default_rng(5)
    lines = []
    for number in range(80):
        own = "".join(map(chr, random.integers(0x4E00, 0x9000, 40)))
        good = number % 2 == 0
        text = f"{own}と{'言われている。' if good else '激安！今すぐ！'}"
        record = {"text": text, "source": NOUNS[number // 4 % 10], "score": 3 * good + number % 3}
        lines.append(json.dumps(record | {"label": "good" if good else "bad"}, ensure_ascii=False) + "\n")
    (folder / "labels.jsonl").write_text("".join(lines), encoding="utf-8")


def of_groups(config: Config) -> Config:
    sources = [source.model_copy(update={"group": "source"}) for source in config.labels]
    return config.model_copy(update={"labels": tuple(sources)})


def step(**bounds: float) -> Toxicity:
    return Toxicity.model_validate({name: {"max": bound} for name, bound in bounds.items()})


@pytest.fixture
def binary(tmp_path: Path) -> tuple[Config, Labelled]:
    write_labels(tmp_path)
    config = of_groups(configuration("binary", target={"prior": 0.1}, options=LINEAR))
    return config, read_labels(config, tmp_path)


def test_every_backend_stands_beside_the_baseline_for_each_split(tmp_path: Path) -> None:
    write_labels(tmp_path)
    rows, _ = benchmark.measure_quality(of_groups(configuration(options=LINEAR)), tmp_path)
    assert {row.name.split(", ")[1] for row in rows} == {"group", "random", "stratified"}
    assert len(rows) == 3 * 4 * 3
    assert [row.unit for row in rows[:3]] == ["Spearman", "AUC", "F1"]
    assert all(row.peer is not None and row.ours > 0 for row in rows if row.name.endswith("linear"))


def test_held_out_scores_are_calibrated_as_training_does(tmp_path: Path, binary: tuple[Config, Labelled]) -> None:
    config, labelled = binary
    found = benchmark.scored(config, labelled, None)
    assert set(found) == {"random", "group"}
    written = train(config, tmp_path, tmp_path / "model").about.metrics
    for by, scores in found.items():
        area = benchmark.auc(scores.columns["toxic"], scores.label("toxic") == 1)
        assert area == pytest.approx(written[by]["toxic.auc"], abs=1e-4)
    placed = folds(labelled, "group", config.split.folds, config.split.seed)
    raw, _ = benchmark.scores_in_windows(config, labelled, placed, None)
    ours = benchmark.calibrated(labelled, raw, config)[0].to_json()
    assert json.loads((tmp_path / "model/model.json").read_text())["calibration"]["toxic"] == ours


def test_of_the_windows_of_a_text_the_highest_counts(binary: tuple[Config, Labelled]) -> None:
    backend = fit(*binary)
    quiet, loud = "静かな町だと言われている。" * 8, "激安！今すぐ！" * 15
    both = pa.array([quiet + loud, quiet])
    alone = backend.raw(pa.array([loud, quiet]))
    assert alone[0] > alone[1]
    found = benchmark.highest_raw(backend, both, 104)
    assert found[0] > backend.raw(both)[0]
    np.testing.assert_array_equal(found[1], backend.raw(both)[1])


def test_rows_count_what_any_bound_flags() -> None:
    labelled = labelled_table(
        {"toxic": [1, 1, 1, 0, 0], "sexual": [1, 0, None, 0, 0], "abuse": [0, 1, None, 0, 0]},
        group=["open2ch", "open2ch", "web", "aozora", "aozora"],
        source=["boards", "boards", "web", "aozora", "aozora"],
    )
    toxic, sexual = [0.1, 0.9, 0.1, 0.1, 0.9], [0.9, 0.1, 0.1, 0.1, 0.1]
    columns = {
        name: np.array(values, np.float32) for name, values in [("toxic", toxic), ("sexual", sexual), ("abuse", toxic)]
    }
    rows = benchmark.held_out_rows("all", Scored(labelled, columns), step(toxic=0.5, sexual=0.5))
    assert {(row.name, row.unit): row.ours for row in rows if row.unit != "AUC"} == {
        ("all: any bound, 2 of 3", "precision"): 2 / 3,
        ("all: any bound, 2 of 3", "recall"): 2 / 3,
        ("all: bound of toxic, 1 of 2", "precision"): 1 / 2,
        ("all: toxic by any bound, 2 of 3", "recall"): 2 / 3,
        ("all: bound of sexual, 1 of 1", "precision"): 1,
        ("all: sexual by any bound, 1 of 1", "recall"): 1,
        ("all: abuse by any bound, 1 of 1", "recall"): 1,
        ("all: group open2ch, 2 of 2", "recall"): 1,
        ("all: aozora, 1 of 2", "flagged"): 1 / 2,
    }


def test_texts_that_begin_like_training_are_no_unseen_ones() -> None:
    training, other = pa.array([text_of(6)]), text_of(13)
    found = benchmark.strangers(pa.array([text_of(6) + "終わり。", other]), training)
    assert found.to_pylist() == [other]


def test_the_step_is_that_of_the_default_recipe() -> None:
    found = benchmark.toxicity_step("ja_web")
    assert found.window
    assert set(benchmark.bounds_of(found)) <= set(found.served.columns)


def test_page_on_classifiers_says_what_was_measured() -> None:
    rows = json.loads((FOLDER / "classifiers.json").read_text(encoding="utf-8"))["rows"]
    page = (ROOT / "docs/classifiers.md").read_text(encoding="utf-8")
    splits = ("group", "random", "stratified")

    def said(backend: str, side: str) -> str:
        return " | ".join(
            " / ".join(f"{row[side]:.2f}" for row in of(f"quality, {split}, {backend}")) for split in splits
        )

    def of(name: str) -> list[dict[str, float]]:
        return [row for row in rows if row["name"] == name]

    quoted = [said(backend, "ours") for backend in ("linear", "fasttext, characters", "fasttext, words", "stacking")]
    quoted.append(said("linear", "peer"))
    names = [row["name"] for row in rows]
    at_the_cut = {
        "literature, 1 of 217": "1 of 217 works of literature",
        "news, 0 of 632": "none of 632 news",
        "blog, 7 of 537": "7 of 537 posts of a personal blog",
        "boards, 13 of 40": "10 to 13 of",
    }
    assert [name for name in at_the_cut if f"toxicity, group, cut 0.3: {name}" not in names] == []
    assert [figures for figures in (*quoted, *at_the_cut.values()) if figures not in page] == []
