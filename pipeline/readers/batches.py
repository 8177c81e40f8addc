"""Collects what a reader meets, record by record, into chunks of bounded size."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pyarrow as pa

from pipeline.readers.chunk import Chunk, Damage, Read
from pipeline.schema import RECORD


class Row(NamedTuple):
    """One row of schema.RECORD."""

    id: str
    url: str | None
    date: str | None
    dump: str | None
    file_path: str
    position: int
    status: int | None = None
    content_type: str | None = None
    charset: str | None = None
    content: bytes | None = None
    text: str | None = None
    title: str | None = None
    metadata: str | None = None


class Skipped(NamedTuple):
    """A record that is no document."""

    kind: str


def chunks(items: Iterable[Row | Skipped | Damage], options: Read) -> Iterator[Chunk]:
    """Group items, in order, into chunks within ``batch_records`` and ``batch_bytes``; damaged bytes count too."""
    rows: list[Row] = []
    skipped: Counter[str] = Counter()
    damaged: list[Damage] = []
    held = 0
    for item in items:
        if isinstance(item, Skipped):
            skipped[item.kind] += 1
            continue
        size = _size(item)
        if len(rows) + len(damaged) == options.batch_records or (held and held + size > options.batch_bytes):
            yield _chunk(rows, skipped, damaged)
            rows, skipped, damaged, held = [], Counter(), [], 0
        held += size
        if isinstance(item, Row):
            rows.append(item)
        else:
            damaged.append(item)
    if rows or skipped or damaged:
        yield _chunk(rows, skipped, damaged)


def _size(item: Row | Damage) -> int:
    if isinstance(item, Damage) or item.content is not None:
        return len(item.content or b"")
    return len(item.text or "") * 3  # UTF-8 bytes of Japanese


def _chunk(rows: list[Row], skipped: Counter[str], damaged: list[Damage]) -> Chunk:
    columns = zip(*rows, strict=True) if rows else ([] for _ in RECORD)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, RECORD, strict=True)]
    return Chunk(pa.record_batch(arrays, schema=RECORD), dict(skipped), tuple(damaged))
