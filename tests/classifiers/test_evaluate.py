"""Evaluation of a trained model on labels from folders, files and configurations."""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from classifiers.config import Config
from classifiers.errors import ClassifierError
from classifiers.evaluation.evaluate import evaluate
from classifiers.model import Model
from classifiers.train import train

CRAFTS = ("古文書", "陶器", "織物", "木綿", "味噌", "楽器", "石垣", "暦", "祭り", "漁師")
PLACES = ("山道", "朝霧", "銀河", "城下町", "地層", "灯台", "水田", "渡り鳥", "鉱山", "港")
WORDS = CRAFTS + PLACES
PROSE = (
    "{0}は{1}と深く結びついており、{2}の時代から語り継がれてきた。",
    "{0}を調べた人々は、やがて{1}にも同じ跡があることに気づいた。",
    "その後、{0}から{1}へと関心が移り、{2}についての書物が現れた。",
    "{0}が{1}に似ているのは、どちらも{2}の影響を受けたからである。",
)
ADS = ("★{0}激安★", "今すぐ{0}をクリック!!", "・{0}ランキング", "・{1}一覧", "{0}{1}{2}送料無料", "→{2}セール開催中♪")


def text_of(place: int) -> str:
    """Prose of its own for odd numbers, advertising for even ones."""
    random = Random(place)
    patterns, join = (PROSE, "") if place % 2 else (ADS, "\n")
    return join.join(random.choice(patterns).format(*random.sample(WORDS, 3)) for _ in range(8))


def records(first: int, number: int) -> list[dict[str, Any]]:
    return [
        {
            "key": f"{place:04}",
            "text": text_of(place),
            "score": 4 if place % 2 else 1,
            "source": f"site{place % 11}",
        }
        for place in range(first, first + number)
    ]


def write(path: Path, lines: Sequence[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


def configuration(**source: Any) -> Config:
    labels = {"path": "train.jsonl", "name": "web", "licence": "CC0-1.0", "group": "source", "score": "score"} | source
    features = {"views": [{"of": "characters", "ngrams": [1, 2], "bits": 10}]}
    return Config.model_validate(
        {
            "name": "tiny",
            "labels": [labels],
            "target": {"kind": "ordinal"},
            "backend": "linear",
            "options": {"features": features},
            "split": {"folds": 2},
        }
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("evaluate")
    write(folder / "train.jsonl", records(0, 60))
    return train(configuration(), folder, folder / "model")


def test_an_annotation_folder_is_measured_with_the_models_target(trained: Model, tmp_path: Path) -> None:
    write(tmp_path / "annotated" / "annotations.jsonl", records(100, 40))
    evaluation = evaluate(trained, tmp_path / "annotated")
    figures = evaluation.report["figures"]
    assert figures["documents"] == 40
    assert evaluation.headline["spearman"] == figures["spearman"]["value"] > 0.8
    assert figures["probabilities"]["at_least_3"]["tuned"]["f1"]["value"] == 1
    assert {row["bucket"] for row in figures["kept"]["group"]} == {f"site{place}" for place in range(11)}
    assert evaluation.warnings == ()
    assert evaluation.report["model"]["hash"] == trained.hash


def test_documents_that_the_model_was_trained_on_are_counted_and_warned_of(trained: Model, tmp_path: Path) -> None:
    labels = write(tmp_path / "labels.jsonl", records(50, 40))
    evaluation = evaluate(trained, labels)
    assert evaluation.report["seen_in_training"] == 10
    assert "10 of 40 documents were in the training of tiny" in evaluation.warnings[0]


def test_a_configuration_chooses_labels_and_those_that_only_teach_do_not_measure(
    trained: Model, tmp_path: Path
) -> None:
    write(tmp_path / "data" / "new.jsonl", records(100, 20))
    config = configuration(path="new.jsonl").model_dump(mode="json")
    config["labels"].append({**config["labels"][0], "name": "more", "train_only": True, "path": "more.jsonl"})
    write(tmp_path / "data" / "more.jsonl", records(200, 20))
    (tmp_path / "set.yaml").write_text(json.dumps(config), encoding="utf-8")
    assert evaluate(trained, tmp_path / "set.yaml", tmp_path / "data").report["figures"]["documents"] == 20


def test_a_target_that_is_not_the_models_is_refused(trained: Model, tmp_path: Path) -> None:
    config = configuration().model_dump(mode="json") | {"target": {"kind": "ordinal", "levels": 3}}
    (tmp_path / "set.yaml").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(
        ClassifierError, match=r"its target is ordinal, 0 to 3, that of the model tiny is ordinal, 0 to 5"
    ):
        evaluate(trained, tmp_path / "set.yaml")


@pytest.mark.parametrize(
    ("lines", "said"),
    [("", "no labelled document"), ("{", "labels.jsonl:1: "), ('{"text": "文"}\n', "no field `score`")],
)
def test_a_file_without_labels_is_refused(trained: Model, tmp_path: Path, lines: str, said: str) -> None:
    (tmp_path / "labels.jsonl").write_text(lines, encoding="utf-8")
    with pytest.raises(ClassifierError, match=said):
        evaluate(trained, tmp_path / "labels.jsonl")


def test_a_report_is_written_the_same_each_time(trained: Model, tmp_path: Path) -> None:
    labels = write(tmp_path / "labels.jsonl", records(100, 40))
    steps: list[str] = []
    contents = []
    for name in ("a", "b"):
        evaluate(trained, labels, to=tmp_path / name, progress=steps.append)
        contents.append({path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.*")})
    assert contents[0] == contents[1]
    assert contents[0].keys() == {"README.md", "metrics.json", "calibration.svg", "confusion.svg", "histogram.svg"}
    assert f"sha256 of the model: {trained.hash}." in contents[0]["README.md"].decode()
    assert steps[:3] == ["reading labels", "scoring 40 documents", "measuring"]


def test_a_missing_set_is_named(trained: Model, tmp_path: Path) -> None:
    with pytest.raises(ClassifierError, match=r"nothing.jsonl: No such file"):
        evaluate(trained, tmp_path / "nothing.jsonl")
