"""Encoders for the Japanese web's own encodings, with the NEC and IBM characters that Python's codecs lack."""

import re
from functools import cache

_NEC_ROW, _IBM_ROWS = 13, range(89, 93)
_CELLS = range(1, 95)
_LAST_LOW_ROW = 62
_LAST_LOW_CELL = 63
_DOUBLE_TO_ASCII, _ASCII_TO_DOUBLE = b"\x1b(B", b"\x1b$B"


def encode(text: str, encoding: str) -> bytes:
    """Encode as a Python codec's name says; ``euc_jp`` and ``iso2022_jp`` with ①, ㈱ and 髙, ``ncr`` as references.

    UTF-16 gets a byte order mark. Raises UnicodeEncodeError for characters the encoding lacks.
    """
    if encoding == "ncr":
        return text.encode("ascii", "xmlcharrefreplace")
    if encoding == "utf-16":
        return b"\xff\xfe" + text.encode("utf-16-le")
    if encoding == "euc_jp":
        return b"".join(_euc(character) for character in text)
    if encoding == "iso2022_jp":
        return b"".join(_iso_2022(run) for run in re.findall(r"[\x00-\x7f]+|[^\x00-\x7f]+", text))
    return text.encode(encoding)


def _euc(character: str) -> bytes:
    found = _extensions().get(character)
    return character.encode("euc_jp") if found is None else found


def _iso_2022(run: str) -> bytes:
    if run.isascii():
        return run.encode()
    double = bytes(byte & 0x7F for character in run for byte in _euc(character))
    return _ASCII_TO_DOUBLE + double + _DOUBLE_TO_ASCII


@cache
def _extensions() -> dict[str, bytes]:
    """Characters of the rows that CP932 adds to JIS X 0208 within its 94 rows -> EUC-JP bytes (WHATWG, jis0208)."""
    found = {}
    for row in (_NEC_ROW, *_IBM_ROWS):
        for cell in _CELLS:
            character = _shift_jis(row, cell).decode("cp932", "replace")
            if len(character) == 1 and character != "\ufffd" and not _in_jis(character):
                found[character] = bytes((0xA0 + row, 0xA0 + cell))
    return found


def _in_jis(character: str) -> bool:
    return len(character.encode("euc_jp", "ignore")) == len(b"\xa4\xa2")


def _shift_jis(row: int, cell: int) -> bytes:
    lead = (row - 1) // 2 + (0x81 if row <= _LAST_LOW_ROW else 0xC1)
    if row % 2 == 0:
        return bytes((lead, cell + 0x9E))
    return bytes((lead, cell + (0x3F if cell <= _LAST_LOW_CELL else 0x40)))
