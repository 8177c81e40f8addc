import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.sketches import shared_bands, similarity, sketches

STARTED = settings(deadline=None)  # the first example compiles the kernel
PAIRS = st.lists(st.tuples(*2 * [st.lists(st.integers(0, 2), min_size=7, max_size=7)]), min_size=1)


def arrays(pairs: list[tuple[list[int], list[int]]]) -> tuple[np.ndarray, np.ndarray]:
    left, right = np.array(pairs, np.uint8).swapaxes(0, 1)
    return left, right


@STARTED
@given(PAIRS)
def test_similarity_is_that_of_its_twin(pairs: list[tuple[list[int], list[int]]]) -> None:
    shares = [sum(x == y for x, y in zip(a, b, strict=True)) / 7 for a, b in pairs]
    expected = [max(0.0, (share - 1 / 256) / (255 / 256)) for share in shares]
    assert similarity(*arrays(pairs)) == pytest.approx(expected)


@STARTED
@given(PAIRS, st.sampled_from([(3, 2), (2, 3), (7, 1), (1, 7), (1, 1)]))
def test_shared_bands_are_those_of_their_twin(
    pairs: list[tuple[list[int], list[int]]], layout: tuple[int, int]
) -> None:
    bands, rows = layout
    spans = [slice(band * rows, (band + 1) * rows) for band in range(bands)]
    expected = [sum(a[span] == b[span] for span in spans) for a, b in pairs]
    assert shared_bands(*arrays(pairs), bands, rows).tolist() == expected


def test_a_sketch_is_the_lowest_byte_of_each_value() -> None:
    signed = np.array([[0x12345678, 0xFFFFFFFF, 0x100]], np.uint32)
    assert sketches(signed).tolist() == [[0x78, 0xFF, 0]]


def test_equal_sketches_are_alike_and_unrelated_ones_are_not() -> None:
    chance = np.random.default_rng(5)
    left, right = chance.integers(0, 256, (2, 20_000, 112), dtype=np.uint8)
    assert np.all(similarity(left[:99], left[:99]) == 1)
    assert similarity(left, right).mean() < 0.004
