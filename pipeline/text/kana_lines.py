"""The lines of a text that hold kana: what remains of a page when code, tables and log output are left aside."""

from enum import IntEnum

import numpy as np
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import THREE_BYTES, Char, Counts, Table, char_table, decode, entry, three_bytes

NEWLINE = 0x0A
JAPANESE, KANA, WHITE = 1, 2, 4
ROLES = np.zeros(len(Char), np.uint8)
"""What a class of characters counts as, a set of bits."""
ROLES[[Char.HIRAGANA, Char.KATAKANA]] = JAPANESE | KANA
ROLES[[Char.KANJI, Char.JAPANESE_PUNCTUATION]] = JAPANESE
ROLES[[Char.SPACE, Char.NEWLINE]] = WHITE


class Kana(IntEnum):
    """What is counted, and its column in the counts."""

    VISIBLE = 0  # characters of lines with kana, white space aside
    JAPANESE = 1  # kana, kanji and Japanese punctuation among them


KINDS = len(Kana)


def count_kana_lines(texts: pa.Array) -> Counts:
    """Count characters of lines that hold kana: n texts -> int64 of shape (n, len(Kana)); a null has none."""
    offsets, data = buffers(texts)
    return _count(offsets, data, ROLES[char_table()])


@njit(cache=True, nogil=True)
def _count(offsets: Offsets, data: Bytes, roles: Table) -> Counts:
    counts = np.zeros((offsets.size - 1, KINDS), np.int64)
    for row in range(counts.shape[0]):
        at, stop = offsets[row], offsets[row + 1]
        while at < stop:
            visible = japanese = kana = 0
            while at < stop and data[at] != NEWLINE:
                while at + 2 < stop and data[at] >> 4 == THREE_BYTES:
                    role = roles[three_bytes(data, at)]
                    visible += role & WHITE == 0
                    japanese += role & JAPANESE
                    kana |= role & KANA
                    at += 3
                if at == stop or data[at] == NEWLINE:
                    break
                code, at = decode(data, at, stop)
                role = roles[entry(code)]
                visible += role & WHITE == 0
                japanese += role & JAPANESE
                kana |= role & KANA
            at += 1
            if kana:
                counts[row, Kana.VISIBLE] += visible
                counts[row, Kana.JAPANESE] += japanese
    return counts
