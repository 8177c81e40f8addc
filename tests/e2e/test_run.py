"""A whole run on small shards, in this process: the funnel, the files, and what a second call does."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from toys import Write, carry_out, contents, rows, write_shard

from pipeline.runfolder import RunFolder, RunFolderError
from pipeline.stats import LedgerError


def test_every_document_is_kept_dropped_or_quarantined(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    result = carry_out(write_recipe(), shards, tmp_path / "run")
    assert result.ledger
    steps = {step["name"]: step for step in result.ledger["steps"]}
    assert result.ledger["records"] == 300
    assert steps["digits"]["dropped"] == {"digits.digits.max": 30}
    assert steps["raises"]["failed"] == {"raises.ValueError": 12}
    assert steps["dear"]["dropped"] == {}
    assert steps["same_length"]["entered"]["rows"] == 258
    assert result.ledger["kept"] + result.ledger["dropped"] + result.ledger["failed"] == 300
    corpus = rows(tmp_path / "run", "corpus")
    assert len(corpus) == result.ledger["kept"]
    assert not [row for row in corpus if "raise-here" in row["text"] or "1234567890" in row["text"]]


def test_signals_hold_a_row_for_every_document_with_its_reasons(
    shards: Path, write_recipe: Write, tmp_path: Path
) -> None:
    carry_out(write_recipe(audit=0.2), shards, tmp_path / "run")
    signals = rows(tmp_path / "run", "signals")
    quarantine = rows(tmp_path / "run", "quarantine")
    assert len(signals) + len(quarantine) == 300
    by_id = {row["id"]: row for row in signals}
    assert len(by_id) == len(signals)
    assert by_id["0-10"]["reason"] == "digits.digits.max"
    assert by_id["0-10"]["reasons"] == ["digits.digits.max"]
    assert by_id["0-10"]["digits.digits"] == 10
    assert by_id["0-11"]["reason"] is None
    assert by_id["0-11"]["characters"] == len("文書" + "あ" * 11 + "。")
    dropped = [row for row in signals if row["reason"] == "digits.digits.max"]
    assert {row["dear.length"] is not None for row in dropped if row["audit"]} == {True}
    assert {row["dear.length"] is not None for row in dropped if not row["audit"]} == {False}
    assert any(row["audit"] for row in dropped)


def test_quarantine_names_place_and_error(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    carry_out(write_recipe(), shards, tmp_path / "run")
    found = {row["id"]: row for row in rows(tmp_path / "run", "quarantine")}
    assert found["1-28"]["reason"] == "raises.ValueError"
    assert found["1-28"]["error"] == "ValueError: met 'raise-here'"
    assert found["1-28"]["file_path"] == str(shards / "1.jsonl")
    line = (shards / "1.jsonl").read_bytes()[found["1-28"]["position"] :].split(b"\n")[0]
    assert json.loads(line)["id"] == "1-28"


def test_excluded_keeps_a_sample_per_reason_or_all(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    carry_out(write_recipe(excluded=2), shards, tmp_path / "few")
    carry_out(write_recipe(excluded=None), shards, tmp_path / "all")
    few, everything = rows(tmp_path / "few", "excluded"), rows(tmp_path / "all", "excluded")
    digits = [row for row in few if row["reason"] == "digits.digits.max"]
    assert len(digits) == 3 * 2
    assert {row["id"] for row in digits} < {row["id"] for row in everything if row["reason"] == "digits.digits.max"}
    assert sum(row["reason"] == "digits.digits.max" for row in everything) == 30
    assert all("1234567890" in row["text"] for row in digits)


def test_the_manifest_tells_what_the_corpus_files_hold(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    carry_out(write_recipe(), shards, tmp_path / "run")
    corpus = tmp_path / "run" / "corpus"
    manifest = json.loads((corpus / "manifest.json").read_text())
    assert [entry["file"] for entry in manifest["files"]] == sorted(path.name for path in corpus.glob("*.parquet"))
    for entry in manifest["files"]:
        content = (corpus / entry["file"]).read_bytes()
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        assert entry["bytes"] == len(content)
        assert entry["rows"] == pq.read_metadata(corpus / entry["file"]).num_rows


def test_a_finished_run_has_nothing_to_do(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    first = carry_out(write_recipe(), shards, tmp_path / "run")
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*") if path.name != "run.json"}
    second = carry_out(write_recipe(), shards, tmp_path / "run")
    assert second.parts_done == 0
    assert second.ledger == first.ledger
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps


def test_two_runs_are_the_same_byte_for_byte(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    carry_out(write_recipe(), shards, tmp_path / "one")
    carry_out(write_recipe(), shards, tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.parametrize(
    ("overrides", "redone"),
    [
        (["toy_steps:Digits.digits.max=20"], {"0-checkpoint", "1-same_length", "2-corpus"}),
        (["toy_steps:Dear.length.max=90"], {"1-same_length", "2-corpus"}),
        ([], set()),
    ],
    ids=["first pass", "second pass", "nothing"],
)
def test_a_changed_option_redoes_what_depends_on_it(
    shards: Path, write_recipe: Write, tmp_path: Path, overrides: list[str], redone: set[str]
) -> None:
    steps = [
        {"toy_steps:Digits": {}},
        "checkpoint",
        {"toy_steps:Dear": {}},
        {"toy_steps:SameLength": {}},
        {"toy_steps:Raises": {}},
    ]
    recipe, out = write_recipe(steps), tmp_path / "run"
    carry_out(recipe, shards, out)
    before = {path: path.stat().st_mtime_ns for path in (out / "stats").glob("*/*.json")}
    carry_out(recipe, shards, out, overrides)
    changed = {path.parent.name for path, stamp in before.items() if path.stat().st_mtime_ns != stamp}
    assert changed == redone
    carry_out(recipe, shards, tmp_path / "fresh", overrides)
    assert contents(out) == contents(tmp_path / "fresh")


def test_a_change_without_effect_stops_at_the_pass_it_touches(
    shards: Path, write_recipe: Write, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    recipe = write_recipe([{"toy_steps:Digits": {}}, "checkpoint", {"toy_steps:Raises": {}}])
    carry_out(recipe, shards, out)
    later = {path: path.stat().st_mtime_ns for path in (out / "stats" / "1-corpus").iterdir()}
    result = carry_out(recipe, shards, out, ["toy_steps:Digits.digits.max=5"])
    assert result.parts_done == 3
    assert {path: path.stat().st_mtime_ns for path in later} == later


def test_a_new_shard_is_added_and_a_removed_one_leaves_no_trace(
    shards: Path, write_recipe: Write, tmp_path: Path
) -> None:
    recipe, out = write_recipe([{"toy_steps:Digits": {}}]), tmp_path / "run"
    carry_out(recipe, shards, out)
    write_shard(shards / "3.jsonl", 3)
    assert carry_out(recipe, shards, out).parts_done == 1
    (shards / "0.jsonl").unlink()
    result = carry_out(recipe, shards, out)
    assert result.ledger
    carry_out(recipe, shards, tmp_path / "fresh")
    assert contents(out) == contents(tmp_path / "fresh")


def test_a_lost_output_is_made_again(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    out = tmp_path / "run"
    carry_out(write_recipe(), shards, out)
    whole = contents(out)
    victim = sorted((out / "corpus").glob("*.parquet"))[1]
    victim.write_bytes(victim.read_bytes()[:-10])
    sorted((out / "passes").rglob("sidecar-*"))[0].unlink()
    assert carry_out(write_recipe(), shards, out).parts_done > 0
    assert contents(out) == whole


def test_leftovers_of_killed_workers_are_swept(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    out = tmp_path / "run"
    carry_out(write_recipe(), shards, out)
    (out / "corpus" / ".part-x.host-1-ab.tmp").write_bytes(b"half")
    shutil.copy(next((out / "corpus").glob("*.parquet")), out / "corpus" / "part-stale.parquet")
    carry_out(write_recipe(), shards, out, ["toy_steps:Digits.digits.max=2"])
    assert not list((out / "corpus").glob(".*"))
    assert not (out / "corpus" / "part-stale.parquet").exists()


def test_a_folder_with_other_things_is_refused(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="not empty and not a run folder"):
        carry_out(write_recipe(), shards, shards)


def test_passes_of_an_earlier_recipe_are_not_taken_for_those_of_the_present_one(
    shards: Path, write_recipe: Write, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    one_pass: list[object] = [{"toy_steps:Digits": {}}]
    carry_out(write_recipe(one_pass), shards, out)
    expected = contents(out)
    carry_out(write_recipe(["checkpoint", {"toy_steps:Digits": {"digits": {"max": 20}}}]), shards, out)
    result = carry_out(write_recipe(one_pass), shards, out)
    assert result.parts_done == 3
    assert contents(out) == expected


def test_a_corpus_file_that_vanishes_before_the_end_is_an_error(
    shards: Path, write_recipe: Write, tmp_path: Path
) -> None:
    recipe = write_recipe([{"toy_steps:Removes": {"path": str(tmp_path / "run/corpus")}}])
    with pytest.raises(LedgerError, match="files are not as they were written"):
        carry_out(recipe, shards, tmp_path / "run")
    assert not (tmp_path / "run/stats/ledger.json").exists()


def test_an_error_message_that_is_no_text_costs_its_document_only(write_recipe: Write, tmp_path: Path) -> None:
    lines = ["".join((f'{{"text": "文書{row}', "raise-here" if row == 3 else "", '"}')) for row in range(20)]
    (tmp_path / "in.jsonl").write_text("\n".join(lines), encoding="utf-8")
    recipe = write_recipe([{"toy_steps:RaisesNonsense": {}}])
    carry_out(recipe, tmp_path / "in.jsonl", tmp_path / "run")
    (row,) = rows(tmp_path / "run", "quarantine")
    assert row["error"] == "ValueError: bad \\ud800"


def test_an_input_that_changes_while_it_is_read_is_not_committed(
    shards: Path, write_recipe: Write, tmp_path: Path
) -> None:
    recipe = write_recipe([{"toy_steps:Grows": {"path": str(shards / "1.jsonl")}}])
    result = carry_out(recipe, shards, tmp_path / "run")
    assert list(result.failed) == [str(shards / "1.jsonl")]
    assert "changed since the run began" in result.failed[str(shards / "1.jsonl")]
    again = carry_out(recipe, shards, tmp_path / "run")
    assert again.ledger
    assert (again.parts_done, again.ledger["records"]) == (1, 301)


def test_files_of_any_name_are_read(write_recipe: Write, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    names = [b"a b#1?.jsonl", "日本語.jsonl".encode(), "日本語.jsonl".encode("cp932"), b"%41'\"::x.jsonl", b"<b>.jsonl"]
    for number, name in enumerate(names):
        (folder / os.fsdecode(name)).write_text(f'{{"text": "文書{number}"}}\n')
    result = carry_out(write_recipe([{"toy_steps:Digits": {}}]), folder, tmp_path / "run")
    assert result.ledger
    assert result.ledger["kept"] == len(names)
    assert len({row["id"] for row in rows(tmp_path / "run", "corpus")}) == len(names)


def test_a_run_folder_inside_its_input_folder_is_not_read(shards: Path, write_recipe: Write) -> None:
    for _ in range(2):
        result = carry_out(write_recipe(), shards, shards / "run")
        assert result.ledger
        assert result.ledger["records"] == 300


def test_the_card_shows_names_as_text(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    recipe = write_recipe(name="<b>x</b>", description="a\n```\nb | <img src=x> [l](javascript:1)")
    carry_out(recipe, shards, tmp_path / "run")
    card = (tmp_path / "run/corpus/README.md").read_text(encoding="utf-8")
    _, _, body = card.partition("\n# ")
    prose, _, code = body.partition("````yaml\n")
    assert not set("<>") & set(prose)
    assert "javascript" not in prose or "[l](" not in prose
    assert yaml.safe_load(code.removesuffix("````\n"))["name"] == "<b>x</b>"


def test_the_run_of_another_recipe_is_left_alone(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    carry_out(write_recipe(), shards, tmp_path / "run")
    before = contents(tmp_path / "run")
    with pytest.raises(RunFolderError, match="holds a run of recipe `toy`; choose another --output for `other`"):
        carry_out(write_recipe(name="other"), shards, tmp_path / "run")
    assert contents(tmp_path / "run") == before


def test_a_run_over_other_inputs_is_left_alone(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    carry_out(write_recipe(), shards / "1.jsonl", tmp_path / "run")
    before = contents(tmp_path / "run")
    with pytest.raises(RunFolderError, match=r"holds a run over other inputs, e\.g\. .*1\.jsonl; choose another"):
        carry_out(write_recipe(), shards / "2.jsonl", tmp_path / "run")
    assert contents(tmp_path / "run") == before


def test_a_second_run_in_the_same_folder_is_refused(shards: Path, write_recipe: Write, tmp_path: Path) -> None:
    folder = RunFolder(str(tmp_path / "run"))
    with folder.lock(), pytest.raises(RunFolderError, match="another run is at work in this folder"):
        carry_out(write_recipe(), shards, tmp_path / "run")
    assert carry_out(write_recipe(), shards, tmp_path / "run").ledger


@pytest.mark.parametrize("content", [b"", b'{"part": "x"', b"[]", b"\xff"], ids=["empty", "half", "other", "bytes"])
def test_a_broken_commit_record_commits_nothing(
    shards: Path, write_recipe: Write, tmp_path: Path, content: bytes
) -> None:
    out = tmp_path / "run"
    carry_out(write_recipe(), shards, out)
    whole = contents(out)
    sorted((out / "stats/0-same_length").iterdir())[1].write_bytes(content)
    (out / "run.json").write_bytes(content)
    carry_out(write_recipe(), shards, out)
    assert contents(out) == whole


def test_a_step_that_raises_on_everything_is_no_success_however_small_the_shards(
    write_recipe: Write, tmp_path: Path
) -> None:
    (tmp_path / "small.jsonl").write_text('{"text": "raise-here"}\n' * 8, encoding="utf-8")
    result = carry_out(write_recipe(), tmp_path / "small.jsonl", tmp_path / "run")
    assert "step `raises` raised on 8 of 8 documents" in str(result.failed)


def test_a_faulty_step_fails_its_shards_and_a_rerun_redoes_only_them(
    shards: Path, write_recipe: Write, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    write_shard(shards / "1.jsonl", 1, dict.fromkeys(range(100), "fault"))
    recipe = write_recipe([{"toy_steps:Raises": {"word": "fault"}}], read={"batch_records": 200})
    result = carry_out(recipe, shards, out)
    assert result.ledger is None
    assert list(result.failed) == [str(shards / "1.jsonl")]
    assert "raised on 100 of 100 documents" in result.failed[str(shards / "1.jsonl")]
    assert "Traceback" in next((out / "logs").iterdir()).read_text()
    assert not (out / "stats" / "ledger.json").exists()
    write_shard(shards / "1.jsonl", 1)
    again = carry_out(recipe, shards, out)
    assert again.parts_done == 1
    assert again.ledger
    assert not (out / "logs").exists() or not list((out / "logs").iterdir())
