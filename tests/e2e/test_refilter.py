"""A run written from another one is the run itself, byte for byte, and does not do again what was done."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console
from toys import Write, called, carry_out, contents, rows, write_shards

from pipeline.display import TerminalDisplay
from pipeline.recipe import load
from pipeline.refilter import changed_recipe, rewrite
from pipeline.report import ReportError
from pipeline.run import Result, Settings
from sample.make_sample import write as write_sample


def write(run: Path, to: Path, *overrides: str, recipe: Path | None = None) -> Result:
    changed = changed_recipe(str(run), str(recipe) if recipe else None, overrides)
    return rewrite(str(run), changed, str(to), Settings(inline=True), TerminalDisplay(Console(quiet=True)))


def stamps(folder: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*") if path.is_file()}


def steps(log: Path) -> list[object]:
    return [
        {"toy_steps:Digits": {"digits": {"max": 3}}},
        {"toy_steps:Raises": {}},
        {"toy_steps:Thrifty": {"log": str(log), "length": {"max": 250}}},
        "checkpoint",
        {"toy_steps:Dear": {"length": {"max": 400}}},
        {"toy_steps:SameLength": {}},
        {"toy_steps:Halves": {}},
    ]


@pytest.mark.parametrize(
    "overrides",
    [
        ["digits.digits.max=20"],
        ["digits.digits.max=0"],
        ["thrifty.length.max=200"],
        ["thrifty.length.max=300"],
        ["dear.length.max=150"],
        ["audit=0.6"],
        ["excluded=3", "thrifty.length.min=40"],
        ["read.batch_records=7"],
        [],
    ],
)
def test_the_written_run_is_the_run_of_the_recipe(
    shards: Path, write_recipe: Write, tmp_path: Path, overrides: list[str]
) -> None:
    recipe = write_recipe(steps(tmp_path / "log"), audit=0.2)
    carry_out(recipe, shards, tmp_path / "run")
    before = contents(tmp_path / "run"), stamps(tmp_path / "run")
    write(tmp_path / "run", tmp_path / "written", *overrides)
    assert (contents(tmp_path / "run"), stamps(tmp_path / "run")) == before
    carry_out(recipe, shards, tmp_path / "fresh", overrides)
    assert contents(tmp_path / "written") == contents(tmp_path / "fresh")
    assert (tmp_path / "written/stats/ledger.json").exists()


def test_nothing_known_is_scored_again(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    recipe, log = write_recipe(steps(tmp_path / "log"), audit=0.2), tmp_path / "log"
    carry_out(recipe, shards, tmp_path / "run")
    scored = set(log.read_text().split())
    log.unlink()
    write(tmp_path / "run", tmp_path / "written", "digits.digits.max=20", "thrifty.length.max=230")
    again = Counter(log.read_text().split())
    signals = {row["id"]: row for row in rows(tmp_path / "written", "signals")}
    missing = {name for name, row in signals.items() if row["thrifty.length"] is not None} - scored
    assert missing
    assert again == Counter(missing)


@pytest.mark.parametrize(
    ("overrides", "adopted", "done"),
    [
        ([], {"0-checkpoint": 3, "1-same_length": 6, "2-corpus": 3}, 12),
        (["dear.length.max=150"], {"0-checkpoint": 3, "2-corpus": 1}, 13),  # no text of the first shard is so long
        (["digits.digits.max=20"], {}, 13),
    ],
    ids=["nothing changed", "second pass", "first pass"],
)
def test_parts_that_would_be_the_same_are_taken_over(
    shards: Path, write_recipe: Write, tmp_path: Path, overrides: list[str], adopted: dict[str, int], done: int
) -> None:
    carry_out(write_recipe(steps(tmp_path / "log")), shards, tmp_path / "run")
    result = write(tmp_path / "run", tmp_path / "written", *overrides)
    assert result.parts_adopted == sum(adopted.values())
    assert result.parts_done == done
    shared = [
        path.relative_to(tmp_path / "written")
        for path in (tmp_path / "written").rglob("*.parquet")
        if (other := tmp_path / "run" / path.relative_to(tmp_path / "written")).exists() and path.samefile(other)
    ]
    assert {str(path).split("/")[1] for path in shared if path.parts[0] == "passes"} == set(adopted) - {"2-corpus"}
    assert not list((tmp_path / "written").rglob(".*"))


def test_where_files_cannot_be_shared_they_are_copied(
    shards: Path, write_recipe: Write, tmp_path: Path, object_store: str
) -> None:
    recipe = write_recipe(steps(tmp_path / "log"))
    carry_out(recipe, shards, tmp_path / "run")
    uri = f"{object_store}/written"
    changed = changed_recipe(str(tmp_path / "run"), None, ["dear.length.max=150"])
    display = TerminalDisplay(Console(quiet=True))
    result = rewrite(str(tmp_path / "run"), changed, uri, Settings(inline=True), display)
    assert result.parts_adopted == 4
    back = rewrite(uri, load(recipe), str(tmp_path / "back"), Settings(inline=True), display)
    assert back.parts_adopted == 4
    assert contents(tmp_path / "back") == contents(tmp_path / "run")


def test_a_damaged_part_is_done_again(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    recipe = write_recipe(steps(tmp_path / "log"))
    carry_out(recipe, shards, tmp_path / "run")
    carry_out(recipe, shards, tmp_path / "fresh")
    next((tmp_path / "run/signals/0-checkpoint").glob("*.parquet")).write_bytes(b"PAR1")
    result = write(tmp_path / "run", tmp_path / "written")
    assert result.parts_adopted == 11
    assert contents(tmp_path / "written") == contents(tmp_path / "fresh")


def test_a_shard_that_changed_is_scored_anew(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    recipe = write_recipe(steps(tmp_path / "log"))
    carry_out(recipe, shards, tmp_path / "run")
    path = shards / "1.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("あ", "い1"), encoding="utf-8")
    os.utime(path, ns=(1, 1))
    write(tmp_path / "run", tmp_path / "written", "digits.digits.max=20")
    carry_out(recipe, shards, tmp_path / "fresh", ["digits.digits.max=20"])
    assert contents(tmp_path / "written") == contents(tmp_path / "fresh")


def test_a_step_is_not_at_fault_because_only_its_failures_are_left(write_recipe: Write, tmp_path: Path) -> None:
    texts = [f"文書{'あ' * 100}{'raise-thrifty' if row < 7 else ''}" for row in range(16)]
    (tmp_path / "in").mkdir()
    lines = [json.dumps({"id": str(row), "text": text}, ensure_ascii=False) for row, text in enumerate(texts)]
    (tmp_path / "in/a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    recipe = write_recipe([{"toy_steps:Thrifty": {"log": str(tmp_path / "log"), "length": {"max": 250}}}])
    carry_out(recipe, tmp_path / "in", tmp_path / "run")
    result = write(tmp_path / "run", tmp_path / "written", "thrifty.length.max=105")
    assert not result.failed
    carry_out(recipe, tmp_path / "in", tmp_path / "fresh", ["thrifty.length.max=105"])
    assert contents(tmp_path / "written") == contents(tmp_path / "fresh")


def test_a_cheap_step_behind_a_dear_one_is_scored_anew(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    order: list[object] = [
        {"toy_steps:Dear": {"length": {"max": 200}}},
        {"toy_steps:Halves": {}},
        {"toy_steps:Digits": {"digits": {"max": 3}}},
    ]
    recipe = write_recipe(order)
    carry_out(recipe, shards, tmp_path / "run")
    for name, limit in (("wider", 300), ("narrower", 60)):
        write(tmp_path / "run", tmp_path / name, f"dear.length.max={limit}")
        carry_out(recipe, shards, tmp_path / f"fresh {name}", [f"dear.length.max={limit}"])
        assert contents(tmp_path / name) == contents(tmp_path / f"fresh {name}")


def test_a_run_is_not_written_over_itself(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    carry_out(write_recipe(), shards, tmp_path / "run")
    with pytest.raises(ReportError, match="choose another folder"):
        write(tmp_path / "run", tmp_path / "shards/../run", "digits.digits.max=20")


def test_another_run_is_not_written_over(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    carry_out(write_recipe(), shards, tmp_path / "run")
    carry_out(write_recipe(), shards / "1.jsonl", tmp_path / "other")
    before = contents(tmp_path / "other")
    with pytest.raises(ReportError, match="holds another run; choose another folder"):
        write(tmp_path / "run", tmp_path / "other", "digits.digits.max=20")
    assert contents(tmp_path / "other") == before


def test_the_default_chain_is_written_as_it_would_run(tmp_path: Path) -> None:
    write_sample(tmp_path / "shards")
    recipe = Path("configs/sample.yaml")
    carry_out(recipe, tmp_path / "shards", tmp_path / "run")
    overrides = ["lines.ended_characters.min=0.3", "language.language_score.min=0.9", "minhash.threshold=0.8"]
    write(tmp_path / "run", tmp_path / "written", *overrides)
    changed = changed_recipe(str(tmp_path / "run"), None, overrides)
    other = tmp_path / "other.yaml"
    other.write_text(json.dumps(changed.resolved(), ensure_ascii=False), encoding="utf-8")
    carry_out(other, tmp_path / "shards", tmp_path / "fresh")
    assert contents(tmp_path / "written") == contents(tmp_path / "fresh")


def test_the_command_answers_and_writes(tmp_path: Path, write_recipe: Write) -> None:
    recipe, shards = write_recipe(audit=0.2), write_shards(tmp_path / "in", 2)
    carry_out(recipe, shards, tmp_path / "run")
    shown = called("refilter", tmp_path / "run", "--set", "digits.digits.max=20").stdout
    assert "digits.digits.max: 3.0 -> 20.0" in shown
    assert "undecidable at dear" in shown
    told = json.loads(called("refilter", tmp_path / "run", "--set", "dear.length.max=90", "--json").stdout)
    assert told["lost"]["documents"] > 0
    written = ("refilter", tmp_path / "run", "--set", "dear.length.max=90", "--write", tmp_path / "out", "--inline")
    assert "corpus:" in called(*written).stdout
    kept = json.loads((tmp_path / "out/stats/ledger.json").read_text())["kept"]
    assert told["after"]["documents"] <= kept <= told["after"]["documents"] + told["undecided"]["documents"]
    assert "Nothing to do" in called(*written).stdout
    refused = called("refilter", tmp_path / "run", "--set", "digit.digits.max=1", check=False)
    assert refused.exit_code == 2
    assert "did you mean `digits`?" in refused.stderr
    assert called(*written, "--json", check=False).exit_code == 2
