"""What the tagger's dictionary proves about the words of a text without segmenting it: how many there are at least.

MeCab chooses among the words of its dictionary and, where characters of one kind stand together, runs of them. Whatever
it chooses, no word reaches further than the longest of these, so steps of that size count no more words than it finds.
"""

import struct
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import unidic_lite
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import LEAD_BITS, PLANE, SEQUENCE, TABLED_PLANES, Table, decode, entry, tabulate

Units = npt.NDArray[np.int32]
Kinds = npt.NDArray[np.uint32]
Floors = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Run = tuple[np.uint32, int]
Traits = npt.NDArray[np.uint32]

DICTIONARY_HEADER = struct.Struct("<10I32s")
CATEGORY_NAME = 32
KIND_BITS = np.uint32((1 << 18) - 1)
WHITE, STRANGE, CHANNEL_SHIFT = np.uint32(1 << 18), np.uint32(1 << 19), np.uint32(20)
LENGTH_SHIFT, LENGTH_BITS = 26, 0xF
GROUP, INVOKE = np.uint32(1 << 30), np.uint32(1 << 31)
LONGEST_GROUP = 25
"""Characters of the longest unknown word: MeCab's ``max-grouping-size`` of 24 after the first."""
LONGEST_SURFACE = 34
"""Characters of the longest surface of unidic-lite, a face: Ｊ（ ゜∀゜）し is one of its kind."""
SPACE = 0x20
PAIR_BITS = 22
"""Bits of the number of a pair of characters: half a megabyte of flags, of which one in 25 is set."""
CHANNELS = 4
STOP_WORDS = CHANNELS - 1
"""The last channel holds the places of stop words; those before it count words."""


class Lexicon(NamedTuple):
    """Tables of the compiled dictionary."""

    units: Units
    """Double array (Darts) of the surfaces, by bytes: base and check of each unit."""
    kinds: Kinds
    """Code point of the BMP -> MeCab's character info: kinds, and how unknown words are made of them."""
    roots: Units
    """Code point of the BMP -> unit after its bytes, -1 where no surface begins with it."""
    strange: Flags
    """Code point of the BMP -> whether an unknown word can begin with it."""
    pairs: Bytes
    """Bits by ``_pair``: whether two characters stand side by side in a surface, or share the bit of two that do."""


@cache
def lexicon() -> Lexicon:
    """Load the tables of unidic-lite; ValueError if its files are not laid out as those of MeCab 0.996."""
    folder = Path(unidic_lite.DICDIR)
    content = np.memmap(folder / "sys.dic", np.uint8, "r")
    head = DICTIONARY_HEADER.unpack(content[: DICTIONARY_HEADER.size].tobytes())
    size, charset = head[6], head[10].rstrip(b"\0")
    info = np.fromfile(folder / "char.bin", np.uint8)
    names = int(info[:4].view(np.uint32)[0])
    kinds = info[4 + CATEGORY_NAME * names :]
    if charset.lower() not in (b"utf8", b"utf-8") or kinds.size != 4 * (PLANE - 1):
        raise ValueError(f"{folder}: not a dictionary of MeCab in UTF-8")
    units = content[DICTIONARY_HEADER.size : DICTIONARY_HEADER.size + size].view(np.int32).reshape(-1, 2).copy()
    roots = _roots(units)
    known = np.append(kinds.view(np.uint32), np.uint32(INVOKE))
    return Lexicon(units, kinds.view(np.uint32).copy(), roots, _strange(units, roots, known), _pairs(units))


def counted(*channels: Callable[[str], bool]) -> Table:
    """Table of up to three channels for ``fewest_words``: bit by bit, whether a word with this character counts.

    Characters beyond plane 1, of which a table knows the plane alone, count in no channel.
    """
    table = tabulate(lambda char: sum(counts(char) << bit for bit, counts in enumerate(channels)))
    table[TABLED_PLANES * PLANE :] = 0
    return table


def fewest_words(texts: pa.Array, table: Table, stop_words: Sequence[str], enough: Floors) -> Floors:
    """Count the words that n texts have at least, channel by channel: int64 of shape (n, 4).

    Channels 0 to 2 count words that hold a character of that bit in ``table`` (see ``counted``); channel 3 counts the
    distinct ``stop_words`` of one character that are words in any segmentation. Counting ends when every channel has
    reached ``enough``, of the same shape: first between characters that stand in no word side by side, then, where that
    is not enough, by the longest words. A bound holds for whatever ``words.segment`` finds in valid UTF-8.
    """
    stops = np.array(
        sorted({ord(word) for word in stop_words if len(word) == 1 and not word.isspace() and word != "\0"}), np.int64
    )
    found = _parted(*buffers(texts), lexicon().pairs, _traits(lexicon(), table), stops, enough)
    few = (found < enough).any(axis=1)
    if few.any():
        closer = _fewest(*buffers(texts.filter(pa.array(few))), lexicon(), table, stops, enough[few])
        found[few] = np.maximum(found[few], closer)
    return found


def longest_runs(texts: pa.Array, longest: int) -> Floors:
    """Bound the characters that 1, 2, ... ``longest`` words on end can have in n texts: int64 of shape (n, longest)."""
    offsets, data = buffers(texts)
    return _longest(offsets, data, lexicon().pairs, _traits(lexicon(), _visible()), longest)


@cache
def _visible() -> Table:
    return tabulate(lambda char: not char.isspace() and char != "\0")


@njit(cache=True, nogil=True)
def _roots(units: Units) -> Units:
    roots = np.full(PLANE, -1, np.int32)
    for code in range(1, PLANE):
        unit = units[0, 0]
        for byte in _encode(code):
            if byte >= 0 and unit >= 0:
                unit = _step(units, unit, byte)
        roots[code] = unit
    return roots


@njit(cache=True, nogil=True)
def _strange(units: Units, roots: Units, kinds: Kinds) -> Flags:
    strange = np.ones(PLANE, np.bool_)
    for code in range(PLANE):
        strange[code] = kinds[code] & INVOKE != 0 or roots[code] < 0 or not _ends(units, roots[code])
    return strange


@njit(cache=True, nogil=True)
def _pairs(units: Units) -> Bytes:
    """Walk all surfaces: a stack of unit, character before, character so far and bytes that it lacks."""
    bits = np.zeros(1 << PAIR_BITS - 3, np.uint8)
    stack = np.zeros((256 * 4 * LONGEST_SURFACE, 4), np.int64)
    stack[0, 0] = units[0, 0]
    size = 1
    while size:
        size -= 1
        unit, before, partial, lacking = stack[size]
        for byte in range(1, 256):
            following = _step(units, unit, byte)
            if following >= 0:
                code, lacks = (partial << 6 | byte & 0x3F, lacking - 1) if lacking else _lead(byte)
                if lacks == 0 and before:
                    place = _pair(before, code)
                    bits[place >> 3] |= np.uint8(1 << (place & 7))
                stack[size, 0], stack[size, 3] = following, lacks
                stack[size, 1], stack[size, 2] = (code, 0) if lacks == 0 else (before, code)
                size += 1
    return bits


@njit(cache=True, nogil=True, inline="always")
def _pair(before: int, code: int) -> np.int64:
    mixed = np.uint64(before) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(code) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0x94D049BB133111EB)
    return np.int64(mixed >> np.uint64(64 - PAIR_BITS))


@njit(cache=True, nogil=True)
def _lead(byte: int) -> tuple[np.int64, int]:
    """What the first byte of a character says of its code point, and how many bytes are to come."""
    length = SEQUENCE[byte]
    return np.int64(byte & LEAD_BITS[length]), length - 1


@njit(cache=True, nogil=True)
def _encode(code: int) -> tuple[int, int, int]:
    """UTF-8 of a code point of the BMP; -1 for bytes it does not have."""
    if code < 0x80:  # noqa: PLR2004
        return code, -1, -1
    if code < 0x800:  # noqa: PLR2004
        return 0xC0 | code >> 6, 0x80 | code & 0x3F, -1
    return 0xE0 | code >> 12, 0x80 | code >> 6 & 0x3F, 0x80 | code & 0x3F


@njit(cache=True, nogil=True, inline="always")
def _step(units: Units, unit: int, byte: int) -> int:
    """Unit after one more byte, -1 where no surface goes on so."""
    at = unit + byte + 1
    return units[at, 0] if units[at, 1] == unit else -1


@njit(cache=True, nogil=True, inline="always")
def _ends(units: Units, unit: int) -> bool:
    """Whether a surface ends at a unit."""
    return units[unit, 1] == unit and units[unit, 0] < 0


@njit(cache=True, nogil=True)
def _traits(tables: Lexicon, table: Table) -> Traits:
    """Per code point of the planes that ``table`` knows: kinds, STRANGE, WHITE and the channels it counts in."""
    traits = np.empty(TABLED_PLANES * PLANE, np.uint32)
    for code in range(traits.size):
        kind = _kind(tables.kinds, code)
        white = kind & tables.kinds[SPACE] & KIND_BITS != 0
        strange = code >= PLANE or tables.strange[code]
        traits[code] = (
            kind & KIND_BITS
            | np.uint32(table[code]) << CHANNEL_SHIFT
            | (STRANGE if strange else 0)
            | (WHITE if white else 0)
        )
    return traits


@njit(cache=True, nogil=True)
def _parted(
    offsets: Offsets, data: Bytes, pairs: Bytes, traits: Traits, stops: npt.NDArray[np.int64], enough: Floors
) -> Floors:
    """Count the stretches between places where a word must end."""
    found = np.zeros((offsets.size - 1, CHANNELS), np.int64)
    met = np.empty(stops.size, np.bool_)
    for row in range(found.shape[0]):
        met[:] = False
        at, stop = offsets[row], offsets[row + 1]
        first = second = third = stopping = before = length = 0
        bits, chain = np.uint32(0), np.uint32(0)
        while at < stop:
            code, at = decode(data, at, stop)
            inside, chain, trait = _can_go_on(pairs, traits, before, code, chain)
            if not inside:
                if length == 1:
                    stopping += _meet(stops, met, before)
                found[row] = first, second, third, stopping
                if _all_reached(found[row], enough[row]):
                    break
                length, bits = 0, np.uint32(0)
            fresh = trait >> CHANNEL_SHIFT & ~bits
            bits |= fresh
            first += fresh & 1
            second += fresh >> 1 & 1
            third += fresh >> 2 & 1
            before = code
            length += 1
        else:
            stopping += length == 1 and _meet(stops, met, before)
            found[row] = first, second, third, stopping
    return found


@njit(cache=True, nogil=True, inline="always")
def _can_go_on(
    pairs: Bytes, traits: Traits, before: int, code: int, chain: np.uint32
) -> tuple[bool, np.uint32, np.uint32]:
    """Whether a word can hold two characters side by side; then the chain with the second one, and its traits.

    ``chain``: the kinds of the akin characters up to the first one, with STRANGE if an unknown word can begin there.
    """
    trait = traits[code] if code < traits.size else traits[PLANE] & (KIND_BITS | STRANGE)
    own = trait & (KIND_BITS | STRANGE)
    if trait & WHITE:
        return False, np.uint32(0), trait
    if chain & trait & KIND_BITS:
        place = _pair(before, code)
        return chain & STRANGE != 0 or pairs[place >> 3] >> (place & 7) & 1 != 0, chain | own, trait
    place = _pair(before, code)
    return pairs[place >> 3] >> (place & 7) & 1 != 0, own, trait


@njit(cache=True, nogil=True)
def _fewest(
    offsets: Offsets, data: Bytes, tables: Lexicon, table: Table, stops: npt.NDArray[np.int64], enough: Floors
) -> Floors:
    found = np.zeros((offsets.size - 1, CHANNELS), np.int64)
    frontier = np.empty(STOP_WORDS, np.int64)
    met = np.empty(stops.size, np.bool_)
    for row in range(found.shape[0]):
        frontier[:] = 0
        met[:] = False
        at, stop = offsets[row], offsets[row + 1]
        place = reach = 0
        run = (np.uint32(0), 0)
        while at < stop and not _all_reached(found[row], enough[row]):
            code, following = decode(data, at, stop)
            length, run = _longest_word(data, at, following, stop, tables, code, (place, run))
            if reach <= place and length == 1:
                found[row, STOP_WORDS] += _meet(stops, met, code)
            reach = max(reach, place + length)
            bits = table[entry(code)]
            for channel in range(STOP_WORDS):
                if frontier[channel] <= place:
                    if bits >> channel & 1:
                        found[row, channel] += 1
                        frontier[channel] = max(reach, place + 1)
                    else:
                        frontier[channel] = place + 1
            at = following
            place += 1
    return found


@njit(cache=True, nogil=True)
def _longest(offsets: Offsets, data: Bytes, pairs: Bytes, traits: Traits, words: int) -> Floors:
    """Add up the stretches between places where a word must end: each word lies in one of them."""
    longest = np.zeros((offsets.size - 1, words), np.int64)
    stretches = np.zeros(words, np.int64)
    for row in range(longest.shape[0]):
        stretches[:] = 0
        at, stop = offsets[row], offsets[row + 1]
        before, chain = 0, np.uint32(0)
        parted = True
        while at < stop:
            code, at = decode(data, at, stop)
            inside, chain, trait = _can_go_on(pairs, traits, before, code, chain)
            before = code
            parted |= not inside
            if trait >> CHANNEL_SHIFT or code >= traits.size:
                if parted:
                    stretches[1:] = stretches[:-1].copy()
                    stretches[0] = 0
                parted = False
                stretches[0] += 1
                _raise(longest[row], stretches)
    return longest


@njit(cache=True, nogil=True, inline="always")
def _raise(longest: Floors, stretches: Floors) -> None:
    total = 0
    for number in range(stretches.size):
        total += stretches[number]
        longest[number] = max(longest[number], total)


@njit(cache=True, nogil=True)
def _longest_word(
    data: Bytes, at: int, following: int, stop: int, tables: Lexicon, code: int, known: tuple[int, Run]
) -> tuple[int, Run]:
    """Characters of the longest word that can begin here, 0 for a space.

    ``known``: place of this character in the text, and the run of akin characters looked at last (their kind, its end).
    """
    place, run = known
    kind = _kind(tables.kinds, code)
    if kind & tables.kinds[SPACE] & KIND_BITS:
        return 0, run
    length = _longest_surface(data, at, following, stop, tables, code)
    if length == 0 or kind & INVOKE:
        if kind != run[0] or place >= run[1]:
            run = (kind, place + _run(data, at, stop, tables.kinds))
        length = max(length, _unknown(kind, run[1] - place))
    return length, run


@njit(cache=True, nogil=True, inline="always")
def _kind(kinds: Kinds, code: int) -> np.uint32:
    """What MeCab knows of a character: a NUL is given to it as a space, and beyond the BMP it looks up 0."""
    if code == 0:
        return kinds[SPACE]
    return kinds[code] if code < kinds.size else kinds[0]


@njit(cache=True, nogil=True, inline="always")
def _all_reached(found: Floors, enough: Floors) -> bool:
    reached = True
    for channel in range(CHANNELS):
        reached &= found[channel] >= enough[channel]
    return reached


@njit(cache=True, nogil=True)
def _longest_surface(data: Bytes, at: int, following: int, stop: int, tables: Lexicon, code: int) -> int:
    """Characters of the longest surface of the dictionary that begins here, 0 for none."""
    units = tables.units
    unit = _walk(units, data, at, following) if code >= PLANE else tables.roots[code]
    length, longest = 1, 0
    for byte in data[following:stop]:
        if unit < 0:
            return longest
        if byte & 0xC0 != 0x80:  # noqa: PLR2004
            longest = length if _ends(units, unit) else longest
            length += 1
        unit = _step(units, unit, byte if byte else SPACE)
    return length if unit >= 0 and _ends(units, unit) else longest


@njit(cache=True, nogil=True)
def _walk(units: Units, data: Bytes, at: int, end: int) -> int:
    unit = units[0, 0]
    for byte in data[at:end]:
        if unit >= 0:
            unit = _step(units, unit, byte if byte else SPACE)
    return unit


@njit(cache=True, nogil=True)
def _run(data: Bytes, at: int, stop: int, kinds: Kinds) -> int:
    """Characters from here on of which each is akin to the one before it or to the first."""
    code, at = decode(data, at, stop)
    first = previous = _kind(kinds, code)
    length = 1
    while at < stop:
        code, at = decode(data, at, stop)
        kind = _kind(kinds, code)
        if (first | previous) & kind & KIND_BITS == 0:
            break
        previous = kind
        length += 1
    return length


@njit(cache=True, nogil=True, inline="always")
def _unknown(kind: np.uint32, run: int) -> int:
    """Characters of the longest unknown word that MeCab makes at the head of a run."""
    single = max(1, int(kind >> LENGTH_SHIFT) & LENGTH_BITS)
    return min(run, LONGEST_GROUP if kind & GROUP else single)


@njit(cache=True, nogil=True)
def _meet(stops: npt.NDArray[np.int64], met: npt.NDArray[np.bool_], code: int) -> bool:
    """Whether a character is a stop word that was not met before."""
    for number in range(stops.size):
        if stops[number] == code and not met[number]:
            met[number] = True
            return True
    return False
