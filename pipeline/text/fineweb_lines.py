"""What FineWeb's rules count in the lines of a text: how they end, how short they are, which repeat."""

from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import Counts, Table, decode, entry
from pipeline.text.datatrove_chars import SPACE, TERMINAL, role_table
from pipeline.text.hashing import FNV_OFFSET, FNV_PRIME
from pipeline.text.lines import NEWLINE


class PlainLine(IntEnum):
    """What is counted, and its column in the counts. Lines end at newlines, are not stripped; blank ones are none."""

    LINES = 0
    TERMINATED = 1  # lines whose last character is in datatrove's TERMINAL_PUNCTUATION
    SHORT = 2
    DUPLICATE_CHARACTERS = 3  # characters of later copies of a line


KINDS = len(PlainLine)


def count_plain_lines(texts: pa.Array, short: int) -> Counts:
    """Count lines by kind: n texts -> int64 of shape (n, len(PlainLine)); lines of at most ``short`` characters are
    short, a null has none."""
    offsets, data = buffers(texts)
    return _count(offsets, data, short, role_table())


@njit(cache=True, nogil=True)
def _count(offsets: Offsets, data: Bytes, short: int, roles: Table) -> Counts:
    counts = np.zeros((offsets.size - 1, KINDS), np.int64)
    for row in range(counts.shape[0]):
        at, stop = offsets[row], offsets[row + 1]
        lengths, digests = _lines(data, at, stop, roles, counts[row])
        counts[row, PlainLine.LINES] = lengths.size
        counts[row, PlainLine.SHORT] = np.sum(lengths <= short)
        counts[row, PlainLine.DUPLICATE_CHARACTERS] = _later_copies(lengths, digests)
    return counts


@njit(cache=True, nogil=True)
def _lines(
    data: Bytes, at: int, stop: int, roles: Table, counts: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    """Characters and hash of each line of one text; those with terminal punctuation are counted."""
    most = 1
    for place in range(at, stop):
        most += data[place] == NEWLINE
    lengths, digests = np.empty(most, np.int64), np.empty(most, np.uint64)
    found = 0
    while at < stop:
        blank, terminated, lengths[found], digests[found], at = _scan(data, at, stop, roles)
        if not blank:
            counts[PlainLine.TERMINATED] += terminated
            found += 1
    return lengths[:found], digests[:found]


@njit(cache=True, nogil=True)
def _scan(data: Bytes, at: int, stop: int, roles: Table) -> tuple[bool, bool, int, np.uint64, int]:
    """One line: whether it is blank, ends with terminal punctuation; its characters, their FNV-1a hash, the next."""
    blank, terminated, length, digest = True, False, 0, FNV_OFFSET
    while at < stop:
        code, at = decode(data, at, stop)
        if code == NEWLINE:
            break
        kind = roles[entry(code)]
        blank &= kind & SPACE != 0
        terminated = kind & TERMINAL != 0
        length += 1
        digest = (digest ^ np.uint64(code)) * FNV_PRIME
    return blank, terminated, length, digest, at


@njit(cache=True, nogil=True)
def _later_copies(lengths: npt.NDArray[np.int64], digests: npt.NDArray[np.uint64]) -> int:
    order = np.argsort(digests)
    characters = 0
    for place in range(1, order.size):
        if digests[order[place]] == digests[order[place - 1]]:
            characters += lengths[order[place]]
    return characters
