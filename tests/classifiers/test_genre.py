"""The genre of a text: a model of classes, its step, and the bucket that it makes."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from classifiers.config import Labels, Target
from classifiers.labels.targets import values
from classifiers.serving.genre import SHIPPED, Genre

LISTING = "ホーム\n会社概要\n製品一覧\nお問い合わせ\n採用情報\nサイトマップ\nリンク集\nプライバシーポリシー\n" * 2
ENTRY = (
    "霧坂町（きりさかちょう）は、県の北部にある町である。1955年に三つの村が合併して発足した。町域の約八割を山林が占め、"
    "中央を霧川が北から南へ流れる。人口は約8,000人で、主な産業は林業と和紙の製造である。"
)
TARGET = Target(kind="classes", classes={"tale": ("fiction", "essay"), "list": ("listing",)})
LABELS = Labels(path="a", name="a", label="genre", licence="own")


@pytest.fixture(scope="module")
def scored() -> dict[str, pa.Array]:
    step = Genre(listing_nav={"max": 0.5})
    outcome = step.process(pa.RecordBatch.from_pydict({"text": pa.array([LISTING, None, ENTRY])}))
    return {**outcome.columns, **{f"dropped {name}": pa.array(rows) for name, rows in outcome.drops.items()}}


def test_the_most_probable_class_names_a_text_and_a_null_has_none(scored: dict[str, pa.Array]) -> None:
    assert scored["genre.label"].to_pylist() == ["listing_nav", None, "encyclopedic"]
    probabilities = np.array([scored[f"genre.{name}"].fill_null(0).to_pylist() for name in SHIPPED])
    assert [SHIPPED[place] for place in probabilities.argmax(axis=0)[[0, 2]]] == ["listing_nav", "encyclopedic"]


def test_a_class_can_be_bounded(scored: dict[str, pa.Array]) -> None:
    assert scored["dropped listing_nav.max"].to_pylist() == [True, False, False]


def test_the_step_adds_what_the_model_that_ships_predicts() -> None:
    assert Genre().added() == Genre.adds
    with pytest.raises(ValidationError, match="`quality_ja` is ordinal; step `genre` takes classes"):
        Genre(model="quality_ja")


@pytest.mark.parametrize(
    ("genre", "expected"),
    [("essay", (1.0, 0.0)), ("listing", (0.0, 1.0)), ("news", None), (None, None)],
)
def test_a_label_means_one_class_or_leaves_the_document_out(genre: Any, expected: Any) -> None:
    assert values({"genre": genre}, LABELS, TARGET) == expected


def test_a_label_that_is_no_name_is_refused() -> None:
    with pytest.raises(ValueError, match="`genre` is 3, not the name of a class"):
        values({"genre": 3}, LABELS, TARGET)


@pytest.mark.parametrize(
    "target",
    [
        {"kind": "classes"},
        {"kind": "ordinal", "classes": {"a": ["b"]}},
        {"kind": "classes", "classes": {"a": ["b"]}, "prior": 0.1},
    ],
)
def test_a_target_of_classes_names_them_and_no_other_does(target: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Target.model_validate(target)
