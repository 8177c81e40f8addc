import re
from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.pieces import Piece, repeated_lines, repeated_paragraphs

PART = st.sampled_from(["\n", "\n\n", "雨が降る。", "雨", " ", "　", "\x85", "\x1c", "\r", "a", "\U00020bb7", "\x00"])
TEXT = st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.lists(PART, max_size=40).map("".join))


def twin(pieces: Sequence[str]) -> list[int]:
    copies = [piece for at, piece in enumerate(pieces) if piece in pieces[:at]]
    return [len(pieces), len(copies), sum(map(len, copies))]


@settings(deadline=None, max_examples=150)  # the first example compiles the kernels
@given(st.lists(st.none() | TEXT, max_size=4))
def test_kernels_count_as_their_twins_do(texts: list[str | None]) -> None:
    column = pa.array(texts, pa.string())
    assert repeated_lines(column).tolist() == [twin(re.split("\n+", text or "")) for text in texts]
    paragraphs = [re.split("\n{2,}", (text or "").strip()) for text in texts]
    assert repeated_paragraphs(column).tolist() == [twin(pieces) for pieces in paragraphs]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.binary(max_size=40), max_size=4))
def test_bytes_that_are_no_utf8_do_no_harm(contents: list[bytes]) -> None:
    column = pa.array(contents, pa.binary())
    assert repeated_lines(column)[:, Piece.PIECES].tolist() == [len(re.split(b"\n+", content)) for content in contents]
    assert all(repeated_paragraphs(column)[:, Piece.PIECES] >= 1)


@pytest.mark.parametrize(
    ("text", "lines", "paragraphs"),
    [
        ("雨。\n雨。\n雪。", [3, 1, 2], [1, 0, 0]),
        ("雨。\n\n雨。\n\n\n雪。", [3, 1, 2], [3, 1, 2]),
        ("\n雨。\n", [3, 1, 0], [1, 0, 0]),  # the two empty ends are equal lines
        ("　\n雨。\n\n雨。　", [3, 0, 0], [2, 1, 2]),
        ("", [1, 0, 0], [1, 0, 0]),
    ],
)
def test_pieces_of_a_text(text: str, lines: list[int], paragraphs: list[int]) -> None:
    assert repeated_lines(pa.array([text])).tolist() == [lines]
    assert repeated_paragraphs(pa.array([text])).tolist() == [paragraphs]
