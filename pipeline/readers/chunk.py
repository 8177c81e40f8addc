"""What a reader takes and gives: a source (a file or part of one) in, chunks of records out, every record counted."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Annotated, Literal

import pyarrow as pa
from pydantic import Field

from pipeline.stage import Options

_ESCAPED = re.compile("[\udc80-\udcff]")
LARGEST_BATCH = 2**30
"""Bytes that batches and records are kept below, for a column of Arrow strings holds 2 GiB."""


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """One shard: an input file, or the records of it that start in ``[start, end)``.

    The unit of ``start`` and ``end`` is the format's own: bytes for WARC and JSONL, row groups for Parquet.
    ``identity`` changes when the file does (size and etag or modification time).
    """

    uri: str
    start: int = 0
    end: int | None = None
    size: int = 0
    identity: str = ""

    @property
    def key(self) -> str:
        """Readable, unique name of the file: its basename without suffixes and 12 hex digits of its URI."""
        stem = PurePosixPath(self.uri).name.split(".")[0]
        safe = re.sub(r"[^A-Za-z0-9_-]+", "_", stem)[:80]
        digest = hashlib.sha256(self.uri.encode(errors="surrogateescape")).hexdigest()
        return f"{safe}-{digest[:12]}"

    @property
    def file_path(self) -> str:
        """URI as valid UTF-8: bytes of a file name that are not (surrogates, as in os.fsdecode) percent-encoded."""
        return _ESCAPED.sub(lambda found: f"%{ord(found[0]) - 0xDC00:02X}", self.uri)

    @property
    def name(self) -> str:
        """Name of the shard in every folder of a run."""
        return self.key if self.end is None else f"{self.key}-{self.start:012d}"


@dataclass(frozen=True, slots=True)
class Damage:
    """A record, or a stretch of bytes, that could not be read. ``kind`` is a short snake_case noun, e.g. ``gzip``."""

    position: int
    kind: str
    error: str
    content: bytes = b""  # cut at schema.QUARANTINE_BYTES


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records in file order, and what else was met between them.

    Records read = rows of ``records`` + ``skipped`` (records that are no documents: kind -> count, e.g.
    ``warcinfo``, ``request``) + ``damaged``.
    """

    records: pa.RecordBatch  # schema.RECORD
    skipped: Mapping[str, int] = field(default_factory=dict)
    damaged: Sequence[Damage] = ()


class Read(Options):
    """The ``read`` section of a recipe."""

    format: Literal["auto", "warc", "wet", "jsonl", "parquet"] = "auto"
    """``warc`` (WARC, ARC), ``wet``, ``jsonl``, ``parquet``, or ``auto`` to decide by file name, then by content."""
    text: str = "text"
    """Field or column that holds the text (JSONL, Parquet)."""
    id: str = "id"
    """Field or column that holds the document's id; a record without it gets one from its place."""
    url: str = "url"
    """Field or column that holds the URL."""
    date: str = "date"
    """Field or column that holds the date."""
    title: str = "title"
    """Field or column that holds the title."""
    metadata: tuple[str, ...] = ()
    """Other fields or columns to carry along; ``*`` takes all of them."""
    dump: str | None = None
    """Name of the crawl; by default taken from ``CC-MAIN-YYYY-WW`` in the path."""
    split_bytes: Annotated[int, Field(ge=1)] = 256 * 2**20
    """Files larger than this are read as several shards, where their format allows it."""
    batch_records: Annotated[int, Field(ge=1)] = 4096
    """Records in a batch at most."""
    batch_bytes: Annotated[int, Field(ge=1, le=LARGEST_BATCH)] = 32 * 2**20
    """Bytes of all columns in a batch at most, but for a single record."""
    max_record_bytes: Annotated[int, Field(ge=1, le=LARGEST_BATCH)] = 64 * 2**20
    """A record whose (decompressed) payload is larger is refused as ``too_large`` without being held in memory."""
