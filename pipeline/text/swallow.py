"""Letters, sentences and paragraphs as Swallow Corpus v1 counts them."""

from enum import IntEnum
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import Counts, Table, decode, entry, tabulate
from pipeline.text.hashing import FNV_OFFSET, FNV_PRIME

Hashes = npt.NDArray[np.uint64]

HIRAGANA, KATAKANA, OTHER, ENDER, ELLIPSIS, SPACE, NEWLINE = 1, 2, 4, 8, 16, 32, 64
SENTENCE_SEED, PARAGRAPH_SEED = FNV_OFFSET, FNV_OFFSET ^ np.uint64(0xFF)
SMALLEST_SET = 64


class Swallow(IntEnum):
    """What is counted, and its column in the counts; lengths are in characters."""

    LETTERS = 0
    JAPANESE = 1
    HIRAGANA = 2
    KATAKANA = 3
    PARAGRAPHS = 4
    DUPLICATE_PARAGRAPHS = 5  # later copies
    DUPLICATE_PARAGRAPH_LETTERS = 6
    SENTENCES = 7
    DUPLICATE_SENTENCES = 8
    DUPLICATE_SENTENCE_LETTERS = 9
    SENTENCE_LETTERS = 10
    LONGEST_SENTENCE = 11
    ELLIPSES = 12  # sentences that end with ・ or …


KINDS = len(Swallow)


def role(char: str) -> int:
    """Say what a character is to Swallow Corpus v1, as a set of bits.

    Letters are U+3041-3096, U+30A1-30FA (so ー is none), 々〇〻, U+3400-9FFF, U+F900-FAFF and 。．！？、，; what its
    pattern says of the planes above cannot match in Python 3.
    """
    return (
        HIRAGANA * ("ぁ" <= char <= "ゖ")
        | KATAKANA * ("ァ" <= char <= "ヺ")
        | OTHER * (is_kanji(char) or char in "。．！？、，")
        | ENDER * (char in "。．！？!?")
        | ELLIPSIS * (char in "・…")
        | SPACE * char.isspace()
        | NEWLINE * (char == "\n")
    )


def is_kanji(char: str) -> bool:
    """Whether a character is one of 々〇〻, U+3400-9FFF and U+F900-FAFF."""
    return char in "々〇〻" or "\u3400" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff"


@cache
def role_table() -> Table:
    """``role`` as a table for kernels."""
    return tabulate(role)


def count_swallow(texts: pa.Array) -> Counts:
    """Count n texts: int64 of shape (n, len(Swallow)); a null counts as empty.

    A sentence is characters of one line up to and with one of 。．！？!?, and never begins with one: those are lost.
    A paragraph is the sentences of a line, blank lines too.
    """
    offsets, data = buffers(texts)
    return _count(offsets, data, role_table())


@njit(cache=True, nogil=True)
def _count(offsets: Offsets, data: Bytes, roles: Table) -> Counts:
    counts = np.zeros((offsets.size - 1, KINDS), np.int64)
    for row in range(counts.shape[0]):
        _letters(data, offsets[row], offsets[row + 1], roles, counts[row])
        _sentences(data, offsets[row], offsets[row + 1], roles, counts[row])
    return counts


@njit(cache=True, nogil=True)
def _letters(data: Bytes, at: int, stop: int, roles: Table, counts: npt.NDArray[np.int64]) -> None:
    letters = hiragana = katakana = other = 0
    while at < stop:
        code, at = decode(data, at, stop)
        kind = roles[entry(code)]
        letters += 1
        hiragana += kind & HIRAGANA != 0
        katakana += kind & KATAKANA != 0
        other += kind & OTHER != 0
    counts[Swallow.LETTERS] = letters
    counts[Swallow.JAPANESE] = hiragana + katakana + other
    counts[Swallow.HIRAGANA] = hiragana
    counts[Swallow.KATAKANA] = katakana


@njit(cache=True, nogil=True)
def _sentences(data: Bytes, at: int, stop: int, roles: Table, counts: npt.NDArray[np.int64]) -> None:
    """Count the sentences and paragraphs of one text, by hashes of their characters."""
    seen, used = np.zeros(SMALLEST_SET, np.uint64), 0
    paragraph, letters = PARAGRAPH_SEED, 0
    while at <= stop:
        sentence, length, breaks_off, at, line_ends = _sentence(data, at, stop, roles)
        if length > 0:
            counts[Swallow.ELLIPSES] += breaks_off
            counts[Swallow.SENTENCE_LETTERS] += length
            counts[Swallow.LONGEST_SENTENCE] = max(counts[Swallow.LONGEST_SENTENCE], length)
            seen, used = _meet(seen, used, sentence, length, counts[Swallow.SENTENCES :])
            paragraph = (paragraph ^ sentence) * FNV_PRIME
            letters += length
        if line_ends:
            seen, used = _meet(seen, used, paragraph, letters, counts[Swallow.PARAGRAPHS :])
            paragraph, letters = PARAGRAPH_SEED, 0


@njit(cache=True, nogil=True)
def _sentence(data: Bytes, at: int, stop: int, roles: Table) -> tuple[np.uint64, int, bool, int, bool]:
    """One sentence: its hash, characters, whether it breaks off; where the next begins, and whether the line ends.

    The end of the text ends a line, too; the next sentence begins beyond it then.
    """
    value, length = SENTENCE_SEED, 0
    breaks_off = False
    while at < stop:
        code, at = decode(data, at, stop)
        kind = roles[entry(code)]
        if kind & NEWLINE:
            return value, length, breaks_off, at, True
        if length > 0 or kind & ENDER == 0:
            value = (value ^ np.uint64(code)) * FNV_PRIME
            length += 1
            breaks_off = kind & ELLIPSIS != 0 or (breaks_off and kind & SPACE != 0)
            if kind & ENDER:
                return value, length, breaks_off, at, False
    return value, length, breaks_off, stop + 1, True


@njit(cache=True, nogil=True)
def _meet(seen: Hashes, used: int, value: np.uint64, length: int, counts: npt.NDArray[np.int64]) -> tuple[Hashes, int]:
    """Count a piece, as a duplicate if its hash is known; returns the hashes and how many there are."""
    value |= np.uint64(1)
    slot = _slot(seen, value)
    known = seen[slot] == value
    seen[slot] = value
    used += not known
    counts[0] += 1
    counts[1] += known
    counts[2] += length if known else 0
    return (_grown(seen) if 2 * used > seen.size else seen), used


@njit(cache=True, nogil=True)
def _slot(seen: Hashes, value: np.uint64) -> np.uint64:
    mask = np.uint64(seen.size - 1)
    slot = (value ^ value >> np.uint64(32)) >> np.uint64(1) & mask
    while seen[slot] != 0 and seen[slot] != value:
        slot = (slot + np.uint64(1)) & mask
    return slot


@njit(cache=True, nogil=True)
def _grown(seen: Hashes) -> Hashes:
    grown = np.zeros(4 * seen.size, np.uint64)
    for value in seen:
        if value != 0:
            grown[_slot(grown, value)] = value
    return grown
