"""A run from and to an object store: the same files as from and to a disk, resumable there too."""

import hashlib
import json
from pathlib import Path

import fsspec
import pytest
from toys import Write, called, migaki


def stored(uri: str) -> dict[str, str]:
    """Digest of every file of a run that must not differ between runs."""
    fs, root = fsspec.url_to_fs(uri)
    fs.invalidate_cache()
    files = {path.removeprefix(f"{root}/"): fs.cat_file(path) for path in fs.find(root)}
    timed = [name for name in files if name.startswith("stats/") and name != "stats/ledger.json"]
    return {
        name: hashlib.sha256(content).hexdigest()
        for name, content in files.items()
        if name not in (*timed, "report.html")
    }


@pytest.mark.ray
def test_a_run_on_an_object_store(shards: Path, write_recipe: Write, object_store: str) -> None:
    recipe = write_recipe()
    fs = fsspec.filesystem("s3")
    fs.put(f"{shards}/*", f"{object_store}/in/")
    called("run", recipe, "--input", f"{object_store}/in", "--output", f"{object_store}/inline", "--inline")
    done = migaki("run", recipe, "--input", f"{object_store}/in/*.jsonl", "--output", f"{object_store}/ray")
    assert "300 records read" in done.stdout
    assert stored(f"{object_store}/ray") == stored(f"{object_store}/inline")
    fs.rm(next(path for path in fs.find(f"{object_store}/ray/corpus") if path.endswith(".parquet")))
    called("run", recipe, "--input", f"{object_store}/in", "--output", f"{object_store}/ray", "--inline")
    assert stored(f"{object_store}/ray") == stored(f"{object_store}/inline")
    again = called("run", recipe, "--input", f"{object_store}/in", "--output", f"{object_store}/ray", "--inline")
    assert "Nothing to do" in again.stdout
    report = json.loads(called("report", f"{object_store}/ray", "--json").stdout)
    assert report["run"] == f"{object_store}/ray"
