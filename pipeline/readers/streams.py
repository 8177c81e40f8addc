"""Bytes of a file, plain or decompressed, in pieces of bounded size; a broken stream says so instead of ending."""

import bz2
import zlib
from collections.abc import Iterator
from typing import IO, Any

import zstandard
from fastwarc.stream_io import Lz4Reader

PIECE = 2**20
_INFLATE_STEP = 16 * 1024  # compressed bytes given back per member stay few
_ZSTD_STEP = 512  # a zstd block of 4 bytes can expand to 128 KiB, so the step bounds what one call returns
_ZSTD_DICTIONARY = b"\x5d\x2a\x4d\x18"  # skippable frame of the WARC-zstd specification (IIPC)
_LZ4_STEP = 4 * 1024  # a read that fails loses what it had, so it asks for little
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    _ZSTD_DICTIONARY: "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"BZh": "bz2",
}
_SUFFIX = {".gz": "gzip", ".zst": "zstd", ".lz4": "lz4", ".bz2": "bz2"}


class BrokenStreamError(Exception):
    """The stream cannot go on. ``kind`` is the kind of the Damage it becomes, ``position`` the record it broke in."""

    def __init__(self, kind: str, error: str, position: int = 0) -> None:
        super().__init__(error)
        self.kind = kind
        self.position = position


class Window:
    """A file read forward in buffered pieces, with its position; ``seek`` moves it."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self.file = file
        self.size = size
        self._buffer = b""
        self._start = 0  # offset of the buffer in the file
        self._at = 0

    @property
    def position(self) -> int:
        """Offset in the file of the next byte."""
        return self._start + self._at

    def seek(self, position: int) -> None:
        """Go on reading at this offset."""
        if self._start <= position <= self._start + len(self._buffer):
            self._at = position - self._start
            return
        self.file.seek(position)
        self._buffer, self._start, self._at = b"", position, 0

    def next(self, most: int = PIECE) -> bytes:
        """Return up to ``most`` bytes; empty at the end of the file."""
        if self._at == len(self._buffer):
            self._start += len(self._buffer)
            self._buffer, self._at = self.file.read(PIECE), 0
        piece = self._buffer[self._at : self._at + most]
        self._at += len(piece)
        return piece

    def peek(self, count: int) -> bytes:
        """Return the next ``count`` bytes, fewer at the end of the file, and stay here."""
        while self._at + count > len(self._buffer) and (more := self.file.read(PIECE)):
            self._buffer = self._buffer[self._at :] + more
            self._start, self._at = self._start + self._at, 0
        return self._buffer[self._at : self._at + count]


def codec_of(name: str, head: bytes, looks_plain: bool) -> str:
    """Return ``gzip``, ``zstd``, ``lz4``, ``bz2`` or ``plain``: by magic number, then by content, then by name."""
    for magic, codec in _MAGIC.items():
        if head.startswith(magic):
            return codec
    if looks_plain:
        return "plain"
    return next((codec for suffix, codec in _SUFFIX.items() if name.lower().endswith(suffix)), "plain")


def pieces(window: Window, codec: str) -> Iterator[bytes]:
    """Yield the content of the whole file from the window's position on, decompressed, across all its members.

    Raises BrokenStreamError where the compressed stream is corrupt or cut.
    """
    if codec == "lz4":
        yield from _lz4(window)
        return
    while window.peek(1):
        if codec == "gzip":
            yield from inflate(window)
        elif codec == "bz2":
            yield from _bz2(window)
        elif codec == "zstd":
            yield from _zstd(window)
        else:
            yield window.next()


def inflate(window: Window) -> Iterator[bytes]:
    """Yield one gzip member in pieces of at most PIECE bytes and leave the window behind it.

    Raises BrokenStreamError ``gzip`` (corrupt, wrong checksum or length) or ``truncated``.
    """
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    while not member.eof:
        data = member.unconsumed_tail or window.next(_INFLATE_STEP)
        if not data:
            raise BrokenStreamError("truncated", "the file ends within a gzip member")
        try:
            piece = member.decompress(data, PIECE)
        except zlib.error as error:
            raise BrokenStreamError("gzip", str(error)) from error
        if piece:
            yield piece
    window.seek(window.position - len(member.unused_data))


def _bz2(window: Window) -> Iterator[bytes]:
    stream = bz2.BZ2Decompressor()
    while not stream.eof:
        data = window.next(_INFLATE_STEP) if stream.needs_input else b""
        if stream.needs_input and not data:
            raise BrokenStreamError("truncated", "the file ends within a bz2 stream")
        try:
            piece = stream.decompress(data, PIECE)
        except OSError as error:
            raise BrokenStreamError("bz2", str(error)) from error
        if piece:
            yield piece
    window.seek(window.position - len(stream.unused_data))


def _zstd(window: Window) -> Iterator[bytes]:
    dictionary = _dictionary(window) if window.position == 0 else None
    decompressor = zstandard.ZstdDecompressor(dict_data=dictionary)
    while window.peek(1):
        yield from _zstd_frame(window, decompressor.decompressobj())


def _dictionary(window: Window) -> Any:
    head = window.peek(8)
    if not head.startswith(_ZSTD_DICTIONARY) or len(head) < 8:  # noqa: PLR2004 - magic and length
        return None
    data = window.peek(8 + int.from_bytes(head[4:8], "little"))[8:]
    try:
        if data.startswith(b"\x28\xb5\x2f\xfd"):
            data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
        return zstandard.ZstdCompressionDict(data)
    except zstandard.ZstdError as error:
        raise BrokenStreamError("zstd", f"dictionary: {error}") from error


def _zstd_frame(window: Window, frame: Any) -> Iterator[bytes]:
    while not frame.eof:
        data = window.next(_ZSTD_STEP)
        if not data:
            raise BrokenStreamError("truncated", "the file ends within a zstd frame")
        try:
            piece = frame.decompress(data)
        except zstandard.ZstdError as error:
            raise BrokenStreamError("zstd", str(error)) from error
        if piece:
            yield piece
    window.seek(window.position - len(frame.unused_data))


def _lz4(window: Window) -> Iterator[bytes]:
    window.file.seek(window.position)
    reader = Lz4Reader(window.file)
    while True:
        try:
            piece = reader.read(_LZ4_STEP)
        except OSError as error:
            raise BrokenStreamError("lz4", str(error)) from error
        if not piece:
            return
        yield piece
