from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text import ngrams
from pipeline.text.chars import characters, count_chars
from pipeline.text.ngrams import Ngram, count_ngrams

ANY = st.text(st.characters(exclude_categories=["Cs"]))
CHORUS = st.lists(st.sampled_from(["雨が降る。", "雪が降る。", "風", "\n", "　", "ab", "\U00020bb7"]), max_size=40)
TEXT = st.one_of(ANY, CHORUS.map("".join))


def twin(text: str | None, size: int) -> list[int]:
    windows = Counter((text or "")[at : at + size] for at in range(len(text or "") - size + 1))
    return [len(windows), sum(count > 1 for count in windows.values())]


@settings(deadline=None, max_examples=150)  # the first example compiles the kernel
@given(st.lists(st.none() | TEXT, max_size=4), st.sampled_from([(1,), (5, 10), (2, 3, 5, 8), (1, 2, 4, 8)]))
def test_kernel_counts_as_its_twin_does(texts: list[str | None], sizes: tuple[int, ...]) -> None:
    expected = [[twin(text, size) for size in sizes] for text in texts]
    assert count_ngrams(pa.array(texts, pa.string()), sizes).tolist() == expected


@settings(deadline=None, max_examples=50)
@given(TEXT, st.integers(0, 12))
def test_a_prefix_counts_as_a_text_of_its_own(text: str, prefix: int) -> None:
    whole, cut = pa.array([text], pa.string()), pa.array([text[:prefix]], pa.string())
    assert count_ngrams(whole, (2, 4), prefix).tolist() == count_ngrams(cut, (2, 4)).tolist()


@settings(deadline=None, max_examples=50)
@given(st.lists(st.binary(), max_size=4))
def test_bytes_that_are_no_utf8_count_as_the_characters_they_are_elsewhere(contents: list[bytes]) -> None:
    column = pa.array(contents, pa.binary())
    windows = np.maximum(characters(count_chars(column)) - 1, 0)
    types, repeated = count_ngrams(column, (2,))[:, 0].T
    assert np.all(repeated <= types)
    assert np.all(types + repeated <= windows)
    assert np.array_equal(types > 0, windows > 0)


@pytest.mark.parametrize(
    ("text", "types", "repeated"),
    [
        ("あいうえおかきくけこ", 6, 0),
        ("あいうえおあいうえお", 5, 1),  # あいうえお, and four across the seam
        ("ああああああ", 1, 1),
        ("あいうえ", 0, 0),
        (None, 0, 0),
    ],
)
def test_types_of_five_characters(text: str | None, types: int, repeated: int) -> None:
    assert count_ngrams(pa.array([text], pa.string()), (5,)).tolist() == [[[types, repeated]]]


def test_a_sentence_that_comes_back_repeats_at_every_size() -> None:
    text = "きのうは一日じゅう雨だった。それで家にいた。きのうは一日じゅう雨だった。"
    counts = count_ngrams(pa.array([text]), (5, 10))[0]
    assert counts[:, Ngram.REPEATED].tolist() == [14 - 5 + 1, 14 - 10 + 1]


def test_a_long_text_is_counted_without_loss() -> None:
    text = "".join(f"{number:06d}番。" for number in range(60_000))
    assert count_ngrams(pa.array([text, text[:100]]), (8, 16)).tolist() == [
        [twin(part, 8), twin(part, 16)] for part in (text, text[:100])
    ]


def test_of_a_text_over_the_limit_the_beginning_counts() -> None:
    noise = np.random.default_rng(1).integers(0x20, 0x7F, ngrams.LONGEST, np.uint8).tobytes().decode()
    whole, cut = count_ngrams(pa.array([noise + "ああああ" * 1000, noise]), (5, 10))
    assert whole.tolist() == cut.tolist()
    assert whole[0, Ngram.TYPES] > 4_000_000
