"""Shards of small documents, and a digest of everything in a run folder that must not differ between runs."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

STEPS = [
    {"toy_steps:Digits": {}},
    {"toy_steps:Raises": {}},
    {"toy_steps:Dear": {"length": {"max": 400}}},
    {"toy_steps:SameLength": {}},
]

Write = Callable[..., Path]


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Three JSONL shards with 100 documents each; every 10th has many digits, every 25th makes a step raise."""
    folder = tmp_path / "shards"
    folder.mkdir()
    for shard in range(3):
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


@pytest.fixture
def write_recipe(tmp_path: Path) -> Write:
    """Write a recipe with these steps; returns its path."""

    def write(steps: list[object] | None = None, **options: object) -> Path:
        path = tmp_path / "recipe.yaml"
        recipe = {"name": "toy", "read": {"batch_records": 16}, "steps": STEPS if steps is None else steps} | options
        path.write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")
        return path

    return write


def contents(run: Path) -> dict[str, str]:
    """Digest of every file that must be the same whatever happened on the way; only timings may differ."""
    return {
        str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(run.rglob("*"))
        if path.is_file() and not _timed(path.relative_to(run))
    }


def _timed(path: Path) -> bool:
    return (path.parts[0] == "stats" and path.name != "ledger.json") or path.name == "report.html"
