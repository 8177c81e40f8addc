"""The step `quality`: a model's scores as columns, bounds on them, and what is refused before any work."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from dedup.diaries import diary
from tiny_models import BAD, GOOD, write_model
from toys import called, carry_out, contents, rows, write_toy_recipe

from classifiers.model import ABOUT, load
from classifiers.serving.quality import Quality
from pipeline.plan import plan
from pipeline.recipe import RecipeError
from pipeline.recipe import load as load_recipe
from pipeline.refilter import changed_recipe, refilter
from pipeline.stage import Interval

STEP = "classifiers.serving.quality:Quality"


@pytest.fixture
def model(tmp_path: Path) -> str:
    write_model(tmp_path / "model")
    return str(tmp_path / "model")


def recipe(folder: Path, *steps: object) -> Path:
    return write_toy_recipe(folder / "recipe.yaml", list(steps))


def shard(folder: Path, texts: dict[str, str]) -> Path:
    folder.mkdir()
    lines = [json.dumps({"id": name, "text": text}, ensure_ascii=False) for name, text in texts.items()]
    (folder / "0.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def refused(path: Path, *overrides: str) -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, overrides)
    return str(caught.value)


def test_the_columns_are_what_the_model_predicts(model: str) -> None:
    texts = pa.array([GOOD, BAD, "", None, "\x00\U0001f600"], pa.string())
    step = Quality(model=model)
    outcome = step.process(pa.RecordBatch.from_arrays([texts], ["text"]))
    assert {name: column.type for name, column in outcome.columns.items()} == dict(step.added()) == dict(step.adds)
    assert not outcome.drops
    for name, values in load(model).predict(texts).items():
        column = outcome.columns[f"quality.{name}"]
        assert column.is_null().to_pylist() == [False, False, False, True, False], "a null text has no score"
        assert np.array_equal(column.drop_null().to_numpy(), np.delete(values, 3))


def test_a_bound_drops_what_scores_below_and_names_it(tmp_path: Path, model: str) -> None:
    inputs = shard(tmp_path / "in", {"good": GOOD, "bad": BAD})
    carry_out(recipe(tmp_path, {STEP: {"model": model, "at_least_3": {"min": 0.5}}}), inputs, tmp_path / "run")
    signals = {row["id"]: row for row in rows(tmp_path / "run", "signals")}
    assert {name: row["reason"] for name, row in signals.items()} == {"good": None, "bad": "quality.at_least_3.min"}
    assert signals["bad"]["quality.score"] < signals["good"]["quality.score"]


def test_another_bound_is_told_from_the_stored_scores(tmp_path: Path, model: str) -> None:
    inputs = shard(tmp_path / "in", {"good": GOOD, "bad": BAD})
    carry_out(recipe(tmp_path, {STEP: {"model": model}}), inputs, tmp_path / "run")
    run = str(tmp_path / "run")
    told = refilter(run, changed_recipe(run, None, ["quality.score.min=2.5"]))
    assert (told["before"]["documents"], told["after"]["documents"], told["undecided"]["documents"]) == (2, 1, 0)
    assert [(entry["reason"], entry["after"]) for entry in told["reasons"]] == [("quality.score.min", 1)]


def test_the_score_says_which_copy_stays(tmp_path: Path, model: str) -> None:
    texts = {"longer": BAD * 2 + diary(1), "better": diary(1)}
    inputs = shard(tmp_path / "in", texts)
    scores = load(model).predict(pa.array(list(texts.values())))["score"]
    assert scores[1] > scores[0]
    copies = {"minhash": {"keep": ["quality.score", "length"]}}
    path = recipe(tmp_path, {STEP: {"model": model}}, copies)
    called("run", path, "--input", inputs, "--output", tmp_path / "run", "--inline")
    assert [row["id"] for row in rows(tmp_path / "run", "corpus")] == ["better"]
    carry_out(recipe(tmp_path, {STEP: {"model": model}}, "minhash"), inputs, tmp_path / "by-length")
    assert [row["id"] for row in rows(tmp_path / "by-length", "corpus")] == ["longer"]


def test_a_model_trained_anew_scores_anew(tmp_path: Path, model: str) -> None:
    inputs, path = shard(tmp_path / "in", {"good": GOOD, "bad": BAD}), recipe(tmp_path, {STEP: {"model": model}})
    carry_out(path, inputs, tmp_path / "run")
    assert carry_out(path, inputs, tmp_path / "run").parts_done == 0
    before, fingerprint = contents(tmp_path / "run"), plan(load_recipe(path)).fingerprint(0)
    about = json.loads((Path(model) / ABOUT).read_text(encoding="utf-8"))
    about["calibration"]["score"]["slope"] = 1.5
    (Path(model) / ABOUT).write_text(json.dumps(about), encoding="utf-8")
    assert plan(load_recipe(path)).fingerprint(0) != fingerprint
    assert carry_out(path, inputs, tmp_path / "run").parts_done == 1
    assert contents(tmp_path / "run") != before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / "weights/weights.npy").write_bytes(b"other"), "weights.npy: changed after training"),
        (lambda folder: (folder / "weights/weights.npy").unlink(), "weights.npy: a model needs this file"),
        (lambda folder: (folder / ABOUT).write_text("{"), "model.json: not JSON"),
    ],
    ids=["changed", "missing", "broken"],
)
def test_a_model_that_is_not_whole_is_refused_before_any_work(
    tmp_path: Path, model: str, change: Callable[[Path], None], said: str
) -> None:
    change(Path(model))
    inputs, path = shard(tmp_path / "in", {"good": GOOD}), recipe(tmp_path, {STEP: {"model": model}})
    done = called("run", path, "--input", inputs, "--output", tmp_path / "run", "--inline", check=False)
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "run").exists()


def test_features_of_another_version_are_refused(tmp_path: Path, model: str) -> None:
    about = json.loads((Path(model) / ABOUT).read_text(encoding="utf-8"))
    (Path(model) / ABOUT).write_text(json.dumps(about | {"features": 0}), encoding="utf-8")
    assert "trained on features of version 0" in refused(recipe(tmp_path, {STEP: {"model": model}}))


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "toxic", "binary", ["toxic"])
    said = refused(recipe(tmp_path, {STEP: {"model": str(tmp_path / "toxic")}}))
    assert "is binary; step `quality` takes ordinal" in said


def test_a_misspelt_option_is_told_from_a_column(tmp_path: Path, model: str) -> None:
    assert "unknown option `scores`; did you mean `score`?" in refused(
        recipe(tmp_path, {STEP: {"model": model, "scores": {"min": 3}}})
    )
    assert "unknown option `modle`; did you mean `model`?" in refused(
        recipe(tmp_path, {STEP: {"model": model, "modle": "quality_ja"}})
    )


def test_a_bound_on_what_the_model_does_not_predict_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "three", levels=3)
    step = Quality(model=str(tmp_path / "three"), at_least_3=Interval(min=0.5))
    assert list(step.added()) == ["quality.score", "quality.at_least_1", "quality.at_least_2", "quality.at_least_3"]
    said = refused(recipe(tmp_path, {STEP: {"model": str(tmp_path / "three"), "at_least_4": {"min": 0.5}}}))
    assert "option `at_least_4`: model" in said
    assert "did you mean `at_least_3`?" in said


def test_the_recorded_recipe_gives_the_step_back(tmp_path: Path, model: str) -> None:
    path = recipe(tmp_path, {STEP: {"model": model, "score": {"min": 2}}})
    first = load_recipe(path)
    carry_out(path, shard(tmp_path / "in", {"good": GOOD}), tmp_path / "run")
    again = changed_recipe(str(tmp_path / "run"), None, [])
    assert again.resolved() == first.resolved()
    assert again.steps[0].data() == {"model": load(model).hash}


def test_a_step_that_only_annotates_leaves_every_answer_as_it_was(tmp_path: Path, model: str) -> None:
    inputs = shard(tmp_path / "in", {"good": GOOD, "bad": BAD})
    carry_out(recipe(tmp_path, {"toy_steps:Digits": {}}), inputs, tmp_path / "run")
    with_scores = recipe(tmp_path, {"toy_steps:Digits": {}}, {STEP: {"model": model}})
    told = refilter(str(tmp_path / "run"), changed_recipe(str(tmp_path / "run"), str(with_scores), []))
    assert (told["after"]["documents"], told["undecided"]["documents"]) == (2, 0)
