"""Small shards, a recipe of toy steps, the command line as a process, and what must not differ between runs."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import yaml
from rich.console import Console
from typer.testing import CliRunner, Result

from pipeline.cli import app
from pipeline.display import TerminalDisplay
from pipeline.recipe import load
from pipeline.run import Result as Ran
from pipeline.run import Settings, run

TESTS = Path(__file__).resolve().parent
STEPS: list[object] = [
    {"toy_steps:Digits": {}},
    {"toy_steps:Raises": {}},
    {"toy_steps:Dear": {"length": {"max": 400}}},
    {"toy_steps:SameLength": {}},
]

Write = Callable[..., Path]


def write_toy_recipe(path: Path, steps: list[object] | None = None, **options: object) -> Path:
    recipe = {"name": "toy", "read": {"batch_records": 16}, "steps": STEPS if steps is None else steps} | options
    path.write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")
    return path


def carry_out(recipe: Path, inputs: Path, to: Path, overrides: Sequence[str] = ()) -> Ran:
    """Run in this process."""
    display = TerminalDisplay(Console(quiet=True))
    return run(load(recipe, overrides), [str(inputs)], str(to), Settings(inline=True), display)


def rows(run_folder: Path, side: str) -> list[dict[str, Any]]:
    """Rows of all Parquet files below a folder of a run; none if there is no such folder."""
    if not (run_folder / side).exists():
        return []
    table = ds.dataset(run_folder / side, format="parquet", exclude_invalid_files=True).to_table()
    found: list[dict[str, Any]] = table.to_pylist()
    return found


def write_shards(folder: Path, count: int) -> Path:
    folder.mkdir()
    for shard in range(count):
        write_shard(folder / f"{shard}.jsonl", shard)
    return folder


def write_shard(path: Path, shard: int, extra: Mapping[int, str] | None = None) -> None:
    lines = []
    for row in range(100):
        text = f"文書{'あ' * (row + 100 * shard)}。"
        if row % 10 == 0:
            text += "1234567890"
        if row % 25 == 3:
            text += "raise-here"
        text += (extra or {}).get(row, "")
        lines.append(json.dumps({"id": f"{shard}-{row}", "text": text}, ensure_ascii=False))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def contents(run: Path) -> dict[str, str]:
    """Digest of every file that must be the same whatever happened on the way; only timings may differ."""
    return {
        str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(run.rglob("*"))
        if path.is_file() and not _timed(path.relative_to(run))
    }


def _timed(path: Path) -> bool:
    return (path.parts[0] == "stats" and path.name != "ledger.json") or path.name == "report.html"


def migaki(*arguments: object, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *map(str, arguments)],
        env=clean_environment() | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert not check or done.returncode == 0, done.stderr + done.stdout
    return done


def called(*arguments: object, check: bool = True) -> Result:
    """Call the command line in this process, which saves starting another."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert not check or done.exit_code == 0, done.output
    return done


def clean_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return kept | {"PYTHONPATH": str(TESTS)}
