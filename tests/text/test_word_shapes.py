import numpy as np
import pyarrow as pa
from datatrove.utils.text import PUNCTUATION_SET
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.word_shapes import Word, count_words, ratio
from pipeline.text.words import WORDS

STOP_WORDS = ("の", "です", "of")
PLANES_0_AND_1 = st.text(st.characters(max_codepoint=0x1FFFF, exclude_categories=["Cs"]), min_size=1, max_size=4)
SPELLING = st.sampled_from([*STOP_WORDS, "。", "★", "１", "㎡", "行く", "ｱ", "!?"]) | PLANES_0_AND_1
DOCUMENT = st.lists(SPELLING, max_size=12)


def column(documents: list[list[str] | None]) -> tuple[pa.Array, pa.ListArray]:
    """Texts made of these words, parted by a space where the word before ends in a letter, and the words' places."""
    texts: list[str | None] = []
    words: list[list[dict[str, int]] | None] = []
    for document in documents:
        text, places = "", []
        for spelling in document or []:
            text += " " if text[-1:].isalpha() else ""
            start = len(text.encode())
            text += spelling
            places.append({"start": start, "end": len(text.encode()), "pos": 0})
        texts.append(None if document is None else text)
        words.append(None if document is None else places)
    return pa.array(texts, pa.string()), pa.array(words, WORDS.type)


def twin(document: list[str] | None) -> list[int]:
    words = document or []
    real = [word for word in words if any(char not in PUNCTUATION_SET for char in word)]
    counts = {
        Word.WORDS: len(words),
        Word.REAL: len(real),
        Word.REAL_CHARACTERS: sum(map(len, real)),
        Word.ALPHABETIC: sum(any(char.isalpha() for char in word) for word in words),
        Word.STOP: len({*STOP_WORDS} & {*words}),
    }
    return [counts[kind] for kind in Word]


@settings(deadline=None, max_examples=60)  # the first example compiles the kernel
@given(st.lists(st.none() | DOCUMENT, max_size=4))
def test_kernel_counts_as_its_twin_does(documents: list[list[str] | None]) -> None:
    assert count_words(*column(documents), STOP_WORDS).tolist() == [twin(document) for document in documents]


def test_a_slice_counts_as_the_rows_it_holds() -> None:
    texts, words = column([["猫", "の"], ["犬", "です", "。"], None, ["鳥", "of"]])
    whole = count_words(texts, words, STOP_WORDS)
    assert count_words(texts[1:], words[1:], STOP_WORDS).tolist() == whole[1:].tolist()


def test_a_stop_word_counts_once_and_only_as_a_whole_word() -> None:
    texts, words = column([["の", "の", "もの", "たの"]])
    assert count_words(texts, words, ("の", "の", "に"))[0, Word.STOP] == 1


def test_without_stop_words_none_is_present() -> None:
    texts, words = column([["の"]])
    assert count_words(texts, words, ())[0, Word.STOP] == 0


def test_unassigned_characters_beyond_plane_1_are_letters_where_their_plane_begins_with_one() -> None:
    texts, words = column([["\U0002fffd", "\U000e0101"]])
    assert count_words(texts, words, ())[0, Word.ALPHABETIC] == 1


def test_bytes_that_are_no_utf8_are_words_without_letters() -> None:
    texts = pa.array([b"\xff\xe3"]).view(pa.string())
    words = pa.array([[{"start": 0, "end": 2, "pos": 0}]], WORDS.type)
    assert count_words(texts, words, ()).tolist() == [[1, 1, 2, 0, 0]]


def test_nothing_of_nothing_is_no_number_and_something_of_nothing_is_without_bound() -> None:
    ratios = ratio(np.array([1, 0, 2]), np.array([4, 0, 0]))
    assert ratios[0] == 0.25
    assert np.isnan(ratios[1])
    assert np.isinf(ratios[2])
