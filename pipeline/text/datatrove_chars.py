"""What datatrove's rules see in a character, as one table for the kernels that compute those rules."""

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from datatrove.utils.text import PUNCTUATION_SET, TERMINAL_PUNCTUATION

from pipeline.text.arrow import buffers
from pipeline.text.chars import Table, tabulate, tally
from pipeline.text.lexicon import counted

SPACE = 1
BREAK = 2
SYMBOL = 4
TERMINAL = 8
ALPHABETIC = 16
DECIMAL = 32
PUNCTUATION = 64


def role(char: str) -> int:
    """Say what datatrove's filters take a character for, as a set of bits.

    SPACE, BREAK, ALPHABETIC and DECIMAL are Python's ``isspace``, ``splitlines``, ``isalpha`` and ``isdecimal``;
    SYMBOL is datatrove's PUNCTUATION_SET, TERMINAL its TERMINAL_PUNCTUATION, PUNCTUATION Unicode's category P.
    """
    return (
        SPACE * char.isspace()
        | BREAK * (len(f"{char}{char}".splitlines()) > 1)
        | SYMBOL * (char in PUNCTUATION_SET)
        | TERMINAL * (char in TERMINAL_PUNCTUATION)
        | ALPHABETIC * char.isalpha()
        | DECIMAL * char.isdecimal()
        | PUNCTUATION * unicodedata.category(char).startswith("P")
    )


@cache
def role_table() -> Table:
    """``role`` as a table; characters from U+20000 on share the role of the first of their plane."""
    return tabulate(role)


def count_others(texts: pa.Array, roles: int) -> npt.NDArray[np.int64]:
    """Count the characters of n texts, white ones and NUL aside, that have none of these roles."""
    offsets, data = buffers(texts)
    return tally(offsets, data, _others(roles), 2)[:, 1]


@cache
def _others(roles: int) -> Table:
    return tabulate(lambda char: not role(char) & (SPACE | roles) and char != "\0")


@cache
def word_kinds() -> Table:
    """Channels of ``lexicon.fewest_words``: all words, those that are not symbols alone, those with a letter."""
    return counted(
        lambda char: not role(char) & SPACE and char != "\0",
        lambda char: not role(char) & (SPACE | SYMBOL) and char != "\0",
        lambda char: bool(role(char) & ALPHABETIC),
    )
