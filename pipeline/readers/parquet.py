"""Parquet: only the columns that are asked for, row group by row group; a broken value or page costs only its rows."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.readers.batches import LONGEST_FIELD
from pipeline.readers.chunk import Chunk, Damage, Read, Source
from pipeline.readers.columns import columns_of, is_string, json_column, sizes_of, text_column
from pipeline.readers.fields import dump_of, metadata_names
from pipeline.readers.files import open_file, size_of
from pipeline.readers.formats import InputError
from pipeline.schema import RECORD

_NO_VALUE = (pa.ArrowException, ValueError, OverflowError, KeyError)  # what a value without text or JSON raises
_EMPTY = pa.RecordBatch.from_pylist([], schema=RECORD)
_NEXT_STEP = 64  # a row group that breaks is read again in batches of that part of the rows


class BrokenFileError(Exception):
    """The footer, or a row group, cannot be read."""


@dataclass(frozen=True, slots=True)
class Reading:
    """An open file, the columns to read of it, and how."""

    file: pq.ParquetFile
    columns: list[str]
    source: Source
    options: Read


def read_parquet(source: Source, options: Read) -> Iterator[Chunk]:
    """Chunks of a file, or of the row groups in its range; ``position`` is the row number in the file.

    Raises InputError for a text column that is missing or no string, OSError where the file cannot be read.
    """
    with open_file(source.uri) as file:
        try:
            reading = _open(file, source, options)
            groups = group_rows(reading.file)
        except BrokenFileError as error:
            yield _lost(0, 1, str(error))
            return
        end = len(groups) if source.end is None else source.end
        position = sum(groups[: source.start])
        for group, rows in enumerate(groups[source.start : end], source.start):
            yield from _row_group(reading, group, position, position + rows)
            position += rows


def row_group_bounds(uri: str, split_bytes: int) -> list[int]:
    """First row group of each shard, and their number; a file with a broken footer is left whole for the reader."""
    with open_file(uri) as file:
        try:
            size = size_of(file)
            footer = _parquet_file(file)
            sizes = _group_bytes(footer, size)
        except BrokenFileError:
            return []
    bounds, held = [0], 0
    for group, part in enumerate(sizes):
        if held and held + part > split_bytes:
            bounds.append(group)
            held = 0
        held += part
    return [*bounds, len(sizes)]


def group_rows(file: pq.ParquetFile) -> list[int]:
    """Rows of each row group. Raises BrokenFileError for a footer that contradicts itself."""
    try:
        footer = file.metadata
        rows = [footer.row_group(at).num_rows for at in range(footer.num_row_groups)]
    except _NO_VALUE as error:
        raise BrokenFileError(str(error)) from error
    if any(count < 0 for count in rows) or sum(rows) != footer.num_rows:
        raise BrokenFileError(f"the footer says {footer.num_rows} rows, its row groups {sum(rows)}")
    return rows


def _group_bytes(file: pq.ParquetFile, size: int) -> list[int]:
    """Bytes of each row group: its part of the file's, in proportion to those it has uncompressed.

    The footer's own figures, which it has by column, are not asked for: Arrow ends the process where they are corrupt.
    """
    plain = [max(0, file.metadata.row_group(at).total_byte_size) for at in range(len(group_rows(file)))]
    total = max(1, sum(plain))
    return [size * part // total for part in plain]


def _parquet_file(file: IO[bytes], **options: object) -> pq.ParquetFile:
    """Open a file and its schema. Raises BrokenFileError.

    A broken footer has no one error in Arrow; but an OSError of the system has a number, and Arrow's has none.
    """
    try:
        table = pq.ParquetFile(file, **options)
        _ = table.schema_arrow.names
    except (pa.ArrowException, UnicodeDecodeError, OverflowError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise BrokenFileError(str(error)) from error
    return table


def _open(file: IO[bytes], source: Source, options: Read) -> Reading:
    """Open a file to read its strings as dictionaries: a page that says one long text often stays small so."""
    plain = _parquet_file(file)
    schema = plain.schema_arrow
    columns = _columns(schema, source.uri, options)
    strings = [name for name in columns if is_string(schema.field(schema.names.index(name)).type)]
    return Reading(_parquet_file(file, read_dictionary=strings), columns, source, options)


def _columns(schema: pa.Schema, uri: str, options: Read) -> list[str]:
    """Columns to read."""
    names = schema.names
    if options.text not in names:
        near = difflib.get_close_matches(options.text, names, n=1, cutoff=0)
        raise InputError(
            f"{uri}: no column {options.text!r} for read.text; the nearest is {near[0] if near else 'none'!r}"
        )
    kind = schema.field(names.index(options.text)).type
    if not is_string(kind):
        raise InputError(f"{uri}: column {options.text!r} for read.text is {kind}, not a string")
    own = (options.text, options.id, options.url, options.date, options.title)
    wanted = [*own, *metadata_names(names, options)]
    return [name for name in dict.fromkeys(wanted) if name in names]


def _row_group(reading: Reading, group: int, start: int, end: int) -> Iterator[Chunk]:
    """Rows ``start`` to ``end``. Where a batch breaks, the rest is read in smaller ones, to lose less with it."""
    options = reading.options
    average = reading.file.metadata.row_group(group).total_byte_size // max(1, end - start)
    step = max(1, min(options.batch_records, options.batch_bytes // max(1, average)))
    position, error = start, ""
    while position < end:
        error = "it has fewer rows than the footer says"
        try:
            for batch in _batches(reading, group, step, position - start):
                yield from _chunks(reading, batch, position)
                position += batch.num_rows
        except BrokenFileError as broken:
            error = str(broken)
        if step == 1:
            break
        step = max(1, step // _NEXT_STEP)
    message = f"row group {group} is broken, rows {position} to {end - 1} ({end - position}) are lost: {error}"
    for first in range(position, end, options.batch_records):
        yield _lost(first, min(options.batch_records, end - first), message)


def _batches(reading: Reading, group: int, step: int, skip: int) -> Iterator[pa.RecordBatch]:
    """Rows of a row group after the first ``skip``. Raises BrokenFileError where it cannot be read on."""
    try:
        for batch in reading.file.iter_batches(step, row_groups=[group], columns=reading.columns):
            passed = min(skip, batch.num_rows)
            skip -= passed
            if passed < batch.num_rows:
                yield batch.slice(passed)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise BrokenFileError(str(error)) from error


def _lost(position: int, rows: int, error: str) -> Chunk:
    damaged = tuple(Damage(row, "parquet", error) for row in range(position, position + rows))
    return Chunk(_EMPTY, damaged=damaged)


def _chunks(reading: Reading, batch: pa.RecordBatch, position: int) -> Iterator[Chunk]:
    columns = columns_of(batch).values()
    sizes = np.sum([sizes_of(column) for column in columns], axis=0)
    for start, stop in _slices(sizes, reading.options.batch_bytes):
        records, damaged = _rows(reading, batch.slice(start, stop - start), position + start)
        yield Chunk(pa.concat_batches(records or [_EMPTY]), damaged=tuple(damaged))


def _slices(sizes: npt.NDArray[np.int64], most: int) -> Iterator[tuple[int, int]]:
    """Runs of rows of at most ``most`` bytes, or of one row."""
    total = np.cumsum(sizes, dtype=np.int64)
    start = 0
    while start < len(sizes):
        before = int(total[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(total, before + most, side="right")))
        yield start, stop
        start = stop


def _rows(reading: Reading, batch: pa.RecordBatch, position: int) -> tuple[list[pa.RecordBatch], list[Damage]]:
    """Records and damage of a batch; where a value has no text or JSON, halves are tried until its row stands alone."""
    try:
        return _sound_rows(reading, batch, position)
    except _NO_VALUE as error:
        if batch.num_rows == 1:
            return [], [Damage(position, "value", f"{type(error).__name__}: {error}")]
    middle = batch.num_rows // 2
    records, damaged = _rows(reading, batch.slice(0, middle), position)
    others, more = _rows(reading, batch.slice(middle), position + middle)
    return records + others, damaged + more


def _sound_rows(reading: Reading, batch: pa.RecordBatch, position: int) -> tuple[list[pa.RecordBatch], list[Damage]]:
    columns = columns_of(batch)
    texts = {name: text_column(column) for name, column in columns.items()}
    found = _damage(columns, texts, reading.options)
    damaged = [Damage(position + row, *found[row]) for row in sorted(found)]
    if len(damaged) == batch.num_rows:
        return [], damaged
    positions = np.arange(position, position + batch.num_rows)
    records = _records(columns, texts, positions, reading)
    keep = np.ones(batch.num_rows, np.bool_)
    keep[list(found)] = False
    return [records.filter(pa.array(keep)) if found else records], damaged


def _damage(columns: dict[str, pa.Array], texts: dict[str, pa.Array], options: Read) -> dict[int, tuple[str, str]]:
    """Rows that are no record, with kind and error."""
    found: dict[int, tuple[str, str]] = {}
    for name in {options.id, options.url, options.date} & set(texts):
        sizes = sizes_of(texts[name])
        for row in np.flatnonzero(sizes > LONGEST_FIELD):
            found[int(row)] = ("header", f"{name!r} of {sizes[row]} bytes, above {LONGEST_FIELD}")
    text = texts[options.text]
    sizes = sizes_of(text)
    for row in np.flatnonzero(text.is_null()):
        found[int(row)] = ("missing_text", f"column {options.text!r} is null")
    for row in np.flatnonzero(sizes > options.max_record_bytes):
        found[int(row)] = ("too_large", f"text of {sizes[row]} bytes, above {options.max_record_bytes}")
    for name in (name for name, column in columns.items() if is_string(column.type)):
        found |= {row: ("utf8", f"column {name!r}: {error}") for row, error in _not_utf8(texts[name]).items()}
    return found


def _not_utf8(column: pa.Array) -> dict[int, str]:
    """Rows of a string column that are not UTF-8, which Parquet writers do not always check."""
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        values = enumerate(column.view(pa.binary()).to_pylist())
        return {row: error for row, value in values if (error := _utf8_error(value or b""))}
    return {}


def _utf8_error(value: bytes) -> str:
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return str(error)
    return ""


def _records(
    columns: dict[str, pa.Array], texts: dict[str, pa.Array], positions: npt.NDArray[np.integer], reading: Reading
) -> pa.RecordBatch:
    source, options, rows = reading.source, reading.options, len(positions)
    nothing = pa.nulls(rows, pa.string())
    ids = texts.get(options.id, nothing)
    carried = {name: columns[name] for name in metadata_names(columns, options)}
    given = {
        "id": pc.if_else(pc.equal(pc.fill_null(ids, ""), ""), [f"{source.key}:{row}" for row in positions], ids),
        "url": texts.get(options.url, nothing),
        "date": texts.get(options.date, nothing),
        "dump": [dump_of(source.uri, options)] * rows,
        "file_path": [source.file_path] * rows,
        "position": positions,
        "text": texts[options.text],
        "title": texts.get(options.title, nothing),
        "metadata": json_column(carried, rows) if options.metadata else nothing,
    }
    arrays = [pa.array(given.get(field.name, [None] * rows), field.type) for field in RECORD]
    return pa.record_batch(arrays, schema=RECORD)
