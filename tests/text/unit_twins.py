"""Lines and paragraphs of texts in plain Python."""

import re

import pyarrow as pa

from pipeline.text.shingles import normal_form
from pipeline.text.units import ENDERS


def form(piece: str) -> str:
    _, points = normal_form(pa.array([piece], pa.string()))
    return "".join(map(chr, points))


def bare(piece: str) -> bool:
    return not form(piece)


def holds_sentence(piece: str) -> bool:
    return bool(set(piece) & set(ENDERS)) or any(line.rstrip().endswith(".") for line in piece.split("\n"))


def spans(text: str, paragraphs: bool) -> list[tuple[int, int, int]]:
    """Where each unit begins and ends, and where the line behind it begins."""
    found: list[tuple[int, int, int]] = []
    joined = False
    for line in re.finditer(r"[^\n]*(\n|\Z)", text):
        begin, end = line.start(), line.end() - len(line[1])
        if not text[begin:end].strip():
            joined = False
            continue
        if joined:
            found[-1] = (found[-1][0], end, line.end())
        else:
            found.append((begin, end, line.end()))
        joined = paragraphs
    return found


def pieces(text: str, paragraphs: bool) -> list[str]:
    return [text[begin:end] for begin, end, _ in spans(text, paragraphs)]


def without_twin(text: str, gone: set[int], paragraphs: bool) -> str:
    if not gone:
        return text
    found = spans(text, paragraphs)
    left = ""
    solid = at = 0
    for number, (begin, end, following) in enumerate(found):
        left += "" if number - 1 in gone and blank_at_end(left) else text[at:begin]
        if number not in gone:
            solid = len(left) + end - begin
            left += text[begin:following]
        at = following
    return left[:solid] if len(found) - 1 in gone else left + text[at:]


def blank_at_end(text: str) -> bool:
    """Whether a text is empty or its last line blank."""
    return not text or (text.endswith("\n") and not text[:-1].rpartition("\n")[2].strip())
