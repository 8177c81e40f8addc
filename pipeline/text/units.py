"""Texts as lines or paragraphs: a hash of the normal form of each, and texts without some of them."""

from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import Table, decode, entry, tabulate
from pipeline.text.shingles import BASE, LONGEST, Forms, Hashes, Points, Starts, forms, mix, normalize, reserve

Numbers = npt.NDArray[np.int32]

ENDERS = "。．！？!?｡」』"
"""Characters that end a sentence wherever they stand; fiction writes no 。 before 」 and 』."""
STOP_SIGN = "."
"""Ends a sentence at the end of a line."""
NEWLINE = 0x0A
SPACE, ENDER, STOP = 1, 2, 4

SENTENCE = np.uint64(1)
"""Bit of a unit that holds a sentence; the others are its hash."""
BARE = np.uint64(0)
"""A unit without letters and digits."""
SHORT = np.uint64(2)
"""Hash of the units that are too short to be compared."""
FIRST_HASH = np.uint64(4)


@cache
def role_table() -> Table:
    """What a character does in a line, as a table for kernels."""
    return tabulate(lambda char: SPACE * char.isspace() | ENDER * (char in ENDERS) | STOP * (char == STOP_SIGN))


def units(texts: pa.Array, paragraphs: bool, least: int) -> tuple[Starts, Hashes]:
    """Hash the units of n texts in their order: n + 1 offsets into one array of uint64.

    A unit is a line that is not blank, or a run of such lines; lines end at newlines. Its lowest bit is SENTENCE, the
    others come from its normal form (see ``shingles.normal_form``): BARE where that is empty, SHORT where it has fewer
    than ``least`` characters, FIRST_HASH or more elsewhere.
    """
    offsets, data = buffers(texts)
    return _units(offsets, data, forms(), role_table(), paragraphs, least)


def without(texts: pa.Array, starts: Starts, numbers: Numbers, paragraphs: bool) -> pa.Array:
    """Take units out of n texts; those of text i are ``numbers[starts[i]:starts[i + 1]]``, ascending.

    Blank lines behind a unit go with it where blank lines or nothing stand before it, and so does all white space
    between the last unit that stays and a last one that goes.
    """
    offsets, data = buffers(texts)
    sizes, kept = _without(offsets, data, starts, numbers, role_table(), paragraphs)
    places = np.zeros(offsets.size, offsets.dtype)
    np.cumsum(sizes, out=places[1:])
    left = pa.Array.from_buffers(texts.type, len(texts), [None, pa.py_buffer(places), pa.py_buffer(kept)])
    return pc.if_else(texts.is_valid(), left, pa.scalar(None, texts.type))


def excerpts(texts: pa.Array, rows: Starts, numbers: Starts, paragraphs: bool) -> list[bytes]:
    """Return units of texts, ``numbers[i]`` of text ``rows[i]``, in UTF-8; in order of rows, then numbers."""
    offsets, data = buffers(texts)
    begins, ends = _find(offsets, data, rows, numbers, role_table(), paragraphs)
    return [data[begin:end].tobytes() for begin, end in zip(begins, ends, strict=True)]


@njit(cache=True, nogil=True)
def _units(
    offsets: Offsets, data: Bytes, tables: Forms, roles: Table, paragraphs: bool, least: int
) -> tuple[Starts, Hashes]:
    starts = np.zeros(offsets.size, np.int64)
    found = np.empty(LONGEST, np.uint64)
    points = np.empty(LONGEST, np.uint32)
    count = 0
    for row in range(offsets.size - 1):
        begin, end, sentence, at = _next(data, offsets[row], offsets[row + 1], roles, paragraphs)
        while begin < end:
            points, size = normalize(data, begin, end, tables, points)
            found = reserve(found, count, 1)
            found[count] = _hash(points, size, sentence, least)
            count += 1
            begin, end, sentence, at = _next(data, at, offsets[row + 1], roles, paragraphs)
        starts[row + 1] = count
    return starts, found[:count]


@njit(cache=True, nogil=True)
def _hash(points: Points, size: int, sentence: bool, least: int) -> np.uint64:
    if size == 0:
        return BARE
    value = SHORT
    if size >= least:
        digest = np.uint64(size)
        for place in range(size):
            digest = digest * BASE + np.uint64(points[place])
        value = max(mix(digest), FIRST_HASH)
    return value | SENTENCE if sentence else value & ~SENTENCE


@njit(cache=True, nogil=True)
def _next(data: Bytes, at: int, stop: int, roles: Table, paragraphs: bool) -> tuple[int, int, bool, int]:
    """The next unit: where it begins and ends, whether it holds a sentence, and where the line behind it begins.

    It begins and ends at ``stop`` if there is none.
    """
    begin = at
    end, visible, sentence = _line(data, at, stop, roles)
    while not visible and end < stop:
        begin = end + 1
        end, visible, sentence = _line(data, begin, stop, roles)
    if not visible:
        return stop, stop, False, stop
    while paragraphs and end < stop:
        following, visible, ended = _line(data, end + 1, stop, roles)
        if not visible:
            break
        end = following
        sentence |= ended
    return begin, end, sentence, min(end + 1, stop)


@njit(cache=True, nogil=True)
def _line(data: Bytes, at: int, stop: int, roles: Table) -> tuple[int, bool, bool]:
    """A line: where it ends, whether anything in it is visible, and whether it holds a sentence."""
    held = last = np.uint8(0)
    visible = False
    while at < stop and data[at] != NEWLINE:
        code, at = decode(data, at, stop)
        role = roles[entry(code)]
        held |= role
        if role & SPACE == 0:
            visible, last = True, role
    return at, visible, (held & ENDER) != 0 or (last & STOP) != 0


@njit(cache=True, nogil=True)
def _without(
    offsets: Offsets, data: Bytes, starts: Starts, numbers: Numbers, roles: Table, paragraphs: bool
) -> tuple[Starts, Bytes]:
    sizes = np.zeros(offsets.size - 1, np.int64)
    kept = np.empty(offsets[-1] - offsets[0], np.uint8)
    total = 0
    for row in range(sizes.size):
        text = data[offsets[row] : offsets[row + 1]]
        gone = numbers[starts[row] : starts[row + 1]]
        if gone.size:
            sizes[row] = _copy(text, gone, roles, paragraphs, kept[total:])
        else:
            kept[total : total + text.size] = text
            sizes[row] = text.size
        total += sizes[row]
    return sizes, kept[:total]


@njit(cache=True, nogil=True)
def _copy(text: Bytes, gone: Numbers, roles: Table, paragraphs: bool, kept: Bytes) -> int:
    """Write a text without some of its units; return its bytes."""
    at = size = solid = number = taken = 0
    left_out = False
    broken = True
    while at < text.size:
        begin, end, _, following = _next(text, at, text.size, roles, paragraphs)
        if begin > at and not (left_out and broken):
            size = _append(kept, size, text[at:begin])
            broken = True
        left_out = begin < end and taken < gone.size and gone[taken] == number
        taken += left_out
        number += begin < end
        if begin < end and not left_out:
            solid = size + end - begin
            size = _append(kept, size, text[begin:following])
            broken = False
        at = following
    return solid if gone[-1] == number - 1 else size


@njit(cache=True, nogil=True)
def _append(kept: Bytes, size: int, piece: Bytes) -> int:
    kept[size : size + piece.size] = piece
    return size + piece.size


@njit(cache=True, nogil=True)
def _find(
    offsets: Offsets, data: Bytes, rows: Starts, numbers: Starts, roles: Table, paragraphs: bool
) -> tuple[Starts, Starts]:
    begins, ends = np.zeros(rows.size, np.int64), np.zeros(rows.size, np.int64)
    following = number = np.int64(0)
    for place in range(rows.size):
        row = rows[place]
        if place == 0 or row != rows[place - 1]:
            following, number = np.int64(offsets[row]), np.int64(0)
        for _ in range(number, numbers[place] + 1):
            begins[place], ends[place], _, following = _next(data, following, offsets[row + 1], roles, paragraphs)
        number = numbers[place] + 1
    return begins, ends
