"""WARC, WET and ARC archives, whatever compresses them: every record is found, or the stretch that hides it counted.

The framing is Migaki's own because FastWARC 2.0.1 ends at the first broken member or header, ends without an error
where a file is cut, and reads no ARC.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.readers.batches import Row, Skipped
from pipeline.readers.chunk import Damage, Read, Source
from pipeline.readers.fields import dump_of
from pipeline.readers.files import open_file, size_of
from pipeline.readers.formats import LONGEST_START, RECORD_START
from pipeline.readers.payload import Payload, PayloadError, fields, http_payload, media_type
from pipeline.readers.streams import BrokenStreamError, Window, codec_of, inflate, pieces
from pipeline.readers.tape import Tape
from pipeline.schema import QUARANTINE_BYTES

_LONGEST_HEADER = 64 * 1024
_BEHIND = 64  # bytes behind a record that show whether its length was right
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_GZIP_MAGIC = b"\x1f\x8b\x08"
_MAGIC = re.compile(re.escape(_GZIP_MAGIC))
_GLANCE = 1024  # compressed bytes that show how a member begins
_POSSIBLE_START = re.compile(rb"WARC/|[a-z]")
_DIGITS = re.compile(r"[0-9]{1,18}$")
_HTTP = ("application/http", None)
_ARC_LINE = re.compile(r"(?P<url>.+) \S+ (?P<date>\d{14}) (?P<type>\S+) ")
_TYPES = frozenset(
    ("warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion", "continuation")
)  # ISO 28500, section 6
_TEXT = re.compile(r"text/|application/xhtml\+xml$")


class Frame(NamedTuple):
    """A record as it lies in the archive: offset, header up to the blank line, its fields (WARC), and block."""

    position: int
    header: bytes
    fields: dict[str, str]
    block: bytes


@dataclass(frozen=True, slots=True)
class Document:
    """A record that holds a page; fields as the archive states them."""

    id: str | None
    url: str | None
    date: str | None
    payload: Payload


def read_warc(source: Source, options: Read) -> Iterator[Row | Skipped | Damage]:
    """Records of an archive in file order.

    ``position`` is the offset of the record; in a compressed file that of its gzip member plus the offset in the
    inflated member (other codecs: offset in the decompressed stream). Raises OSError where the file cannot be read.
    """
    dump = dump_of(source.uri, options)
    with open_file(source.uri) as file:
        window = Window(file, size_of(file))
        for item in _frames(window, source, options.max_record_bytes):
            yield item if isinstance(item, Damage) else _record(item, source, options.max_record_bytes, dump)


def _frames(window: Window, source: Source, largest: int) -> Iterator[Frame | Damage]:
    head = window.peek(LONGEST_START)
    codec = codec_of(source.uri, head, RECORD_START.match(head) is not None)
    if codec == "gzip":
        yield from _members(window, source, largest)
        return
    size = window.size if codec == "plain" else None
    tape = Tape(pieces(window, codec), window.position, size)
    try:
        yield from _records(tape, largest)
    except BrokenStreamError as error:
        yield Damage(error.position, error.kind, str(error), tape.glance(QUARANTINE_BYTES))


def _members(window: Window, source: Source, largest: int) -> Iterator[Frame | Damage]:
    """Records of the gzip members that start in the source's range; a broken member is passed over.

    A range ends at the first member at or behind its end that starts with a record: all that lies before it belongs to
    this range, and the next range starts there.
    """
    if source.start:
        window.seek(source.start)
        _seek_member(window)
    while window.peek(1):
        start = window.position
        if source.end is not None and start >= source.end and _starts_record(window):
            return
        try:
            yield from _records(Tape(inflate(window), start), largest)
        except BrokenStreamError as error:
            window.seek(start)
            content = window.peek(QUARANTINE_BYTES)
            window.seek(start + 1)
            kind = _kind_of_break(error, content, _seek_member(window))
            yield Damage(error.position, kind, str(error), content[: window.position - start])


def _kind_of_break(error: BrokenStreamError, content: bytes, goes_on: bool) -> str:
    """A member that runs on to the end of the file is cut only if no member follows it."""
    if goes_on:
        return "gzip"
    return error.kind if content.startswith(_GZIP_MAGIC) else "garbage"


def _seek_member(window: Window) -> bool:
    """Go to the next gzip member from here that starts with a record, or to the end; tell whether there is one."""
    held = b""
    while piece := window.next():
        held = held[1 - len(_GZIP_MAGIC) :] + piece
        end = window.position
        for found in _MAGIC.finditer(held):
            window.seek(end - len(held) + found.start())
            if _starts_record(window):
                return True
        window.seek(end)
    return False


def _starts_record(window: Window) -> bool:
    """Tell whether a gzip member with a record starts here; looks at so few bytes that it may be asked at any byte."""
    if not _POSSIBLE_START.match(_member_head(window, _GLANCE)):
        return False
    return RECORD_START.match(_member_head(window, _LONGEST_HEADER)) is not None


def _member_head(window: Window, count: int) -> bytes:
    """First bytes of a gzip member that its first ``count`` give, but blanks; none where there is no member."""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(window.peek(count), LONGEST_START).lstrip()
    except zlib.error:
        return b""


def _records(tape: Tape, largest: int) -> Iterator[Frame | Damage]:
    """Records of a tape.

    A record is given once the stream has gone on, or ended well, behind it. Raises BrokenStreamError with the position
    of the record that is lost.
    """
    start = tape.position
    try:
        while True:
            tape.skip_blank()
            start = tape.position
            if tape.record_line() is not None:
                yield _frame(tape, largest)
            elif tape.peek(1):
                yield _stretch(tape, "garbage", "not the start of a record")
            else:
                return
    except BrokenStreamError as error:
        raise BrokenStreamError(error.kind, str(error), start) from error


def _frame(tape: Tape, largest: int) -> Frame | Damage:
    header = _header(tape)
    names = fields(header) if header is not None and header.startswith(b"WARC/") else {}
    length = None if header is None else _length(header, names)
    if header is None or length is None:
        return _stretch(tape, "header", "no end of the header" if header is None else "no valid length in the header")
    total = len(header) + length
    if not tape.reaches(total):
        return _stretch(tape, "truncated", f"the record says {length} bytes, more than the file has")
    if length > largest:
        return _too_large(tape, header, length, largest)
    seen = tape.glance(total + _BEHIND)
    if not seen[total:].lstrip():
        tape.peek(total + _BEHIND)  # the stream must have ended well
    if len(seen) < total:
        return _stretch(tape, "truncated", f"the record says {length} bytes and has {len(seen) - len(header)}")
    block = seen[len(header) : total]
    if not _is_sound(seen[total:], block):
        return _stretch(tape, "length", f"no record or end follows the {length} bytes that the record says it has")
    frame = Frame(tape.position, header, names, block)
    tape.skip(total)
    return frame


def _too_large(tape: Tape, header: bytes, length: int, largest: int) -> Damage:
    start, total = tape.position, len(header) + length
    skipped = tape.skip(total)
    if skipped < total:
        return Damage(start, "length", f"the record says {length} bytes and has {skipped - len(header)}", header)
    return Damage(start, "too_large", f"record of {length} bytes, above {largest}", header)


def _is_sound(behind: bytes, block: bytes) -> bool:
    """Tell whether a block has its true length; garbage may follow it, unless a record within it shows it is wrong."""
    rest = behind.lstrip()
    if not rest or rest.startswith(b"WARC/"):
        return True
    return len(rest) < len(behind) and b"WARC/1." not in block


def _stretch(tape: Tape, kind: str, error: str) -> Damage:
    """Make one Damage of all bytes up to the next record."""
    start, content = tape.position, tape.glance(QUARANTINE_BYTES)
    found = tape.skip_to_record()
    if found and kind == "truncated":
        kind = "length"
    return Damage(start, kind, error, content[: tape.position - start])


def _header(tape: Tape) -> bytes | None:
    line = tape.record_line()
    if line is not None and not line.startswith(b"WARC/"):
        return line
    for most in (4096, _LONGEST_HEADER):
        head = tape.glance(most)
        if end := _HEADER_END.search(head):
            return head[: end.end()]
    tape.peek(most)
    return None


def _length(header: bytes, names: dict[str, str]) -> int | None:
    text = names.get("content-length", "") if names else header.split()[-1].decode("ascii", "replace")
    return int(text) if _DIGITS.match(text) else None


def _record(frame: Frame, source: Source, largest: int, dump: str | None) -> Row | Skipped | Damage:
    named = _warc_record if frame.header.startswith(b"WARC/") else _arc_record
    try:
        found = named(frame, largest)
    except PayloadError as error:
        content = (frame.header + frame.block)[:QUARANTINE_BYTES]
        return Damage(frame.position, error.kind, str(error), content)
    if isinstance(found, Skipped):
        return found
    payload = found.payload
    return Row(
        id=found.id or f"{source.key}:{frame.position}",
        url=found.url,
        date=found.date,
        dump=dump,
        file_path=source.file_path,
        position=frame.position,
        status=payload.status,
        content_type=payload.content_type,
        charset=payload.charset,
        content=payload.content,
    )


def _warc_record(frame: Frame, largest: int) -> Document | Skipped:
    """Documents are HTTP responses, text resources and conversions (WET); ISO 28500, section 6."""
    header = frame.fields
    kind = header.get("warc-type", "").lower()
    content_type, charset = media_type(header.get("content-type"))
    if kind == "response" and (content_type in _HTTP or frame.block.startswith(b"HTTP/")):
        payload = http_payload(frame.block, largest)
    elif kind == "resource" and _TEXT.match(content_type or ""):
        payload = Payload(frame.block, None, content_type, charset)
    elif kind == "conversion":
        payload = Payload(frame.block, None, "text/plain", charset or "utf-8")
    else:
        return Skipped(kind if kind in _TYPES else "other")
    url = header.get("warc-target-uri", "").removeprefix("<").removesuffix(">")
    return Document(header.get("warc-record-id"), url or None, header.get("warc-date"), payload)


def _arc_record(frame: Frame, largest: int) -> Document | Skipped:
    """``URL address date type [...] length``; the URL may hold spaces."""
    line = frame.header.decode("utf-8", "replace")
    found = _ARC_LINE.match(line)
    if found is None or line.startswith("filedesc:"):
        return Skipped("filedesc")
    if frame.block.startswith(b"HTTP/"):
        payload = http_payload(frame.block, largest)
    elif line.startswith("http"):
        payload = Payload(frame.block, None, found["type"].lower(), None)
    else:
        return Skipped("dns" if line.startswith("dns:") else "other")
    year, rest = found["date"][:4], [found["date"][at : at + 2] for at in range(4, 14, 2)]
    return Document(None, found["url"], "{}-{}-{}T{}:{}:{}Z".format(year, *rest), payload)
