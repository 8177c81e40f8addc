"""How long the sentences of a text are."""

import re
from enum import IntEnum
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import THREE_BYTES, Counts, Table, decode, entry, tabulate, three_bytes
from pipeline.text.shingles import reserve

Lengths = npt.NDArray[np.int64]

LONG = 200
"""Characters above which a sentence is long; also those after which a bracket counts as never closed."""

ENDERS = "。！？｡!?"
STOPS = "．."
"""End a sentence too, but not between two letters or digits of ASCII or full width."""
OPENERS = "「『（(【〈《｢"
CLOSERS = "」』）)】〉》｣"
QUOTE_ENDS = "”"
"""Belong, with ENDERS, STOPS and CLOSERS, to the sentence whose end they follow."""

NEWLINE = 0x0A
PLAIN, SPACE, ENDER, STOP, OPENER, CLOSER, QUOTE_END, WORD = 0, 1, 2, 4, 8, 16, 32, 64
ENDING = ENDER | STOP | CLOSER | QUOTE_END


class Sentence(IntEnum):
    """What is counted, and its column in the counts. Sentences are stripped of white space; blank ones do not count."""

    SENTENCES = 0
    CHARACTERS = 1
    LONGEST = 2  # characters of the longest sentence
    MEDIAN = 3  # characters of the median sentence, the shorter one of two
    LONG_CHARACTERS = 4  # characters in sentences of more than LONG


KINDS = len(Sentence)


def role(char: str) -> int:
    """Say what a character can do in a sentence, as a set of bits."""
    ends = ENDER * (char in ENDERS) | STOP * (char in STOPS) | QUOTE_END * (char in QUOTE_ENDS)
    brackets = OPENER * (char in OPENERS) | CLOSER * (char in CLOSERS)
    return SPACE * char.isspace() | ends | brackets | WORD * bool(re.match("[0-9A-Za-z０-９Ａ-Ｚａ-ｚ]", char))


@cache
def role_table() -> Table:
    """``role`` as a table for kernels."""
    return tabulate(role)


def count_sentences(texts: pa.Array) -> Counts:
    """Count sentences by length: n texts -> int64 of shape (n, len(Sentence)); a null has none.

    A sentence ends at a newline, and outside brackets at 。！？｡!? and at a ．or . that does not stand between two
    letters or digits of ASCII or full width; enders and closing brackets that follow belong to it. A sentence that
    grows over LONG characters ends at the last of these inside its brackets, or at the next one, since quotations may
    be long and brackets are left open.
    """
    offsets, data = buffers(texts)
    return _count(offsets, data, role_table())


@njit(cache=True, nogil=True)
def _count(offsets: Offsets, data: Bytes, roles: Table) -> Counts:
    counts = np.zeros((offsets.size - 1, KINDS), np.int64)
    lengths = np.empty(64, np.int64)
    for row in range(counts.shape[0]):
        at, stop = offsets[row], offsets[row + 1]
        found = 0
        while at < stop:
            length, at = _sentence(data, at, stop, roles)
            lengths = reserve(lengths, found, 1)
            lengths[found] = length
            found += length > 0
        _summarize(lengths[:found], counts[row])
    return counts


@njit(cache=True, nogil=True)
def _summarize(lengths: Lengths, counts: Lengths) -> None:
    if lengths.size == 0:
        return
    counts[Sentence.SENTENCES] = lengths.size
    middle = (lengths.size - 1) // 2
    counts[Sentence.MEDIAN] = np.partition(lengths, middle)[middle]
    for length in lengths:
        counts[Sentence.CHARACTERS] += length
        counts[Sentence.LONGEST] = max(counts[Sentence.LONGEST], length)
        counts[Sentence.LONG_CHARACTERS] += length * (length > LONG)


@njit(cache=True, nogil=True)
def _sentence(data: Bytes, at: int, stop: int, roles: Table) -> tuple[int, int]:
    """Characters of the sentence that begins here, without white space around it, and where the next one begins."""
    place = length = depth = before = inner = inner_at = 0
    while at < stop:
        while at + 2 < stop and data[at] >> 4 == THREE_BYTES and roles[three_bytes(data, at)] == PLAIN:
            at, place, before = at + 3, place + 1, PLAIN
            length = place
        if at == stop:
            break
        code, at = decode(data, at, stop)
        kind = roles[entry(code)]
        if code == NEWLINE:
            break
        place += length > 0 or kind & SPACE == 0
        length = length if kind & SPACE else place
        if length > LONG and inner:
            break
        depth = max(0, depth + (kind & OPENER != 0) - (kind & CLOSER != 0))
        if kind & (ENDER | STOP) and not (kind & STOP and before & WORD and _word_begins(data, at, stop, roles)):
            if depth == 0 or length > LONG:
                return _take_ending(data, at, stop, roles, length)
            inner, inner_at = length, at
        before = kind
    if length > LONG and inner:
        return _take_ending(data, inner_at, stop, roles, inner)
    return length, at


@njit(cache=True, nogil=True)
def _word_begins(data: Bytes, at: int, stop: int, roles: Table) -> bool:
    if at == stop:
        return False
    code, _ = decode(data, at, stop)
    return roles[entry(code)] & WORD != 0


@njit(cache=True, nogil=True)
def _take_ending(data: Bytes, at: int, stop: int, roles: Table, length: int) -> tuple[int, int]:
    """Take what belongs to a sentence behind its end; return its new length and where the next one begins."""
    place = length
    while at < stop:
        code, following = decode(data, at, stop)
        kind = roles[entry(code)]
        if code == NEWLINE or kind & (ENDING | SPACE) == 0:
            break
        place += 1
        length = place if kind & ENDING else length
        at = following
    return length, at
