"""Inputs become shards: all of them, sorted, once, and what cannot be an input is refused by name."""

import bz2
import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from pydantic import ValidationError

from pipeline.readers.chunk import Read
from pipeline.readers.discover import discover, format_of
from pipeline.readers.formats import InputError
from tests.readers.archives import block, read_all, uuid, warc

LINE = '{"text": "本文"}\n'.encode()


def fill(folder: Path) -> None:
    for name in (
        "b.warc.gz",
        "a.jsonl",
        "x/c.jsonl.zst",
        "x/y/d.parquet",
        "x/_SUCCESS",
        "x/notes.txt",
        "x/e.warc.wet.gz",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(LINE)


def names(folder: Path, *inputs: str) -> list[str]:
    sources = discover([str(folder / text) for text in inputs], Read()).shards
    return [os.path.relpath(source.uri, folder) for source in sources]


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (["a.jsonl"], ["a.jsonl"]),
        ([""], ["a.jsonl", "b.warc.gz", "x/c.jsonl.zst", "x/e.warc.wet.gz", "x/y/d.parquet"]),
        (["*.jsonl", "b.warc.gz", "a.jsonl"], ["a.jsonl", "b.warc.gz"]),
        (["**/*.parquet"], ["x/y/d.parquet"]),
        (["x/*.zst", "x"], ["x/c.jsonl.zst", "x/e.warc.wet.gz", "x/y/d.parquet"]),
    ],
)
def test_files_globs_and_folders_are_found_sorted_and_once(
    tmp_path: Path, inputs: list[str], expected: list[str]
) -> None:
    fill(tmp_path)
    assert names(tmp_path, *inputs) == expected


def test_relative_paths_and_file_uris_are_the_same_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    (source,) = discover(["a.jsonl", "./a.jsonl", f"file://{tmp_path}/a.jsonl"], Read()).shards
    assert source.uri == f"{tmp_path}/a.jsonl"
    assert source.size == len(LINE)


@pytest.mark.parametrize("text", ["missing.jsonl", "*.arc", "empty"])
def test_an_input_without_a_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").touch()
    with pytest.raises(InputError) as error:
        discover([str(tmp_path / text)], Read())
    assert str(tmp_path / text) in str(error.value)


def test_an_unknown_type_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\n本文\n")
    with pytest.raises(InputError, match=r"a\.csv: unknown file type; known are .*\.warc.*\.jsonl.*\.parquet"):
        discover([str(tmp_path / "a.csv")], Read())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (LINE, "jsonl"),
        (gzip.compress(LINE, mtime=0), "jsonl"),
        (b"WARC/1.0\r\n", "warc"),
        (gzip.compress(b"WARC/1.0\r\n", mtime=0), "warc"),
        (b"PAR1....", "parquet"),
    ],
)
def test_a_file_without_suffix_is_known_by_its_content(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "part-0").write_bytes(content)
    assert format_of(str(tmp_path / "part-0"), Read()) == expected


def test_the_identity_changes_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(LINE)
    seen = {discover([str(path)], Read()).shards[0].identity}
    os.utime(path, ns=(1, 1))
    seen.add(discover([str(path)], Read()).shards[0].identity)
    path.write_bytes(LINE * 2)
    os.utime(path, ns=(1, 1))
    seen.add(discover([str(path)], Read()).shards[0].identity)
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("name", "parts"),
    [("a.warc.gz", 4), ("a.wet.gz", 4), ("a.jsonl", 4), ("a.arc.gz", 4)]
    + [
        (name, 1) for name in ("a.warc", "a.jsonl.gz", "a.jsonl.zst", "a.warc.zst", "a.warc.lz4", "a.arc", "a.warc.bz2")
    ],
)
def test_large_files_are_split_where_records_can_be_found(tmp_path: Path, name: str, parts: int) -> None:
    (tmp_path / name).write_bytes(bytes(100))
    sources = discover([str(tmp_path / name)], Read(split_bytes=30)).shards
    assert len(sources) == parts
    assert len({source.name for source in sources}) == parts
    if parts > 1:
        assert [source.start for source in sources[1:]] == [source.end for source in sources[:-1]]
        assert (sources[0].start, sources[-1].end) == (0, 100)


@pytest.mark.parametrize(
    ("name", "pack"),
    [("a.jsonl", gzip.compress), ("a.jsonl", bz2.compress), ("a.warc.gz", bytes), ("a.warc.gz", zstandard.compress)],
)
def test_a_file_in_another_codec_than_its_name_says_stays_whole(
    tmp_path: Path, name: str, pack: Callable[[bytes], bytes]
) -> None:
    content = LINE * 50 if "jsonl" in name else b"".join(warc(number) for number in range(9))
    (tmp_path / name).write_bytes(pack(content))
    shards = discover([str(tmp_path)], Read(split_bytes=20)).shards
    found = read_all(shards)
    assert (found.records.num_rows, found.damaged) == (50 if "jsonl" in name else 9, [])


def test_an_archive_within_a_page_invents_no_records(tmp_path: Path) -> None:
    page = warc(7, block(7, body=b"".join(warc(number) for number in range(100, 130))))
    (tmp_path / "a.warc").write_bytes(warc(1) + page + warc(2))
    assert read_all(discover([str(tmp_path)], Read(split_bytes=500)).shards).ids == [uuid(1), uuid(7), uuid(2)]


def test_a_local_file_by_many_names_is_read_once(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "x")
    (tmp_path / "other.jsonl").symlink_to(tmp_path / "a.jsonl")
    (tmp_path / "blob").symlink_to(tmp_path / "a.jsonl")
    texts = ["a.jsonl", "x/../a.jsonl", "x//c.jsonl.zst", "link/c.jsonl.zst", "other.jsonl", "blob"]
    for order in (texts, texts[::-1]):
        inputs = [f"{tmp_path}/{text}" for text in order] + [f"file://{tmp_path}/x/c.jsonl.zst"]
        uris = [source.uri for source in discover(inputs, Read()).shards]
        assert uris == [f"{tmp_path}/a.jsonl", f"{tmp_path}/x/c.jsonl.zst"]


def test_a_link_without_suffix_target_keeps_the_name_that_tells_its_format(tmp_path: Path) -> None:
    (tmp_path / "0a1b").write_bytes(LINE)
    (tmp_path / "a.jsonl").symlink_to(tmp_path / "0a1b")
    assert names(tmp_path, "0a1b", "a.jsonl") == ["a.jsonl"]


@pytest.mark.parametrize("text", ["", "*.jsonl"])
def test_links_to_nothing_and_pipes_are_ignored_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.jsonl").write_bytes(LINE)
    (tmp_path / "gone.jsonl").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe.jsonl")
    found = discover([str(tmp_path / text)], Read())
    assert [source.uri for source in found.shards] == [f"{tmp_path}/a.jsonl"]
    assert found.ignored == [f"{tmp_path}/gone.jsonl", f"{tmp_path}/pipe.jsonl"]


@pytest.mark.parametrize("name", ["a::b.jsonl", "a[1].jsonl", "100%.jsonl", "日本 語.jsonl"])
@pytest.mark.parametrize("text", ["", "{}"])
def test_odd_names_are_read(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_bytes(LINE)
    found = read_all(discover([str(tmp_path / text.format(name))], Read()).shards)
    assert found.records.column("file_path").to_pylist() == [f"{tmp_path}/{name}"]


def test_a_name_that_is_not_utf8_is_percent_encoded_in_the_records(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\x93\xfa\x96{.jsonl"
    Path(os.fsdecode(name)).write_bytes(LINE)
    (shard,) = discover([str(tmp_path)], Read()).shards
    assert os.fsencode(shard.uri) == name
    found = read_all([shard])
    assert found.records.column("file_path").to_pylist() == [f"{tmp_path}/%93%FA%96{{.jsonl"]
    assert found.ids == [f"{shard.key}:0"]


def test_a_name_no_file_system_has_is_refused(tmp_path: Path) -> None:
    for text in ("\ud800.jsonl", "a\0.jsonl"):
        with pytest.raises(InputError):
            discover([f"{tmp_path}/{text}"], Read())


@pytest.mark.parametrize(
    "options",
    [
        {"split_bytes": 0},
        {"batch_records": 0},
        {"batch_bytes": 0},
        {"batch_bytes": 2**31},
        {"max_record_bytes": 0},
        {"max_record_bytes": 2**31},
        {"format": "csv"},
    ],
)
def test_options_out_of_bounds_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(options))):
        Read(**options)
