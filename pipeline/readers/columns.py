"""Columns of a Parquet batch as text, bytes to count, and JSON; of columns with equal names the first is meant."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.readers.fields import as_json

_OUT_OF_RANGE = "<value out of range"


def is_string(kind: pa.DataType) -> bool:
    """Tell whether a column holds strings, in any of Arrow's layouts."""
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(plain) or pa.types.is_large_string(plain) or pa.types.is_string_view(plain))


def columns_of(batch: pa.RecordBatch) -> dict[str, pa.Array]:
    """Columns by name, in order."""
    names = batch.schema.names
    return {name: batch.column(names.index(name)) for name in names}


def sizes_of(column: pa.Array) -> npt.NDArray[np.int64]:
    """Bytes of each value: of strings to the byte, of anything else on average."""
    if pa.types.is_dictionary(column.type) and is_string(column.type):
        lengths = pc.binary_length(_contiguous(column.dictionary)).take(column.indices)
    elif is_string(column.type):
        lengths = pc.binary_length(_contiguous(column))
    else:
        return np.full(len(column), column.nbytes // max(1, len(column)), np.int64)
    return np.asarray(pc.fill_null(lengths, 0), np.int64)


def text_column(column: pa.Array) -> pa.Array:
    """A column as text: strings as they are, numbers and dates written out, times in UTC; anything else null.

    Raises pa.ArrowException or ValueError where a value has no text.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if is_string(column.type):
        return _contiguous(column).cast(pa.string())
    if not _is_written_out(column.type):
        return pa.nulls(len(column), pa.string())
    if pa.types.is_timestamp(column.type):
        return _written_times(column)
    return column.cast(pa.string())


def json_column(columns: Mapping[str, pa.Array], rows: int) -> list[str]:
    """Each row as a JSON object. Raises ValueError, OverflowError or KeyError where a value has no JSON."""
    if not columns:
        return ["{}"] * rows
    values = [_plain_values(column) for column in columns.values()]
    return [as_json(dict(zip(columns, row, strict=True))) for row in zip(*values, strict=True)]


def _contiguous(column: pa.Array) -> pa.Array:
    """String views, which few kernels know, as large strings."""
    return column.cast(pa.large_string()) if pa.types.is_string_view(column.type) else column


def _is_written_out(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_decimal(kind)
        or types.is_date(kind)
        or types.is_timestamp(kind)
        or types.is_time(kind)
    )


def _written_times(column: pa.Array) -> pa.Array:
    """Times in ISO 8601; those with a zone in UTC, so that no database of zones is needed.

    Raises ValueError for a time that Arrow cannot write.
    """
    kind = column.type
    naive = column.cast(pa.timestamp(kind.unit, "UTC")).cast(pa.timestamp(kind.unit)) if kind.tz else column
    text = naive.cast(pa.string())
    if pc.any(pc.starts_with(text, _OUT_OF_RANGE)).as_py():
        raise ValueError("a time is out of range")
    return pc.binary_join_element_wise(text, "Z", "") if kind.tz else text


def _plain_values(column: pa.Array) -> Sequence[object]:
    """Values as Python has them; times as text, for Python knows no nanoseconds."""
    is_time = pa.types.is_temporal(column.type) and not pa.types.is_duration(column.type)
    values: Sequence[object] = (text_column(column) if is_time else column).to_pylist()
    return values
