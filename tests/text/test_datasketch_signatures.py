import random

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st
from text.ngram_twins import DOCUMENTS, UNICODE, char_ngrams, datasketch_signature, spoken, word_ngrams

from pipeline.text.datasketch_signatures import family, signatures, word_signatures
from pipeline.text.minhash import BLOCK
from pipeline.text.sha1 import LANES

TEXT = UNICODE | st.text("あア漢𠮷aé", max_size=60)
HIRAGANA = [chr(code) for code in range(0x3042, 0x3094)]
EDGES = [1, 7, 8, 9, LANES, LANES + 7, LANES + 8, BLOCK, BLOCK + 7, BLOCK + 8, 2 * BLOCK + 5]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.none() | TEXT, max_size=4), st.integers(1, 30), st.integers(1, 20))
def test_signatures_of_characters_are_datasketchs(texts: list[str | None], ngram: int, permutations: int) -> None:
    signed, valid = signatures(pa.array(texts, pa.string()), ngram, permutations)
    ngrams = [char_ngrams(text, ngram) for text in texts]
    assert signed.tolist() == [datasketch_signature(grams, permutations) for grams in ngrams]
    assert valid.tolist() == [bool(grams) for grams in ngrams]


@settings(deadline=None, max_examples=100)
@given(DOCUMENTS, st.integers(1, 7), st.integers(1, 20))
def test_signatures_of_words_are_datasketchs(documents: list[list[str] | None], ngram: int, permutations: int) -> None:
    signed, valid = word_signatures(*spoken(documents), ngram, permutations)
    ngrams = [word_ngrams(words, ngram) for words in documents]
    assert signed.tolist() == [datasketch_signature(grams, permutations) for grams in ngrams]
    assert valid.tolist() == [bool(grams) for grams in ngrams]


@pytest.mark.parametrize("size", EDGES)
def test_lanes_and_blocks_leave_no_seam(size: int) -> None:
    text = "".join(random.Random(size).choices(HIRAGANA, k=size))
    signed, _ = signatures(pa.array([text]), 8, 30)
    assert signed[0].tolist() == datasketch_signature(char_ngrams(text, 8), 30)


def test_signatures_of_texts_do_not_depend_on_their_neighbours() -> None:
    texts = ["長い文章の後に来る短い文。" * 500, "短い", "", "中くらいの長さの文章です。"]
    together, _ = signatures(pa.array(texts), 8, 112)
    alone = [signatures(pa.array([text]), 8, 112)[0][0].tolist() for text in texts]
    assert together.tolist() == alone
    assert signatures(pa.array(texts, pa.large_string())[1:], 8, 112)[0].tolist() == alone[1:]


@pytest.mark.parametrize("permutations", [1, 112, 256])
def test_constants_are_those_of_the_installed_datasketch(permutations: int) -> None:
    assert np.array_equal(family(permutations), MinHash(permutations).permutations)


def test_stored_signatures_stay_comparable() -> None:
    signed, _ = signatures(pa.array(["朝、駅前のパン屋へ行った。焼きたての食パンを二斤買う。"]), 8, 4)
    assert signed.tolist() == [[183091235, 247271415, 194129222, 588668904]]
