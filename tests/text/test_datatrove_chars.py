import pytest
from datatrove.utils.text import PUNCTUATION_SET, TERMINAL_PUNCTUATION

from pipeline.text.datatrove_chars import (
    ALPHABETIC,
    BREAK,
    DECIMAL,
    PUNCTUATION,
    SPACE,
    SYMBOL,
    TERMINAL,
    role,
    role_table,
)


@pytest.mark.parametrize(
    ("char", "roles"),
    [
        ("あ", ALPHABETIC),
        ("ー", ALPHABETIC),
        ("々", ALPHABETIC),
        ("〇", 0),
        ("①", 0),
        ("５", DECIMAL),
        ("１", SYMBOL | DECIMAL),  # stands in datatrove's set of punctuation
        ("。", SYMBOL | TERMINAL | PUNCTUATION),
        ("」", SYMBOL | PUNCTUATION),
        ("『", PUNCTUATION),
        ("★", 0),
        ("|", SYMBOL),
        ("\u3000", SPACE),
        ("\n", SPACE | BREAK),
        ("\x1f", SPACE | SYMBOL),
        ("\x85", SPACE | BREAK | SYMBOL),
        ("\u2028", SPACE | BREAK),
    ],
)
def test_role_of_a_character(char: str, roles: int) -> None:
    assert role(char) == roles


def test_no_character_that_datatrove_names_lies_beyond_the_table() -> None:
    assert max(map(ord, PUNCTUATION_SET | TERMINAL_PUNCTUATION)) < 0x20000


def test_line_breaks_are_those_of_splitlines() -> None:
    breaks = {chr(code) for code in range(0x20000) if role_table()[code] & BREAK}
    assert breaks == set("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
    assert all(char.isspace() for char in breaks)
