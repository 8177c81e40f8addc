"""The same run on Ray: same bytes for any number of workers, and documents that kill a worker cost only themselves."""

import json
from pathlib import Path

import pytest
from toys import Write, carry_out, contents, migaki, rows, write_shard

pytestmark = pytest.mark.ray


def test_any_number_of_workers_gives_the_same_bytes(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    recipe = write_recipe()
    carry_out(recipe, shards, tmp_path / "inline")
    expected = contents(tmp_path / "inline")
    for workers in (1, 2, 4):
        migaki("run", recipe, "--input", shards, "--output", tmp_path / f"{workers}", "--workers", workers)
        assert contents(tmp_path / f"{workers}") == expected


@pytest.mark.parametrize(
    ("step", "word", "reason", "options"),
    [
        ("Kills", "kill-here", "worker.crash", []),
        ("Segfaults", "segfault-here", "worker.crash", []),
        ("Hangs", "hang-here", "worker.hang", ["--patience", "3"]),
        ("Swells", "swell-here", "swells.MemoryError", ["--memory", "0.5"]),
    ],
)
def test_a_document_that_ends_its_worker_is_quarantined_alone(
    shards: Path, write_recipe: Write, tmp_path: Path, step: str, word: str, reason: str, options: list[str]
) -> None:
    write_shard(shards / "1.jsonl", 1, {41: word})
    recipe = write_recipe([{f"toy_steps:{step}": {}}])
    done = migaki("run", recipe, "--input", shards, "--output", tmp_path / "run", "--workers", 2, *options)
    assert "300 records read = 299 kept + 0 dropped + 1 failed" in done.stdout
    (row,) = rows(tmp_path / "run", "quarantine")
    assert (row["id"], row["reason"]) == ("1-41", reason)
    assert word in row["text"]


def test_shards_that_cannot_be_processed_fail_with_their_own_exit_code(
    shards: Path, write_recipe: Write, tmp_path: Path
) -> None:
    blocker = tmp_path / "blocker"
    blocker.touch()
    recipe = write_recipe([{"toy_steps:NeverOpens": {"while_exists": str(blocker)}}])
    arguments = ("run", recipe, "--input", shards / "1.jsonl", "--output", tmp_path / "run", "--workers", 2)
    done = migaki(*arguments, check=False)
    assert done.returncode == 3
    assert f"failed: {shards / '1.jsonl'}: the worker process ended again and again (crash)" in done.stderr
    assert "Traceback" not in done.stderr
    blocker.unlink()
    assert migaki(*arguments).returncode == 0
    assert json.loads(migaki("report", tmp_path / "run", "--json").stdout)["ledger"]["kept"] == 100
