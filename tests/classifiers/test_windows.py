"""Windows against a plain twin."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.serving.windows import windows

texts_of_any_kind = st.lists(st.none() | st.text(max_size=40), max_size=6)


def twin(texts: list[str | None], characters: int) -> list[list[str]]:
    cut = []
    for text in (text or "" for text in texts):
        size = -(-len(text) // max(1, -(-len(text) // characters)))
        cut.append([text[at : at + size] for at in range(0, len(text), size)] if text else [""])
    return cut


@settings(max_examples=200, deadline=None)
@given(texts_of_any_kind, st.integers(1, 12))
def test_windows_are_those_of_the_twin(texts: list[str | None], characters: int) -> None:
    found, firsts = windows(pa.array(texts, pa.string()), characters)
    expected = twin(texts, characters)
    assert found.to_pylist() == [window for of in expected for window in of]
    assert firsts.tolist() == np.cumsum([0, *(len(of) for of in expected)])[: len(texts)].tolist()


def test_a_slice_is_cut_like_its_copy() -> None:
    texts = pa.array(["前の文書", "春の川べりを歩くとつくしが顔を出していた", None, "後ろ"], pa.string())
    assert windows(texts.slice(1, 2), 6)[0].to_pylist() == windows(pa.array(texts[1:3].to_pylist()), 6)[0].to_pylist()


@pytest.mark.parametrize(("length", "sizes"), [(100, [100]), (101, [51, 50]), (250, [84, 84, 82])])
def test_no_window_is_a_mere_scrap(length: int, sizes: list[int]) -> None:
    found, _ = windows(pa.array(["あ" * length]), 100)
    assert [len(window) for window in found.to_pylist()] == sizes
