"""Small crawls of diaries as shards, and runs over them with a MinHash step."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml
from toys import carry_out

Document = tuple[str, str]


def shard(path: Path, documents: Sequence[Document], date: str) -> Path:
    """Write documents ``(id, text)`` of one day as a JSONL file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"id": name, "text": text, "date": date, "url": f"https://example.jp/{name}"} for name, text in documents]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def run(to: Path, inputs: Path, **options: object) -> Path:
    """Deduplicate a folder of shards; returns the run folder."""
    recipe = {"name": "crawl", "steps": [{"minhash": {"keep": ["date", "id"]} | options}]}
    file = to.parent / f"{to.name}.yaml"
    file.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    result = carry_out(file, inputs, to)
    assert result.ledger, result.failed
    return to


def removed(folder: Path) -> dict[str, str]:
    """Id of each document that MinHash removed -> id of the copy that stayed."""
    files = sorted(folder.glob("duplicates/minhash/part-*.parquet"))
    return {row["id"]: row["kept_id"] for file in files for row in pq.read_table(file).to_pylist()}


def files(folder: Path) -> Mapping[str, bytes]:
    """Content of every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def index_json(folder: Path) -> dict[str, Any]:
    """What an index says about itself."""
    content: dict[str, Any] = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    return content
