"""How Swallow Corpus v1 edits a text: Western punctuation becomes Japanese, and a footer goes."""

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import Table, decode, entry, tabulate
from pipeline.text.swallow import is_kanji
from pipeline.text.word_lists import NOWHERE, Trie, longest

BEFORE, LATIN, COMMA, STOP, WESTERN_COMMA, WESTERN_STOP = 1, 2, 4, 8, 16, 32
MARK = 3
"""Bytes of each of these marks."""
LATER_BYTES = np.array([0x80, 0x81], np.uint8), np.array([0x80, 0x82], np.uint8)
FIRST_BYTE = 0xE3
"""UTF-8 of 、 and 。."""
NEWLINE = 0x0A
FOOTER_LINES = 10
FOOTER_SHARE = 0.3


def role(char: str) -> int:
    """Say what a character is to the punctuation rule, as a set of bits."""
    kana = "ぁ" <= char <= "ゖ" or "ァ" <= char <= "ヺ"
    return (
        BEFORE * (kana or is_kanji(char) or char in "）」』］〕】〉》")
        | LATIN * ("０" <= char <= "９" or "Ａ" <= char <= "Ｚ" or "ａ" <= char <= "ｚ" or char == "^")
        | COMMA * (char == "、")
        | STOP * (char == "。")
        | WESTERN_COMMA * (char == "，")
        | WESTERN_STOP * (char == "．")
    )


@cache
def role_table() -> Table:
    """``role`` as a table for kernels."""
    return tabulate(role)


def japanese_punctuation(texts: pa.Array) -> pa.Array:
    """Write 、 for ， (and 。 for ．) in texts where it follows Japanese more often than 、 (。) does.

    A mark stays that stands first in the text, or after a full-width letter or digit or a ``^``.
    """
    offsets, data = buffers(texts)
    edited = _punctuate(offsets, data.copy(), role_table())
    return _strings(texts, offsets, edited)


def without_footer(texts: pa.Array, trie: Trie) -> pa.Array:
    """Cut texts at the first of the last 10 lines of whose characters more than 0.3 are words of the trie."""
    offsets, data = buffers(texts)
    return _strings(texts, *_cut(offsets, data, trie))


def _strings(like: pa.Array, offsets: Offsets, data: Bytes) -> pa.Array:
    made = pa.StringArray.from_buffers(len(like), pa.py_buffer(np.ascontiguousarray(offsets)), pa.py_buffer(data))
    return pc.if_else(like.is_valid(), made, None) if like.null_count else made


@njit(cache=True, nogil=True)
def _punctuate(offsets: Offsets, data: Bytes, roles: Table) -> Bytes:
    for row in range(offsets.size - 1):
        comma, stop = _wanted(data, offsets[row], offsets[row + 1], roles)
        if comma or stop:
            _write(data, offsets[row], offsets[row + 1], roles, WESTERN_COMMA * comma | WESTERN_STOP * stop)
    return data


@njit(cache=True, nogil=True)
def _wanted(data: Bytes, at: int, stop: int, roles: Table) -> tuple[bool, bool]:
    """Whether the Western comma and full stop stand after Japanese more often than the Japanese ones."""
    previous = commas = stops = 0
    while at < stop:
        code, at = decode(data, at, stop)
        kind = roles[entry(code)]
        if previous & BEFORE:
            commas += (kind & WESTERN_COMMA != 0) - (kind & COMMA != 0)
            stops += (kind & WESTERN_STOP != 0) - (kind & STOP != 0)
        previous = kind
    return commas > 0, stops > 0


@njit(cache=True, nogil=True)
def _write(data: Bytes, at: int, stop: int, roles: Table, wanted: int) -> None:
    previous = LATIN
    while at < stop:
        code, following = decode(data, at, stop)
        kind = roles[entry(code)]
        if kind & wanted and previous & LATIN == 0:
            data[at] = FIRST_BYTE
            data[at + 1 : at + MARK] = LATER_BYTES[0 if kind & WESTERN_COMMA else 1]
        previous, at = kind, following


@njit(cache=True, nogil=True)
def _cut(offsets: Offsets, data: Bytes, trie: Trie) -> tuple[Offsets, Bytes]:
    kept, places, total = np.empty(offsets[-1] - offsets[0], np.uint8), np.zeros_like(offsets), 0
    for row in range(offsets.size - 1):
        first = offsets[row]
        end = _footer(data, first, offsets[row + 1], trie)
        kept[total : total + end - first] = data[first:end]
        total += end - first
        places[row + 1] = total
    return places, kept[:total]


@njit(cache=True, nogil=True)
def _footer(data: Bytes, first: int, stop: int, trie: Trie) -> int:
    """Where the text ends without its footer."""
    at = _last_lines(data, first, stop)
    while at <= stop:
        end = at
        while end < stop and data[end] != NEWLINE:
            end += 1
        if _covered(data, at, end, trie) > FOOTER_SHARE:
            return max(first, at - 1)
        at = end + 1
    return stop


@njit(cache=True, nogil=True)
def _last_lines(data: Bytes, first: int, stop: int) -> int:
    at, lines = stop, 1
    while at > first and (data[at - 1] != NEWLINE or lines < FOOTER_LINES):
        at -= 1
        lines += data[at] == NEWLINE
    return at


@njit(cache=True, nogil=True)
def _covered(data: Bytes, at: int, stop: int, trie: Trie) -> float:
    """Share of a line's characters that are words."""
    covered = characters = 0
    while at < stop:
        code, following = decode(data, at, stop)
        size = 1
        if trie.starts[entry(code)] != NOWHERE:
            number, length, end, _ = longest(data, at, stop, trie, 0)
            if number != NOWHERE:
                size, following = length, end
                covered += length
        characters += size
        at = following
    return covered / max(1, characters)
