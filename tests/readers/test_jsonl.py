"""JSON lines: a bad line costs only itself, and no split loses or doubles a line."""

import bz2
import gzip
import json
import tracemalloc
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.readers.chunk import Source
from tests.readers.archives import read_all, read_bytes

GOOD = '{"text": "今日は晴れです。", "id": "a-1"}'.encode()


def test_fields_become_columns_and_the_rest_metadata(tmp_path: Path) -> None:
    record = {
        "body": "本文",
        "doc": 7,
        "link": "http://x.jp",
        "day": 2024,
        "title": ["x"],
        "b": "値",
        "a": None,
        "c": 1,
    }
    found = read_bytes(
        tmp_path,
        "a.jsonl",
        json.dumps(record).encode() + b"\n" + b'{"body": "\xe4\xba\x8c"}',
        text="body",
        id="doc",
        url="link",
        date="day",
        metadata=("b", "a", "none"),
    )
    first, second = found.records.to_pylist()
    assert (first["id"], first["url"], first["date"], first["title"]) == ("7", "http://x.jp", "2024", None)
    assert (first["text"], first["content"], first["metadata"]) == ("本文", None, '{"a": null, "b": "値"}')
    assert (second["text"], second["metadata"]) == ("二", "{}")
    start = len(json.dumps(record)) + 1
    assert second["position"] == start
    assert second["id"] == f"{Source(str(tmp_path / 'a.jsonl')).key}:{start}"


def test_a_star_carries_all_other_fields(tmp_path: Path) -> None:
    found = read_bytes(tmp_path, "a.jsonl", b'{"z": 1, "text": "x", "id": "i", "a": {"k": [1]}}', metadata=("*",))
    assert found.records.column("metadata").to_pylist() == ['{"a": {"k": [1]}, "z": 1}']


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ('{"text": "日本語"}'.encode("shift_jis"), "utf8"),
        (b'{"text": "\xed\xa0\x80"}', "utf8"),
        (b"not json", "json"),
        (b'{"text": "cut', "json"),
        (b'{"text": "a\0b"}', "json"),
        (b"\0\0\0", "json"),
        (b'{"text": "x", "score": NaN}', "json"),
        (b'{"text": "x", "n": ' + b"9" * 5000 + b"}", "json"),
        (b"[" * 100_000, "json"),
        (b'["text"]', "not_object"),
        (b"null", "not_object"),
        (b'"text"', "not_object"),
        (b"{}", "missing_text"),
        (b'{"text": null}', "missing_text"),
        (b'{"text": 3}', "wrong_type"),
        (b'{"text": ["x"]}', "wrong_type"),
        (b'{"text": "\\ud800"}', "surrogate"),
        (b'{"text": "x", "title": "\\udfff"}', "surrogate"),
        (b'{"text": "' + b"x" * 200_000 + b'"}', "too_large"),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_a_bad_line_is_damage_alone(tmp_path: Path, line: bytes, kind: str, suffix: str) -> None:
    content = b"\n".join([GOOD, line, GOOD, b""])
    pack = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}[suffix]
    found = read_bytes(tmp_path, f"a.jsonl{suffix}", pack(content), max_record_bytes=150_000)
    assert found.records.column("text").to_pylist() == ["今日は晴れです。"] * 2
    assert [(damage.kind, damage.position) for damage in found.damaged] == [(kind, len(GOOD) + 1)]
    assert found.damaged[0].content == line[: 64 * 1024]


def test_blank_lines_are_skipped_and_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    found = read_bytes(tmp_path, "a.jsonl", b"\xef\xbb\xbf" + GOOD + b"\r\n\n  \n\r\n" + GOOD)
    assert (found.records.num_rows, found.skipped, found.damaged) == (2, {"blank": 3}, [])


@pytest.mark.parametrize("text", ["a\\u0000b", "\\ud867\\ude3d", "𩸽"])
def test_odd_but_valid_text_is_kept(tmp_path: Path, text: str) -> None:
    found = read_bytes(tmp_path, "a.jsonl", f'{{"text": "{text}"}}'.encode())
    assert found.records.column("text").to_pylist() == [json.loads(f'"{text}"')]


@pytest.mark.parametrize("suffix", ["gz", "zst"])
@pytest.mark.parametrize("corrupt", [False, True])
def test_a_broken_stream_gives_the_lines_before_the_break(tmp_path: Path, suffix: str, corrupt: bool) -> None:
    lines = [
        json.dumps({"text": f"{number * number * 7919 % 1000003:x}" * 30, "id": str(number)}) for number in range(20000)
    ]
    content = {"gz": gzip.compress, "zst": zstandard.ZstdCompressor(write_checksum=True).compress}[suffix](
        "\n".join(lines).encode()
    )
    middle = len(content) * 3 // 4
    content = content[:middle] + (b"\xff" * 64 + content[middle + 64 :] if corrupt else b"")
    found = read_bytes(tmp_path, f"a.jsonl.{suffix}", content)
    assert found.ids[:10_000] == [str(number) for number in range(10_000)]
    assert found.kinds[-1] in (("gzip", "zstd") if corrupt else ("truncated",))
    assert corrupt or len(found.damaged) == 1  # lines between a change and its detection may be whole, or no JSON


@pytest.mark.parametrize("tail", [b"", b"\n", b"\n\n"])
def test_no_split_loses_or_doubles_a_line(tmp_path: Path, tail: bytes) -> None:
    content = b"\n".join([GOOD, b"bad", b"", GOOD, '{"text": "短い"}'.encode()]) + tail
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    whole = read_all([Source(str(path))])
    assert whole.records.num_rows == 3
    for cut in range(1, len(content)):
        split = read_all([Source(str(path), 0, cut), Source(str(path), cut, len(content))])
        assert split.records.equals(whole.records), cut
        assert (split.damaged, split.skipped) == (whole.damaged, whole.skipped), cut


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=40), st.just(GOOD)), max_size=8))
def test_every_line_is_counted_whatever_it_holds(tmp_path: Path, lines: list[bytes]) -> None:
    content = b"\n".join([GOOD, *lines])
    expected = len(content.split(b"\n")) - (not content or content.endswith(b"\n"))
    assert read_bytes(tmp_path, "a.jsonl", content).total == expected


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"])), st.booleans())
def test_any_text_comes_back_as_it_was(tmp_path: Path, text: str, ascii_only: bool) -> None:
    line = json.dumps({"text": text}, ensure_ascii=ascii_only).encode()
    assert read_bytes(tmp_path, "a.jsonl", line).records.column("text").to_pylist() == [text]


@pytest.mark.parametrize("depth", [250, 700, 900])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_values_nested_too_deep_to_carry_cost_their_line(
    tmp_path: Path, depth: int, opening: bytes, closing: bytes
) -> None:
    deep = b'{"text": "x", "m": ' + opening * depth + b"1" + closing * depth + b"}"
    content = b"\n".join([GOOD, deep, GOOD])
    found = read_bytes(tmp_path, "a.jsonl", content, metadata=("*",))
    assert (found.records.num_rows, found.kinds) == (2, ["json"])
    assert "200 levels" in found.damaged[0].error
    assert read_bytes(tmp_path, "a.jsonl", content.replace(deep, deep[:-1] + b"}"), metadata=("id",)).total == 3


@pytest.mark.parametrize("suffix", ["gz", "bz2", "zst"])
def test_a_bomb_is_not_held(tmp_path: Path, suffix: str) -> None:
    pack = {"gz": gzip.compress, "bz2": bz2.compress, "zst": zstandard.compress}[suffix]
    (tmp_path / f"a.jsonl.{suffix}").write_bytes(pack(GOOD + b"\n" + bytes(150_000_000) + b"\n" + GOOD))
    tracemalloc.start()
    found = read_all([Source(str(tmp_path / f"a.jsonl.{suffix}"))], max_record_bytes=2**20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found.records.num_rows, found.kinds) == (2, ["too_large"])
    assert peak < 100_000_000


@pytest.mark.parametrize("field", ["id", "url", "date"])
def test_an_endless_id_url_or_date_is_damage(tmp_path: Path, field: str) -> None:
    lines = [json.dumps({"text": "本文", field: "x" * size}) for size in (64 * 1024, 64 * 1024 + 1)]
    found = read_bytes(tmp_path, "a.jsonl", "\n".join(lines).encode())
    assert (found.records.num_rows, found.kinds) == (1, ["header"])
    assert f"{field} of 65537 bytes" in found.damaged[0].error


@pytest.mark.parametrize("field", ["url", "title", "id", "date", "other"])
def test_every_column_counts_in_a_batch(tmp_path: Path, field: str) -> None:
    lines = b"\n".join(json.dumps({"text": "x", field: "y" * 1000}).encode() for _ in range(10))
    found = read_bytes(tmp_path, "a.jsonl", lines, batch_bytes=3500, metadata=("other",))
    assert [len(batch) for batch in found.records.to_batches()] == [3, 3, 3, 1]
