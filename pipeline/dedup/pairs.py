"""From band keys to pairs of documents of one bucket: all pairs in small buckets, linearly many in large ones."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from numba import njit

from pipeline.dedup.segments import Records
from pipeline.text.shingles import mix

KEY = np.dtype([("key", "<u8"), ("document", "<u8")])
"""A document in the bucket of a key."""
PAIR = np.dtype([("left", "<u8"), ("right", "<u8")])
"""Two documents, left < right."""

Rows = npt.NDArray[np.uint64]
Documents = npt.NDArray[np.uint64]

WINDOW = 15
"""Neighbours before it that a document of a bucket is paired with, beside the bucket's least; buckets of up to
WINDOW + 1 documents give all pairs. In larger ones the order is pseudo-random and each bucket's own, so that documents
that share several bands are neighbours in one of them; in one order for all, the same pairs would meet each time."""
DIGIT = 8
DIGITS = 3
"""Digits of the key that are sorted by counting; an insertion sort does the rest, which is almost in order by then."""


def bucket_pairs(records: Records, known_bits: int, foreign: int, most: int) -> Iterator[Records]:
    """Yield the pairs of documents of one key, up to ``most`` PAIR records at a time.

    ``records``: n KEY records whose keys agree in the upper ``known_bits`` and whose documents ascend where keys are
    equal; they are overwritten. Documents below ``foreign`` are not paired with each other. A pair comes once for each
    bucket that it shares.
    """
    ordered = _by_key(_rows(records), known_bits)
    _shuffle_large(ordered)
    out = np.empty(max(most, WINDOW + 1), PAIR)
    at = first = 0
    while at < records.size:
        at, first, size = _pair(ordered, at, first, foreign, _rows(out))
        yield out[:size].copy()


def unique_pairs(pairs: Records, documents: int) -> Records:
    """Sort PAIR records by left, then right, and leave repeats out; all documents are below ``documents``."""
    if not pairs.size:
        return pairs
    first = pairs["left"].min()
    width = np.uint64(documents)
    packed = (pairs["left"] - first) * width + pairs["right"]
    packed.sort()
    packed = packed[np.concatenate([[True], packed[1:] != packed[:-1]])]
    unique = np.empty(packed.size, PAIR)
    unique["left"], unique["right"] = np.divmod(packed, width)
    unique["left"] += first
    return unique


def _rows(records: Records) -> Rows:
    """View n records of two numbers as an array (n, 2)."""
    return records.view(np.uint64).reshape(-1, 2)


@njit(cache=True, nogil=True)
def _by_key(records: Rows, known_bits: int) -> Rows:
    """Sort by the first column, stably, in place or in a copy."""
    spare = np.empty_like(records)
    top = 64 - known_bits
    for shift in range(max(top - DIGITS * DIGIT, 0), top, DIGIT):
        places = np.zeros(1 << DIGIT, np.int64)
        for row in range(records.shape[0]):
            places[_digit(records[row, 0], shift)] += 1
        places = np.cumsum(places) - places
        for row in range(records.shape[0]):
            digit = _digit(records[row, 0], shift)
            spare[places[digit], 0] = records[row, 0]
            spare[places[digit], 1] = records[row, 1]
            places[digit] += 1
        records, spare = spare, records
    _insert(records)
    return records


@njit(cache=True, nogil=True, inline="always")
def _digit(key: np.uint64, shift: int) -> int:
    return int((key >> np.uint64(shift)) & np.uint64((1 << DIGIT) - 1))


@njit(cache=True, nogil=True)
def _insert(records: Rows) -> None:
    for row in range(1, records.shape[0]):
        key, document = records[row]
        place = row
        while place and records[place - 1, 0] > key:
            records[place, 0], records[place, 1] = records[place - 1]
            place -= 1
        records[place, 0], records[place, 1] = key, document


@njit(cache=True, nogil=True)
def _shuffle_large(records: Rows) -> None:
    """Put the documents of buckets that do not give all pairs into an order of their own; the least stays first."""
    first = 0
    for at in range(1, records.shape[0] + 1):
        if at < records.shape[0] and records[at, 0] == records[first, 0]:
            continue
        if at - first > WINDOW + 1:
            others = records[first + 1 : at, 1].copy()
            order = np.argsort(_mixed(others, records[first, 0]), kind="mergesort")
            records[first + 1 : at, 1] = others[order]
        first = at


@njit(cache=True, nogil=True)
def _mixed(documents: Documents, key: np.uint64) -> Documents:
    mixed = np.empty_like(documents)
    for place in range(documents.size):
        mixed[place] = mix(documents[place] ^ key)
    return mixed


@njit(cache=True, nogil=True)
def _pair(records: Rows, at: int, first: int, foreign: int, out: Rows) -> tuple[int, int, int]:
    """Pair documents from row ``at`` on, whose bucket begins at ``first``, until ``out`` is full.

    Returns where to go on, where the bucket there begins, and the number of pairs.
    """
    size = 0
    while at < records.shape[0] and size + WINDOW < out.shape[0]:
        key, document = records[at]
        if records[first, 0] != key:
            first = at
        window = max(first, at - WINDOW)
        if window > first:
            size += _put(out, size, records[first, 1], document, foreign)
        for place in range(window, at):
            size += _put(out, size, records[place, 1], document, foreign)
        at += 1
    return at, first, size


@njit(cache=True, nogil=True)
def _put(out: Rows, size: int, one: np.uint64, other: np.uint64, foreign: int) -> int:
    """Write a pair, if it is one to compare; returns how many were written."""
    left, right = min(one, other), max(one, other)
    if left == right or right < foreign:
        return 0
    out[size, 0], out[size, 1] = left, right
    return 1
