"""What the lines of a text look like: how they end, how long they are, which are bullets, which repeat."""

import re
from enum import IntEnum
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import (
    ASCII_END,
    JAPANESE_LETTERS,
    THREE_BYTES,
    Counts,
    Table,
    classify,
    decode,
    entry,
    tabulate,
    three_bytes,
)
from pipeline.text.hashing import FNV_OFFSET, FNV_PRIME

HashSet = npt.NDArray[np.uint64]
Suffixes = tuple[Offsets, Bytes]

SHORT = 10
REPEATABLE = 8
"""Shortest line, in characters, that can count as a duplicate: dialogue and menus repeat tiny ones."""
STOP_SIGN = "."
"""Ends a sentence between a kana or kanji and white space, the line's end or a character beyond ASCII."""

ENDERS = "。．！？!?｡…‥♪♡☆」』"
"""End a sentence; fiction writes no 。 before 」 and 』."""
CLOSERS = "）)】〉》”"
"""Belong to the sentence whose ender they follow."""
BULLETS = "・●■◆○◎★☆※•-＊①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"
ELLIPSES = ("…", "‥", "...", "。。。", "・・・", "、、、", "続きを読む", "もっと見る")

NEWLINE, BLANK = 0x0A, 0x20
SPACE, ENDER, CLOSER, BULLET, BRACKET, DIGIT, JAPANESE, STOP = 1, 2, 4, 8, 16, 32, 64, 128
TELLING = SPACE | ENDER | CLOSER


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
    DUPLICATES = 8  # later copies of a line with kana or kanji and at least REPEATABLE characters
    DUPLICATE_CHARACTERS = 9


KINDS = len(Line)


def role(char: str) -> int:
    """Say what a character can do in a line, as a set of bits."""
    white = SPACE if char.isspace() else JAPANESE * (classify(char) in JAPANESE_LETTERS)
    ends = ENDER * (char in ENDERS) | CLOSER * (char in CLOSERS) | STOP * (char == STOP_SIGN)
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
        seen = _hash_set(_most_repeatable(data[at:stop]))
        while at < stop:
            begin = _skip_spaces(data, at, stop, roles)
            end, length, reach, digest, japanese, at = _scan(data, begin, stop, roles)
            if length > 0:
                _add(counts[row], length, reach)
                counts[row, Line.BULLETS] += _is_bullet(data, begin, end, roles)
                counts[row, Line.ELLIPSES] += _ends_with(data, begin, end, ellipses)
                if japanese and length >= REPEATABLE and _insert(seen, digest):
                    counts[row, Line.DUPLICATES] += 1
                    counts[row, Line.DUPLICATE_CHARACTERS] += length
    return counts


@njit(cache=True, nogil=True)
def _most_repeatable(text: Bytes) -> int:
    """Give an upper bound of the lines that can count as duplicates."""
    newlines = 0
    for byte in text:
        newlines += byte == NEWLINE
    longest_first = text.size // (REPEATABLE + 1)
    return 1 + min(newlines, longest_first)


@njit(cache=True, nogil=True)
def _skip_spaces(data: Bytes, at: int, stop: int, roles: Table) -> int:
    """First place of a line's stripped form, or where the line ends."""
    while at < stop and data[at] != NEWLINE:
        code, following = decode(data, at, stop)
        if not roles[entry(code)] & SPACE:
            break
        at = following
    return at


@njit(cache=True, nogil=True)
def _scan(data: Bytes, at: int, stop: int, roles: Table) -> tuple[int, int, int, np.uint64, bool, int]:
    """A line from its first character that is not white: where its stripped form ends, its characters, those up to a
    sentence end, its hash (FNV-1a over code points), whether it holds kana or kanji, and the next line."""
    end, place, length, reach = at, 0, 0, 0
    kind = held = np.uint8(0)
    running = digest = FNV_OFFSET
    ended = False
    while at < stop:
        while at + 2 < stop and data[at] >> 4 == THREE_BYTES and roles[three_bytes(data, at)] & TELLING == 0:
            kind = roles[three_bytes(data, at)]
            held |= kind
            running = (running ^ np.uint64(three_bytes(data, at))) * FNV_PRIME
            at, place, ended = at + 3, place + 1, False
            end, length, digest = at, place, running
        if at == stop:
            break
        code, at = decode(data, at, stop)
        before, kind = kind, roles[entry(code)]
        held |= kind
        place += 1
        running = (running ^ np.uint64(code)) * FNV_PRIME
        if kind & SPACE == 0:
            end, length, digest = at, place, running
            stops = kind & STOP != 0 and before & JAPANESE != 0 and _parts(data, at, stop)
            ended = kind & ENDER != 0 or stops or (ended and kind & CLOSER != 0)
            reach = length if ended else reach
        elif code == NEWLINE:
            break
    return end, length, reach, digest, held & JAPANESE != 0, at


@njit(cache=True, nogil=True)
def _parts(data: Bytes, at: int, stop: int) -> bool:
    """Whether what follows a stop sign lets it end a sentence: not an ASCII letter, digit or sign."""
    return at == stop or data[at] <= BLANK or data[at] >= ASCII_END


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
    found = False
    for row in range(offsets.size - 1):
        found = found or _agree(data, begin, end, letters, offsets[row], offsets[row + 1])
    return found


@njit(cache=True, nogil=True, inline="always")
def _agree(data: Bytes, begin: int, end: int, letters: Bytes, first: int, last: int) -> bool:
    """Whether ``data[begin:end]`` ends with ``letters[first:last]``, looked at from the last byte, which tells most."""
    while last > first and end > begin and data[end - 1] == letters[last - 1]:
        last -= 1
        end -= 1
    return last == first


@njit(cache=True, nogil=True)
def _hash_set(capacity: int) -> HashSet:
    """Give an open hash set of 64-bit hashes, at most half full; 0 is an empty slot."""
    slots = 2
    while slots < 2 * capacity:
        slots *= 2
    return np.zeros(slots, np.uint64)


@njit(cache=True, nogil=True)
def _insert(seen: HashSet, digest: np.uint64) -> bool:
    """Say whether a hash was in the set, and put it there."""
    value = digest | np.uint64(1)
    mask = np.uint64(seen.size - 1)
    slot = (value >> np.uint64(20)) & mask
    while seen[slot] != 0 and seen[slot] != value:
        slot = (slot + np.uint64(1)) & mask
    known = seen[slot] == value
    seen[slot] = value
    return known
