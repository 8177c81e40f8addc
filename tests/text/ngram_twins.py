"""Character and word n-grams of normal forms as strings, and documents made of words, for twins of the kernels."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import pyarrow as pa
from datasketch import MinHash
from hypothesis import strategies as st

from pipeline.text.shingles import normal_form
from pipeline.text.words import WORDS

UNICODE = st.text(st.characters(exclude_categories=["Cs"]))
ODD_WORDS = ["東京", "は", "、", "ﾊﾟﾝ", "１２", "Ａbc", "\0", "が", "か\u3099", "\ufdfa"]
WORD = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6) | st.sampled_from(ODD_WORDS)
DOCUMENTS = st.lists(st.none() | st.lists(WORD, max_size=20), max_size=4)
GAP = "\u3000"


def spoken(documents: Sequence[Sequence[str] | None]) -> tuple[pa.Array, pa.ListArray]:
    """Texts of these words, with white space between, and where the words are."""
    texts = [None if words is None else GAP.join(words) for words in documents]
    places = [None if words is None else _places(words) for words in documents]
    return pa.array(texts, pa.string()), pa.array(places, WORDS.type)


def _places(words: Sequence[str]) -> list[dict[str, int]]:
    sizes = [len(word.encode()) for word in words]
    starts = accumulate((size + len(GAP.encode()) for size in sizes), initial=0)
    return [{"start": start, "end": start + size, "pos": 0} for start, size in zip(starts, sizes, strict=False)]


def words_of(texts: pa.Array, words: pa.ListArray) -> list[list[str]]:
    """The words of each text as strings."""
    return [
        [text.encode()[place["start"] : place["end"]].decode() for place in places]
        for text, places in zip(texts.to_pylist(), words.to_pylist(), strict=True)
    ]


def char_ngrams(text: str | None, ngram: int) -> list[str]:
    return _windows(_form(text or ""), ngram)


def word_ngrams(words: Sequence[str] | None, ngram: int) -> list[str]:
    """N-grams of the words that have a normal form, joined by spaces."""
    forms = [form for form in map(_form, words or []) if form]
    return [" ".join(window) for window in _windows(forms, ngram)]


def datasketch_signature(ngrams: Sequence[str], permutations: int) -> list[int]:
    minhash = MinHash(permutations)
    minhash.update_batch([ngram.encode() for ngram in ngrams])
    return minhash.hashvalues.tolist()


def _form(text: str) -> str:
    return "".join(map(chr, normal_form(pa.array([text], pa.string()))[1]))


def _windows(units: Any, ngram: int) -> list[Any]:
    return [units[start : start + ngram] for start in range(max(len(units) - ngram + 1, 1))] if units else []
