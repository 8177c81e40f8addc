"""Configurations: what a file says, what stands in its place by default, and errors that name option and remedy."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from classifiers.config import Config, load_config
from classifiers.errors import ClassifierError

ORDINAL: dict[str, Any] = {
    "name": "quality_ja",
    "labels": [{"path": "annotations/quality.jsonl", "name": "pages", "score": "score", "licence": "CC BY 4.0"}],
    "target": {"kind": "ordinal"},
    "backend": "linear",
}
BINARY: dict[str, Any] = {
    "name": "toxicity_ja",
    "labels": [
        {"path": "posts.jsonl", "name": "posts", "toxic": {"label": {"toxic": 1, "not_toxic": 0}}, "licence": "MIT"},
        {"path": "posts.jsonl", "name": "novels", "only": {"genre": ["小説"]}, "toxic": 0, "licence": "public domain"},
    ],
    "target": {"kind": "binary", "categories": {"abuse": ["hate", "harassment"]}, "prior": 0.01},
    "backend": "fasttext",
    "options": {"epochs": 5},
}


def write(folder: Path, content: object) -> Path:
    file = folder / "config.yaml"
    text = content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True)
    file.write_text(text, encoding="utf-8")
    return file


def changed(config: dict[str, Any], option: str, value: object) -> dict[str, Any]:
    """A copy with one option set; a number in the path is a place in a list."""
    copy = yaml.safe_load(yaml.safe_dump(config))
    *path, last = [int(part) if part.isdigit() else part for part in option.split(".")]
    place = copy
    for part in path:
        place = place[part]
    place[last] = value
    return copy


def test_heads_follow_the_target(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, ORDINAL)).target.heads == ("score",)
    assert load_config(write(tmp_path, BINARY)).target.heads == ("toxic", "abuse")


def test_a_resolved_configuration_gives_itself_back(tmp_path: Path) -> None:
    for content in (ORDINAL, BINARY):
        config = load_config(write(tmp_path, content))
        assert Config.model_validate(config.model_dump(mode="json")).model_dump() == config.model_dump()


def test_the_folder_of_the_file_is_known_and_not_part_of_what_is_resolved(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, ORDINAL))
    assert config.folder == tmp_path
    assert str(tmp_path) not in config.model_dump_json()


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("lables", [], "unknown option `lables`; did you mean `labels`"),
        ("labels.0.licenec", "MIT", r"unknown option `labels\.0\.licenec`; did you mean `licence`"),
        ("target.level", 5, r"unknown option `target\.level`; did you mean `levels`"),
        ("split", {"fold": 5}, r"unknown option `split\.fold`; did you mean `folds`"),
        ("backend", "lineal", "option `backend`.*'linear', 'fasttext' or 'stacking'.*got 'lineal'"),
        ("name", "質 ja", "option `name`"),
        ("labels", [], "option `labels`"),
        ("labels.0.weight", 0, r"option `labels\.0\.weight`.*greater than 0"),
        ("labels.0.weight", float("inf"), r"option `labels\.0\.weight`.*finite"),
        ("labels.0.score", None, "labels 'pages': an ordinal target needs `score`"),
        ("target.categories", {"abuse": ["hate"]}, "belong to a binary target"),
        ("balance", 2, "option `balance`"),
    ],
)
def test_an_option_that_does_not_fit_is_named_with_the_nearest_valid_one(
    tmp_path: Path, option: str, value: object, message: str
) -> None:
    file = write(tmp_path, changed(ORDINAL, option, value))
    with pytest.raises(ClassifierError, match=message) as error:
        load_config(file)
    assert str(error.value).startswith(f"{file}: ")


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("labels.0.toxic", None, "labels 'posts': a binary target needs `toxic` or `categories`"),
        ("labels.1.name", "posts", "two sources of labels have the name 'posts'"),
        ("target.categories", {"toxic": ["hate"]}, "`toxic` is a head of every binary target"),
        ("target.categories", {"abuse": []}, "no category makes `abuse` positive"),
        ("target.prior", 1, r"option `target\.prior`"),
    ],
)
def test_a_binary_target_needs_labels_that_say_something_about_its_heads(
    tmp_path: Path, option: str, value: object, message: str
) -> None:
    with pytest.raises(ClassifierError, match=message):
        load_config(write(tmp_path, changed(BINARY, option, value)))


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ClassifierError, match=r"option `balance`(.|\n)*unknown option `nmae`"):
        load_config(write(tmp_path, ORDINAL | {"nmae": "x", "balance": -1}))


@pytest.mark.parametrize(
    ("content", "message"),
    [("name: [", "not valid YAML"), ("- name", "write a mapping with `name`"), ("", "write a mapping with `name`")],
)
def test_a_file_that_holds_no_configuration_is_refused(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(ClassifierError, match=message):
        load_config(write(tmp_path, content))


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClassifierError, match="no such file and no shipped configuration"):
        load_config(tmp_path / "missing.yaml")
    with pytest.raises(ClassifierError, match="no such file and no shipped configuration"):
        load_config(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe9\xff")
    with pytest.raises(ClassifierError, match="cannot be read"):
        load_config(tmp_path / "latin.yaml")
