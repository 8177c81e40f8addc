"""How many characters of each class a text has: one pass over its UTF-8 bytes, driven by a table."""

import unicodedata
from collections.abc import Callable
from enum import IntEnum
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers

Counts = npt.NDArray[np.int64]
Table = npt.NDArray[np.uint8]

PLANE = 0x10000
TABLED_PLANES = 2
LAST = 0x10FFFF
REPLACEMENT = 0xFFFD
SEQUENCE = np.repeat(np.array([1, 0, 2, 3, 4, 0], np.int64), [0x80, 0x42, 0x1E, 0x10, 0x05, 0x0B])
"""Bytes of a UTF-8 sequence by its first byte, 0 where none begins with it (The Unicode Standard, table 3-7)."""
LEAD_BITS = np.array([0, 0x7F, 0x1F, 0x0F, 0x07], np.int64)
TRAIL_BITS = 0x3F
ASCII_END = 0x80
THREE_BYTES = 0xE
"""High half of the first byte of a sequence of three."""


class Char(IntEnum):
    """Class of a character, and its column in the counts."""

    HIRAGANA = 0
    KATAKANA = 1  # full and half width, with ー
    KANJI = 2  # with 々〆〇〻, radicals, compatibility ideographs and planes 2 and 3
    ASCII_LETTER = 3
    LETTER = 4  # letters and marks of all other scripts, full-width Latin too
    DIGIT = 5  # ASCII and full width
    JAPANESE_PUNCTUATION = 6
    SYMBOL = 7  # everything else that is not white
    SPACE = 8  # white space but for the newline
    NEWLINE = 9
    REPLACEMENT = 10  # U+FFFD, and bytes that are no UTF-8


CHAR_COUNTS = pa.field("char_counts", pa.list_(pa.int64(), len(Char)))
"""Counts by class of the text of each document, which every batch carries: counted once, whoever needs them."""

KANA = [Char.HIRAGANA, Char.KATAKANA]
JAPANESE_LETTERS = [*KANA, Char.KANJI]
WHITE = [Char.SPACE, Char.NEWLINE]

WORDS_PER_CHAR = np.array([0.62, 0.25, 0.66, 0.21, 0.26, 0.61, 1.07, 0.9, 0, 0, 1])
"""By ``Char``; least squares over news, blogs, literature and reference texts (benchmarks/fit_token_estimate.py)."""

JAPANESE_PUNCTUATION = frozenset(
    "、。〃〈〉《》「」『』【】〔〕〖〗〘〙〝〞〟〜〽゠・｡｢｣､･！（），．：；？［］｛｝～…‥―"
)
RANGES = (
    (Char.HIRAGANA, 0x3041, 0x3096),
    (Char.HIRAGANA, 0x3099, 0x309F),  # sound marks, ゝゞゟ
    (Char.HIRAGANA, 0x1B001, 0x1B11F),
    (Char.HIRAGANA, 0x1B132, 0x1B152),
    (Char.KATAKANA, 0x30A1, 0x30FA),
    (Char.KATAKANA, 0x30FC, 0x30FF),  # ーヽヾヿ
    (Char.KATAKANA, 0x31F0, 0x31FF),
    (Char.KATAKANA, 0xFF66, 0xFF9F),
    (Char.KATAKANA, 0x1AFF0, 0x1B000),
    (Char.KATAKANA, 0x1B120, 0x1B122),
    (Char.KATAKANA, 0x1B155, 0x1B167),
    (Char.KANJI, 0x2E80, 0x2FD5),
    (Char.KANJI, 0x3005, 0x3007),
    (Char.KANJI, 0x303B, 0x303B),
    (Char.KANJI, 0x3400, 0x4DBF),
    (Char.KANJI, 0x4E00, 0x9FFF),
    (Char.KANJI, 0xF900, 0xFAFF),
    (Char.KANJI, 0x20000, 0x3FFFF),
    (Char.ASCII_LETTER, 0x41, 0x5A),
    (Char.ASCII_LETTER, 0x61, 0x7A),
    (Char.DIGIT, 0x30, 0x39),
    (Char.DIGIT, 0xFF10, 0xFF19),
    (Char.NEWLINE, 0x0A, 0x0A),
    (Char.REPLACEMENT, REPLACEMENT, REPLACEMENT),
)


def classify(char: str) -> Char:
    """Class of one character; blocks decide for Japanese, Unicode's general category for the rest."""
    code = ord(char)
    for kind, first, last in RANGES:
        if first <= code <= last:
            return kind
    if char in JAPANESE_PUNCTUATION:
        return Char.JAPANESE_PUNCTUATION
    if char.isspace():
        return Char.SPACE
    return Char.LETTER if unicodedata.category(char)[0] in "LM" else Char.SYMBOL


def tabulate(kind: Callable[[str], int]) -> Table:
    """Table for ``tally``: the class of every code point of planes 0 and 1, then one class for each plane."""
    codes = [*range(TABLED_PLANES * PLANE), *range(0, 17 * PLANE, PLANE)]
    return np.array([kind(chr(code)) for code in codes], np.uint8)


@cache
def char_table() -> Table:
    """``classify`` as a table for kernels."""
    return tabulate(classify)


def count_chars(texts: pa.Array) -> Counts:
    """Count characters by class: n texts -> int64 of shape (n, len(Char)); a null counts as empty."""
    offsets, data = buffers(texts)
    return tally(offsets, data, char_table(), len(Char))


def char_counts(batch: pa.RecordBatch) -> Counts:
    """Return the counts that a batch of n rows carries: int64 of shape (n, len(Char))."""
    return batch[CHAR_COUNTS.name].flatten().to_numpy().reshape(-1, len(Char))


def as_column(counts: Counts) -> pa.FixedSizeListArray:
    """Turn counts into a column of type CHAR_COUNTS."""
    return pa.FixedSizeListArray.from_arrays(pa.array(counts.ravel()), len(Char))


def characters(counts: Counts) -> npt.NDArray[np.int64]:
    """All characters (code points), white space too."""
    return counts.sum(axis=1)


def visible(counts: Counts) -> npt.NDArray[np.int64]:
    """Characters that are not white space."""
    return characters(counts) - counts[:, WHITE].sum(axis=1)


def japanese_letters(counts: Counts) -> npt.NDArray[np.int64]:
    """Kana and kanji."""
    return counts[:, JAPANESE_LETTERS].sum(axis=1)


def share(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Part over whole, row by row; the share of nothing is 0, so that a lower bound refuses it."""
    return part / np.maximum(whole, 1)


def token_estimate(counts: Counts) -> npt.NDArray[np.int64]:
    """Estimated words of fugashi with unidic-lite, from the class counts alone."""
    return np.rint(counts @ WORDS_PER_CHAR).astype(np.int64)


@njit(cache=True, nogil=True)
def tally(offsets: Offsets, data: Bytes, table: Table, classes: int) -> Counts:
    """Count the classes that ``table`` (see ``tabulate``) gives the characters: (n, classes) int64."""
    counts = np.zeros((offsets.size - 1, classes), np.int64)
    for row in range(counts.shape[0]):
        at, stop = offsets[row], offsets[row + 1]
        while at < stop:
            while at + 2 < stop and data[at] >> 4 == THREE_BYTES:
                counts[row, table[three_bytes(data, at)]] += 1
                at += 3
            if at < stop:
                code, at = decode(data, at, stop)
                counts[row, table[entry(code)]] += 1
    return counts


@njit(cache=True, nogil=True, inline="always")
def entry(code: np.int64) -> np.int64:
    """Index of a code point in a table made by ``tabulate``."""
    if code < TABLED_PLANES * PLANE:
        return code
    return TABLED_PLANES * PLANE + (code >> 16)


@njit(cache=True, nogil=True, inline="always")
def decode(data: Bytes, at: int, stop: int) -> tuple[np.int64, int]:
    """Code point at byte ``at`` and the place of the next; a byte that begins no whole character gives U+FFFD."""
    first = data[at]
    if first >> 4 == THREE_BYTES and at + 2 < stop:
        return three_bytes(data, at), at + 3
    if first < ASCII_END:
        return np.int64(first), at + 1
    return _decode(data, at, stop)


@njit(cache=True, nogil=True, inline="always")
def three_bytes(data: Bytes, at: int) -> np.int64:
    """Code point of a sequence of three bytes, which is most of any Japanese text."""
    high, middle, low = np.int64(data[at]), np.int64(data[at + 1]), np.int64(data[at + 2])
    return (high & LEAD_BITS[3]) << 12 | (middle & TRAIL_BITS) << 6 | low & TRAIL_BITS


@njit(cache=True, nogil=True)
def _decode(data: Bytes, at: int, stop: int) -> tuple[np.int64, int]:
    length = SEQUENCE[data[at]]
    if length == 0 or at + length > stop:
        return np.int64(REPLACEMENT), at + 1
    code = np.int64(data[at] & LEAD_BITS[length])
    for place in range(at + 1, at + length):
        code = code << 6 | np.int64(data[place] & TRAIL_BITS)
    return min(code, np.int64(LAST)), at + length
