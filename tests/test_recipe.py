"""Recipes: strict, and errors that name file, line, step, field and the nearest valid option."""

from pathlib import Path

import pytest
import yaml

from pipeline.recipe import Recipe, RecipeError, load, parse
from pipeline.recipe_schema import recipe_schema

GOOD = """\
name: small
audit: 0.5
steps:
  - http
  - length: {japanese_letters: {min: 300}}
  - minhash
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_options_and_defaults_are_read(tmp_path: Path) -> None:
    recipe = load(written(tmp_path, GOOD))
    assert [step.name() for step in recipe.steps] == ["http", "length", "minhash"]
    assert recipe.steps[1].japanese_letters.min == 300  # type: ignore[attr-defined]
    assert recipe.audit == 0.5


def test_a_resolved_recipe_parses_to_itself(tmp_path: Path) -> None:
    recipe = load(written(tmp_path, GOOD))
    assert parse(recipe.resolved()) == recipe
    assert parse(yaml.safe_load(yaml.safe_dump(recipe.resolved()))) == recipe


MINHASH = "name: x\nsteps:\n  - minhash: {"


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        ("name: x\nsteps:\n  - lenght\n", 3, ["step 1", "unknown step `lenght`", "did you mean `length`?"]),
        (
            "name: x\nsteps:\n  - http\n  - length:\n      japanese_leters: {min: 1}\n",
            5,
            ["step 2 `length`", "unknown option `japanese_leters`", "did you mean `japanese_letters`?"],
        ),
        (
            "name: x\nsteps:\n  - length: {japanese_letters: {mim: 1}}\n",
            3,
            ["unknown option `japanese_letters.mim`", "did you mean `min`?"],
        ),
        ("name: x\nsteps:\n  - length: {japanese_letters: {min: many}}\n", 3, ["japanese_letters.min", "'many'"]),
        ("name: x\nsteps:\n  - length: {japanese_letters: {min: 5, max: 2}}\n", 3, ["min 5 is above max 2"]),
        ("name: x\naudti: 1\nsteps: [http]\n", 2, ["unknown option `audti`", "did you mean `audit`?"]),
        ("name: x\nname: y\nsteps: [http]\n", 2, ["`name` is given twice"]),
        ("name: x\nsteps:\n  - length:\n      japanese_letters: {min: 1\n", 5, ["not valid YAML"]),
        ("name: x\nsteps: []\n", 2, ["at least one step"]),
        ("name: x\nsteps:\n  - http\n  - checkpoint\n  - checkpoint\n  - http\n", 6, ["`http` stands twice"]),
        ("steps: [http]\n", 1, ["option `name`", "required"]),
        ("name: x\nsteps:\n  - {http: {}, length: {}}\n", 3, ["step 1", "- name: {option: value}"]),
        (MINHASH + "keep: length}\n", 3, ["option `keep`: write a list", "(got 'length')"]),
        (MINHASH + "keep: [title]}\n", 3, ["option `keep.0`: `title` holds string", "{title: [...]} (got 'title')"]),
        (MINHASH + "scope: hst}\n", 3, ["'global', 'dump' or 'host'; did you mean `host`?"]),
        ("- a\n- b\n", 0, ["a recipe is a mapping"]),
        ("", 0, ["a recipe is a mapping"]),
    ],
    ids=lambda value: value[:40].replace("\n", "|") if isinstance(value, str) else None,
)
def test_an_error_names_its_place_and_the_nearest_option(
    tmp_path: Path, text: str, line: int, parts: list[str]
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(RecipeError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:{line}: " if line else f"{path}: ")
    for part in parts:
        assert part in message


def test_a_value_that_fits_none_of_several_kinds_is_explained_once(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        load(written(tmp_path, MINHASH + "keep: [title, 3]}\n"))
    first, second = str(caught.value).splitlines()
    assert "keep.0" in first
    assert "keep.1" in second


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, "name: x\nsteps:\n  - lenght\n  - hppt\n")
    with pytest.raises(RecipeError) as caught:
        load(path)
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("length.japanese_letters.min=123", ("length", "japanese_letters", 123)),
        ("http.status.max=399", ("http", "status", 399)),
    ],
)
def test_set_changes_one_option(tmp_path: Path, override: str, expected: tuple[str, str, float]) -> None:
    recipe = load(written(tmp_path, GOOD), [override])
    step = next(step for step in recipe.steps if step.name() == expected[0])
    bounds = getattr(step, expected[1])
    assert expected[2] in (bounds.min, bounds.max)


@pytest.mark.parametrize("override", ["audit=0", "read.batch_records=7", "name=other"])
def test_set_reaches_the_top_level(tmp_path: Path, override: str) -> None:
    before, after = load(written(tmp_path, GOOD)), load(written(tmp_path, GOOD), [override])
    assert before != after


@pytest.mark.parametrize(
    ("override", "part"),
    [
        ("lenght.japanese_letters.min=1", "did you mean `length`?"),
        ("length.japanese_leters.min=1", "did you mean `japanese_letters`?"),
        ("length", "write step.option=value"),
        ("name.x=1", "`name` is not a section"),
    ],
)
def test_a_wrong_set_is_explained(tmp_path: Path, override: str, part: str) -> None:
    with pytest.raises(RecipeError, match=part.replace("?", r"\?")):
        load(written(tmp_path, GOOD), [override])


@pytest.mark.parametrize("text", ["", "- a\n", "name: x\nsteps: {http: {}}\n", "name: x\nsteps: [http, 5, [], {}]\n"])
def test_a_malformed_recipe_is_explained_whatever_is_set(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecipeError, match=r"recipe\.yaml"):
        load(written(tmp_path, text), ["http.status.max=1"])


def test_set_finds_a_step_of_ones_own_by_its_name(tmp_path: Path) -> None:
    text = "name: x\nsteps:\n  - toy_steps:Digits\n  - toy_steps:Raises: {word: a}\n"
    recipe = load(written(tmp_path, text), ["raises.word=b", "digits.digits.max=9"])
    assert [step.model_dump()["word" if index else "digits"] for index, step in enumerate(recipe.steps)] == [
        {"min": None, "max": 9.0},
        "b",
    ]


def test_a_step_cannot_take_a_name_that_reasons_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "from toy_steps import Digits\n\n\nclass Read(Digits):\n    pass\n"
    (tmp_path / "reading.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(RecipeError, match="`read` stands twice"):
        load(written(tmp_path, "name: x\nsteps: ['reading:Read']\n"))


def test_an_unknown_recipe_names_the_shipped_ones() -> None:
    with pytest.raises(RecipeError, match="did you mean `ja_web`"):
        load("ja_wbe")


def test_every_option_has_a_description() -> None:

    for name, definition in recipe_schema()["$defs"].items():
        for option, details in definition.get("properties", {}).items():
            if name != "Interval":
                assert "description" in details, f"{name}.{option}"
    assert Recipe.model_fields["audit"].description


def test_an_override_of_one_bound_leaves_the_other_one_alone(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("name: r\nsteps: [length, compression]\n", encoding="utf-8")
    recipe = load(path, ["compression.ratio.min=0.3"])
    assert recipe.steps[1].model_dump()["ratio"] == {"min": 0.3, "max": 0.95}
    with pytest.raises(RecipeError, match="step 2 `compression`: the default `ratio` is that of lz4"):
        load(path, ["compression.codec=zlib"])
