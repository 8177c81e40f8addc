"""Words of a list in a text: leftmost first, the longest at each place, by a trie over characters."""

import hashlib
from collections.abc import Sequence
from enum import IntEnum
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import LAST, PLANE, TABLED_PLANES, Counts, decode, entry

Keys = npt.NDArray[np.uint64]
States = npt.NDArray[np.int32]

PACKAGE = "hojichar"
PREFIX = f"{PACKAGE}:"
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
KATAKANA = (0x30A1, 0x30F4)
PROLONGED = 0x30FC
ROOT, NOWHERE = 0, -1


class Hit(IntEnum):
    """What is counted, and its column in the counts."""

    HITS = 0
    DISTINCT = 1  # different words
    CHARACTERS = 2  # characters of all hits


KINDS = len(Hit)


class Trie(NamedTuple):
    """Words as states; ROOT is the one before any character."""

    starts: States
    """By ``chars.entry``: state after a first character, -1 where no word begins with it, ROOT where ``keys`` tells."""
    keys: Keys
    """Open hash table of edges: state + 1 and character."""
    targets: States
    word: States
    """The number of the word that ends at a state, -1 for none."""
    guarded: npt.NDArray[np.bool_]
    """By word: whether a katakana beside it makes it no hit."""


def load(names: Sequence[str]) -> tuple[str, ...]:
    """Read word lists, in order; ValueError says which cannot be read."""
    return tuple(word for name in names for word in _words(name, _content(name)))


def digests(names: Sequence[str]) -> dict[str, str]:
    """Hash the content of each list, so that a changed list is a changed step."""
    return {name: hashlib.sha256(_content(name)).hexdigest() for name in names}


def _content(name: str) -> bytes:
    path = _packaged(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else Path(name)
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"word list {name}: {error.strerror or error}") from error


def _packaged(name: str) -> Path:
    """Path of a list that HojiChar ships; the package is looked up, not imported."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"word list {PREFIX}{name}: package {PACKAGE} is not installed (pip install {PACKAGE})")
    folder = Path(spec.submodule_search_locations[0], "dict")
    lists = {path.stem: path for path in sorted(folder.glob("*.txt"))}
    if name not in lists:
        raise ValueError(f"word list {PREFIX}{name}: {PACKAGE} has {', '.join(lists) or 'no lists'}")
    return lists[name]


def _words(name: str, content: bytes) -> list[str]:
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"word list {name}: not UTF-8 at byte {error.start}") from error
    stripped = [line.strip() for line in lines]
    return [word for word in stripped if word and not word.startswith("#")]


def is_katakana(word: str) -> bool:
    """Whether a word is nothing but ァ to ヴ and ー, HojiChar's class of katakana words."""
    return bool(word) and all(_beside(ord(char)) for char in word)


def build_trie(words: Sequence[str], katakana_guard: bool = False) -> Trie:
    """Build the trie of words; with the guard, katakana words are hits only where no katakana stands beside them."""
    edges: dict[tuple[int, int], int] = {}
    distinct = list(dict.fromkeys(words))
    ends = {_insert(edges, word): number for number, word in enumerate(distinct)}
    word = np.full(len(edges) + 1, NOWHERE, np.int32)
    word[list(ends)] = list(ends.values())
    starts = np.full(entry(LAST) + 1, NOWHERE, np.int32)
    for (parent, code), child in edges.items():
        if parent == ROOT:
            starts[entry(code)] = child if code < TABLED_PLANES * PLANE else ROOT
    guarded = np.array([katakana_guard and is_katakana(text) for text in distinct], np.bool_)
    parents = np.array(list(edges), np.uint64).reshape(-1, 2)
    keys = (parents[:, 0] + np.uint64(1)) << np.uint64(32) | parents[:, 1]
    table, targets = _hash_edges(keys, np.array(list(edges.values()), np.int32))
    return Trie(starts, table, targets, word, guarded)


def _insert(edges: dict[tuple[int, int], int], word: str) -> int:
    state = ROOT
    for char in word:
        state = edges.setdefault((state, ord(char)), len(edges) + 1)
    return state


def count_hits(texts: pa.Array, trie: Trie) -> Counts:
    """Count hits that do not overlap: n texts -> int64 of shape (n, len(Hit)); a null has none."""
    offsets, data = buffers(texts)
    return _count(offsets, data, trie)


@njit(cache=True, nogil=True)
def _hash_edges(keys: Keys, children: States) -> tuple[Keys, States]:
    slots = 4
    while slots < 2 * keys.size:
        slots *= 2
    table, targets = np.zeros(slots, np.uint64), np.full(slots, NOWHERE, np.int32)
    for index in range(keys.size):
        slot = _slot(table, keys[index])
        table[slot], targets[slot] = keys[index], children[index]
    return table, targets


@njit(cache=True, nogil=True, inline="always")
def _slot(table: Keys, key: np.uint64) -> np.uint64:
    mask = np.uint64(table.size - 1)
    slot = (key * GOLDEN) >> np.uint64(32) & mask
    while table[slot] != 0 and table[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return slot


@njit(cache=True, nogil=True)
def _count(offsets: Offsets, data: Bytes, trie: Trie) -> Counts:
    counts = np.zeros((offsets.size - 1, KINDS), np.int64)
    met = np.full(trie.guarded.size, NOWHERE, np.int64)
    for row in range(counts.shape[0]):
        at, stop = offsets[row], offsets[row + 1]
        previous = np.int64(0)
        while at < stop:
            code, following = decode(data, at, stop)
            if trie.starts[entry(code)] != NOWHERE:
                number, characters, end, last = longest(data, at, stop, trie, previous)
                if number != NOWHERE:
                    counts[row, Hit.HITS] += 1
                    counts[row, Hit.CHARACTERS] += characters
                    counts[row, Hit.DISTINCT] += met[number] != row
                    met[number] = row
                    code, following = last, end
            previous, at = code, following
    return counts


@njit(cache=True, nogil=True, inline="always")
def longest(data: Bytes, at: int, stop: int, trie: Trie, previous: int) -> tuple[int, int, int, int]:
    """The longest word that begins at a place: its number or -1, characters, end and last character."""
    length = 0
    found = (NOWHERE, 0, at, previous)
    code, following = decode(data, at, stop)
    state = trie.starts[entry(code)]
    state = _step(trie, ROOT, code) if state == ROOT else state
    while state != NOWHERE:
        length += 1
        at, last = following, code
        code, following = decode(data, at, stop) if at < stop else (np.int64(NOWHERE), at)
        number = trie.word[state]
        if number != NOWHERE and not (trie.guarded[number] and (_beside(previous) or _beside(code))):
            found = (number, length, at, last)
        state = _step(trie, state, code) if code != NOWHERE else NOWHERE
    return found


@njit(cache=True, nogil=True, inline="always")
def _step(trie: Trie, state: int, code: int) -> int:
    """State after one more character, -1 where no word goes on so."""
    return trie.targets[_slot(trie.keys, np.uint64(state + 1) << np.uint64(32) | np.uint64(code))]


@njit(cache=True, nogil=True, inline="always")
def _beside(code: int) -> bool:
    """Whether a character is katakana in the sense of the guard."""
    return KATAKANA[0] <= code <= KATAKANA[1] or code == PROLONGED
