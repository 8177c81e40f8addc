# ruff: noqa: PLR2004 (byte values are what the encodings' standards print)
"""What Python's Japanese codecs leave out: NEC's and IBM's characters in EUC-JP and ISO-2022-JP, and orderly damage.

The codecs do the ordinary work; error handlers see only what they refuse.
"""

import codecs
import re

import numpy as np
from numba import njit

from pipeline.text.arrow import Bytes

REPLACEMENT = "\ufffd"
EUC_HANDLER, ISO_2022_HANDLER, CP932_HANDLER = "migaki.euc-jp", "migaki.iso-2022-jp", "migaki.cp932"

NOT_IN_CP932 = "\uf8f0\uf8f1\uf8f2\uf8f3"
"""Private characters that Python's cp932 makes of the bytes A0, FD, FE and FF, errors in the WHATWG standard."""

ASCII, ROMAN, KANA, DOUBLE, TRIPLE = range(5)
ESC, NEWLINE, SPACE, DELETE, PAREN, DOLLAR = 0x1B, 0x0A, 0x20, 0x7F, 0x28, 0x24
ONE_BYTE_SETS = np.frombuffer(b"BJI", np.uint8)  # final bytes of ESC ( for ASCII, ROMAN and KANA
DOUBLE_BYTE_SETS, JIS_X_0212 = (0x40, 0x42), 0x44  # final bytes of ESC $ and ESC $ (
YEN, OVERLINE, LAST_KANA = 0x5C, 0x7E, 0x5F
SINGLE_SHIFT_2, SINGLE_SHIFT_3, ROMAN_MARK, INVALID = 0x8E, 0x8F, 0x80, 0xFF
ROMAN_SIGNS = {b"\x80\x5c": "¥", b"\x80\x7e": "‾"}


def euc_from_iso_2022_jp(content: bytes) -> bytes:
    """Rewrite ISO-2022-JP as EUC-JP, to be decoded with ISO_2022_HANDLER.

    Knows ASCII, JIS X 0201 Roman and kana, JIS X 0208 of 1978 and 1983 and JIS X 0212. A line begins in ASCII
    (RFC 1468), so a lost escape costs one line. Bytes with no meaning become FF; other escapes stay as they are.
    """
    euc = np.empty(2 * len(content), np.uint8)
    return euc[: _rewrite(np.frombuffer(content, np.uint8), euc)].tobytes()


def _shift_jis_pair(lead: int, trail: int) -> bytes:
    """Turn an EUC-JP pair into the Shift_JIS pair of the same row and cell (JIS X 0208, annexes 1 and 3)."""
    row, cell = lead - 0x80, trail - 0x80
    first = ((row - 1) >> 1) + (0x71 if row <= 0x5E else 0xB1)
    second = cell + (0x7E if row % 2 == 0 else 0x1F if cell < 0x60 else 0x20)
    return bytes((first, second))


EXTENSION = {
    bytes((lead, trail)): _shift_jis_pair(lead, trail).decode("cp932", "replace")[0]
    for lead in b"\xad\xf9\xfa\xfb\xfc"
    for trail in range(0xA1, 0xFF)
}
"""Pairs of NEC's row 13 and of its IBM rows 89-92, which Python's euc_jp lacks, by the table of CP932."""

_EXTENSION_RUN = re.compile(rb"(?:[\xad\xf9-\xfc][\xa1-\xfe])+")
_CHARACTER = re.compile(rb"\x8f?[\xa1-\xfe]{2}")


def _extension(pairs: bytes) -> str:
    return "".join(EXTENSION[pairs[at : at + 2]] for at in range(0, len(pairs), 2))


def _mend_euc_jp(error: UnicodeError) -> tuple[str, int]:
    """Decode what EXTENSION holds; anything else is one U+FFFD per character."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    run = _EXTENSION_RUN.match(error.object, error.start)
    if run:
        return _extension(run[0]), run.end()
    character = _CHARACTER.match(error.object, error.start)
    return REPLACEMENT, character.end() if character else error.start + 1


def _mend_iso_2022_jp(error: UnicodeError) -> tuple[str, int]:
    if isinstance(error, UnicodeDecodeError):
        sign = ROMAN_SIGNS.get(error.object[error.start : error.start + 2])
        if sign:
            return sign, error.start + 2
    return _mend_euc_jp(error)


def _mend_cp932(error: UnicodeError) -> tuple[str, int]:
    """Replace a pair as one character, but keep a trail byte that is ASCII (WHATWG Encoding, Shift_JIS decoder)."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    lead, trail = error.object[error.start], error.object[error.start + 1 : error.start + 2]
    paired = (0x81 <= lead <= 0x9F or 0xE0 <= lead <= 0xFC) and b"\x80" <= trail <= b"\xfc"
    return REPLACEMENT, error.start + 1 + paired


codecs.register_error(EUC_HANDLER, _mend_euc_jp)
codecs.register_error(ISO_2022_HANDLER, _mend_iso_2022_jp)
codecs.register_error(CP932_HANDLER, _mend_cp932)


@njit(cache=True, nogil=True)
def _rewrite(content: Bytes, euc: Bytes) -> int:
    mode, at, size = ASCII, 0, 0
    while at < content.size:
        byte = content[at]
        following = content[at + 1] if at + 1 < content.size else 0
        if byte == ESC:
            mode, length = _designation(content, at)
            if length:
                at += length
                continue
        if byte == NEWLINE:
            mode = ASCII
        if mode >= DOUBLE and SPACE < byte < DELETE and SPACE < following < DELETE:
            if mode == TRIPLE:
                euc[size] = SINGLE_SHIFT_3
                size += 1
            euc[size], euc[size + 1] = byte | 0x80, following | 0x80
            size, at = size + 2, at + 2
            continue
        size += _single(mode, byte, euc[size:])
        at += 1
    return size


@njit(cache=True, nogil=True)
def _single(mode: int, byte: int, euc: Bytes) -> int:
    """Write one character of a single-byte set, or an error, and return how many bytes it takes."""
    printable = SPACE < byte < DELETE
    if byte > DELETE or (printable and (mode >= DOUBLE or (mode == KANA and byte > LAST_KANA))):
        euc[0] = INVALID
        return 1
    if mode == ROMAN and byte in (YEN, OVERLINE):
        euc[0], euc[1] = ROMAN_MARK, byte
        return 2
    if mode == KANA and printable:
        euc[0], euc[1] = SINGLE_SHIFT_2, byte | 0x80
        return 2
    euc[0] = byte
    return 1


@njit(cache=True, nogil=True)
def _designation(content: Bytes, at: int) -> tuple[int, int]:
    """Return the set that an escape sequence selects and the sequence's length, 0 where it is none we know."""
    first, second, third = content[at + 1 : at + 2], content[at + 2 : at + 3], content[at + 3 : at + 4]
    if second.size and first[0] == PAREN:
        return _one_byte_set(second[0])
    if not second.size or first[0] != DOLLAR:
        return ASCII, 0
    if second[0] in DOUBLE_BYTE_SETS:
        return DOUBLE, 3
    if third.size and second[0] == PAREN and third[0] == JIS_X_0212:
        return TRIPLE, 4
    return ASCII, 0


@njit(cache=True, nogil=True)
def _one_byte_set(final: int) -> tuple[int, int]:
    for mode in range(ONE_BYTE_SETS.size):
        if final == ONE_BYTE_SETS[mode]:
            return mode, 3
    return ASCII, 0
