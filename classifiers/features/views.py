"""What a classifier sees of a text: its characters, its outline without the topic, or its words."""

import string
from collections.abc import Callable, Mapping
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit, uintp

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import SEQUENCE, THREE_BYTES, Char, Table, classify, decode, entry, tabulate
from pipeline.text.shadow import shadow
from pipeline.text.words import segment, word_arrays

Look = Literal["characters", "outline", "words"]
Places = npt.NDArray[np.int32]
Strings = tuple[Places, Bytes]
Place = np.uintp
"""A place in kernels: unsigned, since numba asks of each signed one whether it counts from the end."""

LINK = "🔗"
KANJI, KATAKANA, LETTER = "漢", "カ", "a"
ONE, TWO, THREE = np.uintp(1), np.uintp(2), np.uintp(3)
SPACE, NEWLINE, ZERO, NINE = 0x20, 0x0A, 0x30, 0x39
LONG = 0x30FC
IN_LINKS = np.isin(np.arange(256), list((string.ascii_lowercase + string.digits + "!#$%&'*+,-./:;=?@^_`{|}~").encode()))
TELLING = np.isin(np.arange(256), list(b"\n 0123456789hw"))
"""First bytes of what may become a symbol."""
SCHEMES = (b"http://", b"https://", b"www.")
HTTP, HTTPS, WWW = (np.frombuffer(scheme, np.uint8) for scheme in SCHEMES)
LINK_BYTES = np.frombuffer(LINK.encode(), np.uint8)
AS_IS, OF_WHITE, OF_DIGITS = 0, 1, 2
OF_KATAKANA = 2
SYMBOLS = np.array([list(symbol.encode().ljust(3, b"\0")) for symbol in ("\0", KANJI, KATAKANA, LETTER)], np.uint8)
WIDTHS = np.array([1, 3, 3, 1])
KINDS: Mapping[Char, int] = {Char.KANJI: 1, Char.KATAKANA: OF_KATAKANA, Char.ASCII_LETTER: 3, Char.LETTER: 3}


def first(texts: pa.Array, characters: int) -> pa.StringArray:
    """The first so many characters (code points) of n texts in UTF-8; a null has none."""
    return _strings(_first(*buffers(texts), characters))


def views(texts: pa.Array, looks: tuple[Look, ...]) -> list[pa.StringArray]:
    """Show n texts in each of some ways: that many columns of n strings; a null is seen as empty.

    ``characters``: the shadow (see ``shadow``) without what names a site or a date: 🔗 for each URL, 0 for each run of
    digits; a newline for each run of white space that holds one, a space for any other. ``outline``: the characters
    without the topic, that is style and grammar: 漢 for each run of kanji, カ for one of katakana, ``a`` for one of
    other letters; hiragana and punctuation stay, and so does ー behind anything but katakana, as in すごーい.
    ``words``: the surfaces of fugashi with unidic-lite in the characters, parted by spaces.
    """
    plain = _strings(_plain(*buffers(shadow(texts))))
    return [_LOOKS[look](plain) for look in looks]


def _outline(plain: pa.StringArray) -> pa.StringArray:
    return _strings(_outlined(*buffers(plain), _kinds()))


def _words(plain: pa.StringArray) -> pa.StringArray:
    return _strings(_joined(*buffers(plain), *word_arrays(segment(plain))[:3]))


_LOOKS: Mapping[Look, Callable[[pa.StringArray], pa.StringArray]] = {
    "characters": lambda plain: plain,
    "outline": _outline,
    "words": _words,
}


def _strings(strings: Strings) -> pa.StringArray:
    starts, data = strings
    return pa.StringArray.from_buffers(starts.size - 1, pa.py_buffer(starts), pa.py_buffer(data))


@cache
def _kinds() -> Table:
    return tabulate(lambda char: KINDS.get(classify(char), AS_IS))


@njit(cache=True, nogil=True)
def _first(offsets: Offsets, data: Bytes, characters: int) -> Strings:
    starts = np.zeros(offsets.size, np.int32)
    for row in range(offsets.size - 1):
        at, stop = offsets[row], offsets[row + 1]
        if stop - at > characters:
            for _ in range(characters):
                at += max(1, SEQUENCE[data[at]])
                if at >= stop:
                    break
            stop = min(at, stop)
        starts[row + 1] = starts[row] + stop - offsets[row]
    out = np.empty(starts[-1], np.uint8)
    for row in range(offsets.size - 1):
        size = starts[row + 1] - starts[row]
        out[starts[row] : starts[row + 1]] = data[offsets[row] : offsets[row] + size]
    return starts, out


@njit(cache=True, nogil=True)
def _plain(offsets: Offsets, data: Bytes) -> Strings:
    starts, out = np.zeros(offsets.size, np.int32), np.empty(offsets[-1] - offsets[0], np.uint8)
    size = uintp(0)
    for row in range(offsets.size - 1):
        at, stop, before = uintp(offsets[row]), uintp(offsets[row + 1]), AS_IS
        while at < stop:
            while at + TWO < stop and data[at] >> 4 == THREE_BYTES:
                out[size] = data[at]
                out[size + ONE] = data[at + ONE]
                out[size + TWO] = data[at + TWO]
                size += THREE
                at += THREE
                before = AS_IS
            if at < stop and not TELLING[data[at]]:
                out[size] = data[at]
                size += ONE
                at += ONE
                before = AS_IS
            elif at < stop:
                at, size, before = _plain_byte(data, at, stop, before, out, size)
        starts[row + 1] = size
    return starts, out[:size]


@njit(cache=True, nogil=True)
def _plain_byte(data: Bytes, at: Place, stop: Place, before: int, out: Bytes, size: Place) -> tuple[Place, Place, int]:
    """Write a byte, or a symbol for all that begins with it; return the next place, the size, and what was written."""
    byte = data[at]
    if byte in (SPACE, NEWLINE):
        if before != OF_WHITE:
            out[size] = byte
            return at + ONE, size + ONE, OF_WHITE
        if byte == NEWLINE:
            out[size - ONE] = byte
        return at + ONE, size, OF_WHITE
    if ZERO <= byte <= NINE:
        out[size] = ZERO
        return at + ONE, size + uintp(before != OF_DIGITS), OF_DIGITS
    if (byte == HTTP[0] or byte == WWW[0]) and _is_link(data, at, stop):
        while at < stop and IN_LINKS[data[at]]:
            at += ONE
        for byte in LINK_BYTES:
            out[size] = byte
            size += ONE
        return at, size, AS_IS
    out[size] = byte
    return at + ONE, size + ONE, AS_IS


@njit(cache=True, nogil=True)
def _is_link(data: Bytes, at: Place, stop: Place) -> bool:
    if _begins(data, at, stop, WWW):
        following = at + uintp(WWW.size)
        return following < stop and (ZERO <= data[following] <= NINE or ord("a") <= data[following] <= ord("z"))
    return _begins(data, at, stop, HTTP) or _begins(data, at, stop, HTTPS)


@njit(cache=True, nogil=True)
def _begins(data: Bytes, at: Place, stop: Place, prefix: Bytes) -> bool:
    same, size = uintp(0), uintp(prefix.size)
    while same < size and at + same < stop and data[at + same] == prefix[same]:
        same += ONE
    return same == size


@njit(cache=True, nogil=True)
def _outlined(offsets: Offsets, data: Bytes, kinds: Table) -> Strings:
    """No symbol has more bytes than the shortest character that it stands for."""
    starts, out = np.zeros(offsets.size, np.int32), np.empty(offsets[-1] - offsets[0], np.uint8)
    size = 0
    for row in range(offsets.size - 1):
        at, stop, before = offsets[row], offsets[row + 1], AS_IS
        while at < stop:
            code, following = decode(data, at, stop)
            kind = kinds[entry(code)]
            if kind == AS_IS or (code == LONG and before != OF_KATAKANA):
                kind = AS_IS
                for place in range(at, following):
                    out[size] = data[place]
                    size += 1
            elif kind != before:
                for place in range(WIDTHS[kind]):
                    out[size] = SYMBOLS[kind, place]
                    size += 1
            at, before = following, kind
        starts[row + 1] = size
    return starts, out[:size]


@njit(cache=True, nogil=True)
def _joined(offsets: Offsets, data: Bytes, counts: Offsets, begins: Places, ends: Places) -> Strings:
    """Words ``counts[row]`` to ``counts[row + 1]`` of a row, each a place in its text, with spaces between."""
    starts = np.zeros(offsets.size, np.int32)
    out = np.empty(np.sum(ends - begins) + begins.size, np.uint8)
    size = 0
    for row in range(offsets.size - 1):
        for word in range(counts[row], counts[row + 1]):
            if size > starts[row]:
                out[size] = SPACE
                size += 1
            for place in range(offsets[row] + begins[word], offsets[row] + ends[word]):
                out[size] = data[place]
                size += 1
        starts[row + 1] = size
    return starts, out[:size]
