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


@pytest.mark.parametrize(
    ("steps", "dead"),
    [(["checkpoint"], True), ([{"toy_steps:SameLength": {}}], False)],
    ids=["dead after a checkpoint", "living after a barrier"],
)
def test_a_killer_in_a_later_pass_is_found_whether_it_lives_or_is_audited(
    shards: Path, write_recipe: Write, tmp_path: Path, steps: list[object], dead: bool
) -> None:
    write_shard(shards / "1.jsonl", 1, {41: "kill-here" + "9" * 20 * dead})
    recipe = write_recipe([{"toy_steps:Digits": {}}, *steps, {"toy_steps:Kills": {}}], audit=1.0)
    done = migaki("run", recipe, "--input", shards / "1.jsonl", "--output", tmp_path / "run", "--workers", 2)
    assert f"{100} records read" in done.stdout
    signals = {row["id"]: row["reason"] for row in rows(tmp_path / "run", "signals")}
    failed = {row["id"]: row["reason"] for row in rows(tmp_path / "run", "quarantine")}
    assert failed == ({} if dead else {"1-41": "worker.crash"})
    assert signals.get("1-41") == ("digits.digits.max" if dead else None)
    assert len(signals) + len(failed) == 100


def test_a_barrier_may_take_longer_than_a_batch(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    recipe = write_recipe([{"toy_steps:SameLength": {"seconds": 6}}])
    done = migaki("run", recipe, "--input", shards, "--output", tmp_path / "run", "--patience", 3)
    assert "300 records read" in done.stdout


def test_a_worker_that_hangs_before_its_first_document_is_noticed(
    shards: Path, write_recipe: Write, tmp_path: Path
) -> None:
    recipe = write_recipe([{"toy_steps:NeverComesUp": {}}])
    arguments = ("run", recipe, "--input", shards / "1.jsonl", "--output", tmp_path / "run", "--patience", 2)
    done = migaki(*arguments, check=False)
    assert done.returncode == 3
    assert "1.jsonl: the worker process ended again and again (hang)" in done.stderr


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
