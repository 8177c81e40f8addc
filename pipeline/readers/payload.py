"""The HTTP message in an archive record: its status, media type and charset, and its body without its codings."""

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO

from fastwarc.stream_io import BrotliReader, ZstdReader

_HEADER_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([^\s"';,]+)""", re.IGNORECASE)
_LONGEST_TYPE = 4096  # characters of a Content-Type that are looked at
_LONGEST_LABEL = 256
_MAGIC = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}


class PayloadError(Exception):
    """The payload cannot be decoded. ``kind`` is the kind of the Damage it becomes."""

    def __init__(self, kind: str, error: str) -> None:
        super().__init__(error)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Payload:
    """Body of a message and what its header says of it; ``content_type`` is lower case, ``charset`` as sent."""

    content: bytes
    status: int | None
    content_type: str | None
    charset: str | None


def fields(header: bytes) -> dict[str, str]:
    """Header lines after the first as lower-case name -> value; folded lines joined, the first of equal names wins."""
    found: dict[str, str] = {}
    if b"\n " in header or b"\n\t" in header:
        header = _FOLD.sub(b" ", header)
    for line in header.decode("utf-8", "replace").split("\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip().lower(), value.strip())
    return found


def media_type(content_type: str | None) -> tuple[str | None, str | None]:
    """Media type in lower case and charset label of a Content-Type value, both cut at 256 characters."""
    if not content_type:
        return None, None
    content_type = content_type[:_LONGEST_TYPE]
    charset = _CHARSET.search(content_type)
    kind = content_type.partition(";")[0].strip().lower()
    return kind[:_LONGEST_LABEL] or None, charset[1][:_LONGEST_LABEL] if charset else None


def http_payload(message: bytes, largest: int) -> Payload:
    """Parse an HTTP response and decode its body (RFC 9110 section 8.4, RFC 9112 section 7).

    ``largest``: bytes the decoded body may have. Raises PayloadError ``http_header``, ``chunked``,
    ``content_encoding`` or ``too_large``.
    """
    status = _STATUS.match(message)
    if status is None:
        raise PayloadError("http_header", "no HTTP status line")
    end = _HEADER_END.search(message)
    header, body = (message, b"") if end is None else (message[: end.start()], message[end.end() :])
    if end is None and not all(b":" in line for line in header.rstrip().split(b"\n")[1:]):
        raise PayloadError("http_header", "no blank line ends the HTTP header")
    names = fields(header)
    content_type, charset = media_type(names.get("content-type"))
    return Payload(_decode(body, names, largest), int(status[1]), content_type, charset)


def _decode(body: bytes, names: Mapping[str, str], largest: int) -> bytes:
    if "chunked" in names.get("transfer-encoding", "").lower():
        body = _dechunk(body)
    codings = [name.strip().lower().removeprefix("x-") for name in names.get("content-encoding", "").split(",")]
    for coding in reversed(codings):
        if coding in _DECODERS and body:
            body = _decode_content(coding, body, largest)
    return body


def _dechunk(body: bytes) -> bytes:
    """A body whose first line is no chunk size was dechunked by its writer and stays as it is, as in warcio."""
    parts: list[bytes] = []
    at = 0
    while (size := _CHUNK_SIZE.match(body, at)) is not None:
        start, length = size.end(), int(size[1], 16)
        if length == 0:
            return b"".join(parts)
        if start + length > len(body):
            raise PayloadError("chunked", f"chunk of {length} bytes at {at} is longer than the body")
        parts.append(body[start : start + length])
        at = start + length
        at += 2 if body[at : at + 2] == b"\r\n" else body[at : at + 1] == b"\n"
    if at == 0:
        return body
    raise PayloadError("chunked", f"no chunk size at {at}: {body[at : at + 20]!r}")


def _decode_content(coding: str, body: bytes, largest: int) -> bytes:
    try:
        return _DECODERS[coding](body, largest)
    except (zlib.error, OSError) as error:
        if _is_plain(coding, body):
            return body
        raise PayloadError("content_encoding", f"{coding}: {error}") from error


def _is_plain(coding: str, body: bytes) -> bool:
    """Tell whether the writer decoded the body and left the header: no magic number, or markup where there is none."""
    if coding in _MAGIC:
        return not body.startswith(_MAGIC[coding])
    return body.lstrip().startswith(b"<")


def _gzip(body: bytes, largest: int) -> bytes:
    return _zlib(body, zlib.MAX_WBITS | 16, largest)


def _deflate(body: bytes, largest: int) -> bytes:
    """Servers send both zlib streams, as RFC 9110 says, and raw deflate."""
    try:
        return _zlib(body, zlib.MAX_WBITS, largest)
    except zlib.error:
        return _zlib(body, -zlib.MAX_WBITS, largest)


def _zlib(body: bytes, window: int, largest: int) -> bytes:
    stream = zlib.decompressobj(window)
    content = _bounded(stream.decompress(body, largest + 1), largest)
    if not stream.eof:
        raise zlib.error("the stream is cut")
    return content


def _brotli(body: bytes, largest: int) -> bytes:
    return _bounded(BrotliReader(BytesIO(body)).read(largest + 1), largest)


def _zstd(body: bytes, largest: int) -> bytes:
    return _bounded(ZstdReader(BytesIO(body)).read(largest + 1), largest)


def _bounded(content: bytes, largest: int) -> bytes:
    if len(content) > largest:
        raise PayloadError("too_large", f"the decoded payload has more than {largest} bytes")
    return content


_DECODERS: Mapping[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
