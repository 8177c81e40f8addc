"""Repeated character n-grams, counted by a kernel and by a plain twin."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.repeats import repeats


def twin(text: str, size: int) -> tuple[int, int]:
    points = [char for char in text if not char.isspace() and char != "\0"]
    seen: dict[tuple[str, ...], int] = {}
    covered: set[int] = set()
    for start in range(len(points) - size + 1):
        gram = tuple(points[start : start + size])
        if gram in seen:
            covered |= set(range(start, start + size))
        seen[gram] = seen.get(gram, 0) + 1
    return max(seen.values(), default=0), len(covered)


@given(
    st.lists(st.text(st.sampled_from("あい a\n　\0𠮷"), max_size=40), max_size=4),
    st.lists(st.integers(1, 12), min_size=1, max_size=3),
)
@settings(max_examples=150, deadline=None)
def test_repeats_are_those_of_the_twin(texts: list[str], sizes: list[int]) -> None:
    found = repeats(pa.array(texts, pa.string()), sizes)
    for row, text in enumerate(texts):
        assert list(zip(found.top[row], found.covered[row], strict=True)) == [twin(text, size) for size in sizes]


@pytest.mark.parametrize(
    ("text", "size", "top", "covered"),
    [
        ("雨が降る。雨 が\n降る。", 5, 2, 5),
        ("ああああ", 2, 3, 3),
        ("春夏秋冬", 2, 1, 0),
        ("春", 2, 0, 0),
        ("", 2, 0, 0),
        (None, 2, 0, 0),
    ],
)
def test_white_space_does_not_part_what_repeats(text: str | None, size: int, top: int, covered: int) -> None:
    found = repeats(pa.array([text], pa.string()), [size])
    assert (found.top.tolist(), found.covered.tolist()) == ([[top]], [[covered]])
