"""Training: the same bytes twice, honest splits, and labels from which nothing can be learnt."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from classifiers import model
from classifiers.config import Config
from classifiers.errors import ClassifierError
from classifiers.labels.reading import read_labels
from classifiers.train import _balanced, fit, train

GOOD = "{}は{}であり、{}のために{}が必要とされる。{}では{}を{}という。"
BAD = "{}激安！！{}★{}♪今すぐ{}を☆{}無料 {}ランキング {}"
SOURCES = 10
FASTTEXT = {"buckets": 1000, "dimensions": 4, "epochs": 4, "least": 1}
LINEAR = {"features": {"views": [{"bits": 12}]}}
OPTIONS = {"linear": LINEAR, "fasttext": FASTTEXT}


def written(template: str, random: np.random.Generator) -> str:
    """A text of a template with nouns of two kanji that no other text has, so that none are near-duplicates."""
    nouns = random.integers(0x4E00, 0x9000, (7, 2))
    return template.format(*("".join(map(chr, noun)) for noun in nouns))


def documents() -> list[dict[str, Any]]:
    """160 documents of 10 sources: half of them explain (3 to 5), half of them sell or list (0 to 2)."""
    random = np.random.default_rng(11)
    found = []
    for number in range(160):
        good = number % 2 == 0
        toxic = number % 4 == 1
        document = {
            "text": written(GOOD if good else BAD, random),
            "source": f"源{number % 32 // 2 % SOURCES}",
            "score": (3 if good else 0) + number % 3,
            "overall": "toxic" if toxic else "nontoxic",
            "labels": {"scam_ad": 2} if toxic else {"hate": 1},
        }
        found.append(document)
    return found


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    write(folder, documents())
    return folder


def write(folder: Path, records: list[dict[str, Any]]) -> None:
    folder.mkdir(exist_ok=True)
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    (folder / "labels.jsonl").write_text("".join(lines), encoding="utf-8")


def ordinal(backend: str = "linear", labels: dict[str, Any] | None = None, **options: Any) -> Config:
    source = {"path": "labels.jsonl", "name": "pages", "group": "source", "score": "score", "licence": "MIT"}
    return Config(
        name="quality_made_here",
        labels=[source | (labels or {})],
        target={"kind": "ordinal"},
        backend=backend,
        options=OPTIONS[backend],
        **({"split": {"folds": 2}} | options),
    )


def binary(labels: dict[str, Any] | None = None, **target: Any) -> Config:
    source = {"path": "labels.jsonl", "name": "pages", "group": "source", "licence": "MIT", "categories": "labels"}
    return Config(
        name="toxicity_made_here",
        labels=[source | (labels or {})],
        target={"kind": "binary", "categories": {"scam": ["scam_ad"]}} | target,
        backend="linear",
        options=LINEAR,
        split={"folds": 2},
    )


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


@pytest.mark.parametrize("backend", ["linear", "fasttext"])
def test_training_twice_gives_the_same_bytes(data: Path, tmp_path: Path, backend: str) -> None:
    one, two = (train(ordinal(backend), data, tmp_path / name) for name in ("one", "two"))
    assert one.hash == two.hash
    assert content(one.folder) == content(two.folder)
    assert {"README.md", "metrics.json", "model.json"} < set(content(one.folder))


def test_what_is_served_is_what_was_trained_and_it_learnt(data: Path, tmp_path: Path) -> None:
    steps: list[str] = []
    trained = train(ordinal(), data, tmp_path / "model", progress=steps.append)
    random = np.random.default_rng(99)
    texts = pa.array([written(GOOD, random), written(BAD, random)])
    scores = trained.predict(texts)["score"]
    assert scores[0] > scores[1] + 1
    np.testing.assert_array_equal(model.load(tmp_path / "model").predict(texts)["score"], scores)
    assert trained.about.metrics["group"]["spearman"] > 0.6
    assert set(trained.about.cuts) == set(trained.columns) - {"score"}
    assert len(trained.trained_on) == 160
    assert steps[0].startswith("labels")
    assert any(step.startswith("group: fold 2") for step in steps)


def test_a_binary_model_has_calibrated_probabilities_that_a_prior_moves(data: Path, tmp_path: Path) -> None:
    plain, web = (train(binary(prior=prior), data, tmp_path / str(prior)) for prior in (None, 0.01))
    texts = pa.array([document["text"] for document in documents()])
    found, moved = plain.predict(texts), web.predict(texts)
    assert tuple(found) == ("toxic", "scam")
    toxic = np.array([document["overall"] == "toxic" for document in documents()])
    assert found["toxic"].mean() == pytest.approx(toxic.mean(), abs=0.05)
    for head in ("toxic", "scam"):
        before, after = (scores[head].astype(float) / (1 - scores[head]) for scores in (found, moved))
        assert np.median(after / before) == pytest.approx((0.01 / 0.99) / (0.25 / 0.75), rel=0.02)


def test_fewer_groups_than_folds_are_held_out_at_random_and_that_is_said(data: Path, tmp_path: Path) -> None:
    steps: list[str] = []
    trained = train(ordinal(labels={"group": None}), data, tmp_path / "model", progress=steps.append)
    assert set(trained.about.metrics) == {"random"}
    assert any("1 units for 2 folds by group" in step and "at random only" in step for step in steps)


def test_documents_that_only_teach_are_not_measured(data: Path, tmp_path: Path) -> None:
    clean = {"path": "clean.jsonl", "name": "clean", "toxic": 0, "train_only": True, "licence": "MIT"}
    (data / "clean.jsonl").write_text(
        "".join(
            json.dumps({"text": f"{place}の朝は静かである。"}, ensure_ascii=False) + "\n"
            for place in "雪月花鳥風山川海空森"
        ),
        encoding="utf-8",
    )
    config = binary()
    config = config.model_copy(
        update={"labels": (*config.labels, *binary(clean | {"categories": None, "group": None}).labels)}
    )
    trained = train(config, data, tmp_path / "model")
    figures = json.loads((tmp_path / "model" / "metrics.json").read_text(encoding="utf-8"))["splits"]
    assert figures["group"]["documents"] == figures["random"]["documents"] == 160
    assert len(trained.trained_on) == 170


def test_sources_under_noncommercial_terms_teach_only_if_asked(data: Path, tmp_path: Path) -> None:
    config = ordinal()
    other = config.labels[0].model_copy(
        update={"path": "other.jsonl", "name": "other", "noncommercial": True, "licence": "CC BY-NC 4.0"}
    )
    (data / "other.jsonl").write_text('{"text": "別の文書である。", "source": "別", "score": 2}\n', encoding="utf-8")
    config = config.model_copy(update={"labels": (*config.labels, other)})
    without, with_all = (train(config, data, tmp_path / str(asked), asked) for asked in (False, True))
    assert (len(without.trained_on), len(with_all.trained_on)) == (160, 161)
    assert (without.about.noncommercial, with_all.about.noncommercial) == (False, True)


def test_a_positive_weight_makes_toxic_documents_weigh_more_in_training(data: Path) -> None:
    labelled = read_labels(binary(), data)
    raw = [fit(binary(positive_weight=weight), labelled).raw(labelled.texts)[:, 0].mean() for weight in (1, 5)]
    assert raw[1] > raw[0] + 0.05


def test_balanced_groups_weigh_the_same_and_the_sum_stays() -> None:
    groups = np.array([0, 0, 0, 0, 1])
    for power, expected in ((0.0, 1.0), (0.5, 0.5), (1.0, 0.25)):
        weights = _balanced(np.ones(5), groups, power)
        assert weights[0] / weights[4] == pytest.approx(expected)
        assert weights.sum() == pytest.approx(5)


@pytest.mark.parametrize(
    ("config", "change", "message"),
    [
        (ordinal(), {"score": 3}, "head `score`: all labels are 3; there is nothing to tell apart"),
        (binary(), {"labels": {}}, "head `toxic`: all labels are 0"),
        (binary({"categories": None, "toxic": {"overall": {"toxic": 1}}}), {"overall": "toxic"}, "all labels are 1"),
    ],
)
def test_a_head_that_tells_nothing_apart_is_refused(
    tmp_path: Path, config: Config, change: dict[str, Any], message: str
) -> None:
    write(tmp_path / "data", [document | change for document in documents()])
    with pytest.raises(ClassifierError, match=message):
        train(config, tmp_path / "data", tmp_path / "model")


def test_wrong_options_of_a_backend_leave_no_model(data: Path, tmp_path: Path) -> None:
    config = ordinal().model_copy(update={"options": {"alhpa": 2}})
    with pytest.raises(ClassifierError, match="did you mean `alpha`"):
        train(config, data, tmp_path / "model")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["data"]


def test_a_folder_with_other_things_is_refused_before_any_work(data: Path, tmp_path: Path) -> None:
    steps: list[str] = []
    with pytest.raises(ClassifierError, match="something else than a model"):
        train(ordinal(), data, data, progress=steps.append)
    assert not steps
