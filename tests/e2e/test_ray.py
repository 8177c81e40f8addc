"""The same run on Ray: same bytes for any number of workers, and documents that kill a worker cost only themselves."""

from pathlib import Path

import pytest
from toys import Write, carry_out, contents, migaki, rows, write_shard

pytestmark = pytest.mark.ray


def test_any_number_of_workers_gives_the_same_bytes(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    recipe = write_recipe()
    carry_out(recipe, shards, tmp_path / "inline")
    expected = contents(tmp_path / "inline")
    for workers in (1, 3):
        migaki("run", recipe, "--input", shards, "--output", tmp_path / f"{workers}", "--workers", workers)
        assert contents(tmp_path / f"{workers}") == expected


def test_documents_that_end_their_worker_are_quarantined_alone(write_recipe: Write, tmp_path: Path) -> None:
    reasons = {"Segfaults": "worker.crash", "Swells": "swells.MemoryError"}
    (tmp_path / "in").mkdir()
    for shard, step in enumerate(reasons):
        write_shard(tmp_path / f"in/{shard}.jsonl", shard, {41: f"{step[:-1].lower()}-here"})
    recipe = write_recipe([{f"toy_steps:{step}": {}} for step in reasons], read={"batch_records": 4})
    options = ("--workers", 2, "--memory", 0.5)
    done = migaki("run", recipe, "--input", tmp_path / "in", "--output", tmp_path / "run", *options)
    assert "200 records read = 198 kept + 0 dropped + 2 failed" in done.stdout
    quarantined = {row["id"]: row for row in rows(tmp_path / "run", "quarantine")}
    assert {name: row["reason"] for name, row in quarantined.items()} == {
        f"{shard}-41": reason for shard, reason in enumerate(reasons.values())
    }
    assert all("-here" in row["text"] for row in quarantined.values())


def test_a_document_that_hangs_its_worker_is_quarantined_alone(
    shards: Path, write_recipe: Write, tmp_path: Path
) -> None:
    write_shard(shards / "1.jsonl", 1, {41: "hang-here"})
    recipe = write_recipe([{"toy_steps:Hangs": {}}], read={"batch_records": 4})
    options = ("--workers", 2, "--patience", 3)
    done = migaki("run", recipe, "--input", shards / "1.jsonl", "--output", tmp_path / "run", *options)
    assert "100 records read = 99 kept + 0 dropped + 1 failed" in done.stdout
    (row,) = rows(tmp_path / "run", "quarantine")
    assert (row["id"], row["reason"]) == ("1-41", "worker.hang")
    assert "hang-here" in row["text"]


def test_killers_in_a_later_pass_are_found_whether_they_live_or_are_audited(
    write_recipe: Write, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    write_shard(tmp_path / "in/0.jsonl", 0, {41: "kill-here" + "9" * 20})
    write_shard(tmp_path / "in/1.jsonl", 1, {41: "kill-here"})
    steps = [{"toy_steps:Digits": {}}, "checkpoint", {"toy_steps:SameLength": {}}, {"toy_steps:Kills": {}}]
    recipe = write_recipe(steps, audit=1.0, read={"batch_records": 4})
    done = migaki("run", recipe, "--input", tmp_path / "in", "--output", tmp_path / "run", "--workers", 2)
    assert "200 records read" in done.stdout
    signals = {row["id"]: row["reason"] for row in rows(tmp_path / "run", "signals")}
    failed = {row["id"]: row["reason"] for row in rows(tmp_path / "run", "quarantine")}
    assert failed == {"1-41": "worker.crash"}
    assert signals["0-41"] == "digits.digits.max"
    assert "1-41" not in signals
    assert len(signals) + len(failed) == 200


def test_a_barrier_may_take_longer_than_a_batch(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    recipe = write_recipe([{"toy_steps:SameLength": {"seconds": 4}}])
    done = migaki("run", recipe, "--input", shards, "--output", tmp_path / "run", "--patience", 2)
    assert "300 records read" in done.stdout


def test_a_worker_that_hangs_before_its_first_document_is_noticed(
    shards: Path, write_recipe: Write, tmp_path: Path
) -> None:
    recipe = write_recipe([{"toy_steps:NeverComesUp": {}}], read={"batch_records": 1})
    arguments = ("run", recipe, "--input", shards / "1.jsonl", "--output", tmp_path / "run", "--patience", 2)
    done = migaki(*arguments, check=False)
    assert done.returncode == 3
    assert "1.jsonl: the worker process ended again and again (hang)" in done.stderr


def test_shards_that_cannot_be_processed_fail_with_their_own_exit_code(
    shards: Path, write_recipe: Write, tmp_path: Path
) -> None:
    blocker = tmp_path / "blocker"
    blocker.touch()
    recipe = write_recipe([{"toy_steps:NeverOpens": {"while_exists": str(blocker)}}], read={"batch_records": 1})
    arguments = ("run", recipe, "--input", shards / "1.jsonl", "--output", tmp_path / "run", "--workers", 2)
    done = migaki(*arguments, check=False)
    assert done.returncode == 3
    assert f"failed: {shards / '1.jsonl'}: the worker process ended again and again (crash)" in done.stderr
    assert "Traceback" not in done.stderr
    blocker.unlink()
    again = carry_out(recipe, shards / "1.jsonl", tmp_path / "run")
    assert again.ledger
    assert again.ledger["kept"] == 100
