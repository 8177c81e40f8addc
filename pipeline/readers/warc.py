"""WARC, WET and ARC archives, whatever compresses them: every record is found, or the stretch that hides it is counted.

The framing is Migaki's own because FastWARC 2.0.1 ends at the first broken member or header, ends without an error where
a file is cut, and reads no ARC.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pipeline.readers.batches import Row, Skipped
from pipeline.readers.chunk import Damage, Read, Source
from pipeline.readers.files import open_file, size_of
from pipeline.readers.formats import LONGEST_START, RECORD_START
from pipeline.readers.payload import PayloadError, fields, http_payload, media_type
from pipeline.readers.streams import BrokenStreamError, Window, codec_of, inflate, pieces
from pipeline.readers.tape import Tape
from pipeline.schema import QUARANTINE_BYTES

_LONGEST_HEADER = 64 * 1024
_BEHIND = 64  # bytes behind a record that show whether its length was right
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_GZIP_MAGIC = b"\x1f\x8b\x08"
_DUMP = re.compile(r"CC-MAIN-\d{4}-\d{2}")
_TEXT = re.compile(r"text/|application/xhtml\+xml$")


@dataclass(frozen=True, slots=True)
class Frame:
    """A record as it lies in the archive: offset, header up to the blank line, and block."""

    position: int
    header: bytes
    block: bytes


def read_warc(source: Source, options: Read) -> Iterator[Row | Skipped | Damage]:
    """Records of an archive in file order.

    ``position`` is the offset of the record; in a compressed file that of its gzip member plus the offset in the
    inflated member (other codecs: offset in the decompressed stream). Raises OSError where the file cannot be read.
    """
    dump = options.dump or next(iter(_DUMP.findall(source.uri)), None)
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
    if source.start:
        window.seek(source.start - 1)
    size = window.size if codec == "plain" else None
    tape = Tape(pieces(window, codec), window.position, size)
    if source.start and not tape.skip_to_record():
        return
    try:
        yield from _records(tape, largest, source.end)
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
    while head := window.peek(1):
        start = window.position
        if source.end is not None and start >= source.end and _starts_record(window):
            return
        try:
            yield from _records(Tape(inflate(window), start), largest, None)
        except BrokenStreamError as error:
            window.seek(start)
            head = window.peek(QUARANTINE_BYTES)
            kind = error.kind if head.startswith(_GZIP_MAGIC) else "garbage"
            window.seek(start + 1)
            kind = "gzip" if _seek_member(window) and kind == "truncated" else kind
            yield Damage(error.position, kind, str(error), head[: window.position - start])


def _seek_member(window: Window) -> bool:
    """Go to the next gzip member from here that starts with a record, or to the end; tell whether there is one."""
    while True:
        start = window.position
        piece = window.next()
        if not piece:
            return False
        found = (piece + window.peek(len(_GZIP_MAGIC) - 1)).find(_GZIP_MAGIC)
        if found < 0:
            continue
        window.seek(start + found)
        if _starts_record(window):
            return True
        window.seek(start + found + 1)


def _starts_record(window: Window) -> bool:
    start = window.position
    try:
        head = Tape(inflate(window)).glance(LONGEST_START)
    finally:
        window.seek(start)
    return RECORD_START.match(head.lstrip()) is not None


def _records(tape: Tape, largest: int, end: int | None) -> Iterator[Frame | Damage]:
    """Records of a tape up to the first that starts at or behind ``end``.

    A record is given once the stream has gone on, or ended well, behind it. Raises BrokenStreamError with the position
    of the record that is lost.
    """
    start = tape.position
    try:
        while True:
            tape.skip_blank()
            start = tape.position
            if not tape.peek(1):
                return
            if not RECORD_START.match(tape.glance(LONGEST_START)):
                yield _stretch(tape, "garbage", "not the start of a record")
            elif end is not None and start >= end:
                return
            else:
                yield _frame(tape, largest)
    except BrokenStreamError as error:
        raise BrokenStreamError(error.kind, str(error), start) from error


def _frame(tape: Tape, largest: int) -> Frame | Damage:
    header = _header(tape)
    length = None if header is None else _length(header)
    if header is None or length is None:
        return _stretch(tape, "header", "no end of the header" if header is None else "no valid length in the header")
    total = len(header) + length
    if not tape.reaches(total):
        return _stretch(tape, "truncated", f"the record says {length} bytes, more than the file has")
    if length > largest:
        damage = Damage(tape.position, "too_large", f"record of {length} bytes, above {largest}", header)
        tape.skip(total)
        return damage
    seen = tape.glance(total + _BEHIND)
    if len(seen) <= total and len(tape.peek(total + 1)) < total:
        return _stretch(tape, "truncated", f"the record says {length} bytes and has {len(seen) - len(header)}")
    if not _is_sound(seen[total:], seen[len(header) : total]):
        return _stretch(tape, "length", f"no record or end follows the {length} bytes that the record says it has")
    frame = Frame(tape.position, header, seen[len(header) : total])
    tape.skip(total)
    return frame


def _is_sound(behind: bytes, block: bytes) -> bool:
    """Tell whether a block has its true length; garbage may follow it, a record within it then shows that it is wrong."""
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
    for most in (4096, _LONGEST_HEADER):
        head = tape.glance(most)
        if not head.startswith(b"WARC/"):
            return _arc_header(head)
        if end := _HEADER_END.search(head):
            return head[: end.end()]
        if len(head) < most:
            tape.peek(most)
            return None
    return None


def _arc_header(head: bytes) -> bytes | None:
    found = RECORD_START.match(head)
    return found[0] if found else None


def _length(header: bytes) -> int | None:
    is_warc = header.startswith(b"WARC/")
    text = fields(header).get("content-length", "") if is_warc else header.split()[-1].decode("ascii", "replace")
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None
