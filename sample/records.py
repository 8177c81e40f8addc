"""One intended record and its bytes in WARC, WET and JSONL."""

import base64
import gzip
import hashlib
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(2024, 3, 1, 6, 0, tzinfo=UTC)
_STATUS_TEXT = {200: "OK", 301: "Moved Permanently", 302: "Found", 404: "Not Found", 500: "Internal Server Error"}


@dataclass(frozen=True, slots=True)
class Record:
    """A record, why it is there and what is to become of it.

    ``fate``: ``kept``, ``dropped:<stage>`` (several, joined by ``|``, where either may claim it), ``duplicate``,
    ``quarantined`` or ``skipped`` (no document). ``text``: the main text, empty where there is none. ``page``: the
    payload as text, of which ``body`` is the encoded form; empty where the bytes are no encoded text. ``damage``: what
    is done to the bytes of the stored record.
    """

    purpose: str
    fate: str
    url: str = ""
    title: str = ""
    text: str = ""
    page: str = ""
    encoding: str = ""
    body: bytes = b""
    content_type: str | None = None
    status: int = 200
    cluster: str = ""
    kind: str = "response"
    headers: dict[str, str] = field(default_factory=dict)
    damage: str = ""


def record_id(shard: str, number: int) -> str:
    """Name a record of a WARC or WET shard, the same on every run."""
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'https://kirisaka.example/{shard}#{number}')}>"


def date(number: int) -> str:
    """Date the n-th record of the sample."""
    return (_EPOCH + timedelta(minutes=37 * number)).strftime("%Y-%m-%dT%H:%M:%SZ")


def warc(record: Record, identity: str, when: str) -> bytes:
    """Frame a record as WARC 1.0 (ISO 28500)."""
    block, kind = _block(record)
    digest = base64.b32encode(hashlib.sha1(record.body, usedforsecurity=False).digest()).decode()
    lines = {
        "WARC-Type": record.kind,
        "WARC-Record-ID": identity,
        "WARC-Date": when,
        **({"WARC-Target-URI": record.url} if record.url else {}),
        **({"WARC-Payload-Digest": f"sha1:{digest}"} if record.kind == "response" else {}),
        **record.headers,
        "Content-Type": kind,
        "Content-Length": str(len(block)),
    }
    return b"WARC/1.0\r\n" + _header(lines) + b"\r\n" + block + b"\r\n\r\n"


def _block(record: Record) -> tuple[bytes, str]:
    if record.kind == "response":
        lines = {"Server": "kiri/1.0"}
        if record.content_type is not None:
            lines["Content-Type"] = record.content_type
        lines["Content-Length"] = str(len(record.body))
        start = f"HTTP/1.1 {record.status} {_STATUS_TEXT[record.status]}\r\n".encode()
        return start + _header(lines) + b"\r\n" + record.body, "application/http; msgtype=response"
    if record.kind == "request":
        return record.body, "application/http; msgtype=request"
    if record.kind == "conversion":
        return record.body, "text/plain"
    return record.body, "application/warc-fields"


def _header(lines: dict[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode()


def jsonl(record: Record, identity: str, when: str) -> bytes:
    """Make one line of a JSONL shard; a damaged record's ``body`` stands in it as it is."""
    if record.damage:
        return record.body + b"\n"
    fields = {"id": identity, "url": record.url, "date": when, "title": record.title, "text": record.text}
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"


def member(content: bytes, damage: str = "") -> bytes:
    """Compress into one gzip member; ``gzip`` damages 16 of its bytes, ``truncated`` leaves half of it."""
    packed = gzip.compress(content, mtime=0)
    middle = len(packed) // 2
    if damage == "gzip":
        return packed[:middle] + bytes(byte ^ 0x5A for byte in packed[middle : middle + 16]) + packed[middle + 16 :]
    return packed[:middle] if damage == "truncated" else packed
