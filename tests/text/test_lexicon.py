"""What the dictionary proves without segmentation must hold for what the tagger finds."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.lexicon import LONGEST_SURFACE, counted, fewest_words, lexicon, longest_runs
from pipeline.text.words import segment

STOPS = ["の", "に", "は", "を", "が", "て", "年", "・", "です"]
CHANNELS = counted(lambda char: not char.isspace() and char != "\0", str.isalnum, str.isalpha)
EVERYTHING = np.int64(1) << 60
KINDS = st.sampled_from(
    "あいうのはをがてかなカタルー東京都年一二三12３ａAb。、「」…・!★  　\n\t\0\x85𠮷😀🏽é한々〇ゝ\u3099\uffff"
)


def floors(texts: list[str]) -> list[list[int]]:
    return fewest_words(pa.array(texts), CHANNELS, STOPS, np.full((len(texts), 4), EVERYTHING)).tolist()


def words(text: str) -> list[str]:
    content = text.encode()
    return [content[word["start"] : word["end"]].decode() for word in segment(pa.array([text])).to_pylist()[0]]


def found(text: str) -> list[int]:
    surfaces = words(text)
    return [
        len(surfaces),
        sum(any(map(str.isalnum, surface)) for surface in surfaces),
        sum(any(map(str.isalpha, surface)) for surface in surfaces),
        len({surface for surface in surfaces if surface in STOPS}),
    ]


@given(st.one_of(st.text(max_size=80), st.text(KINDS, max_size=80)))
@settings(max_examples=400, deadline=None)
def test_no_more_words_are_promised_than_the_tagger_finds(text: str) -> None:
    (least,) = floors([text])
    assert all(low <= count for low, count in zip(least, found(text), strict=True))
    for size, bound in enumerate(longest_runs(pa.array([text]), 4)[0], start=1):
        runs = ("".join(words(text)[start : start + size]) for start in range(len(words(text))))
        assert bound >= max(map(len, runs), default=0)


def test_the_promise_is_worth_something() -> None:
    text = "祖母は籠を持って、川べりの道を歩いた。春の風が吹き、つくしが顔を出していた。" * 3
    (least,) = floors([text])
    assert least[0] > 0.8 * found(text)[0]
    assert least[3] >= 3


def test_a_stop_word_counts_only_where_no_longer_word_can_hide_it() -> None:
    assert floors(["本を", "はな"]) == [[2, 2, 2, 1], [1, 1, 1, 0]]


@pytest.mark.parametrize(
    ("text", "longest"),
    [
        ("", [0, 0]),
        (" \n", [0, 0]),
        ("雪\n国", [1, 2]),
        ("アルミを", [3, 4]),
        ("x" * 40, [40, 40]),
        ("犬\r x", [1, 2]),
    ],
)
def test_words_end_where_no_surface_holds_two_characters_and_the_tagger_does_not_group_them(
    text: str, longest: list[int]
) -> None:
    assert longest_runs(pa.array([text]), 2).tolist() == [longest]


@pytest.mark.parametrize("text", ["ヾ（゜Д゜\0）", "（\0●´Д｀●）", "Ｊ（\0゜∀゜）し"])
def test_a_nul_is_a_space_to_the_tagger_within_a_face_too(text: str) -> None:
    (least,) = floors([text])
    assert all(low <= count for low, count in zip(least, found(text), strict=True))


def test_counting_ends_when_enough_is_found() -> None:
    text = "犬も歩けば棒に当たる。" * 50
    few = fewest_words(pa.array([text]), CHANNELS, STOPS, np.array([[5, 5, 5, 0]]))[0]
    assert 5 <= few[0] < floors([text])[0][0]


def test_empty_and_null_texts_have_no_words() -> None:
    assert fewest_words(pa.array(["", None]), CHANNELS, STOPS, np.full((2, 4), EVERYTHING)).tolist() == [[0] * 4] * 2


def test_no_surface_of_the_dictionary_is_longer_than_it_is_said_to_be() -> None:
    bases, parents = lexicon().units[:, 0], lexicon().units[:, 1]
    places = np.flatnonzero(parents > 0)
    places = places[np.argsort(parents[places], kind="stable")]
    level, lengths, longest = bases[:1].astype(np.int64), np.zeros(1, np.int64), 0
    while level.size:
        first, last = (np.searchsorted(parents[places], level, side) for side in ("left", "right"))
        owners = np.repeat(np.arange(level.size), last - first)
        children = places[np.arange(owners.size) - np.repeat(np.cumsum(last - first) - last, last - first)]
        bytes_ = children - level[owners] - 1
        longest = max(longest, *lengths[owners[bytes_ == -1]], 0)
        inner = bytes_ >= 0
        lengths = lengths[owners[inner]] + (bytes_[inner] & 0xC0 != 0x80)
        level = bases[children[inner]].astype(np.int64)
    assert longest == LONGEST_SURFACE


@pytest.mark.data
@pytest.mark.parametrize("source", ["c_text_livedoor_news/livedoor", "c_text_aozora/aozora_sample"])
def test_the_promise_holds_on_real_texts(shared_data: Path, source: str) -> None:
    with (shared_data / f"{source}.jsonl").open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"][:3000] for line, _ in zip(lines, range(60), strict=False)]
    for least, text in zip(floors(texts), texts, strict=True):
        assert all(low <= count for low, count in zip(least, found(text), strict=True))
