"""Collects what a reader meets, record by record, into chunks of bounded size."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pyarrow as pa

from pipeline.readers.chunk import Chunk, Damage, Read
from pipeline.schema import QUARANTINE_BYTES, RECORD


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


LONGEST_FIELD = 64 * 1024
"""UTF-8 bytes an id, URL or date may have."""


class Skipped(NamedTuple):
    """A record that is no document."""

    kind: str


def chunks(items: Iterable[Row | Skipped | Damage], options: Read) -> Iterator[Chunk]:
    """Group items, in order, into chunks within ``batch_records`` and ``batch_bytes``; damaged bytes count too.

    A row whose id, URL or date is longer than LONGEST_FIELD becomes Damage ``header``.
    """
    rows: list[Row] = []
    skipped: Counter[str] = Counter()
    damaged: list[Damage] = []
    held = 0
    for met in items:
        if isinstance(met, Skipped):
            skipped[met.kind] += 1
            continue
        item = _short(met)
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
    if isinstance(item, Damage):
        return len(item.content) + _utf8_bytes(item.error)
    own = (item.id, item.url, item.date, item.content_type, item.charset, item.text, item.title, item.metadata)
    return len(item.content or b"") + sum(map(_utf8_bytes, own))


def _utf8_bytes(text: str | None) -> int:
    """Bytes at most; exact for ASCII and for Japanese."""
    return 0 if text is None else len(text) if text.isascii() else len(text) * 3


def _short(item: Row | Damage) -> Row | Damage:
    if isinstance(item, Damage):
        return item
    for name in ("id", "url", "date"):
        value = getattr(item, name)
        if _utf8_bytes(value) > LONGEST_FIELD and len(content := value.encode()) > LONGEST_FIELD:
            error = f"{name} of {len(content)} bytes, above {LONGEST_FIELD}"
            return Damage(item.position, "header", error, content[:QUARANTINE_BYTES])
    return item


def _chunk(rows: list[Row], skipped: Counter[str], damaged: list[Damage]) -> Chunk:
    columns = zip(*rows, strict=True) if rows else ([] for _ in RECORD)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, RECORD, strict=True)]
    return Chunk(pa.record_batch(arrays, schema=RECORD), dict(skipped), tuple(damaged))
