"""Small Japanese archives, built record by record, and what reading them gives."""

import gzip
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from pipeline.readers.chunk import Chunk, Damage, Read, Source
from pipeline.readers.read import read
from pipeline.schema import RECORD

HTML = "<html><title>磨き</title><p>山の朝は早い。{}番目の頁です。</p></html>"


def block(number: int, *headers: bytes, body: bytes | None = None) -> bytes:
    body = HTML.format(number).encode() if body is None else body
    lines = [b"HTTP/1.1 200 OK", b"Content-Type: Text/HTML; charset=UTF-8", *headers]
    return b"\r\n".join([*lines, b"", body])


def warc(number: int, content: bytes | None = None, kind: str = "response", length: object = None) -> bytes:
    content = block(number) if content is None else content
    lines = [
        "WARC/1.0",
        f"WARC-Type: {kind}",
        f"WARC-Record-ID: <urn:uuid:{number:08d}>",
        "WARC-Date: 2024-02-20T01:02:03Z",
        f"WARC-Target-URI: <http://example.jp/{number}>",
        "Content-Type: application/http; msgtype=response",
    ]
    if length != "":
        lines.append(f"Content-Length: {len(content) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode() + content + b"\r\n\r\n"


def members(numbers: Iterable[int]) -> list[bytes]:
    return [gzip.compress(warc(number), mtime=0) for number in numbers]


def uuid(number: int) -> str:
    return f"<urn:uuid:{number:08d}>"


@dataclass
class Found:
    """Everything one or more sources gave."""

    records: pa.Table
    skipped: Counter[str] = field(default_factory=Counter)
    damaged: list[Damage] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return self.records.column("id").to_pylist()

    @property
    def kinds(self) -> list[str]:
        return [damage.kind for damage in self.damaged]

    @property
    def total(self) -> int:
        return self.records.num_rows + sum(self.skipped.values()) + len(self.damaged)


def gather(chunks: Iterable[Chunk]) -> Found:
    batches: list[pa.RecordBatch] = []
    found = Found(RECORD.empty_table())
    for chunk in chunks:
        assert chunk.records.schema.equals(RECORD)
        chunk.records.validate(full=True)
        batches.append(chunk.records)
        found.skipped.update(chunk.skipped)
        found.damaged.extend(chunk.damaged)
    found.records = pa.Table.from_batches(batches, RECORD)
    return found


def read_all(sources: Sequence[Source], **options: object) -> Found:
    return gather(chunk for source in sources for chunk in read(source, Read(**options)))


def read_bytes(folder: Path, name: str, content: bytes, **options: object) -> Found:
    path = folder / name
    path.write_bytes(content)
    return read_all([Source(str(path))], **options)
