import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.word_ngrams import duplicate_ngrams, top_ngrams
from pipeline.text.words import WORDS

SIZES = (1, 2, 3, 5, 10)

WORD = st.sampled_from(["雨", "が", "降る", "降", "る", "。", "a", "ab", "b", "\U00020bb7", "\x00"])
DOCUMENT = st.lists(WORD | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3), max_size=50)


def batch(documents: list[list[str]], gap: str = "") -> tuple[pa.Array, pa.ListArray]:
    """Texts that consist of these words with ``gap`` between them, and the places of the words."""
    places = []
    for words in documents:
        at, found = 0, []
        for word in words:
            found.append({"start": at, "end": at + len(word.encode()), "pos": 0})
            at += len((word + gap).encode())
        places.append(found)
    return pa.array([gap.join(words) for words in documents], pa.string()), pa.array(places, WORDS.type)


def top_twin(words: list[str], size: int) -> int:
    grams = [" ".join(words[at : at + size]) for at in range(len(words) - size + 1)]
    most = max(map(grams.count, grams), default=0)
    return next((most * len(gram) for gram in grams if grams.count(gram) == most), 0)


def duplicate_twin(words: list[str], size: int) -> int:
    met: set[str] = set()
    at = characters = 0
    while at + size <= len(words):
        gram = "".join(words[at : at + size])
        characters += len(gram) * (gram in met)
        at += size if gram in met else 1
        met.add(gram)
    return characters


@settings(deadline=None, max_examples=150)  # the first example compiles the kernels
@given(st.lists(DOCUMENT, max_size=3), st.sampled_from(["", " ", "、"]))
def test_kernels_count_as_their_twins_do(documents: list[list[str]], gap: str) -> None:
    texts, words = batch(documents, gap)
    assert top_ngrams(texts, words, SIZES).tolist() == [[top_twin(d, n) for n in SIZES] for d in documents]
    assert duplicate_ngrams(texts, words, SIZES).tolist() == [[duplicate_twin(d, n) for n in SIZES] for d in documents]


@pytest.mark.parametrize(
    ("words", "size", "characters"),
    [
        (["雨", "が", "降る"], 2, 3),  # 雨 が, once
        (["雨", "が", "降る", "雨", "が"], 2, 6),
        (["で", "す", "です", "た", "です", "た", "で", "す"], 2, 6),  # two each; で す was first
        (["あ", "あ", "あ"], 2, 6),  # overlapping
        (["雨"], 2, 0),
        ([], 2, 0),
    ],
)
def test_the_most_frequent_ngram(words: list[str], size: int, characters: int) -> None:
    assert top_ngrams(*batch([words]), (size,)).tolist() == [[characters]]


@pytest.mark.parametrize(
    ("words", "size", "characters"),
    [
        (["雨", "が", "雨", "が"], 2, 2),
        (["あ", "あ", "あ", "あ"], 2, 2),  # passed over as a whole, so the third word meets the last alone
        (["降", "る雨", "降る", "雨"], 2, 3),  # the same string, cut elsewhere
        (["雨"], 2, 0),
        ([], 2, 0),
    ],
)
def test_ngrams_met_before(words: list[str], size: int, characters: int) -> None:
    assert duplicate_ngrams(*batch([words]), (size,)).tolist() == [[characters]]


def test_slices_nulls_and_neighbours_change_nothing() -> None:
    texts, words = batch([["雨", "が"] * 9, ["雪", "が"] * 5, ["風"]])
    alone = top_ngrams(*batch([["雪", "が"] * 5]), (2, 3)).tolist()
    assert top_ngrams(texts.slice(1, 1), words.slice(1, 1), (2, 3)).tolist() == alone
    nulls = pa.array([None, "雪"], pa.string()), pa.array([None, [{"start": 0, "end": 3, "pos": 0}]], WORDS.type)
    assert top_ngrams(*nulls, (1,)).tolist() == [[0], [1]]
    assert duplicate_ngrams(*nulls, (1,)).tolist() == [[0], [0]]
