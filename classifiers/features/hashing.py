"""Hashed n-grams of texts on Arrow buffers, in the buckets of scikit-learn's ``HashingVectorizer``.

Rows of a matrix for training and scores for serving come from the same counts.
"""

import numpy as np
import numpy.typing as npt
from numba import njit, uint32, uintp

from pipeline.text.arrow import Bytes, Offsets
from pipeline.text.chars import ASCII_END, THREE_BYTES
from pipeline.text.shingles import reserve

Numbers = npt.NDArray[np.uint32]
Counts = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
Values = npt.NDArray[np.float64]
Starts = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float32] | npt.NDArray[np.int16]
Grams = tuple[int, int, bool]
"""Least and most units of an n-gram, and whether these are words parted by spaces, not characters."""

COUNT, LOG, BINARY = 0, 1, 2
"""What a bucket's number of n-grams becomes: itself, 1 + log of it, or 1."""
LOGS = 1 + np.log(np.maximum(1, np.arange(256)))
CHUNK = 1024
"""Positions whose n-grams grow together, so that what is known of them stays in the nearest cache."""
LANES = 16
"""Positions are hashed in multiples of this, those behind the end for nothing, since vectors do as many at once."""
ONE, TWO, THREE = np.uintp(1), np.uintp(2), np.uintp(3)
CONTINUATION, LEAD_MASK, SPACE = 0x80, 0xC0, 0x20


def no_counts(bits: int, frequency: int) -> Counts:
    """A table of 2**bits zeros for the kernels, small for the cache's sake: none counts beyond 65,535."""
    if frequency == BINARY:
        return np.zeros(1 << bits, np.uint8)
    return np.zeros(1 << bits, np.uint16)


@njit(cache=True, nogil=True)
def rows(offsets: Offsets, data: Bytes, grams: Grams, frequency: int, counts: Counts) -> tuple[Starts, Numbers, Values]:
    """n texts -> n + 1 starts, then buckets below 2**bits and their values; those of a text have the norm 1."""
    starts = np.zeros(offsets.size, np.int64)
    buckets, values = np.empty(0, np.uint32), np.empty(0, np.float64)
    touched, scratch = np.empty(0, np.uint32), np.empty(0, np.uint32)
    for row in range(offsets.size - 1):
        touched, scratch, size = _count(data[offsets[row] : offsets[row + 1]], grams, counts, touched, scratch)
        start = starts[row]
        starts[row + 1] = start + size
        buckets, values = reserve(buckets, start, size), reserve(values, start, size)
        buckets[start : start + size] = touched[:size]
        norm = _take(touched[:size], counts, frequency, values[start:])
        values[start : start + size] /= norm
    return starts, buckets[: starts[-1]], values[: starts[-1]]


@njit(cache=True, nogil=True)
def add_scores(
    offsets: Offsets, data: Bytes, grams: Grams, frequency: int, counts: Counts, weights: Weights, scores: Values
) -> None:
    """Add to scores (n, heads) the product of ``rows`` with weights (2**bits, heads), in one pass without a matrix."""
    touched, scratch = np.empty(0, np.uint32), np.empty(0, np.uint32)
    values = np.empty(0, np.float64)
    for row in range(offsets.size - 1):
        touched, scratch, size = _count(data[offsets[row] : offsets[row + 1]], grams, counts, touched, scratch)
        values = reserve(values, 0, size)
        norm = _take(touched[:size], counts, frequency, values)
        _add_products(touched[:size], values, weights, norm, scores[row])


@njit(cache=True, nogil=True)
def _take(buckets: Numbers, counts: Counts, frequency: int, values: Values) -> float:
    """Turn the counts of some buckets into values and zeros; return the norm of the values, 1 if there are none."""
    squares = 0.0
    for at in range(buckets.size):
        value = _value(counts[buckets[at]], frequency)
        counts[buckets[at]] = 0
        values[at] = value
        squares += value * value
    return np.sqrt(squares) if buckets.size else 1.0


@njit(cache=True, nogil=True)
def _add_products(buckets: Numbers, values: Values, weights: Weights, norm: float, scores: Values) -> None:
    """Two heads at a time: twice as fast as a loop over heads for each bucket."""
    for head in range(0, scores.size, 2):
        other = min(head + 1, scores.size - 1)
        first = second = 0.0
        for at in range(buckets.size):
            first += values[at] * weights[buckets[at], head]
            second += values[at] * weights[buckets[at], other]
        scores[head] += first / norm
        if other > head:
            scores[other] += second / norm


@njit(cache=True, nogil=True, inline="always")
def _value(count: int, frequency: int) -> float:
    if frequency == BINARY:
        return 1.0
    if frequency == COUNT:
        return float(count)
    return LOGS[count] if count < LOGS.size else 1.0 + np.log(float(count))


@njit(cache=True, nogil=True)
def _count(
    text: Bytes, grams: Grams, counts: Counts, touched: Numbers, scratch: Numbers
) -> tuple[Numbers, Numbers, int]:
    """Count the n-grams of a text, all lengths in one table of buckets.

    ``counts`` holds zeros, to which the numbers of n-grams are added. Returns ``touched`` and ``scratch``, grown where
    they were short, and how many buckets, those that are no longer 0, stand in ``touched``.
    """
    least, most, of_words = grams
    touched = reserve(touched, 0, min((text.size + 1) * (most - least + 1), counts.size + 1))
    if of_words:
        return touched, scratch, _count_words(text, least, most, counts, touched)
    room = text.size + most + LANES
    scratch = reserve(scratch, 0, 4 * CHUNK + 2 * room)
    return touched, scratch, _count_characters(text, least, most, counts, touched, scratch, room)


@njit(cache=True, nogil=True)
def _count_characters(
    text: Bytes, least: int, most: int, counts: Counts, touched: Numbers, scratch: Numbers, room: int
) -> int:
    state = scratch[: 4 * CHUNK].reshape(4, CHUNK)
    units, widths = scratch[4 * CHUNK : 4 * CHUNK + room], scratch[4 * CHUNK + room :]
    length = int(_units(text, units, widths))
    units[length : length + most + LANES] = 0
    widths[length : length + most + LANES] = 0
    mask = uint32(counts.size - 1)
    size = 0
    for start in range(0, length, CHUNK):
        padded = (min(CHUNK, length - start) + LANES - 1) // LANES * LANES
        state[:3, :padded] = 0
        hashes, rests, lengths, buckets = state[0, :padded], state[1, :padded], state[2, :padded], state[3, :padded]
        for first in range(start, start + most):
            _grow(units[first : first + padded], widths[first : first + padded], hashes, rests, lengths)
            if first - start + 1 >= least:
                _finish(hashes, rests, lengths, mask, buckets)
                size = _tally(buckets[: max(0, min(CHUNK, length - first))], counts, touched, size)
    return size


@njit(cache=True, nogil=True)
def _units(text: Bytes, units: Numbers, widths: Numbers) -> np.uintp:
    """Write each character as its bytes, the first one lowest, and their number; return how many there are.

    Places are unsigned, since numba asks of signed ones whether they count from the end: twice as fast.
    """
    size, at, stop = uintp(0), uintp(0), uintp(text.size)
    while at < stop:
        while at + TWO < stop and text[at] >> 4 == THREE_BYTES:
            units[size] = uint32(text[at]) | uint32(text[at + ONE]) << uint32(8) | uint32(text[at + TWO]) << uint32(16)
            widths[size] = THREE
            size += ONE
            at += THREE
        if at < stop:
            unit, width = uint32(text[at]), ONE
            if unit >= ASCII_END:
                while at + width < stop and text[at + width] & LEAD_MASK == CONTINUATION:
                    unit |= uint32(text[at + width]) << uint32(8 * width)
                    width += ONE
            units[size], widths[size] = unit, width
            size += ONE
            at += width
    return size


@njit(cache=True, nogil=True)
def _grow(units: Numbers, widths: Numbers, hashes: Numbers, rests: Numbers, lengths: Numbers) -> None:
    """Append a unit to n-grams, each known by its MurmurHash3 so far, the bytes that fill no block yet, its length."""
    for at in range(hashes.size):
        held = (lengths[at] & uint32(3)) << uint32(3)
        block = uint32(rests[at] | units[at] << held)
        beyond = uint32((units[at] >> uint32(1)) >> (uint32(31) - held))
        full = held + (widths[at] << uint32(3)) >= uint32(32)
        mixed = uint32(_rotated(uint32(hashes[at] ^ _scrambled(block)), 13) * uint32(5) + uint32(0xE6546B64))
        hashes[at] = mixed if full else hashes[at]
        rests[at] = beyond if full else block
        lengths[at] += widths[at]


@njit(cache=True, nogil=True)
def _finish(hashes: Numbers, rests: Numbers, lengths: Numbers, mask: np.uint32, buckets: Numbers) -> None:
    """The bucket of each n-gram: its hash as a signed number, without the sign, modulo the number of buckets."""
    for at in range(hashes.size):
        value = uint32(hashes[at] ^ _scrambled(rests[at]) ^ lengths[at])
        value = uint32((value ^ value >> uint32(16)) * uint32(0x85EBCA6B))
        value = uint32((value ^ value >> uint32(13)) * uint32(0xC2B2AE35))
        value ^= value >> uint32(16)
        negative = uint32(value >> uint32(31))
        buckets[at] = uint32((value ^ (uint32(0) - negative)) + negative) & mask


@njit(cache=True, nogil=True, inline="always")
def _scrambled(block: np.uint32) -> np.uint32:
    return uint32(_rotated(uint32(block * uint32(0xCC9E2D51)), 15) * uint32(0x1B873593))


@njit(cache=True, nogil=True, inline="always")
def _rotated(value: np.uint32, by: int) -> np.uint32:
    return uint32(value << uint32(by)) | uint32(value >> uint32(32 - by))


@njit(cache=True, nogil=True)
def _tally(buckets: Numbers, counts: Counts, touched: Numbers, size: int) -> int:
    ceiling = np.iinfo(counts.dtype).max
    for bucket in buckets:
        touched[size] = bucket
        size += counts[bucket] == 0
        counts[bucket] = min(counts[bucket] + 1, ceiling)
    return size


@njit(cache=True, nogil=True)
def _count_words(text: Bytes, least: int, most: int, counts: Counts, touched: Numbers) -> int:
    """The n-grams that begin at each word, which go up to its ``most``-th next space or the end of the text."""
    one = np.zeros((4, 1), np.uint32)
    mask = uint32(counts.size - 1)
    size = begin = 0
    while begin < text.size:
        one[:3] = 0
        words, at, following = 0, begin, text.size
        while words < most and at < text.size:
            end = _append_word(text, at, one)
            words += 1
            if words == 1:
                following = end + 1
            if words >= least:
                _finish(one[0], one[1], one[2], mask, one[3])
                size = _tally(one[3], counts, touched, size)
            at = end
        begin = following
    return size


@njit(cache=True, nogil=True)
def _append_word(text: Bytes, at: int, one: Numbers) -> int:
    """Append bytes to an n-gram, a space before a further word included; return the place behind the word."""
    width = np.ones(1, np.uint32)
    unit = np.empty(1, np.uint32)
    end = at
    while end < text.size and (end == at or text[end] != SPACE):
        unit[0] = text[end]
        _grow(unit, width, one[0], one[1], one[2])
        end += 1
    return end
