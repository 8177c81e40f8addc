"""Indexes of older corpora: what they hold, how they grow, and what runs do with them."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dedup.crawls import Document, files, index_json, removed, run, shard
from dedup.diaries import diary, replaced
from dedup.parts import FolderFiles, part
from toys import clean_environment, migaki

from pipeline.dedup.index import IndexFolderError, IndexPart, foreign_parts, read_index
from pipeline.dedup.minhash import MinHash
from pipeline.indexing import add, build, info
from pipeline.runfolder import RunFolderError
from pipeline.similar import in_index
from pipeline.storage import Store

OLD: Sequence[Document] = [
    ("a1", diary(1)),
    ("a2", replaced(diary(1), 0.012, 1)),
    ("a3", diary(2)),
    ("a4", diary(3)),
    ("a5", "。"),
]
NEW: Sequence[Document] = [
    ("b1", diary(2) + "了"),
    ("b2", replaced(replaced(diary(1), 0.012, 1), 0.012, 2)),
    ("b3", diary(4)),
    ("b4", diary(4) + "了"),
    ("b5", diary(5)),
    ("b6", "。"),
]
LATER: Sequence[Document] = [("c1", diary(4)), ("c2", diary(6)), ("c3", diary(1)), ("c4", diary(5) + "了")]


@pytest.fixture
def crawls(tmp_path: Path) -> Path:
    """Three crawls in folders of their own; the first one has two shards."""
    shard(tmp_path / "old/CC-MAIN-2021-04/0.jsonl", OLD[:2], "2021-01-01")
    shard(tmp_path / "old/CC-MAIN-2021-04/1.jsonl", OLD[2:], "2021-02-01")
    shard(tmp_path / "new/0.jsonl", NEW, "2022-01-01")
    shard(tmp_path / "later/0.jsonl", LATER, "2023-01-01")
    return tmp_path


@pytest.fixture
def index(crawls: Path) -> Path:
    """An index of the first crawl."""
    build(str(crawls / "index"), str(run(crawls / "first", crawls / "old")))
    return crawls / "index"


def stored(index: Path) -> list[dict[str, object]]:
    return [row for file in sorted(index.glob("parts/*/*.parquet")) for row in pq.read_table(file).to_pylist()]


def test_an_index_holds_every_signed_document_and_what_the_run_made_of_it(index: Path) -> None:
    rows = stored(index)
    assert [(row["id"], row["cluster"], row["kept_id"]) for row in rows] == [
        ("a1", 0, None),
        ("a2", 0, "a1"),
        ("a3", None, None),
        ("a4", None, None),
        ("a5", None, None),
    ]
    sidecars = sorted((index.parent / "first/passes").glob("*/sidecar-*.parquet"))
    signatures = [value for file in sidecars for value in pq.read_table(file)["signature"].to_pylist()]
    assert [row["signature"] for row in rows] == signatures
    assert signatures[-1] is None


def test_an_index_tells_where_its_documents_come_from(index: Path) -> None:
    (addition,) = info(str(index))["additions"]
    facts = ("name", "run", "recipe", "threshold", "documents", "kept", "dumps", "first_date", "last_date", "files")
    assert {name: addition[name] for name in facts} == {
        "name": "0001-first",
        "run": str(index.parent / "first"),
        "recipe": "crawl",
        "threshold": 0.7,
        "documents": 5,
        "kept": 4,
        "dumps": ["CC-MAIN-2021-04"],
        "first_date": "2021-01-01",
        "last_date": "2021-02-01",
        "files": 2,
    }


def test_crawls_one_after_the_other_lose_the_documents_that_they_lose_together(crawls: Path, index: Path) -> None:
    second = run(crawls / "second", crawls / "new", against=[str(index)])
    assert removed(second) == {"b1": "a3", "b2": "a1", "b4": "b3"}
    add(str(index), str(second))
    third = run(crawls / "third", crawls / "later", against=[str(index)])
    assert removed(third) == {"c1": "b3", "c3": "a1", "c4": "b5"}
    shutil.copytree(crawls / "old", crawls / "all/old")
    shutil.copytree(crawls / "new", crawls / "all/new")
    shutil.copytree(crawls / "later", crawls / "all/later")
    together = removed(run(crawls / "together", crawls / "all"))
    assert together == removed(crawls / "first") | removed(second) | removed(third)


def test_a_run_against_an_index_adds_its_own_documents_only(crawls: Path, index: Path) -> None:
    add(str(index), str(run(crawls / "second", crawls / "new", against=[str(index)])))
    rows = stored(index)
    assert [(row["id"], row["cluster"], row["kept_id"]) for row in rows[len(OLD) :]] == [
        ("b1", 2, "a3"),
        ("b2", 0, "a1"),
        ("b3", 7, None),
        ("b4", 7, "b3"),
        ("b5", None, None),
        ("b6", None, None),
    ]


def drifting() -> list[str]:
    """Versions of a text, each of which is like the one after it and that one's successor, but none like the fourth."""
    versions = [diary(7, 40)]
    for seed in range(4):
        versions.append(replaced(versions[-1], 0.006, seed))
    return versions


def test_what_only_a_removed_document_is_like_is_put_down_to_the_copy_that_stayed(crawls: Path) -> None:
    first, _, second, _, third = drifting()
    options = {"bands": 28, "rows": 4}
    shard(crawls / "both/0.jsonl", [("first", first), ("second", second)], "2021-01-01")
    shard(crawls / "one/0.jsonl", [("first", first)], "2021-01-01")
    shard(crawls / "third/0.jsonl", [("third", third)], "2022-01-01")
    for name in ("both", "one"):
        build(str(crawls / f"{name}-index"), str(run(crawls / f"{name}-run", crawls / name, **options)))
    apart = run(crawls / "apart", crawls / "third", against=[str(crawls / "one-index")], **options)
    assert removed(apart) == {}
    via = run(crawls / "via", crawls / "third", against=[str(crawls / "both-index")], **options)
    assert removed(via) == {"third": "first"}
    add(str(crawls / "both-index"), str(via))
    assert [(row["id"], row["cluster"], row["kept_id"]) for row in stored(crawls / "both-index")] == [
        ("first", 0, None),
        ("second", 0, "first"),
        ("third", 0, "first"),
    ]


def test_documents_of_an_index_stay_even_where_a_newer_one_joins_them(crawls: Path) -> None:
    left, _, bridge, _, right = drifting()
    options = {"bands": 28, "rows": 4}
    shard(crawls / "ends/0.jsonl", [("left", left), ("right", right)], "2021-01-01")
    shard(crawls / "bridge/0.jsonl", [("bridge", bridge)], "2022-01-01")
    ends = run(crawls / "ends-run", crawls / "ends", **options)
    assert removed(ends) == {}
    build(str(crawls / "ends-index"), str(ends))
    bridged = run(crawls / "bridge-run", crawls / "bridge", against=[str(crawls / "ends-index")], **options)
    assert removed(bridged).keys() == {"bridge"}
    shutil.copytree(crawls / "ends", crawls / "both/ends")
    shutil.copytree(crawls / "bridge", crawls / "both/bridge")
    assert removed(run(crawls / "both-run", crawls / "both", **options)).keys() == {"bridge", "right"}


def test_several_indexes_and_blocks_of_any_size_give_the_same(crawls: Path, index: Path) -> None:
    crowd = [(f"x{number}", replaced(diary(number % 90), 0.004, number)) for number in range(300)]
    shard(crawls / "crowd/0.jsonl", crowd[:150], "2021-01-01")
    shard(crawls / "crowd/1.jsonl", crowd[150:], "2021-01-02")
    build(str(crawls / "more"), str(run(crawls / "crowd-run", crawls / "crowd")))
    against = [str(index), str(crawls / "more")]
    wide = run(crawls / "wide", crawls / "later", against=against)
    narrow = run(crawls / "narrow", crawls / "later", against=against, memory=2**16)
    assert set(removed(wide)) == {"c1", "c2", "c3", "c4"}
    (part,) = (wide / "duplicates/minhash").glob("part-*")
    assert part.read_bytes() == (narrow / part.relative_to(wide)).read_bytes()
    (part,) = (wide / "corpus").glob("part-*")
    assert part.read_bytes() == (narrow / part.relative_to(wide)).read_bytes()


def test_a_shard_is_not_a_duplicate_of_itself(crawls: Path, index: Path) -> None:
    again = run(crawls / "again", crawls / "old", against=[str(index)])
    assert removed(again) == {"a2": "a1"}


def test_a_run_may_be_repeated_after_it_was_added(crawls: Path, index: Path) -> None:
    second = run(crawls / "second", crawls / "new", against=[str(index)])
    before = removed(second)
    add(str(index), str(second))
    assert removed(run(second, crawls / "new", against=[str(index)])) == before


def test_a_run_repeated_after_a_later_crawl_was_added_loses_nothing_to_it(tmp_path: Path) -> None:
    index = str(tmp_path / "index")
    for number, text in enumerate((diary(1), diary(2), diary(2) + "了")):
        shard(tmp_path / f"crawl-{number}" / "0.jsonl", [(f"{number}", text)], f"2024-0{number + 1}-01")
    build(index, str(run(tmp_path / "run-0", tmp_path / "crawl-0")))
    for number in (1, 2):
        add(index, str(run(tmp_path / f"run-{number}", tmp_path / f"crawl-{number}", against=[index])))
    assert list(removed(tmp_path / "run-2")) == ["2"]
    assert removed(run(tmp_path / "again", tmp_path / "crawl-1", against=[index])) == {}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"ngram": 5}, "ngram 8 in the index and 5 in the run"),
        ({"bands": 28, "rows": 4}, "bands 14 in the index and 28 in the run, rows 8 in the index and 4 in the run"),
        ({"signature": "datasketch"}, "signature migaki in the index and datasketch in the run"),
        ({"shingle": "word"}, "shingle char in the index and word in the run, ngram 8 in the index and 5 in the run"),
        ({"scope": "host"}, "scope global in the index and host in the run"),
    ],
)
def test_a_run_with_other_options_is_refused(crawls: Path, index: Path, options: dict[str, object], told: str) -> None:
    with pytest.raises(IndexFolderError) as refused:
        run(crawls / "second", crawls / "new", against=[str(index)], **options)
    assert told in str(refused.value)
    assert "give the run the options of the index" in str(refused.value)
    assert not (crawls / "second/passes").exists()
    other = run(crawls / "other", crawls / "new", **options)
    with pytest.raises(IndexFolderError, match="signatures cannot be compared"):
        add(str(index), str(other))
    assert len(index_json(index)["additions"]) == 1


@pytest.mark.parametrize(
    ("parameter", "value", "told"),
    [
        ("unicode", "9.0.0", "Unicode 9.0.0 in the index and .* here.*the version of Python that made the index"),
        ("code", "0123", r"other code \(0123\).*the version of Migaki that made the index"),
    ],
)
def test_an_index_of_another_version_is_refused(
    crawls: Path, index: Path, parameter: str, value: str, told: str
) -> None:
    content = index_json(index)
    content["parameters"][parameter] = value
    (index / "index.json").write_text(json.dumps(content))
    with pytest.raises(IndexFolderError, match=told):
        run(crawls / "second", crawls / "new", against=[str(index)])
    with pytest.raises(IndexFolderError, match=told):
        in_index(str(index), diary(1), 0.5, 3)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{}", "format None, and this version of Migaki reads 1"),
        ('{"format": 2}', "format 2, and this version of Migaki reads 1"),
        ("[1]", "format None"),
        ("{", "is broken"),
        ('{"format": 1, "parameters": {}, "additions": []}', "parameters.shingle"),
        ("\0\xff", "is broken"),
    ],
)
def test_a_file_that_is_no_index_is_refused(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "index.json").write_text(content, encoding="latin-1")
    with pytest.raises(IndexFolderError) as refused:
        read_index(Store(str(tmp_path)))
    assert told in str(refused.value)


def test_a_run_is_not_brought_in_twice(crawls: Path, index: Path) -> None:
    before = files(index)
    with pytest.raises(IndexFolderError, match="holds this run already, by addition 0001-first"):
        add(str(index), str(crawls / "first"))
    part = run(crawls / "part", crawls / "old/CC-MAIN-2021-04/1.jsonl")
    with pytest.raises(IndexFolderError, match="by addition 0001-first"):
        add(str(index), str(part))
    wider = shutil.copytree(crawls / "new", crawls / "old/more") and run(crawls / "wider", crawls / "old")
    with pytest.raises(
        IndexFolderError,
        match=r"holds 2 of the \d+ shards of this run already, by addition .*, e.g. 0-.*; a run is added as a whole",
    ):
        add(str(index), str(wider))
    with pytest.raises(IndexFolderError, match="an index already; `migaki index add`"):
        build(str(index), str(part))
    assert files(index) == before


def test_a_folder_with_other_things_is_not_made_an_index(crawls: Path, index: Path) -> None:
    with pytest.raises(IndexFolderError, match="not empty and not an index"):
        build(str(crawls / "old"), str(crawls / "first"))
    with pytest.raises(IndexFolderError, match="not an index"):
        add(str(crawls / "old"), str(crawls / "first"))


def test_damage_that_leaves_the_size_is_found_when_it_is_read_and_names_the_index(index: Path) -> None:
    damaged = next(index.glob("parts/*/*.parquet"))
    damaged.write_bytes(b"\0" * damaged.stat().st_size)
    parts = foreign_parts([str(index)], MinHash().parameters(), MinHash().signed())
    (part,) = [part for part in parts if part.path.endswith(damaged.name)]
    with pytest.raises(IndexFolderError, match=rf"{damaged.name}: damaged; build the index anew"):
        list(part.sidecar(["id"]))


def test_a_damaged_index_is_refused(crawls: Path, index: Path) -> None:
    damaged = next(index.glob("parts/*/*.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(IndexFolderError, match=f"1 files are not as they were written, e.g. .*{damaged.name}"):
        foreign_parts([str(index)], MinHash().parameters(), MinHash().signed())


def test_runs_that_cannot_be_added_are_refused(crawls: Path, index: Path) -> None:
    second = run(crawls / "second", crawls / "new")
    ledger = second / "stats/ledger.json"
    ledger.rename(crawls / "ledger.json")
    with pytest.raises(RunFolderError, match="not complete"):
        add(str(index), str(second))
    (crawls / "ledger.json").rename(ledger)
    decisions = next((second / "passes").rglob("decisions-0-*"))
    decisions.rename(crawls / "decisions")
    with pytest.raises(RunFolderError, match=r"decisions-.* gone; `migaki run` makes them again"):
        add(str(index), str(second))
    shutil.rmtree(second / "passes")
    with pytest.raises(RunFolderError, match="gone; `migaki run` makes them again"):
        add(str(index), str(second))
    assert len(index_json(index)["additions"]) == 1


def test_a_run_signed_by_another_version_is_refused(crawls: Path) -> None:
    first = run(crawls / "first", crawls / "old")
    survivors = next((first / "passes").rglob("part-0-*"))
    table = pq.read_table(survivors)
    place = table.schema.get_field_index("text")
    other = table.set_column(place, table.schema.field(place), pa.array(["別の版の文章です。"] * table.num_rows))
    pq.write_table(other, survivors)
    record = next((first / "stats").glob("0-minhash/0-*.json"))
    stats = json.loads(record.read_text())
    stats["outputs"][str(survivors.relative_to(first))]["bytes"] = survivors.stat().st_size
    record.write_text(json.dumps(stats))
    with pytest.raises(RunFolderError, match="signed by another version"):
        build(str(crawls / "index"), str(first))


def test_two_writers_do_not_meet(crawls: Path, index: Path) -> None:
    second = run(crawls / "second", crawls / "new")
    descriptor = os.open(index, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(IndexFolderError, match="another process writes to this index"):
            add(str(index), str(second))
    finally:
        os.close(descriptor)
    add(str(index), str(second))


def test_a_killed_addition_leaves_the_index_as_it_was_and_can_be_repeated(crawls: Path, index: Path) -> None:
    for number in range(60):
        shard(crawls / f"many/{number:02}.jsonl", [(f"m{number}", diary(100 + number))], "2022-01-01")
    many = run(crawls / "many-run", crawls / "many")
    shutil.copytree(index, crawls / "undisturbed")
    add(str(crawls / "undisturbed"), str(many))
    before = (index / "index.json").read_bytes()
    command = [sys.executable, "-m", "pipeline", "index", "add", str(index), str(many)]
    process = subprocess.Popen(command, env=clean_environment(), stdout=subprocess.DEVNULL)
    while not any(index.glob("parts/0002-many-run/part-*.parquet")):
        assert process.poll() is None
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (index / "index.json").read_bytes() == before
    assert len(foreign_parts([str(index)], MinHash().parameters(), {})) == 2
    (index / "parts/0002-many-run/.part-x.parquet.host-1-ab.tmp").write_bytes(b"half")
    (index / "parts/0002-other").mkdir()
    (index / "parts/0002-other/part-x.parquet").write_bytes(b"of another run")
    add(str(index), str(many))
    assert files(index) == files(crawls / "undisturbed")


def test_a_killed_build_can_be_repeated(crawls: Path, index: Path) -> None:
    content = index_json(index)
    again = crawls / "again"
    (again / "parts/0001-first").mkdir(parents=True)
    (again / "parts/0001-first/part-x.parquet").write_bytes(b"half")
    (again / "index.json").write_text(json.dumps(content | {"additions": []}))
    build(str(again), str(crawls / "first"))
    assert files(again) == files(index)


def test_an_index_holds_no_texts(index: Path) -> None:
    (part, _) = foreign_parts([str(index)], MinHash().parameters(), MinHash().signed())
    with pytest.raises(IndexFolderError, match="holds no texts"):
        part.texts([0])


def test_columns_that_an_older_run_did_not_sign_are_null(index: Path) -> None:
    columns = MinHash(keep=({"language": ("ja",)},)).signed()
    (part, _) = foreign_parts([str(index)], MinHash().parameters(), columns)
    (batch,) = part.sidecar(["string.language", "id"])
    assert batch.to_pydict() == {"string.language": [None, None], "id": ["a1", "a2"]}
    (only,) = part.sidecar(["string.language"])
    assert only.num_rows == part.rows == 2
    assert isinstance(part, IndexPart)


def test_an_index_that_changes_during_a_run_is_noticed(crawls: Path, index: Path, tmp_path: Path) -> None:
    step = MinHash(against=(str(index),))
    own = [part("new", step, [(name, text, "2022-01-01") for name, text in NEW])]

    def work(phase: str) -> list[int]:
        return list(step.work(phase, 0, FolderFiles(tmp_path, own, phase, 0, {}, {})))

    assert [phase.name for phase in step.phases(own)][:2] == ["keys", "pairs"]
    work("keys")
    add(str(index), str(run(crawls / "later-run", crawls / "later")))
    with pytest.raises(IndexFolderError, match="has changed while it was in use; run again"):
        work("pairs")


def test_an_index_on_an_object_store(crawls: Path, index: Path, object_store: str) -> None:
    fsspec.filesystem("s3").put(f"{crawls}/first", f"{object_store}/first", recursive=True)
    migaki("index", "build", f"{object_store}/index", f"{object_store}/first")
    second = run(crawls / "second", crawls / "new", against=[f"{object_store}/index"])
    assert removed(second) == {"b1": "a3", "b2": "a1", "b4": "b3"}
    add(f"{object_store}/index", str(second))
    assert info(f"{object_store}/index")["documents"] == len(OLD) + len(NEW)
    assert [found.id for found in in_index(f"{object_store}/index", diary(4), 0.5, 2)] == ["b3", "b4"]
