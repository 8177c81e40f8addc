"""JSON lines, plain or compressed: one record a line, and a bad line costs only itself."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, NoReturn

from pipeline.readers.batches import Row, Skipped
from pipeline.readers.chunk import Damage, Read, Source
from pipeline.readers.fields import as_json, as_text, dump_of, metadata_names
from pipeline.readers.files import open_file, size_of
from pipeline.readers.formats import by_content
from pipeline.readers.streams import BrokenStreamError, Window, codec_of, pieces
from pipeline.schema import QUARANTINE_BYTES

_BOM = b"\xef\xbb\xbf"


class LineError(Exception):
    """The line is no record. ``kind`` is the kind of the Damage it becomes."""

    def __init__(self, kind: str, error: str) -> None:
        super().__init__(error)
        self.kind = kind


class Line(NamedTuple):
    """A line without its end, cut if too long; ``size``: all its bytes; ``broken``: what ended the stream in it."""

    content: bytes
    size: int
    broken: BrokenStreamError | None = None


def read_jsonl(source: Source, options: Read) -> Iterator[Row | Skipped | Damage]:
    """Records of a file, or of the lines that start in its range.

    ``position`` is the offset of the line in the (decompressed) file. Raises OSError where the file cannot be read.
    """
    with open_file(source.uri) as file:
        window = Window(file, size_of(file))
        head = window.peek(64)
        codec = codec_of(source.uri, head, by_content(head) == "jsonl")
        if source.start:
            window.seek(source.start - 1)
            _skip_line(window)
        position = window.position
        dump = dump_of(source.uri, options)
        for line in _lines(pieces(window, codec), options.max_record_bytes):
            if source.end is not None and position >= source.end:
                return
            yield _item(line, position, dump, source, options)
            position += line.size + 1


def _skip_line(window: Window) -> None:
    while piece := window.next():
        end = piece.find(b"\n")
        if end >= 0:
            window.seek(window.position - len(piece) + end + 1)
            return


def _lines(stream: Iterator[bytes], longest: int) -> Iterator[Line]:
    held = bytearray()
    size = 0
    try:
        for piece in stream:
            first, *others = piece.split(b"\n")
            held += first[: max(0, longest + 1 - len(held))]
            size += len(first)
            if not others:
                continue
            yield Line(bytes(held), size)
            for content in others[:-1]:
                yield Line(content, len(content))
            held, size = bytearray(others[-1]), len(others[-1])
    except BrokenStreamError as error:
        yield Line(bytes(held), size, error)
        return
    if size:
        yield Line(bytes(held), size)


def _item(line: Line, position: int, dump: str | None, source: Source, options: Read) -> Row | Skipped | Damage:
    content = line.content[:QUARANTINE_BYTES]
    if line.broken is not None:
        return Damage(position, line.broken.kind, str(line.broken), content)
    if line.size > options.max_record_bytes:
        return Damage(position, "too_large", f"line of {line.size} bytes, above {options.max_record_bytes}", content)
    if not line.content or line.content.isspace():
        return Skipped("blank")
    try:
        record = _parse(line.content.removeprefix(_BOM) if position == 0 else line.content)
        row = _row(record, position, dump, source, options)
        if b"\\u" in line.content:  # what is no escape was decoded from UTF-8, which has no surrogates
            _refuse_surrogates(row)
        return row
    except LineError as error:
        return Damage(position, error.kind, str(error), content)


def _parse(line: bytes) -> dict[str, Any]:
    try:
        value = _DECODER.decode(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise LineError("utf8", str(error)) from error
    except (ValueError, RecursionError) as error:
        raise LineError("json", str(error)) from error
    if not isinstance(value, dict):
        raise LineError("not_object", f"a JSON {type(value).__name__} where an object is expected")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _row(record: Mapping[str, Any], position: int, dump: str | None, source: Source, options: Read) -> Row:
    text = record.get(options.text)
    if text is None:
        raise LineError("missing_text", f"no field {options.text!r}")
    if not isinstance(text, str):
        raise LineError("wrong_type", f"field {options.text!r} is a {type(text).__name__}, not a string")
    return Row(
        id=as_text(record.get(options.id)) or f"{source.key}:{position}",
        url=as_text(record.get(options.url)),
        date=as_text(record.get(options.date)),
        dump=dump,
        file_path=source.file_path,
        position=position,
        text=text,
        title=as_text(record.get(options.title)),
        metadata=_metadata(record, options),
    )


def _refuse_surrogates(row: Row) -> None:
    for value in row:
        try:
            (value if isinstance(value, str) else "").encode()
        except UnicodeEncodeError as error:
            raise LineError("surrogate", str(error)) from error


def _metadata(record: Mapping[str, Any], options: Read) -> str | None:
    if not options.metadata:
        return None
    try:
        return as_json({name: record[name] for name in metadata_names(record, options)})
    except ValueError as error:
        raise LineError("json", str(error)) from error
