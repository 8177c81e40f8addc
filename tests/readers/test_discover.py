"""Inputs become shards: all of them, sorted, once, and what cannot be an input is refused by name."""

import gzip
import os
from pathlib import Path

import pytest

from pipeline.readers.chunk import Read
from pipeline.readers.discover import discover, format_of
from pipeline.readers.formats import InputError

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
    sources = discover([str(folder / text) for text in inputs], Read())
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
    (source,) = discover(["a.jsonl", "./a.jsonl", f"file://{tmp_path}/a.jsonl"], Read())
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
        (gzip.compress(LINE), "jsonl"),
        (b"WARC/1.0\r\n", "warc"),
        (gzip.compress(b"WARC/1.0\r\n"), "warc"),
        (b"PAR1....", "parquet"),
    ],
)
def test_a_file_without_suffix_is_known_by_its_content(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "part-0").write_bytes(content)
    assert format_of(str(tmp_path / "part-0"), Read()) == expected


def test_the_identity_changes_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(LINE)
    seen = {discover([str(path)], Read())[0].identity}
    os.utime(path, ns=(1, 1))
    seen.add(discover([str(path)], Read())[0].identity)
    path.write_bytes(LINE * 2)
    os.utime(path, ns=(1, 1))
    seen.add(discover([str(path)], Read())[0].identity)
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("name", "parts"),
    [("a.warc", 4), ("a.warc.gz", 4), ("a.wet.gz", 4), ("a.jsonl", 4), ("a.arc.gz", 4)]
    + [(name, 1) for name in ("a.jsonl.gz", "a.jsonl.zst", "a.warc.zst", "a.warc.lz4", "a.arc", "a.warc.bz2")],
)
def test_large_files_are_split_where_records_can_be_found(tmp_path: Path, name: str, parts: int) -> None:
    (tmp_path / name).write_bytes(bytes(100))
    sources = discover([str(tmp_path / name)], Read(split_bytes=30))
    assert len(sources) == parts
    assert len({source.name for source in sources}) == parts
    if parts > 1:
        assert [source.start for source in sources[1:]] == [source.end for source in sources[:-1]]
        assert (sources[0].start, sources[-1].end) == (0, 100)
