"""What the lines of a text look like: how they end, how long they are, which are bullets, which repeat."""

import re
from enum import IntEnum
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import Counts, Table, decode, entry, tabulate
from pipeline.text.hashing import FNV_OFFSET, FNV_PRIME

HashSet = npt.NDArray[np.uint64]
Suffixes = tuple[Offsets, Bytes]

SHORT = 10
REPEATABLE = 8
"""Shortest line, in characters, that can count as a duplicate: dialogue and menus repeat tiny ones."""

ENDERS = "。．！？!?｡…‥♪♡☆」』"
"""End a sentence; fiction writes no 。 before 」 and 』."""
CLOSERS = "）)】〉》”"
"""Belong to the sentence whose ender they follow."""
BULLETS = "・●■◆○◎★☆※•-＊①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"
ELLIPSES = ("…", "‥", "...", "。。。", "・・・", "、、、", "続きを読む", "もっと見る")

NEWLINE = 0x0A
SPACE, ENDER, CLOSER, BULLET, BRACKET, DIGIT = 1, 2, 4, 8, 16, 32


class Line(IntEnum):
    """What is counted, and its column in the counts. A line is stripped of white space; blank ones do not count."""

    LINES = 0
    CHARACTERS = 1
    ENDED = 2  # lines that end with a sentence
    ENDED_CHARACTERS = 3  # characters of each line up to its last sentence end
    SHORT = 4  # lines of at most SHORT characters
    BULLETS = 5
    ELLIPSES = 6  # lines that break off
    LONGEST = 7  # characters of the longest line
    DUPLICATES = 8  # later copies of a line of at least REPEATABLE characters
    DUPLICATE_CHARACTERS = 9


KINDS = len(Line)


def role(char: str) -> int:
    """Say what a character can do in a line, as a set of bits."""
    white = SPACE if char.isspace() else 0
    ends = ENDER * (char in ENDERS) | CLOSER * (char in CLOSERS)
    begins = BULLET * (char in BULLETS) | BRACKET * (char in "(（") | DIGIT * bool(re.match("[0-9０-９]", char))
    return white | ends | begins


@cache
def role_table() -> Table:
    """``role`` as a table for kernels."""
    return tabulate(role)


@cache
def _suffixes() -> Suffixes:
    return buffers(pa.array(ELLIPSES, pa.large_string()))


def count_lines(texts: pa.Array) -> Counts:
    """Count lines by kind: n texts -> int64 of shape (n, len(Line)); lines end at newlines, a null has none."""
    offsets, data = buffers(texts)
    return _count(offsets, data, role_table(), _suffixes())


@njit(cache=True, nogil=True)
def _count(offsets: Offsets, data: Bytes, roles: Table, ellipses: Suffixes) -> Counts:
    counts = np.zeros((offsets.size - 1, KINDS), np.int64)
    for row in range(counts.shape[0]):
        at, stop = offsets[row], offsets[row + 1]
        seen = _hash_set((stop - at) // REPEATABLE)
        while at < stop:
            begin, end, length, reach, at = _scan(data, at, stop, roles)
            if length > 0:
                _add(counts[row], length, reach)
                counts[row, Line.BULLETS] += _is_bullet(data, begin, end, roles)
                counts[row, Line.ELLIPSES] += _ends_with(data, begin, end, ellipses)
                if length >= REPEATABLE and _insert(seen, data[begin:end]):
                    counts[row, Line.DUPLICATES] += 1
                    counts[row, Line.DUPLICATE_CHARACTERS] += length
    return counts


@njit(cache=True, nogil=True)
def _scan(data: Bytes, at: int, stop: int, roles: Table) -> tuple[int, int, int, int, int]:
    """One line: where its stripped form begins and ends, its characters, those up to a sentence end, the next line."""
    begin = end = at
    length = spaces = reach = 0
    ended = False
    while at < stop and data[at] != NEWLINE:
        code, following = decode(data, at, stop)
        kind = roles[entry(code)]
        if kind & SPACE:
            spaces += 1
        else:
            begin = at if length == 0 else begin
            length += 1 if length == 0 else 1 + spaces
            spaces = 0
            end = following
            ended = kind & ENDER != 0 or (ended and kind & CLOSER != 0)
            reach = length if ended else reach
        at = following
    return begin, end, length, reach, at + 1


@njit(cache=True, nogil=True)
def _add(counts: npt.NDArray[np.int64], length: int, reach: int) -> None:
    counts[Line.LINES] += 1
    counts[Line.CHARACTERS] += length
    counts[Line.ENDED] += reach == length
    counts[Line.ENDED_CHARACTERS] += reach
    counts[Line.SHORT] += length <= SHORT
    counts[Line.LONGEST] = max(counts[Line.LONGEST], length)


@njit(cache=True, nogil=True)
def _is_bullet(data: Bytes, begin: int, end: int, roles: Table) -> bool:
    """Whether a line opens with a bullet, or with a number in brackets."""
    code, following = decode(data, begin, end)
    kind = roles[entry(code)]
    if kind & BRACKET and following < end:
        code, _ = decode(data, following, end)
        return roles[entry(code)] & DIGIT != 0
    return kind & BULLET != 0


@njit(cache=True, nogil=True)
def _ends_with(data: Bytes, begin: int, end: int, suffixes: Suffixes) -> bool:
    offsets, letters = suffixes
    for row in range(offsets.size - 1):
        size = offsets[row + 1] - offsets[row]
        if end - begin >= size and _equal(data, end - size, letters, offsets[row], size):
            return True
    return False


@njit(cache=True, nogil=True)
def _equal(left: Bytes, left_at: int, right: Bytes, right_at: int, size: int) -> bool:
    same = 0
    while same < size and left[left_at + same] == right[right_at + same]:
        same += 1
    return same == size


@njit(cache=True, nogil=True)
def _hash_set(capacity: int) -> HashSet:
    """Give an open hash set of 64-bit hashes, at most half full; 0 is an empty slot."""
    slots = 2
    while slots < 2 * capacity:
        slots *= 2
    return np.zeros(slots, np.uint64)


@njit(cache=True, nogil=True)
def _insert(seen: HashSet, line: Bytes) -> bool:
    """Say whether a line (by FNV-1a of its bytes) was in the set, and put it there."""
    value = FNV_OFFSET
    for byte in line:
        value = (value ^ np.uint64(byte)) * FNV_PRIME
    value |= np.uint64(1)
    mask = np.uint64(seen.size - 1)
    slot = (value >> np.uint64(20)) & mask
    while seen[slot] != 0 and seen[slot] != value:
        slot = (slot + np.uint64(1)) & mask
    known = seen[slot] == value
    seen[slot] = value
    return known
