"""Lines and paragraphs that a text repeats, as datatrove's reading of Gopher's rules counts them."""

from enum import IntEnum

import numpy as np
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import WHITE, Char, Counts, Table, char_table, decode, entry
from pipeline.text.hash_table import BASE, SPREAD, add, count, hash_table
from pipeline.text.words import CONTINUATION, LEAD_MASK, LONGEST_CHARACTER, NEWLINE

IS_WHITE = np.isin(np.arange(len(Char)), WHITE)


class Piece(IntEnum):
    """What is counted, and its column in the counts."""

    PIECES = 0
    DUPLICATES = 1  # later copies of a piece
    DUPLICATE_CHARACTERS = 2


KINDS = len(Piece)


def repeated_lines(texts: pa.Array) -> Counts:
    """Count lines: n texts -> int64 (n, len(Piece)).

    A run of newlines ends a line; one at the beginning or the end of the text leaves an empty line there.
    """
    offsets, data = buffers(texts)
    return _count(offsets, data, char_table(), 1, False)


def repeated_paragraphs(texts: pa.Array) -> Counts:
    """Count paragraphs of the stripped text, between runs of two or more newlines: n texts -> int64 (n, len(Piece))."""
    offsets, data = buffers(texts)
    return _count(offsets, data, char_table(), 2, True)


@njit(cache=True, nogil=True)
def _count(offsets: Offsets, data: Bytes, classes: Table, newlines: int, strip: bool) -> Counts:
    counts = np.zeros((offsets.size - 1, KINDS), np.int64)
    for row in range(counts.shape[0]):
        at, stop = offsets[row], offsets[row + 1]
        if strip:
            at, stop = _stripped(data, at, stop, classes)
        table = hash_table(1 + np.sum(data[at:stop] == NEWLINE))
        more = True
        while more:
            digest, characters, at, more = _piece(data, at, stop, newlines)
            counts[row, Piece.PIECES] += 1
            if count(table, add(table, digest)) > 1:
                counts[row, Piece.DUPLICATES] += 1
                counts[row, Piece.DUPLICATE_CHARACTERS] += characters
    return counts


@njit(cache=True, nogil=True)
def _piece(data: Bytes, at: int, stop: int, newlines: int) -> tuple[np.uint64, int, int, bool]:
    """One piece: its hash and characters, where the next one begins, and whether there is one."""
    digest, characters = np.uint64(0), 0
    while at < stop:
        run = at
        while run < stop and data[run] == NEWLINE:
            run += 1
        if run - at >= newlines:
            return digest, characters, run, True
        for place in range(at, max(run, at + 1)):
            digest = digest * BASE + np.uint64(data[place] + 1) * SPREAD
            characters += data[place] & LEAD_MASK != CONTINUATION
        at = max(run, at + 1)
    return digest, characters, at, False


@njit(cache=True, nogil=True)
def _stripped(data: Bytes, at: int, stop: int, classes: Table) -> tuple[int, int]:
    """Where a text begins and ends without the white space around it."""
    while at < stop:
        code, following = decode(data, at, stop)
        if not IS_WHITE[classes[entry(code)]]:
            break
        at = following
    while at < stop:
        last = stop - 1
        while last > max(at, stop - LONGEST_CHARACTER) and data[last] & LEAD_MASK == CONTINUATION:
            last -= 1
        code, _ = decode(data, last, stop)
        if not IS_WHITE[classes[entry(code)]]:
            break
        stop = last
    return at, stop
