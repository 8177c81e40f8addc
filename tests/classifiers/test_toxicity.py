"""The step `toxicity`: heads of any binary model as columns, bounds on them, and long pages in windows."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError
from tiny_models import BAD, GOOD, write_model
from toys import carry_out, rows, write_toy_recipe

from classifiers.model import load
from classifiers.serving.toxicity import Toxicity
from pipeline.recipe import RecipeError
from pipeline.recipe import load as load_recipe
from pipeline.refilter import changed_recipe, refilter

STEP = "classifiers.serving.toxicity:Toxicity"


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A model with a category of the user's own."""
    write_model(tmp_path / "model", "binary", ["toxic", "weapons"])
    return str(tmp_path / "model")


def scored(step: Toxicity, *texts: str | None) -> dict[str, list[float | None]]:
    columns = step.process(pa.RecordBatch.from_arrays([pa.array(texts, pa.string())], ["text"])).columns
    return {name: column.to_pylist() for name, column in columns.items()}


def test_a_head_of_the_users_own_is_a_column_that_can_be_bounded(tmp_path: Path, model: str) -> None:
    shards = tmp_path / "in"
    shards.mkdir()
    texts = {"good": GOOD, "bad": BAD}
    lines = [json.dumps({"id": name, "text": text}, ensure_ascii=False) + "\n" for name, text in texts.items()]
    (shards / "0.jsonl").write_text("".join(lines), encoding="utf-8")
    scores = load(model).predict(pa.array([GOOD, BAD]))["weapons"]
    between = float(scores.mean())
    path = write_toy_recipe(tmp_path / "recipe.yaml", [{STEP: {"model": model}}])
    carry_out(path, shards, tmp_path / "open")
    carry_out(path, shards, tmp_path / "cut", [f"toxicity.weapons.max={between}"])
    assert {row["id"]: row["reason"] for row in rows(tmp_path / "cut", "signals")} == {
        "good": None,
        "bad": "toxicity.weapons.max",
    }
    run = str(tmp_path / "open")
    told = refilter(run, changed_recipe(run, None, [f"toxicity.weapons.max={between}"]))
    assert (told["after"]["documents"], told["lost"]["documents"], told["undecided"]["documents"]) == (1, 1, 0)


def test_a_misspelt_head_is_refused(tmp_path: Path, model: str) -> None:
    path = write_toy_recipe(tmp_path / "recipe.yaml", [{STEP: {"model": model, "wepons": {"max": 0.5}}}])
    with pytest.raises(RecipeError, match="unknown option `wepons`; did you mean `weapons`"):
        load_recipe(path)


def test_a_bound_on_a_shipped_head_that_the_model_lacks_is_refused(tmp_path: Path, model: str) -> None:
    path = write_toy_recipe(tmp_path / "recipe.yaml", [{STEP: {"model": model, "sexual": {"max": 0.5}}}])
    with pytest.raises(RecipeError, match=r"option `sexual`: model `.*` does not predict it; valid here: `toxic`"):
        load_recipe(path)


def test_without_windows_scores_are_those_of_the_model(model: str) -> None:
    expected = load(model).predict(pa.array([GOOD, BAD]))
    found = scored(Toxicity(model=model), GOOD, BAD, None)
    for head, values in expected.items():
        assert np.array_equal(np.array(found[f"toxicity.{head}"][:2], np.float32), values)
        assert found[f"toxicity.{head}"][2] is None


def test_a_paragraph_of_abuse_in_a_long_page_is_found_by_windows(model: str) -> None:
    page = GOOD * 20 + "\n" + BAD * 5 + "\n" + GOOD * 20
    whole, windowed = Toxicity(model=model), Toxicity(model=model, window=100)
    clean = scored(windowed, GOOD * 40)["toxicity.toxic"][0]
    assert scored(windowed, page)["toxicity.toxic"][0] > max(scored(whole, page)["toxicity.toxic"][0], clean)
    assert scored(windowed, BAD, page, GOOD)["toxicity.toxic"][::2] == scored(whole, BAD, GOOD)["toxicity.toxic"]
    assert scored(windowed) == {"toxicity.toxic": [], "toxicity.weapons": []}


def test_a_window_beyond_what_the_model_sees_is_refused() -> None:
    with pytest.raises(ValidationError, match="window 1001: model `toxicity_ja` sees 1000 characters"):
        Toxicity(window=1001)
