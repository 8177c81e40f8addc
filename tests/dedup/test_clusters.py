from collections import defaultdict
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.clusters import ROUNDS, Clusters, cluster, pair_keys, split_pairs

STARTED = settings(deadline=None)  # the first example compiles the kernel
Like = Callable[[int, int], bool]


def clustered(bands: list[list[int]], like: Like, asked: list[tuple[int, int]] | None = None) -> Clusters:
    def similar(leaders: np.ndarray, members: np.ndarray) -> np.ndarray:
        pairs = list(zip(leaders.tolist(), members.tolist(), strict=True))
        assert pairs == sorted(set(pairs))
        if asked is not None:
            asked.extend(pairs)
        return np.array([like(*pair) for pair in pairs], np.bool_)

    return cluster(len(bands[0]), (np.array(keys, np.uint64) for keys in bands), similar)


def anything(_: int, __: int) -> bool:
    return True


def merged(cluster_of: list[int], pairs: list[tuple[int, int]]) -> list[int]:
    for a, b in pairs:
        least, other = sorted((cluster_of[a], cluster_of[b]))
        cluster_of = [least if root == other else root for root in cluster_of]
    return cluster_of


def twin(bands: list[list[int]], like: Like) -> list[int]:
    roots = list(range(len(bands[0])))
    buckets: list[list[int]] = []
    for keys in bands:
        members = defaultdict(list)
        for document, key in enumerate(keys):
            members[key].append(document)
        buckets += members.values()
    for _ in range(ROUNDS):
        pairs = [(bucket[0], member) for bucket in buckets for member in bucket[1:]]
        edges = [pair for pair in pairs if roots[pair[0]] == roots[pair[1]] or like(*pair)]
        roots = merged(roots, edges)
        buckets = [
            [member for member in bucket[1:] if (bucket[0], member) not in edges] for bucket in buckets if bucket
        ]
    return roots


BANDS = st.integers(1, 12).flatmap(
    lambda size: st.lists(st.lists(st.integers(0, 4), min_size=size, max_size=size), min_size=1, max_size=4)
)


@STARTED
@given(BANDS, st.sets(st.tuples(st.integers(0, 11), st.integers(0, 11))))
def test_clusters_are_those_of_the_twin(bands: list[list[int]], alike: set[tuple[int, int]]) -> None:
    def like(a: int, b: int) -> bool:
        return (a, b) in alike

    assert clustered(bands, like).roots.tolist() == twin(bands, like)


@STARTED
@given(BANDS, st.randoms())
def test_order_of_bands_decides_nothing(bands: list[list[int]], chance: st.DataObject) -> None:
    def like(a: int, b: int) -> bool:
        return (a + b) % 3 > 0

    shuffled = list(bands)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert clustered(bands, like).roots.tolist() == clustered(shuffled, like).roots.tolist()


def test_documents_are_joined_over_others() -> None:
    outcome = clustered([[1, 1, 2, 3], [4, 5, 5, 6]], anything)
    assert outcome.roots.tolist() == [0, 0, 0, 3]


def test_no_documents_have_no_clusters() -> None:
    outcome = clustered([[], []], anything)
    assert (outcome.roots.size, outcome.compared, outcome.unverified) == (0, 0, 0)


def test_members_that_a_leader_refuses_find_another() -> None:
    outcome = clustered([[7] * 5], lambda a, b: a % 2 == b % 2)
    assert outcome.roots.tolist() == [0, 1, 0, 1, 0]
    assert outcome.unverified == 0


def test_a_bucket_of_equals_costs_one_comparison_a_member() -> None:
    outcome = clustered([[7] * 5000] * 14, anything)
    assert outcome.compared == 4999
    assert not outcome.roots.any()


def test_pairs_joined_through_others_are_not_compared() -> None:
    asked: list[tuple[int, int]] = []
    refused = {(0, 2), (0, 3)}
    outcome = clustered([[1, 1, 1, 1], [2, 3, 3, 4], [5, 6, 7, 6]], lambda a, b: (a, b) not in refused, asked)
    assert asked == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3)]
    assert outcome.roots.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("documents", "unverified"), [(ROUNDS, 0), (ROUNDS + 1, 0), (ROUNDS + 2, 1), (ROUNDS + 40, 39)]
)
def test_rounds_are_bounded_and_what_is_left_is_counted(documents: int, unverified: int) -> None:
    outcome = clustered([[7] * documents], lambda _, __: False)
    assert outcome.unverified == unverified
    assert outcome.roots.tolist() == list(range(documents))
    assert outcome.compared <= ROUNDS * documents


@STARTED
@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))))
def test_pairs_survive_their_keys(pairs: list[tuple[int, int]]) -> None:
    left, right = (np.array([pair[side] for pair in pairs], np.uint32) for side in (0, 1))
    keys = pair_keys(left, right)
    assert [side.tolist() for side in split_pairs(keys)] == [left.tolist(), right.tolist()]
    assert np.argsort(keys, kind="stable").tolist() == sorted(range(len(pairs)), key=pairs.__getitem__)
