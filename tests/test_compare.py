"""Recipes over the same documents: figures that agree with runs, overlaps, samples, and what cannot be compared."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from toys import called, carry_out, write_toy_recipe

from pipeline.compare import CompareError, NeedsText, branches, compare
from pipeline.comparison import Comparison, as_json
from pipeline.display import TerminalDisplay
from pipeline.recipe import load, parse
from sample.make_sample import write

DIGITS: dict[str, Any] = {"toy_steps:Digits": {}}
RAISES: dict[str, Any] = {"toy_steps:Raises": {}}
SHORT: dict[str, Any] = {"toy_steps:Dear": {"length": {"max": 80}}}
RECIPES: Mapping[str, Sequence[object]] = {"digits": [DIGITS], "short": [RAISES, SHORT]}


def compared(
    steps: Mapping[str, Sequence[object]], inputs: Path, limit: int | None = None, sample: int = 3, **options: object
) -> Comparison:
    recipes = {name: parse({"name": name, "steps": list(own), **options}) for name, own in steps.items()}
    return compare(recipes, [str(inputs)], limit, sample, TerminalDisplay(Console(quiet=True)))


@pytest.fixture(scope="module")
def sample_shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "shards"
    write(folder)
    return folder


def test_overlaps_and_reasons_are_counted(shards: Path) -> None:
    of = as_json(compared(RECIPES, shards / "0.jsonl"))
    digits, short = of["recipes"]
    assert (of["documents"], digits["kept"]["rows"], short["kept"]["rows"]) == (100, 90, 74)
    assert digits["dropped"] == {"digits.digits.max": 10}
    assert short["failed"] == {"raises.ValueError": 4}
    assert short["dropped"] == {"dear.length.max": 22}
    assert short["errors"] == {"raises.ValueError": "ValueError: met 'raise-here'"}
    (pair,) = of["pairs"]
    mine = {row for row in range(100) if row % 10}
    yours = {row for row in range(100) if row % 25 != 3 and row + 3 + (0 if row % 10 else 10) <= 80}
    overlap = (pair["both"], pair["only_first"], pair["only_second"], pair["neither"])
    assert overlap == (len(mine & yours), len(mine - yours), len(yours - mine), 100 - len(mine | yours))
    assert all(overlap)


@pytest.mark.parametrize("recipe", ["ja_web", "sample"])
def test_a_side_has_the_figures_of_a_run(sample_shards: Path, tmp_path: Path, recipe: str) -> None:
    loaded = load(recipe).resolved()
    loaded["steps"] = [step for step in loaded["steps"] if not {"minhash", "checkpoint"} & set(step)]
    path = write_toy_recipe(tmp_path / "alone.yaml", loaded["steps"])
    ledger = carry_out(path, sample_shards / "*.jsonl*", tmp_path / "a").ledger
    ledger_of_pages = carry_out(path, sample_shards / "*.warc*", tmp_path / "b").ledger
    assert ledger
    assert ledger_of_pages
    inputs = [str(sample_shards / "*.jsonl*"), str(sample_shards / "*.warc*")]
    recipes = {recipe: load(recipe), "other": parse({"name": "other", "steps": ["extract", "length"]})}
    of = compare(recipes, inputs, None, 0, TerminalDisplay(Console(quiet=True)))
    side = of.sides[0]
    assert side.passed_over == ("checkpoint", "minhash")
    dropped: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for step in [*ledger["steps"], *ledger_of_pages["steps"]]:
        dropped.update(step["dropped"])
        failed.update(step["failed"])
    assert side.kept.rows == ledger["kept"] + ledger_of_pages["kept"]
    assert dropped == side.dropped + Counter({f"read.{kind}": count for kind, count in of.skipped.items()})
    assert failed == side.failed + Counter({f"read.{kind}": count for kind, count in of.damaged.items()})
    last = [ledger["steps"][-1]["stayed"], ledger_of_pages["steps"][-1]["stayed"]]
    assert side.kept.characters == sum(stayed["characters"] for stayed in last)


def test_equal_beginnings_are_one_branch() -> None:
    steps = {
        index: parse({"name": "x", "steps": names}).steps
        for index, names in enumerate(
            [["http", "extract", "length"], ["http", "extract"], ["http", {"length": {"characters": {"min": 3}}}]]
        )
    }
    (http,) = branches(steps)
    assert (http.step.name(), http.recipes, http.ending) == ("http", (0, 1, 2), ())
    extract, length = http.following
    assert (extract.step.name(), extract.recipes, extract.ending) == ("extract", (0, 1), (1,))
    assert (length.step.name(), length.recipes, length.ending) == ("length", (2,), (2,))
    assert [(step.step.name(), step.ending) for step in extract.following] == [("length", (0,))]


def test_shared_steps_are_done_once(shards: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    shared = {"toy_steps:Logs": {"path": str(log)}}
    compared({"one": [shared, DIGITS], "two": [shared, SHORT], "three": [shared]}, shards / "0.jsonl")
    assert log.read_text() == "100\n"


def test_each_disagreement_tells_both_verdicts_and_how_the_text_begins(shards: Path) -> None:
    of = compared({**RECIPES, "all": [RAISES]}, shards / "0.jsonl", sample=100)
    pair = of.pairs[0]
    assert len(pair.disagreements) == sum(pair.only)
    for found in pair.disagreements:
        assert (found.reasons["digits"] is None) != (found.reasons["short"] is None)
        assert set(found.reasons) == {"digits", "short", "all"}
        assert found.snippet.startswith("文書")
        row = int(found.id.split("-")[1])
        assert (found.reasons["digits"] == "digits.digits.max") == (row % 10 == 0)
        assert (found.reasons["short"] == "raises.ValueError") == (row % 25 == 3)


def test_the_sample_is_the_same_whatever_the_batches(shards: Path) -> None:
    samples = [
        [found.id for found in compared(RECIPES, shards, sample=5, read={"batch_records": size}).pairs[0].disagreements]
        for size in (7, 64, 4096)
    ]
    assert samples[0] == samples[1] == samples[2]
    assert len(set(samples[0])) == 10  # five that the one keeps alone, five that the other does


def test_the_limit_ends_the_reading(shards: Path) -> None:
    of = compared(RECIPES, shards, limit=130, read={"batch_records": 16})
    assert (of.documents, of.limited) == (130, True)
    assert sum(of.pairs[0].only) + of.pairs[0].both + as_json(of)["pairs"][0]["neither"] == 130


def test_bytes_fail_where_no_step_makes_text_of_them(sample_shards: Path) -> None:
    of = compared({"text": ["length"], "html": ["extract"]}, sample_shards / "machi-00.warc.gz")
    text, html = of.sides
    assert text.failed == Counter({"read.no_text": of.documents})
    assert text.errors["read.no_text"].endswith("no step that extracts text")
    assert html.kept.rows > 0
    assert of.pairs[0].both == 0
    assert NeedsText().name() == "read"


@pytest.mark.parametrize(
    ("steps", "options", "message"),
    [
        ({"one": [DIGITS]}, {}, "two recipes or more"),
        (
            {"one": [DIGITS], "two": ["minhash", {"toy_steps:ReadsCluster": {}}]},
            {},
            "two: `reads_cluster` reads `minhash_cluster_size` of `minhash`, which is passed over",
        ),
        ({"one": [DIGITS], "two": [{"toy_steps:Raises": {"word": ""}}]}, {}, "0.jsonl: StageError: step `raises`"),
    ],
)
def test_what_cannot_be_compared_is_explained(
    shards: Path, steps: dict[str, list[object]], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(CompareError, match=message):
        compared(steps, shards / "0.jsonl", **options)


def test_recipes_that_read_differently_are_refused(shards: Path) -> None:
    one, two = (parse({"name": field, "read": {"text": field}, "steps": [DIGITS]}) for field in ("text", "title"))
    with pytest.raises(CompareError, match="one and two read differently"):
        compare({"one": one, "two": two}, [str(shards)], None, 0, TerminalDisplay(Console(quiet=True)))


def test_the_command_prints_tables_and_json(shards: Path, tmp_path: Path) -> None:
    paths = [write_toy_recipe(tmp_path / f"{name}.yaml", list(steps), name=name) for name, steps in RECIPES.items()]
    evil = json.dumps({"id": "evil", "url": "https://a.example/\x1b[2J", "text": "\x1b]0;owned\x07[bold]1234567890"})
    (shards / "0.jsonl").write_text(evil + "\n", encoding="utf-8")
    shown = called("compare", *paths, "--input", shards / "0.jsonl").stdout
    assert "digits: dropped: digits.digits.max 1" in shown
    assert "\x1b" not in shown
    assert "[bold]1234567890" in shown
    assert "short: kept" in shown
    plain = json.loads(called("compare", *paths, "--input", shards, "--limit", 50, "--json").stdout)
    assert (plain["documents"], plain["limited"]) == (50, True)
    assert [recipe["name"] for recipe in plain["recipes"]] == ["digits", "short"]


def test_recipes_of_one_name_are_told_apart_by_how_they_are_written(shards: Path, tmp_path: Path) -> None:
    paths = [write_toy_recipe(tmp_path / f"{name}.yaml", list(steps)) for name, steps in RECIPES.items()]
    plain = json.loads(called("compare", *paths, "--input", shards / "0.jsonl", "--json").stdout)
    assert [recipe["name"] for recipe in plain["recipes"]] == [str(path) for path in paths]
