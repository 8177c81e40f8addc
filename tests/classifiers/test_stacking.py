"""Stacking: parts and trees together, the same bytes twice, and folds that keep groups whole."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from classifiers.backends import stacking
from classifiers.backends.stacking import Stacking, StackingOptions
from classifiers.errors import ClassifierError

SUBJECTS = ("水の沸点", "江戸の寺子屋", "俳句の季語", "月の満ち欠け", "茶の作法", "稲の品種")
GOOD = [f"{subject}について説明する。{subject}は古くから知られ、記録も多い。" for subject in SUBJECTS]
BAD = [f"{subject}が激安！！今すぐクリック♪送料無料★★★" for subject in SUBJECTS]
TEXTS = pa.array((GOOD + BAD) * 3)
GROUPS = np.tile(np.arange(3), 12)
LEVELS = np.tile(np.repeat(np.array([4, 1], np.float32), 6), 3)[:, None]
WEIGHTS = np.ones(len(TEXTS))
FASTTEXT = {"buckets": 1000, "dimensions": 4, "epochs": 5, "least": 1}
LINEAR = {"features": {"views": [{"bits": 10}]}}
SMALL = {"parts": {"linear": LINEAR, "fasttext": FASTTEXT}, "folds": 2, "trees": 5, "least": 2, "rate": 0.3}


def trained(options: Mapping[str, Any] | None = None, targets: np.ndarray = LEVELS) -> Stacking:
    return Stacking.fit(TEXTS, targets, WEIGHTS, SMALL | (options or {}), GROUPS)


@pytest.fixture(scope="module")
def model() -> Stacking:
    return trained()


def saved(model: Stacking, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    model.save(folder)
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_training_twice_gives_the_same_bytes(model: Stacking, tmp_path: Path) -> None:
    files = saved(model, tmp_path / "one")
    assert files == saved(trained(), tmp_path / "two")
    assert {name.partition("/")[0] for name in files} >= {"linear", "fasttext", "trees.npy", "stacking.json"}


def test_a_saved_model_scores_as_before(model: Stacking, tmp_path: Path) -> None:
    saved(model, tmp_path / "model")
    raw = model.raw(TEXTS)
    np.testing.assert_array_equal(Stacking.load(tmp_path / "model").raw(TEXTS), raw)
    assert raw[LEVELS == 4].min() > raw[LEVELS == 1].max()


def test_statistics_of_the_text_decide_where_the_parts_cannot() -> None:
    """The parts see one character of each text, the same in all; only the statistics see how long it is."""
    texts = pa.array(["あ" + "い" * (4 if level == 4 else 40) for level in LEVELS[:, 0]])
    blind = {"parts": {"fasttext": FASTTEXT | {"characters": 1}}}
    raw = Stacking.fit(texts, LEVELS, WEIGHTS, SMALL | blind).raw(texts)
    assert raw[LEVELS == 4].min() > raw[LEVELS == 1].max() + 1


def test_a_head_is_learnt_from_the_documents_that_say_something_about_it() -> None:
    half = np.where(np.arange(len(TEXTS))[:, None] < 12, np.nan, LEVELS)
    raw = trained(targets=np.hstack([LEVELS, half]).astype(np.float32)).raw(TEXTS)
    assert raw.shape == (len(TEXTS), 2)
    assert raw[LEVELS[:, 0] == 4, 1].min() > raw[LEVELS[:, 0] == 1, 1].max()


def test_no_group_stands_on_both_sides_of_a_fold() -> None:
    held_out = stacking._folds(GROUPS, StackingOptions(folds=3))
    assert sorted(np.concatenate(held_out)) == list(range(len(TEXTS)))
    for rows in held_out:
        assert not set(GROUPS[rows]) & set(np.delete(GROUPS, rows))


def test_documents_of_one_group_are_split_one_by_one() -> None:
    assert len(stacking._folds(np.zeros(10, np.int64), StackingOptions(folds=5))) == 5
    with pytest.raises(ClassifierError, match="two documents"):
        stacking._folds(np.zeros(1, np.int64), StackingOptions())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tree": 3}, "unknown option `tree`; did you mean `trees`"),
        ({"parts": {}}, "option `parts`"),
        ({"parts": {"fasttext": {"epoch": 3}}}, "unknown option `epoch`; did you mean `epochs`"),
        ({"parts": {"forest": {}}}, "option `parts"),
    ],
)
def test_options_that_do_not_fit_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ClassifierError, match=message):
        trained(options)


def test_other_content_is_refused(model: Stacking, tmp_path: Path) -> None:
    with pytest.raises(ClassifierError, match="not a model of the `stacking` backend"):
        Stacking.load(tmp_path)
    saved(model, tmp_path / "model")
    attributes = tmp_path / "model" / "stacking.json"
    attributes.write_text(attributes.read_text().replace('"hiragana"', '"romaji"'))
    with pytest.raises(ClassifierError, match="train it again"):
        Stacking.load(tmp_path / "model")
