"""Stored scores stand for the document at their place, and for no other."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from toy_steps import Dear, Digits

from pipeline.known import Known
from pipeline.task import StoredScores


def known(folder: Path, *tables: pa.Table) -> Known:
    for number, table in enumerate(tables):
        pq.write_table(table, folder / f"{number}.parquet")
    files = tuple(f"{number}.parquet" for number in range(len(tables)))
    return Known(StoredScores(str(folder), files, frozenset({"digits", "dear"})), [Digits(), Dear()])


def signals(positions: list[int], digits: list[int | None], **further: list[int]) -> pa.Table:
    columns = {"position": pa.array(positions, pa.int64()), "digits.digits": pa.array(digits, pa.int32())}
    return pa.table(columns | {f"{name}.length": pa.array(values, pa.int64()) for name, values in further.items()})


def asked(*positions: int) -> pa.RecordBatch:
    return pa.record_batch({"position": pa.array(positions, pa.int64())})


def test_scores_are_found_by_position_in_the_files_of_all_passes(tmp_path: Path) -> None:
    scores = known(tmp_path, signals([70, 10], [7, 1]), signals([30], [None], dear=[3]))
    found = scores.columns(Digits(), asked(10, 20, 30, 70, 99))
    assert found
    assert found["digits.digits"].to_pylist() == [1, None, None, 7, None]
    found = scores.columns(Dear(), asked(30, 10, 0))
    assert found
    assert found["dear.length"].to_pylist() == [3, None, None]


def test_a_place_with_several_documents_is_not_known(tmp_path: Path) -> None:
    found = known(tmp_path, signals([10, 20], [1, 2]), signals([10], [3])).columns(Digits(), asked(10, 20))
    assert found
    assert found["digits.digits"].to_pylist() == [None, 2]


def test_nothing_is_known_of_other_steps_and_of_empty_files(tmp_path: Path) -> None:
    assert known(tmp_path, signals([], [])).columns(Digits(), asked(10)) is None
    pq.write_table(signals([10], [1]), tmp_path / "0.parquet")
    other = Known(StoredScores(str(tmp_path), ("0.parquet",), frozenset({"dear"})), [Digits(), Dear()])
    assert other.columns(Digits(), asked(10)) is None
