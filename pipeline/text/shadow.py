"""The shadow of a text: its normalised twin for rules, word lists, hashing and classifiers, which is never stored."""

import re
import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import PLANE, REPLACEMENT, TRAIL_BITS, decode, three_bytes
from pipeline.text.normalize import INVISIBLE, SURROGATES
from pipeline.text.shingles import Starts, reserve

Packed = npt.NDArray[np.uint32]
Kana = npt.NDArray[np.uint16]
Forms = tuple[Packed, Bytes, Kana]

TABLED = 0x30000
"""Planes 0 to 2; of the planes above only variation selectors have another form than themselves."""
SELECTORS, SELECTORS_END = 0xE0100, 0xE01F0
FOLDS = {
    **dict.fromkeys("~∼", "〜"),
    **dict.fromkeys("−–—‐―", "-"),
    "∥": "‖",
}
"""What NFKC leaves apart though Japanese encodings and keyboards mix it up: waves, hyphens and double bars."""
_GONE = re.compile(f"[{INVISIBLE}\ufe00-\ufe0f{chr(SELECTORS)}-{chr(SELECTORS_END - 1)}]")
_SURROGATE = re.compile(f"[{SURROGATES}]")

SIZE_SHIFT = 24
PLACE_BITS = (1 << SIZE_SHIFT) - 1
EXPANSION, LONG_MARK, VOICED, SEMIVOICED, UNTABLED = 4, 5, 6, 7, 8
"""Kinds of packed forms beside those that hold 0 to 3 bytes: a place among the expansions, three characters whose form
depends on their neighbours, and code points beyond the table."""
GONE, BEYOND = np.uint32(0), np.uint32(UNTABLED << SIZE_SHIFT)
MARKS = {"ー": LONG_MARK, "\u3099": VOICED, "\u309a": SEMIVOICED}
LONG, FIRST_MARK = 0x30FC, 0x3099
KANA_LEAD, KANA_BYTES = 0xE3, 3
BYTE = 0xFF
TRAIL, TRAIL_SIZE = 0x80, 6
LEADS = (0x00, 0xC0, 0xE0, 0xF0)
KANA, KANA_END = 0x3040, 0x3100
HYPHEN, ZERO, NINE = 0x2D, 0x30, 0x39
STRETCH = 256
LONGEST = 64
"""Room for the form of one character; the longest, that of U+FDFA, has 33 bytes."""
LIMIT = np.iinfo(np.int32).max


def shadow(texts: pa.Array) -> pa.StringArray:
    """Normalise n texts: n shadows; a null has none.

    Each character becomes the lower case of its NFKC, with the waves ~∼〜～ as 〜, the dashes and hyphens ‐‑–—―−－ as -
    and ∥ as ‖. ー becomes - between two digits. A combining or half-width sound mark is composed with the kana before
    it. Newlines stay, so that line n of the text is line n of its shadow; any other white space becomes a space;
    invisible characters (see ``normalize``) and variation selectors go. Bytes that are no UTF-8 become U+FFFD. Raises
    OverflowError for shadows of 2 GiB and more.
    """
    offsets, data = buffers(texts)
    starts, shadows = _shadows(offsets, data, forms())
    if starts[-1] > LIMIT:
        raise OverflowError(f"{starts[-1]} bytes of shadows do not fit into one array of strings")
    parts = [None, pa.py_buffer(starts.astype(np.int32)), pa.py_buffer(shadows)]
    column = pa.Array.from_buffers(pa.string(), len(texts), parts)
    return pc.if_else(texts.is_valid(), column, None) if texts.null_count else column


def form(char: str) -> str:
    """Shadow of a character that stands alone."""
    if char == "\n":
        return char
    if char.isspace():
        return " "
    if _GONE.match(char):
        return ""
    if _SURROGATE.match(char):
        return chr(REPLACEMENT)
    folded = (FOLDS.get(low, low) for wide in unicodedata.normalize("NFKC", char) for low in wide.lower())
    return "".join(folded)


@cache
def forms() -> Forms:
    """Tables for the kernel.

    Per code point its form: up to three bytes, the first one lowest, and their number above SIZE_SHIFT; or a kind there
    and, for an EXPANSION, a place in the second table, which has a length there, then that many bytes. Third, kana
    composed with VOICED and SEMIVOICED: shape (2, KANA_END - KANA), 0 where there is no such kana.
    """
    table = np.empty(TABLED, np.uint32)
    expansions = bytearray()
    for code in range(TABLED):
        char = form(chr(code))
        bytes_ = char.encode()
        if char in MARKS:
            table[code] = MARKS[char] << SIZE_SHIFT
        elif len(bytes_) < EXPANSION:
            table[code] = len(bytes_) << SIZE_SHIFT | int.from_bytes(bytes_, "little")
        else:
            table[code] = EXPANSION << SIZE_SHIFT | len(expansions)
            expansions += bytes([len(bytes_)]) + bytes_
    kana = [[_composed(chr(code) + mark) for code in range(KANA, KANA_END)] for mark in "\u3099\u309a"]
    return table, np.frombuffer(bytes(expansions), np.uint8), np.array(kana, np.uint16)


def _composed(pair: str) -> int:
    composed = unicodedata.normalize("NFC", pair)
    return ord(composed) if len(composed) == 1 else 0


@njit(cache=True, nogil=True)
def _shadows(offsets: Offsets, data: Bytes, tables: Forms) -> tuple[Starts, Bytes]:
    starts = np.zeros(offsets.size, np.int64)
    out = np.empty(offsets[-1] - offsets[0] + STRETCH * LONGEST, np.uint8)
    for row in range(offsets.size - 1):
        at, stop, size = offsets[row], offsets[row + 1], starts[row]
        while at < stop:
            out = reserve(out, size, STRETCH * LONGEST)
            at, size = _stretch(data, at, stop, tables, out[starts[row] :], size - starts[row])
            size += starts[row]
        starts[row + 1] = size
    return starts, out[: starts[-1]]


@njit(cache=True, nogil=True)
def _stretch(data: Bytes, at: int, stop: int, tables: Forms, out: Bytes, size: int) -> tuple[int, int]:
    """Go on for up to STRETCH characters behind the first ``size`` bytes of a shadow; return where the next begins and
    the new size."""
    table, expansions, kana = tables
    for _ in range(STRETCH):
        if at >= stop:
            break
        code, at = decode(data, at, stop)
        packed = _packed(table, code)
        kind = int(packed >> SIZE_SHIFT)
        if kind < EXPANSION:
            out[size] = packed & BYTE
            out[size + 1] = packed >> 8 & BYTE
            out[size + 2] = packed >> 16 & BYTE
            size += kind
        elif kind == EXPANSION:
            size = _expand(expansions, packed & PLACE_BITS, out, size)
        elif kind == UNTABLED:
            size = _write(code, out, size)
        elif kind != LONG_MARK:
            size = _write_mark(kind, kana, out, size)
        elif size and _is_digit(out[size - 1]) and _digit_follows(data, at, stop, tables):
            out[size] = HYPHEN
            size += 1
        else:
            size = _write(LONG, out, size)
    return at, size


@njit(cache=True, nogil=True, inline="always")
def _packed(table: Packed, code: int) -> np.uint32:
    if code < TABLED:
        return table[code]
    return GONE if SELECTORS <= code < SELECTORS_END else BEYOND


@njit(cache=True, nogil=True)
def _expand(expansions: Bytes, place: int, out: Bytes, size: int) -> int:
    length = int(expansions[place])
    for step in range(length):
        out[size + step] = expansions[place + 1 + step]
    return size + length


@njit(cache=True, nogil=True)
def _write_mark(kind: int, kana: Kana, out: Bytes, size: int) -> int:
    """Compose a sound mark with the kana at the end of the shadow, or write it behind whatever stands there."""
    last = size - KANA_BYTES
    if last >= 0 and out[last] == KANA_LEAD:
        base = three_bytes(out, last)
        composed = kana[kind - VOICED, base - KANA] if KANA <= base < KANA_END else 0
        if composed:
            return _write(composed, out, last)
    return _write(FIRST_MARK + kind - VOICED, out, size)


@njit(cache=True, nogil=True)
def _write(code: int, out: Bytes, size: int) -> int:
    """Write a code point that needs three or four bytes of UTF-8."""
    trail = 2 if code < PLANE else 3
    out[size] = LEADS[trail] | code >> TRAIL_SIZE * trail
    for step in range(1, trail + 1):
        out[size + step] = TRAIL | code >> TRAIL_SIZE * (trail - step) & TRAIL_BITS
    return size + trail + 1


@njit(cache=True, nogil=True)
def _digit_follows(data: Bytes, at: int, stop: int, tables: Forms) -> bool:
    """Whether the shadow of what follows begins with a digit."""
    table, expansions, _ = tables
    while at < stop:
        code, at = decode(data, at, stop)
        packed = _packed(table, code)
        kind = packed >> SIZE_SHIFT
        if kind == EXPANSION:
            return _is_digit(expansions[(packed & PLACE_BITS) + 1])
        if kind:
            return kind < EXPANSION and _is_digit(packed & BYTE)
    return False


@njit(cache=True, nogil=True)
def _is_digit(byte: int) -> bool:
    return ZERO <= byte <= NINE
