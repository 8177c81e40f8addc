from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.arrow import buffers
from pipeline.text.chars import (
    Char,
    characters,
    classify,
    count_chars,
    japanese_letters,
    share,
    token_estimate,
    visible,
)

UNICODE = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        (Char.HIRAGANA, "ぁあんゔゖゝゞゟ゙𛀁"),
        (Char.KATAKANA, "ァアンヴヺーヽヾヿㇰｱｰﾟ"),
        (Char.KANJI, "一龠々〆〇〻㐀﨑⼀𠮷𪚥"),
        (Char.ASCII_LETTER, "AZaz"),
        (Char.LETTER, "éЖกＡｚ한ㄅ"),
        (Char.DIGIT, "09０９"),
        (Char.JAPANESE_PUNCTUATION, "、。「」『』・…！？，．｡･（）～ー".replace("ー", "")),
        (Char.SYMBOL, "!?,.-#①㈱★→♪🍣\x00\u200b"),
        (Char.SPACE, " \t\r\u3000\xa0\u2028"),
        (Char.NEWLINE, "\n"),
        (Char.REPLACEMENT, "\ufffd"),
    ],
)
def test_class_of_a_character(kind: Char, members: str) -> None:
    assert {char: classify(char) for char in members} == dict.fromkeys(members, kind)


def twin(text: str | None) -> list[int]:
    counts = Counter(classify(char) for char in text or "")
    return [counts[kind] for kind in Char]


@settings(deadline=None)  # the first example compiles the kernel
@given(st.lists(st.none() | UNICODE))
def test_kernel_counts_as_its_twin_does(texts: list[str | None]) -> None:
    assert count_chars(pa.array(texts, pa.string())).tolist() == [twin(text) for text in texts]


@settings(deadline=None)  # the first example compiles the kernel
@given(st.lists(st.none() | UNICODE, min_size=2))
def test_slices_and_large_strings_count_alike(texts: list[str | None]) -> None:
    whole = pa.array(texts, pa.string())
    assert count_chars(whole[1:]).tolist() == count_chars(whole).tolist()[1:]
    assert count_chars(whole.cast(pa.large_string())).tolist() == count_chars(whole).tolist()


@settings(deadline=None)  # the first example compiles the kernel
@given(st.lists(st.binary(max_size=40)))
def test_bytes_that_are_no_utf8_never_leave_their_row(payloads: list[bytes]) -> None:
    counts = count_chars(pa.array(payloads, pa.binary()))
    alone = [count_chars(pa.array([payload], pa.binary()))[0].tolist() for payload in payloads]
    assert counts.tolist() == alone
    assert (characters(counts) <= [len(payload) for payload in payloads]).all()


@pytest.mark.parametrize("payload", [b"\xff", b"\x80", b"\xe3\x81", b"\xf0\x9f", b"\xc0"])
def test_a_broken_sequence_counts_as_replacement(payload: bytes) -> None:
    assert count_chars(pa.array([payload], pa.binary()))[0, Char.REPLACEMENT] == len(payload)


def test_derived_counts_of_a_sentence() -> None:
    counts = count_chars(pa.array(["寿司は ３００円。\n", "", None]))
    assert characters(counts).tolist() == [10, 0, 0]
    assert visible(counts).tolist() == [8, 0, 0]
    assert japanese_letters(counts).tolist() == [4, 0, 0]


def test_the_share_of_nothing_is_zero() -> None:
    assert share(np.array([1, 0]), np.array([4, 0])).tolist() == [0.25, 0.0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("吾輩は猫である。名前はまだ無い。", 11),  # 吾輩/は/猫/で/ある/。/名前/は/まだ/無い/。
        ("インターネットでサーバーにログインする。", 7),
    ],
)
def test_token_estimate_is_near_the_words_of_unidic(text: str, words: int) -> None:
    assert token_estimate(count_chars(pa.array([text])))[0] == pytest.approx(words, abs=2)


@pytest.mark.parametrize("kind", [pa.string(), pa.binary(), pa.large_string(), pa.large_binary()])
def test_buffers_give_every_row_its_bytes(kind: pa.DataType) -> None:
    offsets, data = buffers(pa.array(["あ", None, "", "bc"], kind)[1:])
    assert [data[start:end].tobytes() for start, end in pairwise(offsets)] == [b"", b"", b"bc"]
    assert offsets.dtype == (np.int64 if "large" in str(kind) else np.int32)


@pytest.mark.parametrize("array", [pa.array([], pa.string()), pa.array(["a"])[1:]])
def test_buffers_of_an_empty_array_have_one_offset(array: pa.Array) -> None:
    assert buffers(array)[0].tolist() == [0]


def test_bytes_under_a_null_are_not_seen() -> None:
    parts = [b"\x01", np.array([0, 1, 3], np.int32), b"abc"]
    array = pa.Array.from_buffers(pa.string(), 2, [pa.py_buffer(part) for part in parts])
    assert array.to_pylist() == ["a", None]
    offsets, data = buffers(array)
    assert (offsets.tolist(), data[: offsets[-1]].tobytes()) == ([0, 1, 1], b"a")


def test_other_types_are_refused() -> None:
    with pytest.raises(TypeError, match="int64"):
        buffers(pa.array([1]))
