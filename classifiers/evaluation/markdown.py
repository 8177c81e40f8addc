"""Markdown in which text from the web is shown and never acts."""

import re
import unicodedata
from collections.abc import Container, Iterable, Sequence

NOTHING = "–"
REPLACED = "\ufffd"


def code(text: str | None, limit: int | None = None) -> str:
    """A code span of one line with the first ``limit`` characters of a text.

    No markup, HTML or link is read inside a code span, and none ends before a run of as many backticks as began it
    (CommonMark 0.31, section 6.1). Control, format and unassigned characters, which can turn a line round, become
    U+FFFD; `|`, which ends the cell of a table even there, becomes the full-width ｜.
    """
    cut = (text or "")[:limit]
    shown = " ".join("".join(_visible(char) for char in cut).split())
    if not shown:
        return NOTHING
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    padding = " " if longest else ""
    return f"{fence}{padding}{shown}{padding}{fence}"


def plain(text: str) -> str:
    """One line of text that Markdown shows as it is."""
    return re.sub(r"[\\`*_\[\]<>&#|!~]", lambda mark: f"&#{ord(mark[0])};", " ".join(text.split()))


def table(header: Sequence[str], rows: Iterable[Sequence[str]], words: Container[str] = ()) -> str:
    """A table whose first column and those named in ``words`` are text; the others are numbers, ranged right."""
    ranges = ["---" if place == 0 or name in words else "--:" for place, name in enumerate(header)]
    lines = [_row(header), _row(ranges), *(_row(row) for row in rows)]
    return "\n".join(lines)


def number(value: float | None, digits: int = 3) -> str:
    """A figure with its digits, or a dash."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    """A share as a percentage, or a dash."""
    return NOTHING if value is None else f"{value:.{digits}%}"


def _visible(char: str) -> str:
    if char == "|":
        return "｜"
    if char.isspace():
        return " "
    return REPLACED if unicodedata.category(char).startswith("C") else char


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
