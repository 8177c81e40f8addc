import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.sha1 import BLOCK_WORDS, LANES, first_words, pad, padded_blocks, put

SIZES = [0, 1, 3, 54, 55, 56, 63, 64, 65, 119, 120, 128, 1000]


def hashed(messages: list[bytes]) -> list[int]:
    sizes = np.zeros(LANES, np.int64)
    lanes = np.zeros((BLOCK_WORDS * max(padded_blocks(len(message)) for message in messages), LANES), np.uint32)
    for lane, message in enumerate(messages):
        for at, byte in enumerate(message):
            put(lanes, lane, at, byte)
        pad(lanes, lane, len(message))
        sizes[lane] = len(message)
    return first_words(lanes, sizes)[: len(messages)].tolist()


def expected(messages: list[bytes]) -> list[int]:
    return [int.from_bytes(hashlib.sha1(message).digest()[:4]) for message in messages]


@pytest.mark.parametrize("size", SIZES)
def test_every_lane_and_length_gives_the_digest_of_hashlib(size: int) -> None:
    messages = [bytes([lane]) * size for lane in range(LANES)]
    assert hashed(messages) == expected(messages)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.binary(max_size=200), min_size=1, max_size=LANES))
def test_lanes_of_different_lengths_do_not_disturb_each_other(messages: list[bytes]) -> None:
    assert hashed(messages) == expected(messages)
