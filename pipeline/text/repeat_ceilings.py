"""How many characters repeated runs of words can make up at most, from the characters of a text alone.

White space is in no word, so a run of words is a string of the text without its white space, of at least as many
characters as words; what holds for every such string holds for every run, wherever the words end.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.text.lexicon import LONGEST_SURFACE, longest_runs
from pipeline.text.repeats import Repeats, repeats

Mask = npt.NDArray[np.bool_]
Limits = Mapping[int, npt.NDArray[np.float64]]
"""Words in a run -> characters that such runs may make up, one number a text."""

FIRST = (2, 5, 12, 20)
"""Lengths of strings that are counted in every text; no string comes more often than its head of one of these."""
DUPLICATES = (6, 7, 8, 9, 10)
CLOSER = (2, 3, 4, 5, 8, 12, 16, 20, 24, 32)
"""Lengths that are counted where the first ones prove nothing."""


def may_repeat(texts: pa.Array, duplicate: Limits, top: Limits) -> Mask:
    """Rows of n in which runs of words that came before, or the most frequent run, may make up more than their limits.

    ``duplicate`` limits runs of 5 words and more. The most frequent run counts with the spaces that join its words,
    once for each of its occurrences.
    """
    found = repeats(texts, FIRST)
    doubt = _duplicates(found, FIRST, duplicate)
    surely = _duplicates(found, FIRST, {words: limit for words, limit in duplicate.items() if words in FIRST})
    open_rows = doubt & ~surely
    if open_rows.any():
        closer = repeats(texts.filter(pa.array(open_rows)), DUPLICATES)
        doubt[open_rows] = _duplicates(closer, DUPLICATES, _of(duplicate, open_rows))
    longest = {words: np.full(len(texts), words * LONGEST_SURFACE) for words in top}
    open_rows = ~doubt & _frequent(found, FIRST, top, longest)
    if open_rows.any():
        doubt[open_rows] = _may_be_frequent(texts.filter(pa.array(open_rows)), _of(top, open_rows))
    return doubt


def _may_be_frequent(texts: pa.Array, top: Limits) -> Mask:
    runs = longest_runs(texts, max(top))
    longest = {words: runs[:, words - 1] for words in top}
    doubt = _frequent(repeats(texts, FIRST), FIRST, top, longest)
    if doubt.any():
        closer = repeats(texts.filter(pa.array(doubt)), CLOSER)
        doubt[doubt] = _frequent(closer, CLOSER, _of(top, doubt), {words: longest[words][doubt] for words in top})
    return doubt


def _of(limits: Limits, rows: Mask) -> Limits:
    return {words: limit[rows] for words, limit in limits.items()}


def _duplicates(found: Repeats, sizes: Sequence[int], limits: Limits) -> Mask:
    """Rows in which strings that came before cover more characters than a limit."""
    above = np.zeros(len(found.top), dtype=np.bool_)
    for words, limit in limits.items():
        size = max((size for size in sizes if size <= words), default=0)
        if size:
            above |= found.covered[:, sizes.index(size)] > limit
    return above


def _frequent(
    found: Repeats, sizes: Sequence[int], limits: Limits, longest: Mapping[int, npt.NDArray[np.int64]]
) -> Mask:
    """Rows in which the most frequent string of some length, with spaces and all its occurrences, exceeds a limit."""
    above = np.zeros(len(found.top), dtype=np.bool_)
    for words, limit in limits.items():
        for column, (size, following) in enumerate(zip(sizes, (*sizes[1:], np.inf), strict=True)):
            characters = np.minimum(following - 1, longest[words])
            possible = characters >= max(size, words)
            above |= possible & (found.top[:, column] * (characters + words - 1) > limit)
    return above
