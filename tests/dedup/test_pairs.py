from collections import Counter

import numpy as np
import pytest
from dedup.twins import pairs_twin
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.pairs import KEY, PAIR, WINDOW, bucket_pairs, unique_pairs

STARTED = settings(deadline=None)  # the first example compiles the kernel
KEYS = st.integers(0, 2**64 - 1)
DOCUMENTS = st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=60)
"""Document -> which of ten keys it has; the same one twice in bad luck."""


def keyed(documents: list[list[int]], keys: list[int]) -> np.ndarray:
    records = [(keys[key], document) for document, own in enumerate(documents) for key in own]
    return np.array(records, KEY)


@STARTED
@given(DOCUMENTS, st.lists(KEYS, min_size=10, max_size=10, unique=True), st.integers(0, 30), st.integers(1, 40))
def test_pairs_of_buckets_are_those_of_their_twin(
    documents: list[list[int]], keys: list[int], foreign: int, most: int
) -> None:
    records = keyed(documents, keys)
    expected = pairs_twin(records.tolist(), foreign)
    found = list(bucket_pairs(records, 0, foreign, most))
    assert Counter(pair for pairs in found for pair in pairs.tolist()) == expected
    assert all(pairs.size <= max(most, WINDOW + 1) for pairs in found)


@STARTED
@given(DOCUMENTS, st.lists(st.integers(0, 2**44 - 1), min_size=10, max_size=10, unique=True), KEYS)
def test_known_bits_of_the_keys_change_nothing(documents: list[list[int]], keys: list[int], top: int) -> None:
    records = keyed(documents, [top >> 44 << 44 | key for key in keys])
    expected = pairs_twin(records.tolist(), 0)
    for bits in (0, 3, 20):
        found = bucket_pairs(records.copy(), bits, 0, 100)
        assert Counter(pair for pairs in found for pair in pairs.tolist()) == expected


def test_keys_that_agree_in_all_counted_digits_are_still_told_apart() -> None:
    keys = np.random.default_rng(1).integers(0, 50, 4000, dtype=np.uint64)
    records = np.array(list(zip(keys, range(4000), strict=True)), KEY)
    expected = pairs_twin(records.tolist(), 0)
    assert Counter(pair for pairs in bucket_pairs(records, 0, 0, 1000) for pair in pairs.tolist()) == expected


def test_a_bucket_of_any_size_costs_a_fixed_number_of_pairs_a_document() -> None:
    records = np.array([(7, document) for document in range(100_000)], KEY)
    found = np.concatenate(list(bucket_pairs(records, 0, 0, 10_000)))
    assert found.size == 100_000 * (WINDOW + 1) - sum(range(1, WINDOW + 2))
    assert np.unique(found["right"]).size == 99_999


@pytest.mark.parametrize("count", range(2, WINDOW + 2))
def test_small_buckets_give_all_pairs(count: int) -> None:
    records = np.array([(5, document) for document in range(count)], KEY)
    (found,) = bucket_pairs(records, 0, 0, 1000)
    assert found.size == count * (count - 1) // 2


@given(st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 2**40))))
def test_unique_pairs_are_sorted_and_distinct(pairs: list[tuple[int, int]]) -> None:
    found = unique_pairs(np.array(pairs, PAIR), 2**40 + 1)
    assert found.tolist() == sorted(set(pairs))
