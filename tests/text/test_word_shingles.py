from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from text.ngram_twins import DOCUMENTS, spoken, word_ngrams, words_of

from pipeline.text.shingles import BASE, jaccard
from pipeline.text.word_shingles import word_shingles
from pipeline.text.words import segment

MASK = 2**64 - 1


def mixed(values: Sequence[int]) -> int:
    total = 0
    for value in values:
        total = (total * int(BASE) + value) & MASK
    total = ((total ^ total >> 30) * 0xBF58476D1CE4E5B9) & MASK
    total = ((total ^ total >> 27) * 0x94D049BB133111EB) & MASK
    return total ^ total >> 31


def hashed(ngram: str) -> int:
    return mixed([mixed(list(map(ord, word))) for word in ngram.split(" ")])


@settings(deadline=None, max_examples=100)
@given(DOCUMENTS, st.integers(1, 5))
def test_shingles_are_those_of_their_twin(documents: list[list[str] | None], ngram: int) -> None:
    starts, hashes = word_shingles(*spoken(documents), ngram)
    found = [hashes[start:end].tolist() for start, end in pairwise(starts)]
    assert found == [sorted(set(map(hashed, word_ngrams(words, ngram)))) for words in documents]


def index(left: str, right: str, ngram: int = 5) -> float:
    texts = pa.array([left, right])
    return float(jaccard(*word_shingles(texts, segment(texts), ngram), np.array([0]), np.array([1]))[0])


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("朝、駅前のパン屋へ行った。焼きたてを買う。", "朝，駅前のパン屋へ行った．焼きたてを買う．"),
        ("朝、駅前のパン屋へ行った。焼きたてを買う。", "朝、駅前のパン屋へ行った。\n焼きたてを買う。\n"),
        ("第12回の会議は3月に開かれた。", "第９回の会議は１１月に開かれた。"),
    ],
    ids=["punctuation", "line breaks", "digits"],
)
def test_typography_makes_no_difference(left: str, right: str) -> None:
    assert index(left, right) == 1


def test_other_words_in_the_middle_cost_the_ngrams_they_stand_in() -> None:
    texts = pa.array(["私は昨日学校で友達と本を読んだ。", "私は昨日学校で先生と本を読んだ。"])
    left, right = (set(word_ngrams(words, 5)) for words in words_of(texts, segment(texts)))
    assert 0 < len(left & right) < len(left)
    assert index(*texts.to_pylist()) == pytest.approx(len(left & right) / len(left | right))


def test_the_order_of_words_counts() -> None:
    documents = [["犬", "が", "猫", "を", "追う"], ["猫", "が", "犬", "を", "追う"]]
    pairs = np.array([0]), np.array([1])
    assert jaccard(*word_shingles(*spoken(documents), 5), *pairs) == [0]
    assert jaccard(*word_shingles(*spoken(documents), 1), *pairs) == [1]


def test_words_are_not_run_together() -> None:
    starts, hashes = word_shingles(*spoken([["日本", "人"], ["日", "本人"], ["日本人"]]), 5)
    assert starts.tolist() == [0, 1, 2, 3]
    assert len(set(hashes.tolist())) == 3


def test_shingles_of_slices_are_those_of_their_rows() -> None:
    texts, words = spoken([["一", "つ"], None, ["二", "つ", "目"], []])
    starts, hashes = word_shingles(texts, words, 2)
    sliced, found = word_shingles(texts[2:], words[2:], 2)
    assert sliced.tolist() == [0, 2, 2]
    assert found.tolist() == hashes[starts[2] :].tolist()


def test_stored_shingles_stay_comparable() -> None:
    _, hashes = word_shingles(*spoken([["パン", "屋", "へ"]]), 2)
    assert hashes.tolist() == [6308041427562717265, 17052949492069177095]
