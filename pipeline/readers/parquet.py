"""Parquet: only the columns that are asked for, row group by row group; a broken row group costs only its rows."""

import difflib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.readers.chunk import Chunk, Damage, Read, Source
from pipeline.readers.fields import as_json, dump_of, metadata_names
from pipeline.readers.files import open_file
from pipeline.readers.formats import InputError
from pipeline.schema import RECORD


def read_parquet(source: Source, options: Read) -> Iterator[Chunk]:
    """Chunks of a file, or of the row groups in its range; ``position`` is the row number in the file.

    Raises InputError for a text column that is missing or no string, OSError where the file cannot be read.
    """
    with open_file(source.uri) as file:
        try:
            table = pq.ParquetFile(file)
        except pa.ArrowInvalid as error:
            yield _lost(0, 1, str(error))
            return
        columns = _columns(table.schema_arrow, source.uri, options)
        footer = table.metadata
        end = footer.num_row_groups if source.end is None else source.end
        position = sum(footer.row_group(at).num_rows for at in range(source.start))
        for group in range(source.start, end):
            yield from _row_group(table, group, columns, position, source, options)
            position += footer.row_group(group).num_rows


def _columns(schema: pa.Schema, uri: str, options: Read) -> list[str]:
    """Columns to read."""
    names = schema.names
    if options.text not in names:
        near = difflib.get_close_matches(options.text, names, n=1, cutoff=0)
        raise InputError(
            f"{uri}: no column {options.text!r} for read.text; the nearest is {near[0] if near else 'none'!r}"
        )
    kind = schema.field(options.text).type
    if not _is_string(kind):
        raise InputError(f"{uri}: column {options.text!r} for read.text is {kind}, not a string")
    own = (options.text, options.id, options.url, options.date, options.title)
    wanted = [*own, *metadata_names(names, options)]
    return [name for name in dict.fromkeys(wanted) if name in names]


def _row_group(
    table: pq.ParquetFile, group: int, columns: Sequence[str], position: int, source: Source, options: Read
) -> Iterator[Chunk]:
    rows = table.metadata.row_group(group).num_rows
    end = position + rows
    average = max(1, table.metadata.row_group(group).total_byte_size // max(1, rows))
    step = max(1, min(options.batch_records, options.batch_bytes // average))
    try:
        for batch in table.iter_batches(step, row_groups=[group], columns=list(columns)):
            yield from _chunks(batch, position, source, options)
            position += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        message = f"row group {group} is broken, rows {position} to {end - 1} ({end - position}) are lost: {error}"
        for start in range(position, end, options.batch_records):
            yield _lost(start, min(options.batch_records, end - start), message)


def _lost(position: int, rows: int, error: str) -> Chunk:
    damaged = tuple(Damage(row, "parquet", error) for row in range(position, position + rows))
    return Chunk(pa.RecordBatch.from_pylist([], schema=RECORD), damaged=damaged)


def _chunks(batch: pa.RecordBatch, position: int, source: Source, options: Read) -> Iterator[Chunk]:
    text = batch.column(options.text).cast(pa.string())
    sizes = np.asarray(pc.fill_null(pc.binary_length(text), 0))
    damaged = _damage(batch, text, sizes, options)
    keep = np.ones(batch.num_rows, np.bool_)
    keep[list(damaged)] = False
    records = _records(batch.filter(pa.array(keep)), np.flatnonzero(keep) + position, source, options)
    for start, stop in _slices(np.where(keep, sizes, 0), options.batch_bytes):
        first, last = int(keep[:start].sum()), int(keep[:stop].sum())
        found = tuple(Damage(position + row, *damaged[row]) for row in range(start, stop) if row in damaged)
        yield Chunk(records.slice(first, last - first), damaged=found)


def _slices(sizes: npt.NDArray[np.integer], most: int) -> Iterator[tuple[int, int]]:
    """Runs of rows of at most ``most`` bytes, or of one row."""
    total = np.cumsum(sizes, dtype=np.int64)
    start = 0
    while start < len(sizes):
        before = int(total[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(total, before + most, side="right")))
        yield start, stop
        start = stop


def _damage(
    batch: pa.RecordBatch, text: pa.Array, sizes: npt.NDArray[np.integer], options: Read
) -> dict[int, tuple[str, str]]:
    """Rows that are no record, with kind and error."""
    found = {int(row): ("missing_text", f"column {options.text!r} is null") for row in np.flatnonzero(text.is_null())}
    for row in np.flatnonzero(sizes > options.max_record_bytes):
        found[int(row)] = ("too_large", f"text of {sizes[row]} bytes, above {options.max_record_bytes}")
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        found |= {row: ("utf8", f"column {name!r}: {error}") for row, error in _not_utf8(column).items()}
    return found


def _not_utf8(column: pa.Array) -> dict[int, str]:
    """Rows of a string column that are not UTF-8, which Parquet writers do not always check."""
    if not _is_string(column.type):
        return {}
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        values = enumerate(column.cast(pa.string()).cast(pa.binary()).to_pylist())
        return {row: error for row, value in values if (error := _utf8_error(value or b""))}
    return {}


def _utf8_error(value: bytes) -> str:
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return str(error)
    return ""


def _is_string(kind: pa.DataType) -> bool:
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(plain) or pa.types.is_large_string(plain) or pa.types.is_string_view(plain))


def _records(
    batch: pa.RecordBatch, positions: npt.NDArray[np.integer], source: Source, options: Read
) -> pa.RecordBatch:
    rows = batch.num_rows
    ids = _text_column(batch, options.id)
    columns = {
        "id": pc.if_else(pc.equal(pc.fill_null(ids, ""), ""), [f"{source.key}:{row}" for row in positions], ids),
        "url": _text_column(batch, options.url),
        "date": _text_column(batch, options.date),
        "dump": [dump_of(source.uri, options)] * rows,
        "file_path": [source.uri] * rows,
        "position": positions,
        "text": _text_column(batch, options.text),
        "title": _text_column(batch, options.title),
        "metadata": _metadata(batch, options),
    }
    arrays = [pa.array(columns.get(field.name, [None] * rows), field.type) for field in RECORD]
    return pa.record_batch(arrays, schema=RECORD)


def _text_column(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A column as text: strings as they are, numbers and dates written out, anything else null."""
    if name not in batch.schema.names:
        return pa.nulls(batch.num_rows, pa.string())
    column = batch.column(name)
    kind = column.type
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    if _is_string(plain) or _is_written_out(plain):
        return column.cast(plain).cast(pa.string())
    return pa.nulls(batch.num_rows, pa.string())


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


def _metadata(batch: pa.RecordBatch, options: Read) -> list[str | None]:
    names = metadata_names(batch.schema.names, options)
    if not options.metadata:
        return [None] * batch.num_rows
    values = [_plain_values(batch.column(name)) for name in names]
    return (
        [as_json(dict(zip(names, row, strict=True))) for row in zip(*values, strict=True)]
        if names
        else ["{}"] * batch.num_rows
    )


def _plain_values(column: pa.Array) -> Sequence[object]:
    """Values as Python has them; timestamps as text, for Python knows no nanoseconds."""
    is_time = pa.types.is_temporal(column.type) and not pa.types.is_duration(column.type)
    values: Sequence[object] = (column.cast(pa.string()) if is_time else column).to_pylist()
    return values
