"""The command line: help with examples, errors without a stack trace, exit codes."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from toys import TESTS, Write, called, carry_out, migaki

from pipeline.recipe_schema import recipe_schema

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = ("run", "plan", "report", "inspect", "refilter", "compare", "similar", "schema")


@pytest.fixture
def finished(shards: Path, write_recipe: Write, tmp_path: Path) -> Path:
    carry_out(write_recipe(), shards, tmp_path / "run")
    return tmp_path / "run"


def test_help_names_every_command_and_exit_code() -> None:
    help_text = migaki("--help").stdout
    assert all(command in help_text for command in COMMANDS)
    assert "3 shards or documents failed" in " ".join(help_text.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_shows_an_example(command: str) -> None:
    assert f"migaki {command}" in called(command, "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("plan", "ja_wbe"), "no such file and no shipped recipe; did you mean `ja_web`?"),
        (("plan", "ja_web", "--set", "lines.ellipsis.max=1"), "unknown option `ellipsis`"),
        (
            ("plan", "ja_web", "--set", "length.characters=400"),
            "--set length.characters=400: step 8 `length`: option `characters`: write {min: ..., max: ...} (got 400)",
        ),
        (("run", "ja_web", "--input", "nothing-*.jsonl", "--output", "{tmp}/run"), "nothing-*.jsonl"),
        (("run", "ja_web", "--input", "{tmp}/empty", "--output", "{tmp}/run"), "holds no file of a known type"),
        (("run", "ja_web", "--input", "{root}/README.md", "--output", "{tmp}/run"), "unknown file type"),
        (("run", "ja_web", "--input", "foo://x/", "--output", "{tmp}/run"), "foo"),
        (("run", "ja_web", "--input", "{tmp}/in", "--output", "/proc/nowhere", "--inline"), "/proc/nowhere"),
        (("report", "{tmp}"), "not a run folder"),
        (("inspect", "{tmp}"), "not a run folder"),
        (("report", "{tmp}/firts"), "not a run folder (no run.json); did you mean `first`?"),
    ],
    ids=["recipe", "option", "set", "glob", "folder", "type", "protocol", "output", "report", "inspect", "near"],
)
def test_a_users_mistake_is_explained_in_one_line(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "run.json").write_text("{}", encoding="utf-8")
    (tmp_path / "in/a.jsonl").write_text("{}\n")
    done = called(*(part.format(tmp=tmp_path, root=ROOT) for part in arguments), check=False)
    assert done.exit_code == 2, done.stderr
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert message in error


def test_a_mistake_leaves_no_stack_trace(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    run = ("run", write_recipe(), "--input", shards, "--output", tmp_path / "run")
    done = migaki(*run, "--ray-address", "bad", check=False)
    assert done.returncode == 2, done.stderr
    assert "error: Ray did not start" in done.stderr
    assert "Traceback" not in done.stderr


def test_files_that_are_not_read_are_named(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    for name in ("notes.txt", ".hidden.jsonl", "_SUCCESS"):
        (shards / name).write_text("{}")
    done = called("run", write_recipe(), "--input", shards, "--output", tmp_path / "run", "--inline")
    assert "note: 1 files of unknown type in the input folders are not read: notes.txt" in done.stderr
    assert "300 records read" in done.stdout


def test_a_step_of_ones_own_is_found_in_the_current_folder(
    shards: Path, write_recipe: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = (TESTS / "toy_steps.py").read_text(encoding="utf-8")
    (tmp_path / "my_steps.py").write_text(steps, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    recipe = write_recipe([{"my_steps:Digits": {}}])
    script = Path(sys.executable).parent / "migaki"
    command = [script, "run", recipe, "--input", shards, "--output", "run", "--workers", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "300 records read = 270 kept" in done.stdout, done.stderr


def test_version_is_shown() -> None:
    assert migaki("--version").stdout.startswith("migaki ")


def test_inputs_may_be_a_list_as_a_shell_expands_a_glob(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    files = sorted(shards.glob("*.jsonl"))
    done = called("run", write_recipe(), "--input", *files, "--output", tmp_path / "run", "--inline")
    assert "300 records read" in done.stdout


def test_plan_shows_passes_without_doing_work() -> None:
    shown = called("plan", "ja_web").stdout
    assert [int(n) for n in re.findall(r"pass (\d) of", shown)] == [1, 2, 3]
    assert "minhash (look across shards)" in shown


def test_plan_says_which_step_stands_too_late(write_recipe: Write) -> None:
    shown = called("plan", write_recipe(["extract", "url"])).stdout
    assert "`url` costs METADATA and stands after `extract`" in shown


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([{"toy_steps:Digits": {}}, {"toy_steps:NeedsLanguage": {}}], "`language` adds, and that step is not in the"),
        (["checkpoint", {"toy_steps:NeedsLanguage": {}}, "language"], "`language` adds, and that step stands later"),
        ([{"toy_steps:NoSuchStep": {}}], "cannot be imported: AttributeError"),
        (["http", "length", "extract"], "step `length` reads the text and stands before `extract`, which makes it"),
        (["extract", "kana_gate"], "reads column `content`, which ends with the first pass"),
        (
            ["http", "extract", {"minhash": {"keep": ["lenght"]}}],
            "column `lenght`, which no step adds; did you mean `length`?",
        ),
        (["http", "checkpoint", "extract"], "reads column `content`, which ends with the first pass"),
        (["http", "checkpoint", "checkpoint", "extract"], "two checkpoints with no step between them"),
        ([{"json:dumps": {}}], "is no Stage"),
    ],
    ids=["missing", "later", "no class", "text", "content", "column", "content later", "checkpoints", "no stage"],
)
def test_steps_that_do_not_fit_are_named(write_recipe: Write, steps: list[object], message: str) -> None:
    done = called("plan", write_recipe(steps), check=False)
    assert (done.exit_code, message in done.stderr) == (2, True), done.stderr


def test_report_prints_the_funnel_and_json(finished: Path) -> None:
    assert "dropped: digits.digits.max 30" in called("report", finished).stdout
    report = json.loads(called("report", finished, "--json").stdout)
    assert report["complete"] is True
    assert report["ledger"]["records"] == 300
    step = next(step for step in report["funnel"] if step["step"] == "digits")
    assert (step["entered"], step["stayed"], step["drops"]) == (300, 270, {"digits.digits.max": 30})
    assert report["seconds"]["digits"] > 0


def test_report_of_an_unfinished_run_says_so(finished: Path) -> None:
    (finished / "stats/ledger.json").unlink()
    next((finished / "stats/1-corpus").iterdir()).unlink()
    assert "not finished" in called("report", finished).stdout


def test_inspect_shows_documents_of_one_reason(finished: Path) -> None:
    shown = called("inspect", finished, "--reason", "digits.digits.max", "--limit", 3).stdout
    assert shown.count("digits.digits.max") == 3
    assert "1234567890" in shown
    rows = [
        json.loads(line) for line in called("inspect", finished, "--reason", "raises", "--json").stdout.splitlines()
    ]
    assert {row["reason"] for row in rows} == {"raises.ValueError"}


def test_inspect_names_the_nearest_reason(finished: Path) -> None:
    done = called("inspect", finished, "--reason", "digits.digit.max", check=False)
    assert (done.exit_code, "did you mean `digits.digits.max`?" in done.stderr) == (2, True)


def test_terminal_controls_in_web_text_are_not_sent_to_the_terminal(
    shards: Path, write_recipe: Write, tmp_path: Path
) -> None:
    line = json.dumps({"id": "evil", "text": "\x1b]0;owned\x07[bold]1234567890"}, ensure_ascii=False)
    (shards / "0.jsonl").write_text(line + "\n", encoding="utf-8")
    carry_out(write_recipe(), shards / "0.jsonl", tmp_path / "run")
    shown = called("inspect", tmp_path / "run", "--reason", "digits").stdout
    assert "\x1b" not in shown
    assert "[bold]1234567890" in shown


def test_the_report_page_escapes_what_comes_from_outside(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    recipe = write_recipe(name="<script>alert(1)</script>")
    called("run", recipe, "--input", shards, "--output", tmp_path / "run", "--inline")
    page = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_the_shipped_schema_is_current() -> None:
    shipped = json.loads((ROOT / "configs/recipe.schema.json").read_text(encoding="utf-8"))
    assert shipped == recipe_schema(), "run `make docs`"


@pytest.mark.parametrize("recipe", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_recipe_has_a_plan_without_advice(recipe: Path) -> None:
    shown = called("plan", recipe).stdout
    assert "note:" not in shown


def test_a_run_killed_before_its_page_was_written_gets_it_from_the_next(
    shards: Path, write_recipe: Write, tmp_path: Path
) -> None:
    command = ("run", write_recipe(), "--input", shards, "--output", tmp_path / "run", "--inline")
    called(*command)
    page = tmp_path / "run/report.html"
    page.unlink()
    assert "Nothing to do" in called(*command).stdout
    assert page.exists()
