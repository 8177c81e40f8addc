"""Word n-grams of a text, as 64-bit hashes: its words each in normal form, without those that have none."""

import numpy as np
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.shingles import (
    LONGEST,
    Forms,
    Hashes,
    Points,
    Starts,
    forms,
    hash_ngrams,
    normalize,
    reserve,
    sort_unique,
)
from pipeline.text.words import Places, word_arrays

Texts = tuple[Offsets, Bytes]
WordPlaces = tuple[Offsets, Places, Places]

SPACE = 0x20
"""Stands behind every word; no normal form holds it."""
SPACED = 1
"""Points behind a word that are not its own."""


def word_shingles(texts: pa.Array, words: pa.ListArray, ngram: int) -> tuple[Starts, Hashes]:
    """Hash the set of word n-grams of n texts: n + 1 offsets into one array of 64-bit hashes, sorted, unique per text.

    ``words``: the texts' words, a column of type ``words.WORDS``. Each is put into normal form by itself (see
    ``shingles``); one that becomes empty, as punctuation does, is no word. A text of fewer than ``ngram`` words is its
    own only shingle; one of none has none.
    """
    places, starts, ends, _ = word_arrays(words)
    return _shingles(buffers(texts), (places, starts, ends), forms(), ngram)


@njit(cache=True, nogil=True)
def spell(
    texts: Texts, words: WordPlaces, row: int, tables: Forms, points: Points, begins: Starts
) -> tuple[Points, Starts, int]:
    """Write the normal forms of a text's words into ``points``, a SPACE behind each.

    ``begins`` tells where each begins, and where one more would. Returns both, grown where they were short, and how
    many words there are.
    """
    offsets, data = texts
    places, starts, ends = words
    form = np.empty(LONGEST, np.uint32)
    begins = reserve(begins, 0, places[row + 1] - places[row] + 1)
    begins[0] = count = at = 0
    for word in range(places[row], places[row + 1]):
        form, size = normalize(data, offsets[row] + starts[word], offsets[row] + ends[word], tables, form)
        if size:
            points = reserve(points, at, size + SPACED)
            points[at : at + size] = form[:size]
            points[at + size] = SPACE
            at += size + SPACED
            count += 1
            begins[count] = at
    return points, begins, count


@njit(cache=True, nogil=True)
def _shingles(texts: Texts, words: WordPlaces, tables: Forms, ngram: int) -> tuple[Starts, Hashes]:
    rows = texts[0].size - 1
    starts = np.zeros(rows + 1, np.int64)
    found = np.empty(words[1].size, np.uint64)
    points, begins = np.empty(LONGEST, np.uint32), np.empty(1, np.int64)
    hashes = np.empty(1, np.uint64)
    for row in range(rows):
        points, begins, count = spell(texts, words, row, tables, points, begins)
        hashes = reserve(hashes, 0, count)
        for word in range(count):
            size = begins[word + 1] - begins[word] - SPACED
            hash_ngrams(points[begins[word] :], size, size, hashes[word:])
        start = starts[row]
        grams = hash_ngrams(hashes, count, ngram, found[start:])
        starts[row + 1] = start + sort_unique(found[start : start + grams])
    return starts, found[: starts[-1]]
