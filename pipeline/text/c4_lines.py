"""C4's cleaning of a text line by line: which lines go, for which rule, and what is left of the text."""

from enum import IntEnum
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import Counts, Table, decode, entry
from pipeline.text.datatrove_chars import BREAK, DECIMAL, PUNCTUATION, SPACE, TERMINAL, role_table

BLANK, NEWLINE, RETURN, OPENING, CLOSING, DOT, FULL_WIDTH_DOT = 0x20, 0x0A, 0x0D, 0x5B, 0x5D, 0x2E, 0xFF0E
UPPER_A, UPPER_Z, CASE = 0x41, 0x5A, 0x20
LONGEST_CHARACTER, LEAD_MASK, CONTINUATION = 4, 0xC0, 0x80
TERMINATORS = np.frombuffer(b".?!\"'", np.uint8)
EDIT, CITATION_NEEDED = (np.frombuffer(phrase, np.uint8) for phrase in (b"[edit]", b"[citation needed]"))
DOTS = 3


class Line(IntEnum):
    """What becomes of a line, in the order in which the rules look at it, and its column in the counts."""

    LONG_WORD = 0
    NO_TERMINAL_PUNCT = 1
    FEW_WORDS = 2
    LOREM_IPSUM = 3
    JAVASCRIPT = 4
    CURLY_BRACKET = 5
    POLICY = 6
    KEPT = 7


KINDS = len(Line)
FATAL = (Line.LOREM_IPSUM, Line.CURLY_BRACKET)
"""Rules that condemn the whole text."""
SENTENCES, FIRST_FATAL = KINDS, KINDS + 1
"""Further columns: sentences of the kept lines, and which of FATAL came first, 0 where none did."""

PHRASES = {
    "lorem ipsum": Line.LOREM_IPSUM,
    "javascript": Line.JAVASCRIPT,
    "{": Line.CURLY_BRACKET,
    "terms of use": Line.POLICY,
    "privacy policy": Line.POLICY,
    "cookie policy": Line.POLICY,
    "uses cookies": Line.POLICY,
    "use of cookies": Line.POLICY,
    "use cookies": Line.POLICY,
}
"""C4's phrases as datatrove has them, in lower case."""


class Rules(NamedTuple):
    """What ``rewrite`` does besides looking for phrases; a limit that no line crosses switches a rule off."""

    by_line: bool  # otherwise by sentence
    citations: bool  # strip [12], [edit] and [citation needed]
    terminated: bool  # lines must end with one of TERMINATORS, and not with ...
    least_words: int
    longest_word: int


class _Phrases(NamedTuple):
    offsets: Offsets
    letters: Bytes
    fates: npt.NDArray[np.int64]
    heads: npt.NDArray[np.bool_]  # whether a byte begins a phrase


def rewrite(texts: pa.Array, rules: Rules, phrases: frozenset[Line]) -> tuple[pa.Array, Counts]:
    """Apply the rules, and those of PHRASES that are named, to n texts.

    Gives what is left of each, null for a null, and int64 counts of shape (n, KINDS + 2). Lines are those of Python's
    ``splitlines``, stripped, and joined by newlines; sentences are joined by spaces.
    """
    offsets, data = buffers(texts)
    counts, ends, left = _rewrite(offsets, data, role_table(), rules, _phrases(phrases))
    column = pa.Array.from_buffers(pa.large_string(), len(texts), [None, pa.py_buffer(ends), pa.py_buffer(left)])
    return pa.compute.if_else(texts.is_valid(), column, None).cast(texts.type), counts


@cache
def _phrases(fates: frozenset[Line]) -> _Phrases:
    chosen = [phrase for phrase, fate in PHRASES.items() if fate in fates]
    heads = np.zeros(256, np.bool_)
    heads[[ord(phrase[0]) for phrase in chosen]] = True
    kinds = np.array([PHRASES[phrase] for phrase in chosen], np.int64)
    return _Phrases(*buffers(pa.array(chosen, pa.large_string())), kinds, heads)


@njit(cache=True, nogil=True)
def _rewrite(
    offsets: Offsets, data: Bytes, roles: Table, rules: Rules, phrases: _Phrases
) -> tuple[Counts, npt.NDArray[np.int64], Bytes]:
    counts = np.zeros((offsets.size - 1, KINDS + 2), np.int64)
    ends = np.zeros(offsets.size, np.int64)
    room = np.int64(offsets[-1]) - offsets[0]
    left = np.empty(room + 1 if rules.by_line else 2 * room + 1, np.uint8)
    for row in range(counts.shape[0]):
        at, stop, size = offsets[row], offsets[row + 1], ends[row]
        while at < stop:
            following = _line_end(data, at, stop, roles) if rules.by_line else _sentence_end(data, at, stop, roles)
            begin, end = _strip(data, at, following, roles)
            left[size] = NEWLINE if rules.by_line else BLANK
            place = size + (counts[row, Line.KEPT] > 0)
            line = left[place : _copy(data, begin, end, left, place, roles, rules)]
            fate = _judge(data, begin, end, line, roles, rules, phrases)
            counts[row, fate] += 1
            if fate == Line.KEPT:
                counts[row, SENTENCES] += _sentences(line, roles) if rules.by_line else 1
                size = place + line.size
            elif counts[row, FIRST_FATAL] == 0 and fate in FATAL:
                counts[row, FIRST_FATAL] = fate
            at = following
        ends[row + 1] = _close(left, ends[row], size, roles)
    return counts, ends, left[: ends[-1]]


@njit(cache=True, nogil=True)
def _line_end(data: Bytes, at: int, stop: int, roles: Table) -> int:
    """Where the next line begins; \\r\\n is one break."""
    while at < stop:
        code, at = decode(data, at, stop)
        if roles[entry(code)] & BREAK:
            return at + (code == RETURN and at < stop and data[at] == NEWLINE)
    return at


@njit(cache=True, nogil=True)
def _sentence_end(data: Bytes, at: int, stop: int, roles: Table) -> int:
    """Where the next sentence begins: behind terminal punctuation that is no decimal point, at what is neither
    punctuation nor a blank."""
    ended = number = fraction = False
    while at < stop:
        code, following = decode(data, at, stop)
        kind = roles[entry(code)]
        ended &= not (fraction and kind & DECIMAL != 0)
        if ended and kind & (TERMINAL | PUNCTUATION) == 0 and code != BLANK:
            break
        fraction = number and code in (DOT, FULL_WIDTH_DOT)
        ended |= kind & TERMINAL != 0
        number = kind & DECIMAL != 0
        at = following
    return at


@njit(cache=True, nogil=True)
def _sentences(line: Bytes, roles: Table) -> int:
    at = sentences = 0
    while at < line.size:
        at = _sentence_end(line, at, line.size, roles)
        sentences += 1
    return sentences


@njit(cache=True, nogil=True)
def _strip(data: Bytes, begin: int, end: int, roles: Table) -> tuple[int, int]:
    """Where a text begins and ends without the white space around it."""
    while begin < end:
        code, following = decode(data, begin, end)
        if roles[entry(code)] & SPACE == 0:
            break
        begin = following
    while begin < end:
        last = end - 1
        while last > begin and last > end - LONGEST_CHARACTER and data[last] & LEAD_MASK == CONTINUATION:
            last -= 1
        code, following = decode(data, last, end)
        if following < end or roles[entry(code)] & SPACE == 0:
            break
        end = last
    return begin, end


@njit(cache=True, nogil=True)
def _copy(data: Bytes, at: int, end: int, left: Bytes, place: int, roles: Table, rules: Rules) -> int:
    """Copy a line to a place, without its citations if so ruled; returns where the copy ends."""
    while at < end:
        following = _citation_end(data, at, end, roles) if rules.citations and data[at] == OPENING else at
        if following == at:
            left[place] = data[at]
            place += 1
            following += 1
        at = following
    return place


@njit(cache=True, nogil=True)
def _citation_end(data: Bytes, at: int, end: int, roles: Table) -> int:
    """Where the citation that may open at a bracket ends; the same place if it is none."""
    for phrase in (EDIT, CITATION_NEEDED):
        if end - at >= phrase.size and np.all(data[at : at + phrase.size] == phrase):
            return at + phrase.size
    place = at + 1
    while place < end:
        code, following = decode(data, place, end)
        if code == CLOSING:
            return following
        if roles[entry(code)] & DECIMAL == 0:
            return at
        place = following
    return at


@njit(cache=True, nogil=True)
def _judge(data: Bytes, begin: int, end: int, line: Bytes, roles: Table, rules: Rules, phrases: _Phrases) -> int:
    """What becomes of a line: its words are those of the original, all else is asked of the copy."""
    words, longest = _words(data, begin, end, roles)
    if longest > rules.longest_word:
        return Line.LONG_WORD
    if rules.terminated and not _is_terminated(line):
        return Line.NO_TERMINAL_PUNCT
    if words < rules.least_words:
        return Line.FEW_WORDS
    return _find(line, phrases)


@njit(cache=True, nogil=True)
def _words(data: Bytes, at: int, end: int, roles: Table) -> tuple[int, int]:
    """How many words between white space a line has, and the characters of the longest."""
    words = length = longest = 0
    while at < end:
        code, at = decode(data, at, end)
        length = 0 if roles[entry(code)] & SPACE else length + 1
        words += length == 1
        longest = max(longest, length)
    return words, longest


@njit(cache=True, nogil=True)
def _is_terminated(line: Bytes) -> bool:
    if line.size == 0 or not np.any(line[-1] == TERMINATORS):
        return False
    return line.size < DOTS or not np.all(line[-DOTS:] == DOT)


@njit(cache=True, nogil=True)
def _find(line: Bytes, phrases: _Phrases) -> int:
    """The first rule, in the order of Line, of whose phrases the line has one, whatever their case; KEPT if none."""
    fate = np.int64(Line.KEPT)
    for at in range(line.size):
        if not phrases.heads[_lower(line[at])]:
            continue
        for index in range(phrases.fates.size):
            phrase = phrases.letters[phrases.offsets[index] : phrases.offsets[index + 1]]
            if phrases.fates[index] < fate and _stands_at(line, at, line.size, phrase):
                fate = phrases.fates[index]
    return int(fate)


@njit(cache=True, nogil=True)
def _stands_at(data: Bytes, at: int, end: int, phrase: Bytes) -> bool:
    if end - at < phrase.size:
        return False
    same = 0
    while same < phrase.size and _lower(data[at + same]) == phrase[same]:
        same += 1
    return same == phrase.size


@njit(cache=True, nogil=True, inline="always")
def _lower(byte: np.uint8) -> np.uint8:
    return byte | CASE if UPPER_A <= byte <= UPPER_Z else byte


@njit(cache=True, nogil=True)
def _close(left: Bytes, first: int, end: int, roles: Table) -> int:
    """Strip the text that stands between two places of the output; returns where it ends then."""
    begin, end = _strip(left, first, end, roles)
    if begin > first:
        left[first : first + end - begin] = left[begin:end].copy()
    return first + end - begin
