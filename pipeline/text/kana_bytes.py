# ruff: noqa: PLR2004 (byte values are what the encodings' standards print)
"""Evidence of Japanese in raw bytes: runs of kana in every encoding the Japanese web uses, counted without decoding."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers

ENOUGH = 100
"""Evidence at which a document is not scanned further."""

BLOCK = 256
ESC, SPACE, HASH, DOLLAR, AMPERSAND, SEMICOLON = 0x1B, 0x20, 0x23, 0x24, 0x26, 0x3B


def kana_evidence(contents: pa.Array) -> npt.NDArray[np.int32]:
    """Count the kana runs of each binary value, at most ENOUGH.

    One for every place where a run starts or goes on: 2 kana in UTF-8, UTF-16 (with byte order mark, or where the
    first character is ``<``) or ISO-2022-JP, 3 in Shift_JIS, 3 that are not all the same in EUC-JP (EUC-KR has
    laughter there), and one for every kana written as a character reference. The byte ranges are those of
    JIS X 0208 rows 4 and 5 and of U+3040-30FF. Two bytes in two ranges can never occur three times in a row inside
    the three-byte characters of UTF-8, so other scripts of Asia give no evidence. A null counts 0.
    """
    offsets, data = buffers(contents)
    return _evidence(offsets, data)


def legacy_kana(content: bytes) -> bool:
    """Tell whether kana runs of Shift_JIS or EUC-JP stand in one value, whatever its label says."""
    return bool(_legacy(np.frombuffer(content, np.uint8)))


@njit(cache=True, nogil=True)
def _legacy(content: Bytes) -> bool:
    at, last = 0, content.size - 6
    while at <= last and not (content[at] >= 0x82 and (_shift_jis(content, at) or _euc_jp(content, at))):
        at += 1
    return bool(at <= last)


@njit(cache=True, nogil=True)
def _evidence(offsets: Offsets, data: Bytes) -> npt.NDArray[np.int32]:
    found = np.empty(offsets.size - 1, np.int32)
    for row in range(found.size):
        content = data[offsets[row] : offsets[row + 1]]
        big_endian = _utf_16(content)
        count = _eight_bit(content) if big_endian < 0 else _units(content, big_endian)
        found[row] = min(count, ENOUGH)
    return found


@njit(cache=True, nogil=True)
def _utf_16(content: Bytes) -> int:
    """Say 1 for UTF-16 BE, 0 for UTF-16 LE, -1 for anything else."""
    if content.size < 2:
        return -1
    first, second = content[0], content[1]
    if (first == 0xFE and second == 0xFF) or (first == 0 and second == 0x3C):
        return 1
    if (first == 0xFF and second == 0xFE) or (first == 0x3C and second == 0):
        return 0
    return -1


@njit(cache=True, nogil=True)
def _units(content: Bytes, big_endian: int) -> int:
    count = 0
    before = False
    for at in range(0, content.size - 1, 2):
        high, low = content[at + 1 - big_endian], content[at + big_endian]
        kana = high == 0x30 and low >= 0x40
        count += before and kana
        before = kana
        if count >= ENOUGH:
            break
    return count


@njit(cache=True, nogil=True)
def _eight_bit(content: Bytes) -> int:
    """Find the blocks that may hold evidence with tests the compiler vectorises, and count in those alone."""
    count = 0
    for start in range(0, content.size, BLOCK):
        end = min(start + BLOCK, content.size)
        if _promising(content, start, min(end, content.size - 5)) or end > content.size - 5:
            count += _count(content, start, end)
            if count >= ENOUGH:
                break
    return count


@njit(cache=True, nogil=True)
def _promising(content: Bytes, start: int, end: int) -> bool:
    first, second, third = content[start:end], content[start + 1 : end + 1], content[start + 2 : end + 2]
    fourth, fifth = content[start + 3 : end + 3], content[start + 4 : end + 4]
    promising = False
    for at in range(first.size):
        byte, odd, even = first[at], third[at], fifth[at]
        utf_8 = (byte == 0xE3) & (fourth[at] == 0xE3)
        shift_jis = (byte & 0xFE == 0x82) & (odd & 0xFE == 0x82) & (even & 0xFE == 0x82)
        euc_jp = (byte & 0xFE == 0xA4) & (odd & 0xFE == 0xA4) & (even & 0xFE == 0xA4)
        reference = (byte == AMPERSAND) & (second[at] == HASH)
        escape = (byte == ESC) & (second[at] == DOLLAR)
        promising |= utf_8 | shift_jis | euc_jp | reference | escape
    return promising


@njit(cache=True, nogil=True)
def _count(content: Bytes, start: int, end: int) -> int:
    """Count the evidence that starts in ``content[start:end]``."""
    count = 0
    for at in range(start, end):
        byte = content[at]
        if byte == 0xE3:
            count += _kana_utf_8(content, at) and _kana_utf_8(content, at + 3)
        elif byte in (0x82, 0x83):
            count += _shift_jis(content, at)
        elif byte in (0xA4, 0xA5):
            count += _euc_jp(content, at)
        elif byte == AMPERSAND:
            count += _reference(content, at)
        elif byte == ESC:
            count += _iso_2022_jp(content, at)
    return count


@njit(cache=True, nogil=True)
def _kana_utf_8(content: Bytes, at: int) -> bool:
    if at + 2 >= content.size or content[at] != 0xE3:
        return False
    return bool(0x81 <= content[at + 1] <= 0x83 and content[at + 2] & 0xC0 == 0x80)


@njit(cache=True, nogil=True)
def _shift_jis(content: Bytes, at: int) -> bool:
    if at + 5 >= content.size:
        return False
    for lead in range(at, at + 6, 2):
        trail = content[lead + 1]
        hiragana = content[lead] == 0x82 and 0x9F <= trail <= 0xF1
        katakana = content[lead] == 0x83 and 0x40 <= trail <= 0x96 and trail != 0x7F
        if not (hiragana or katakana):
            return False
    return True


@njit(cache=True, nogil=True)
def _euc_jp(content: Bytes, at: int) -> bool:
    if at + 5 >= content.size:
        return False
    for lead in range(at, at + 6, 2):
        if content[lead] not in (0xA4, 0xA5) or not 0xA1 <= content[lead + 1] <= 0xF6:
            return False
    return bool(content[at + 1] != content[at + 3] or content[at + 3] != content[at + 5])


@njit(cache=True, nogil=True)
def _reference(content: Bytes, at: int) -> bool:
    """Tell whether ``&#12354;`` or ``&#x3042;`` stands here, in U+3040-30FF."""
    at += 2
    if at >= content.size or content[at - 1] != HASH:
        return False
    base = 10
    if content[at] | 0x20 == 0x78:
        base = 16
        at += 1
    value = 0
    for place in range(at, min(at + 7, content.size)):
        byte = content[place]
        if byte == SEMICOLON:
            return 0x3040 <= value <= 0x30FF
        digit = _digit(byte)
        if digit >= base:
            return False
        value = value * base + digit
    return False


@njit(cache=True, nogil=True)
def _digit(byte: int) -> int:
    if 0x30 <= byte <= 0x39:
        return byte - 0x30
    letter = byte | 0x20
    return letter - 0x57 if 0x61 <= letter <= 0x66 else 99


@njit(cache=True, nogil=True)
def _iso_2022_jp(content: Bytes, at: int) -> int:
    """Count the kana pairs from ``ESC $ @`` or ``ESC $ B`` to the next escape or control character."""
    if at + 2 >= content.size or content[at + 1] != DOLLAR or content[at + 2] not in (0x40, 0x42):
        return 0
    count = 0
    before = False
    at += 3
    while at + 1 < content.size and content[at] > SPACE and content[at + 1] > SPACE and count < ENOUGH:
        kana = content[at] in (0x24, 0x25) and 0x21 <= content[at + 1] <= 0x76
        count += before and kana
        before = kana
        at += 2
    return count
