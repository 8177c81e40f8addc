"""Parquet: needed columns only, clear errors for wrong columns, and a broken row group costs only its rows."""

import datetime
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.readers.chunk import Read, Source
from pipeline.readers.discover import discover
from pipeline.readers.formats import InputError
from pipeline.readers.read import read
from tests.readers.archives import Found, read_all

TEXTS = ["一つ目の文です。", None, "二つ目の文です。", "三つ目", "四つ目", "五つ目"]


def write(path: Path, table: pa.Table, **options: object) -> Source:
    pq.write_table(table, path, **options)
    return Source(str(path))


def read_table(folder: Path, table: pa.Table, **options: object) -> Found:
    return read_all([write(folder / "a.parquet", table)], **options)


def test_rows_become_records_and_null_text_is_damage(tmp_path: Path) -> None:
    found = read_table(tmp_path, pa.table({"text": TEXTS, "id": range(6), "url": ["u"] * 6, "title": [[1]] * 6}))
    assert found.ids == ["0", "2", "3", "4", "5"]
    assert found.records.column("position").to_pylist() == [0, 2, 3, 4, 5]
    assert found.records.column("title").null_count == 5
    assert [(damage.kind, damage.position) for damage in found.damaged] == [("missing_text", 1)]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_every_string_type_is_text(tmp_path: Path, kind: pa.DataType) -> None:
    found = read_table(tmp_path, pa.table({"text": pa.array(["磨き", "本文"]).cast(kind)}))
    assert found.records.column("text").to_pylist() == ["磨き", "本文"]
    key = Source(str(tmp_path / "a.parquet")).key
    assert found.ids == [f"{key}:0", f"{key}:1"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"texts": ["x"], "id": ["y"]}, "no column 'text' for read.text; the nearest is 'texts'"),
        ({"text": [1]}, "column 'text' for read.text is int64, not a string"),
        ({"text": [b"x"]}, "column 'text' for read.text is binary, not a string"),
    ],
)
def test_a_wrong_text_column_is_an_error_naming_file_and_column(
    tmp_path: Path, columns: dict[str, list[object]], message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        read_table(tmp_path, pa.table(columns))
    assert str(tmp_path / "a.parquet") in str(error.value)


def test_metadata_is_json_whatever_the_type(tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": ["x"],
            "when": pa.array([1_700_000_000_123_456_789], pa.timestamp("ns", "UTC")),
            "day": [datetime.date(2024, 2, 20)],
            "raw": [b"\0\xff"],
            "score": [float("nan")],
            "deep": [{"list": [1, None], "名": "値"}],
        }
    )
    found = read_table(tmp_path, table, metadata=("*",))
    assert found.records.column("metadata").to_pylist() == [
        '{"day": "2024-02-20", "deep": {"list": [1, null], "名": "値"}, "raw": "AP8=", "score": null, '
        '"when": "2023-11-14 22:13:20.123456789Z"}'
    ]


def test_text_that_is_not_utf8_or_too_large_is_damage(tmp_path: Path) -> None:
    bad = pa.array(["良い".encode(), "日本".encode("shift_jis"), b"x" * 100]).view(pa.string())
    found = read_table(tmp_path, pa.table({"text": bad}), max_record_bytes=50)
    assert found.records.column("text").to_pylist() == ["良い"]
    assert [(damage.kind, damage.position) for damage in found.damaged] == [("utf8", 1), ("too_large", 2)]


def test_a_broken_row_group_costs_its_rows_alone(tmp_path: Path) -> None:
    texts = [f"{number}番目の文章" * 20 for number in range(300)]
    source = write(tmp_path / "a.parquet", pa.table({"text": texts}), row_group_size=100, use_dictionary=False)
    chunk = pq.ParquetFile(source.uri).metadata.row_group(1).column(0)
    content = bytearray(Path(source.uri).read_bytes())
    middle = chunk.data_page_offset + chunk.total_compressed_size // 2
    content[chunk.data_page_offset : middle] = b"\xff" * (middle - chunk.data_page_offset)
    Path(source.uri).write_bytes(content)
    found = read_all([source])
    assert found.records.column("text").to_pylist() == texts[:100] + texts[200:]
    assert [damage.position for damage in found.damaged] == list(range(100, 200))
    assert set(found.kinds) == {"parquet"}
    assert "rows 100 to 199 (100) are lost" in found.damaged[0].error


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not parquet at all"])
def test_a_file_that_is_no_parquet_is_one_damage(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.parquet").write_bytes(content)
    assert read_all(discover([str(tmp_path / "a.parquet")], Read(split_bytes=1)).shards).kinds == ["parquet"]


@pytest.mark.parametrize("split_bytes", [1, 2000, 10**9])
def test_splits_hold_every_row_once(tmp_path: Path, split_bytes: int) -> None:
    texts = [f"{number}番目の文章" for number in range(100)]
    write(tmp_path / "a.parquet", pa.table({"text": texts}), row_group_size=7)
    sources = discover([str(tmp_path)], Read(split_bytes=split_bytes)).shards
    assert (len(sources) > 1) == (split_bytes < 10**9)
    found = read_all(sources)
    assert found.records.column("text").to_pylist() == texts
    assert found.records.column("position").to_pylist() == list(range(100))


def test_batches_keep_their_bounds(tmp_path: Path) -> None:
    source = write(tmp_path / "a.parquet", pa.table({"text": ["x" * 10] * 9 + ["y" * 500]}))
    sizes = [len(batch) for batch in read_all([source], batch_bytes=40).records.to_batches()]
    assert sum(sizes) == 10
    assert max(sizes) <= 4


def damaged_strings() -> pa.Array:
    return pa.array([b"a", b"\xff", b"c"]).view(pa.string())


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (damaged_strings(), "utf8"),
        (pa.DictionaryArray.from_arrays(pa.array([0, 1, 2]), damaged_strings()), "utf8"),
        (pa.StructArray.from_arrays([damaged_strings()], ["a"]), "value"),
        (pa.ListArray.from_arrays(pa.array([0, 1, 2, 3], pa.int32()), damaged_strings()), "value"),
        (pa.array([{"a": 1}, {"a": 2**50}, {"a": 2}], pa.struct([("a", pa.timestamp("ms"))])), "value"),
        (pa.array([1, 2**62, 2], pa.timestamp("us")), "value"),
        (pa.array([1, 2**62, 2], pa.duration("s")), "value"),
    ],
    ids=["string", "dictionary", "struct", "list", "time in a struct", "time", "duration"],
)
def test_a_value_that_has_no_json_costs_its_row(tmp_path: Path, column: pa.Array, kind: str) -> None:
    found = read_table(tmp_path, pa.table({"text": ["一", "二", "三"], "m": column}), metadata=("*",))
    assert found.records.column("text").to_pylist() == ["一", "三"]
    assert [(damage.kind, damage.position) for damage in found.damaged] == [(kind, 1)]


def test_a_date_out_of_range_costs_its_row_and_an_unknown_zone_none(tmp_path: Path) -> None:
    for kind in (pa.timestamp("s", "Nowhere/Land"), pa.timestamp("s", "Asia/Tokyo")):
        table = pa.table({"text": ["一", "二"], "date": pa.array([0, 2**50], kind)})
        found = read_table(tmp_path, table)
        assert found.records.column("date").to_pylist() == ["1970-01-01 00:00:00.000Z"]
        assert [(damage.kind, damage.position) for damage in found.damaged] == [("value", 1)]


def test_of_columns_with_equal_names_the_first_is_read(tmp_path: Path) -> None:
    names = ["text", "n", "n", "text"]
    table = pa.Table.from_arrays([pa.array(["本文"]), pa.array([1]), pa.array([2]), pa.array(["他"])], names)
    found = read_table(tmp_path, table, metadata=("*",))
    assert found.records.column("text").to_pylist() == ["本文"]
    assert found.records.column("metadata").to_pylist() == ['{"n": 1}']


def test_a_small_file_of_huge_texts_is_read_in_pieces(tmp_path: Path) -> None:
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 2200), pa.array(["あ" * 350_000]))
    source = write(tmp_path / "a.parquet", pa.table({"text": text}))
    assert (tmp_path / "a.parquet").stat().st_size < 100_000
    rows = 0
    for chunk in read(source, Read()):
        assert (chunk.damaged, chunk.records.nbytes < 2**26) == ((), True)
        rows += chunk.records.num_rows
    assert rows == 2200


@pytest.mark.parametrize("seed", range(60))
def test_a_corrupt_footer_never_raises(tmp_path: Path, seed: int) -> None:
    path = Path(write(tmp_path / "a.parquet", pa.table({"text": ["一", "二"], "id": ["a", "b"]})).uri)
    content = bytearray(path.read_bytes())
    footer = int.from_bytes(content[-8:-4], "little")
    chance = random.Random(seed)
    for _ in range(3):
        content[chance.randrange(len(content) - 8 - footer, len(content) - 8)] = chance.randrange(256)
    path.write_bytes(content)
    try:
        found = read_all(discover([str(path)], Read(split_bytes=1)).shards)
    except InputError:  # the footer now has another text column
        return
    assert found.total >= 1


def test_a_footer_that_is_no_footer_is_one_damage(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "a.parquet", pa.table({"text": ["一"]})).uri)
    content = bytearray(path.read_bytes())
    for at in range(len(content) - 8 - int.from_bytes(content[-8:-4], "little"), len(content) - 8):
        content[at] ^= 0x5A
    path.write_bytes(content)
    assert read_all(discover([str(path)], Read(split_bytes=1)).shards).kinds == ["parquet"]


@pytest.mark.parametrize("field", ["url", "title", "other"])
def test_every_column_counts_in_a_batch(tmp_path: Path, field: str) -> None:
    table = pa.table({"text": ["x"] * 10, field: [f"{row}" * 1000 for row in range(10)]})
    found = read_table(tmp_path, table, batch_bytes=3500, metadata=("other",))
    assert max(len(batch) for batch in found.records.to_batches()) in (2, 3)


def test_an_endless_url_is_damage(tmp_path: Path) -> None:
    found = read_table(tmp_path, pa.table({"text": ["一", "二"], "url": ["x" * 70_000, "u"]}))
    assert (found.records.column("text").to_pylist(), found.kinds) == (["二"], ["header"])


def test_a_broken_page_leaves_the_rows_before_it(tmp_path: Path) -> None:
    texts = [f"{number}番目の文章" * 20 for number in range(400)]
    table = pa.table({"text": texts})
    source = write(
        tmp_path / "a.parquet", table, use_dictionary=False, data_page_size=1000, write_batch_size=10, compression=None
    )
    content = bytearray(Path(source.uri).read_bytes())
    at = content.index(len(texts[300].encode()).to_bytes(4, "little") + texts[300].encode())
    content[at : at + 4] = b"\xff" * 4  # a length
    Path(source.uri).write_bytes(content)
    found = read_all([source])
    rows = found.records.num_rows
    assert found.records.column("text").to_pylist() == texts[:rows]
    assert 290 <= rows <= 300
    assert found.kinds == ["parquet"] * (400 - rows)
