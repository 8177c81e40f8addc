"""Character n-grams of a text's normal form, as 64-bit hashes: what near-duplicates share whatever their typography."""

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import decode

Points = npt.NDArray[np.uint32]
Hashes = npt.NDArray[np.uint64]
Starts = npt.NDArray[np.int64]
Forms = tuple[Points, Points, Points]

TABLED = 0x40000
"""Planes 0 to 3; the planes above hold nothing that is kept."""
DROPPED = 0
EXPANDS = 0x80000000
LONGEST = 18
"""Code points of the longest NFKC of one character (U+FDFA)."""
DIGIT = 0x30
STRETCH = 256
KANA, KANA_END = 0x3040, 0x3100
VOICED, SEMIVOICED = 0x3099, 0x309A
VARIATION_SELECTORS = range(0xFE00, 0xFE10)

BASE = np.uint64(0x9E3779B97F4A7C15)


def normal_form(texts: pa.Array) -> tuple[Starts, Points]:
    """Normalise n texts for hashing: n + 1 offsets, and the code points of all normal forms in one array.

    Per character NFKC and lower case; a run of decimal digits becomes one 0; what is no letter, number or mark
    (general categories L, N, M of the interpreter's Unicode version) goes, variation selectors too. A combining sound
    mark is composed with the kana before it; が and か stay two characters. A null has an empty form.
    """
    offsets, data = buffers(texts)
    return _normal_forms(offsets, data, forms())


def shingles(texts: pa.Array, ngram: int) -> tuple[Starts, Hashes]:
    """Hash the set of n-grams of n texts: n + 1 offsets into one array of 64-bit hashes, sorted and unique per text.

    A normal form shorter than ``ngram`` code points is its own only shingle; an empty one has none.
    """
    offsets, data = buffers(texts)
    return _shingles(offsets, data, forms(), ngram)


@njit(cache=True, nogil=True)
def jaccard(starts: Starts, hashes: Hashes, left: Starts, right: Starts) -> npt.NDArray[np.float64]:
    """Jaccard index of pairs of texts: ``left`` and ``right`` index into what ``shingles`` returns; 0 for two empty."""
    indices = np.zeros(left.size)
    for pair in range(left.size):
        a, a_end = starts[left[pair]], starts[left[pair] + 1]
        b, b_end = starts[right[pair]], starts[right[pair] + 1]
        total = a_end - a + b_end - b
        common = 0
        while a < a_end and b < b_end:
            x, y = hashes[a], hashes[b]
            common += x == y
            a += x <= y
            b += y <= x
        if total:
            indices[pair] = common / (total - common)
    return indices


@cache
def forms() -> Forms:
    """Tables for ``normalize``.

    Per code point its form or DROPPED; or EXPANDS plus a place in the second table, which has a length there, then that
    many forms: so for forms of several code points and for those that depend on what stands before. Third, kana
    composed with VOICED and SEMIVOICED: shape (2, KANA_END - KANA), 0 where there is no such kana.
    """
    table = np.arange(TABLED, dtype=np.uint32)
    expansions: list[int] = []
    for code in range(TABLED):
        form = _form(chr(code))
        if len(form) == 1 and form[0] not in (DIGIT, VOICED, SEMIVOICED):
            table[code] = form[0]
        else:
            table[code] = EXPANDS + len(expansions)
            expansions += [len(form), *form]
    kana = [[_composed(chr(code) + chr(mark)) for code in range(KANA, KANA_END)] for mark in (VOICED, SEMIVOICED)]
    return table, np.array(expansions, np.uint32), np.array(kana, np.uint32)


def _form(char: str) -> list[int]:
    return [_kept(low) for wide in unicodedata.normalize("NFKC", char) for low in wide.lower()]


def _kept(char: str) -> int:
    category = unicodedata.category(char)
    if category[0] not in "LNM" or ord(char) in VARIATION_SELECTORS:
        return DROPPED
    return DIGIT if category == "Nd" else ord(char)


def _composed(pair: str) -> int:
    composed = unicodedata.normalize("NFC", pair)
    return ord(composed) if len(composed) == 1 else 0


@njit(cache=True, nogil=True)
def reserve(array: npt.NDArray[np.generic], used: int, more: int) -> npt.NDArray[np.generic]:
    """Return the array, or a copy of twice the size or what is needed, so that ``more`` items fit behind ``used``."""
    if used + more <= array.size:
        return array
    larger = np.empty(max(2 * array.size, used + more), array.dtype)
    larger[:used] = array[:used]
    return larger


@njit(cache=True, nogil=True)
def normalize(data: Bytes, at: int, stop: int, tables: Forms, points: Points) -> tuple[Points, int]:
    """Write the normal form of one text into ``points``; return it, grown where it was short, and the form's length."""
    size = 0
    in_digits = False
    while at < stop:
        points = reserve(points, size, STRETCH * LONGEST)
        at, size, in_digits = _normalize_stretch(data, at, stop, tables, points, size, in_digits)
    return points, size


@njit(cache=True, nogil=True)
def _normalize_stretch(
    data: Bytes, at: int, stop: int, tables: Forms, points: Points, size: int, in_digits: bool
) -> tuple[int, int, bool]:
    """Go on for up to STRETCH characters; return where the next begins, the form's length and whether it ends in 0."""
    table, expansions, kana = tables
    for _ in range(STRETCH):
        if at >= stop:
            break
        code, at = decode(data, at, stop)
        form = table[code] if code < TABLED else DROPPED
        if form < EXPANDS:
            points[size] = form
            size += form != DROPPED
            in_digits = False
        else:
            start = form - EXPANDS + 1
            for place in range(start, start + expansions[start - 1]):
                size = _append(points, size, expansions[place], in_digits, kana)
                in_digits = expansions[place] == DIGIT
    return at, size, in_digits


@njit(cache=True, nogil=True)
def _append(points: Points, size: int, form: int, in_digits: bool, kana: Points) -> int:
    if form == DROPPED or (form == DIGIT and in_digits):
        return size
    if form in (VOICED, SEMIVOICED) and size and KANA <= points[size - 1] < KANA_END:
        composed = kana[form - VOICED, points[size - 1] - KANA]
        if composed:
            points[size - 1] = composed
            return size
    points[size] = form
    return size + 1


@njit(cache=True, nogil=True, inline="always")
def mix(value: np.uint64) -> np.uint64:
    """Finaliser of splitmix64: every bit of the input decides every bit of the output."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit(cache=True, nogil=True)
def hash_ngrams(points: Points, size: int, ngram: int, hashes: Hashes) -> int:
    """Hash each window of the first ``size`` points, repeats too, into ``hashes``; return how many there are."""
    width = min(size, ngram)
    out = np.uint64(1)
    for _ in range(width):
        out *= BASE
    value = np.uint64(0)
    for place in range(size):
        value = value * BASE + np.uint64(points[place])
        if place >= width:
            value -= out * np.uint64(points[place - width])
        if place >= width - 1:
            hashes[place - width + 1] = mix(value)
    return size - width + 1 if size else 0


@njit(cache=True, nogil=True)
def _normal_forms(offsets: Offsets, data: Bytes, tables: Forms) -> tuple[Starts, Points]:
    starts = np.zeros(offsets.size, np.int64)
    found = np.empty(data.size // 2 + LONGEST, np.uint32)
    points = np.empty(LONGEST, np.uint32)
    for row in range(offsets.size - 1):
        points, size = normalize(data, offsets[row], offsets[row + 1], tables, points)
        start = starts[row]
        found = reserve(found, start, size)
        found[start : start + size] = points[:size]
        starts[row + 1] = start + size
    return starts, found[: starts[-1]]


@njit(cache=True, nogil=True)
def _shingles(offsets: Offsets, data: Bytes, tables: Forms, ngram: int) -> tuple[Starts, Hashes]:
    starts = np.zeros(offsets.size, np.int64)
    found = np.empty(data.size // 2 + LONGEST, np.uint64)
    points = np.empty(LONGEST, np.uint32)
    for row in range(offsets.size - 1):
        points, size = normalize(data, offsets[row], offsets[row + 1], tables, points)
        start = starts[row]
        found = reserve(found, start, size)
        count = hash_ngrams(points, size, ngram, found[start:])
        starts[row + 1] = start + sort_unique(found[start : start + count])
    return starts, found[: starts[-1]]


@njit(cache=True, nogil=True)
def sort_unique(hashes: Hashes) -> int:
    """Sort in place, move the distinct values to the front and return how many there are."""
    hashes.sort()
    size = 0
    for value in hashes:
        if size == 0 or value != hashes[size - 1]:
            hashes[size] = value
            size += 1
    return size
