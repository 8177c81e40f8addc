"""Which lines of a text are boilerplate: short ones without a sentence that are made of what pages say around texts."""

import unicodedata
from enum import IntEnum
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.boilerplate_phrases import LINES, PHRASES
from pipeline.text.chars import PLANE, TABLED_PLANES, THREE_BYTES, Counts, decode, entry, three_bytes

Symbols = npt.NDArray[np.uint16]
Trie = tuple[Symbols, npt.NDArray[np.int16], npt.NDArray[np.uint8]]
Numbers = npt.NDArray[np.int64]

WIDEST = 80
"""Width of the widest line that can be boilerplate: 40 characters, of which two of ASCII make one."""
COVERED = 0.3
"""Share of a line that phrases must exceed; the limit of Swallow Corpus v1's footer rule."""
CRUMBS = 2
"""Arrows after a space that make a line a trail of breadcrumbs."""
REACH = 10
"""Lines at either end among which boilerplate is taken."""

ENDERS = "。．！？!?｡」』"
ARROWS = ">＞›»≫"
MARKUP = "<{}=;\\"
PLANES = 17
NEWLINE, ASCII_END = 0x0A, 0x80
DROPPED, SPACE, ENDER, ARROW, MARK, OTHER, DIGIT = range(7)
FIRST_LETTER = 7
ALONE, ANYWHERE = 1, 2
BEGIN, END, BOILERPLATE = 0, 1, 2


class Count(IntEnum):
    """What is counted in a text, and its column in the counts."""

    CHARACTERS = 0  # of boilerplate lines, white space aside, before the trim
    TRIMMED = 1  # lines taken


COUNTS = len(Count)


def fold(char: str) -> str:
    """Form of a character in which phrases are looked for: lower case and half width, any digit 0, marks left out."""
    form = unicodedata.normalize("NFKC", char).lower()
    if len(form) != 1 or (unicodedata.category(form)[0] not in "LNM" and form != "©"):
        return ""
    return "0" if form.isdecimal() else form


@cache
def phrases() -> dict[str, int]:
    """Folded phrase -> ANYWHERE, or ALONE if it makes boilerplate only of a line that holds nothing else."""
    alone = dict.fromkeys(map(_folded, LINES.split()), ALONE)
    return alone | dict.fromkeys(map(_folded, " ".join(PHRASES.values()).split()), ANYWHERE)


def _folded(phrase: str) -> str:
    return "".join(map(fold, phrase))


@cache
def trie() -> Trie:
    """Symbol of each character (numbered by ``chars.entry``), child of each node by symbol, kind of each node."""
    table = phrases()
    letters = sorted({*"".join(table)} - {"0"})
    symbols = {letter: place for place, letter in enumerate(letters, FIRST_LETTER)} | {"0": DIGIT, "": DROPPED}
    children = np.zeros((1 + sum(map(len, table)), FIRST_LETTER + len(letters)), np.int16)
    kinds = np.zeros(children.shape[0], np.uint8)
    size = 1
    for phrase, kind in table.items():
        node = 0
        for symbol in (symbols[letter] for letter in phrase):
            if not children[node, symbol]:
                children[node, symbol] = size
                size += 1
            node = children[node, symbol]
        kinds[node] = kind
    tabled = [_symbol(chr(code), symbols) for code in range(TABLED_PLANES * PLANE)]
    return np.array(tabled + [OTHER] * PLANES, np.uint16), children[:size].copy(), kinds[:size].copy()


def _symbol(char: str, symbols: dict[str, int]) -> int:
    special = {ENDER: char in ENDERS, ARROW: char in ARROWS, MARK: char in MARKUP, SPACE: char.isspace()}
    return next((symbol for symbol, holds in special.items() if holds), symbols.get(fold(char), OTHER))


def trim(texts: pa.Array) -> tuple[pa.Array, Counts]:
    """Take boilerplate lines from the head and the tail of n texts: the n texts, and counts of shape (n, len(Count)).

    The head ends before the first line that holds a sentence, the tail begins after the last; each has at most REACH
    lines. Blank lines are none; they go with the line before them.
    """
    offsets, data = buffers(texts)
    counts, sizes, kept = _trim(offsets, data, trie())
    if not counts[:, Count.TRIMMED].any():
        return texts, counts
    places = np.zeros(offsets.size, offsets.dtype)
    np.cumsum(sizes, out=places[1:])
    trimmed = pa.Array.from_buffers(texts.type, len(texts), [None, pa.py_buffer(places), pa.py_buffer(kept)])
    return pc.if_else(texts.is_valid(), trimmed, pa.scalar(None, texts.type)), counts


@njit(cache=True, nogil=True)
def _trim(offsets: Offsets, data: Bytes, tables: Trie) -> tuple[Counts, Numbers, Bytes]:
    counts = np.zeros((offsets.size - 1, COUNTS), np.int64)
    sizes = np.zeros(offsets.size - 1, np.int64)
    kept = np.empty(offsets[-1] - offsets[0], np.uint8)
    ends, symbols = np.empty((2 * REACH, 3), np.int64), np.empty(WIDEST, np.uint16)
    total = 0
    for row in range(counts.shape[0]):
        text = data[offsets[row] : offsets[row + 1]]
        lines, head, tail, counts[row, Count.CHARACTERS] = _read(text, tables, symbols, ends)
        sizes[row], counts[row, Count.TRIMMED] = _copy(text, ends, lines, head, tail, kept[total:])
        total += sizes[row]
    return counts, sizes, kept[:total]


@njit(cache=True, nogil=True)
def _read(text: Bytes, tables: Trie, symbols: Symbols, ends: Numbers) -> tuple[int, int, int, int]:
    """Read a text: its lines, the end of the head, the beginning of the tail, and characters of boilerplate lines.

    Of the outermost lines ``ends`` keeps where they begin, where the next begins, and whether they are boilerplate.
    """
    lines = tail = characters = at = 0
    head = REACH
    while at < text.size:
        begin = at
        at, visible, boilerplate, sentence = _line(text, at, tables, symbols)
        if visible == 0:
            continue
        if lines:
            ends[_slot(lines - 1), END] = begin
        ends[_slot(lines), BEGIN] = begin
        ends[_slot(lines), BOILERPLATE] = boilerplate
        characters += visible * boilerplate
        head = min(head, lines) if sentence else head
        lines += 1
        tail = lines if sentence else tail
    if lines:
        ends[_slot(lines - 1), END] = text.size
    return lines, head, max(tail, lines - REACH), characters


@njit(cache=True, nogil=True)
def _copy(text: Bytes, ends: Numbers, lines: int, head: int, tail: int, kept: Bytes) -> tuple[int, int]:
    """Write the text without the boilerplate of its head and tail; return its bytes and the lines left out."""
    at = size = taken = 0
    for line in range(lines):
        if (line < head or line >= tail) and ends[_slot(line), BOILERPLATE]:
            begin = ends[_slot(line), BEGIN]
            kept[size : size + begin - at] = text[at:begin]
            size += begin - at
            at = ends[_slot(line), END]
            taken += 1
    kept[size : size + text.size - at] = text[at:]
    size += text.size - at
    while taken and at == text.size and size and kept[size - 1] == NEWLINE:
        size -= 1
    return size, taken


@njit(cache=True, nogil=True)
def _slot(line: int) -> int:
    """Place of a line in ``ends``: those of the head stay, the others go round."""
    return line if line < REACH else REACH + line % REACH


@njit(cache=True, nogil=True)
def _line(text: Bytes, at: int, tables: Trie, symbols: Symbols) -> tuple[int, int, bool, bool]:
    """One line: where the next begins, its characters but for white space, whether it is boilerplate, or a sentence."""
    end, visible, width, ended = _measure(text, at, tables)
    if width > WIDEST or visible == 0:
        return end + 1, visible, False, ended
    size, crumbs = _symbols(text[at:end], tables, symbols)
    if size == 0:
        return end + 1, visible, False, ended
    anywhere, covered = _cover(symbols[:size], tables)
    found = covered == size or (not ended and (anywhere > COVERED * size or crumbs))
    return end + 1, visible, found, ended and not found


@njit(cache=True, nogil=True)
def _measure(text: Bytes, at: int, tables: Trie) -> tuple[int, int, int, bool]:
    """A line: where it ends, its characters but for white space, their width, and whether it holds a sentence end."""
    visible = wide = 0
    ended = False
    while at < text.size:
        while at + 2 < text.size and text[at] >> 4 == THREE_BYTES and tables[0][three_bytes(text, at)] >= OTHER:
            wide += 1
            at += 3
        if at == text.size or text[at] == NEWLINE:
            break
        code, at = decode(text, at, text.size)
        symbol = tables[0][entry(code)]
        visible += symbol != SPACE and code < ASCII_END
        wide += symbol != SPACE and code >= ASCII_END
        ended |= symbol == ENDER
    return at, visible + wide, visible + 2 * wide, ended


@njit(cache=True, nogil=True)
def _symbols(line: Bytes, tables: Trie, symbols: Symbols) -> tuple[int, bool]:
    """Write the symbols of a line that phrases are made of; how many there are, and whether it is a trail of crumbs."""
    size = arrows = at = 0
    marked = spaced = False
    previous = SPACE
    while at < line.size:
        code, at = decode(line, at, line.size)
        symbol = tables[0][entry(code)]
        spaced, previous_spaced = symbol == SPACE, spaced
        if spaced:
            continue
        marked |= symbol == MARK
        arrows += symbol == ARROW and previous_spaced and size > 0
        if symbol >= OTHER and not (symbol == DIGIT and previous == DIGIT):
            symbols[size] = symbol
            size += 1
        previous = symbol
    return size, arrows >= CRUMBS and not marked


@njit(cache=True, nogil=True)
def _cover(line: Symbols, tables: Trie) -> tuple[int, int]:
    """Symbols of a line that the longest phrases cover, from left to right: those of kind ANYWHERE, and all."""
    _, children, kinds = tables
    anywhere = covered = at = 0
    while at < line.size:
        node = length = kind = 0
        for place in range(at, line.size):
            node = children[node, line[place]]
            if node == 0:
                break
            if kinds[node]:
                length, kind = place + 1 - at, kinds[node]
        anywhere += length * (kind == ANYWHERE)
        covered += length
        at += max(length, 1)
    return anywhere, covered
