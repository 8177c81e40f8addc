# ruff: noqa: PLR2004 (byte values are what the encodings' standards print)
"""Traces of text decoded by the wrong encoding, as shares of its characters."""

from collections.abc import Mapping
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import THREE_BYTES, Table, decode, entry, tabulate, three_bytes

SIGNALS = ("cp932", "half_width_kana", "replacement", "latin1", "raw_jis", "private_use", "escapes")
CP932, HALF_WIDTH_KANA, REPLACEMENT, LATIN1, RAW_JIS, PRIVATE_USE, ESCAPES = range(len(SIGNALS))
HARMLESS, LATIN1_LEAD, JIS_LEAD, ESCAPE_LEAD = range(len(SIGNALS), len(SIGNALS) + 4)
TRACES = ESCAPE_LEAD + 1
"""What a single character tells: a signal by itself, nothing, or that more has to be looked at."""

SHORTEST = 50
"""Characters below which a share says nothing; such documents score 0."""

CP932_LEADS = "縺繧繝譁蜷邱"
"""What CP932 makes of the first two bytes of kana and of frequent kanji in UTF-8."""

CP1252_CONTINUATIONS = np.array(
    sorted(ord(bytes([byte]).decode("cp1252")) for byte in range(0x80, 0xA0) if byte not in b"\x81\x8d\x8f\x90\x9d"),
    np.int32,
)
"""Characters of Windows-1252 for the bytes 80-9F (WHATWG Encoding), in order."""

ESC, HASH, PAREN, SEMICOLON, BACKSLASH = 0x1B, 0x23, 0x28, 0x3B, 0x5C

RANGES = (
    (JIS_LEAD, "$", "$"),
    (ESCAPE_LEAD, "&", "&"),
    (ESCAPE_LEAD, "\\", "\\"),
    (LATIN1_LEAD, "à", "ï"),
    (PRIVATE_USE, "\ue000", "\uf8ff"),
    (HALF_WIDTH_KANA, "\uff61", "\uff9f"),
    (REPLACEMENT, "\ufffd", "\ufffd"),
    *((CP932, lead, lead) for lead in CP932_LEADS),
)


def trace(char: str) -> int:
    """Say what a character tells."""
    return next((kind for kind, first, last in RANGES if first <= char <= last), HARMLESS)


@cache
def trace_table() -> Table:
    """``trace`` as a table for kernels."""
    return tabulate(trace)


def mojibake(texts: pa.Array) -> Mapping[str, npt.NDArray[np.float32]]:
    """Score n texts; one array of n shares of characters per name in SIGNALS.

    ``cp932``: 縺繧繝譁蜷邱, UTF-8 read as CP932. ``half_width_kana``: U+FF61-FF9F, EUC-JP read as CP932.
    ``replacement``: U+FFFD. ``latin1``: three-byte characters of UTF-8 read as Latin-1 or Windows-1252.
    ``raw_jis``: ``$B...(B`` runs, ISO-2022-JP read as ASCII. ``private_use``: U+E000-F8FF. ``escapes``: numeric
    character references and backslash-u escapes, where each counts 1 whatever its length. Texts under SHORTEST
    characters, and nulls, score 0.
    """
    offsets, data = buffers(texts)
    shares = _shares(offsets, data, trace_table())
    return {signal: shares[:, column] for column, signal in enumerate(SIGNALS)}


@njit(cache=True, nogil=True)
def _shares(offsets: Offsets, data: Bytes, traces: Table) -> npt.NDArray[np.float32]:
    shares = np.zeros((offsets.size - 1, ESCAPES + 1), np.float32)
    counts = np.empty(TRACES, np.int64)
    for row in range(offsets.size - 1):
        counts[:] = 0
        characters = _count(data[offsets[row] : offsets[row + 1]], traces, counts)
        if characters >= SHORTEST:
            for signal in range(ESCAPES + 1):
                shares[row, signal] = counts[signal] / characters
    return shares


@njit(cache=True, nogil=True)
def _count(text: Bytes, traces: Table, counts: npt.NDArray[np.int64]) -> int:
    """Count what the characters tell, add the signals of several characters, and return the number of characters."""
    characters = at = run_end = 0
    while at < text.size:
        while at + 2 < text.size and text[at] >> 4 == THREE_BYTES:
            counts[traces[three_bytes(text, at)]] += 1
            characters += 1
            at += 3
        if at == text.size:
            break
        start = at
        point, at = decode(text, at, text.size)
        characters += 1
        kind = traces[entry(point)]
        if kind < HARMLESS:
            counts[kind] += 1
        elif kind == LATIN1_LEAD:
            counts[LATIN1] += _latin1(text, at)
        elif kind == ESCAPE_LEAD:
            counts[ESCAPES] += _escape(text, start)
        elif kind == JIS_LEAD and start >= run_end:
            length, run_end = _raw_jis(text, start)
            counts[RAW_JIS] += length
    return characters


@njit(cache=True, nogil=True)
def _latin1(text: Bytes, at: int) -> int:
    """Return 3 where two characters that stand for continuation bytes follow, else 0."""
    for _ in range(2):
        if at >= text.size:
            return 0
        point, at = decode(text, at, text.size)
        if not _continuation(point):
            return 0
    return 3


@njit(cache=True, nogil=True)
def _continuation(point: int) -> bool:
    if 0x80 <= point <= 0xBF:
        return True
    place = np.searchsorted(CP1252_CONTINUATIONS, point)
    return bool(place < CP1252_CONTINUATIONS.size and CP1252_CONTINUATIONS[place] == point)


@njit(cache=True, nogil=True)
def _raw_jis(text: Bytes, at: int) -> tuple[int, int]:
    """Follow ``$B`` or ``$@`` over pairs of printable ASCII to ``(B`` or ``(J``, which may have kept their escape.

    Returns the length of the run, 0 for one that is not closed, and where to look on, so that no byte is read twice.
    """
    start = end = at + 2
    if start > text.size or text[at + 1] not in (0x40, 0x42):
        return 0, at
    while end + 1 < text.size:
        closing = end + (text[end] == ESC)
        if end > start and _closes(text, closing):
            return closing + 2 - at, closing + 2
        if not (_printable(text[end]) and _printable(text[end + 1])):
            break
        end += 2
    return 0, end


@njit(cache=True, nogil=True)
def _closes(text: Bytes, at: int) -> bool:
    return at + 1 < text.size and text[at] == PAREN and text[at + 1] in (0x42, 0x4A)


@njit(cache=True, nogil=True)
def _printable(byte: int) -> bool:
    return 0x21 <= byte <= 0x7E


@njit(cache=True, nogil=True)
def _escape(text: Bytes, at: int) -> bool:
    """Tell whether a backslash-u escape of four hex digits or a numeric character reference starts here."""
    if text[at] == BACKSLASH:
        if at + 5 >= text.size or text[at + 1] != 0x75:
            return False
        return bool(_hex(text, at + 2, at + 6) == at + 6)
    if at + 3 >= text.size or text[at + 1] != HASH:
        return False
    digits = at + 2 + (text[at + 2] | 0x20 == 0x78)
    end = _hex(text, digits, min(digits + 8, text.size - 1))
    return bool(end > digits and text[end] == SEMICOLON)


@njit(cache=True, nogil=True)
def _hex(text: Bytes, at: int, end: int) -> int:
    """Return the end of the hex digits in ``text[at:end]``."""
    while at < end and (0x30 <= text[at] <= 0x39 or 0x61 <= (text[at] | 0x20) <= 0x66):
        at += 1
    return at
