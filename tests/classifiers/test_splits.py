"""Splits: what belongs together is never torn apart, and every document that measures is held out once."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.errors import ClassifierError
from classifiers.labels.grouping import connect
from classifiers.labels.reading import COLUMNS, Labelled
from classifiers.labels.splits import WHOLE, By, check_leaks, folds, held_out

SIZE = 60


def labelled(
    scores: Sequence[float | None],
    group: Sequence[str] | None = None,
    host: Sequence[str | None] | None = None,
    cluster: Sequence[int] | None = None,
    train_only: Sequence[bool] | None = None,
) -> Labelled:
    size = len(scores)
    given_: dict[str, Sequence[object] | None] = {
        "key": [f"{place:04}" for place in range(size)],
        "text": [f"文書その{place}" for place in range(size)],
        "source": ["web"] * size,
        "group": group or [f"g{place}" for place in range(size)],
        "host": host,
        "cluster": cluster or range(size),
        "weight": [1.0] * size,
        "train_only": train_only or [False] * size,
    }
    columns = {name: pa.array(given_.get(name) or [None] * size, kind) for name, kind in COLUMNS.items()}
    return Labelled(pa.table({**columns, "score": pa.array(scores, pa.float32())}), ("score",))


@st.composite
def tangled(draw: st.DrawFn) -> Labelled:
    names = st.integers(0, 30)
    rows = draw(
        st.lists(st.tuples(names, names, names, st.booleans(), st.integers(0, 5)), min_size=SIZE, max_size=SIZE)
    )
    groups, hosts, clusters, only, scores = zip(*rows, strict=True)
    return labelled(
        [float(score) for score in scores],
        [f"g{group}" for group in groups],
        [f"{host}.jp" if host > 10 else None for host in hosts],
        clusters,
        [teaches and place >= SIZE // 2 for place, teaches in enumerate(only)],
    )


@settings(max_examples=40, deadline=None)
@given(tangled(), st.sampled_from(["group", "random"]), st.integers(0, 9))
def test_clusters_hosts_and_groups_stand_on_one_side(documents: Labelled, by: By, seed: int) -> None:
    try:
        placed = folds(documents, by, 2, seed)
    except ClassifierError:  # all of them hang together
        return
    check_leaks(documents, placed, by)
    for column in WHOLE[by]:
        of: dict[object, set[int]] = {}
        for value, fold in zip(documents.table[column].to_pylist(), placed, strict=True):
            if value is not None:
                of.setdefault(value, set()).add(int(fold))
        assert all(len(places) == 1 for places in of.values())
    measured = np.sort(np.concatenate([held_out(documents, placed, fold) for fold in (0, 1)]))
    assert measured.tolist() == np.flatnonzero(~documents.train_only).tolist()


def test_a_chain_of_shared_values_is_one_unit() -> None:
    hosts, clusters = np.array([0, 0, 1, -1, -1]), np.array([0, 1, 1, 2, 3])
    assert connect([hosts, clusters]).tolist() == [0, 0, 0, 3, 4]


def test_folds_have_the_same_mix_of_levels() -> None:
    scores = [float(level) for level in range(6) for _ in range(50)]
    placed = folds(labelled(scores), "random", 5, 0)
    for fold in range(5):
        assert np.bincount(np.array(scores, int)[placed == fold]).tolist() == [10] * 6


def test_rare_levels_do_not_stop_a_split() -> None:
    placed = folds(labelled([*[3.0] * 30, 0.0, 5.0, None]), "random", 5, 0)
    assert np.bincount(placed).min() >= 6


def test_the_seed_decides_and_nothing_else() -> None:
    documents = labelled([float(place % 6) for place in range(100)])
    assert folds(documents, "random", 5, 1).tolist() == folds(documents, "random", 5, 1).tolist()
    assert folds(documents, "random", 5, 1).tolist() != folds(documents, "random", 5, 2).tolist()


def test_documents_that_only_teach_follow_what_they_belong_to() -> None:
    size = 12
    documents = labelled(
        [float(place % 2) for place in range(size)],
        cluster=[*range(10), 0, 11],
        train_only=[False] * 10 + [True, True],
    )
    placed = folds(documents, "random", 5, 0)
    assert placed[10] == placed[0] >= 0
    assert placed[11] == -1
    assert 10 not in held_out(documents, placed, int(placed[0]))


@pytest.mark.parametrize("column", ["cluster", "host", "group"])
def test_a_leak_is_found_and_named(column: str) -> None:
    shared = {
        "cluster": [7, 7, *range(10, 28)],
        "host": ["news.example.jp", "news.example.jp", *[None] * 18],
        "group": ["新聞", "新聞", *[f"g{place}" for place in range(18)]],
    }
    documents = labelled([1.0] * 20, **{column: shared[column]})  # type: ignore[arg-type]
    placed = folds(documents, "group", 2, 0)
    check_leaks(documents, placed, "group")
    for other in (1 - placed[1], -1):
        torn = placed.copy()
        torn[1] = other
        with pytest.raises(ClassifierError, match=f"^{column} {shared[column][0]!r} stands on both sides"):
            check_leaks(documents, torn, "group")


def test_groups_may_be_torn_at_random_only() -> None:
    documents = labelled([1.0] * 40, group=["a", "b"] * 20)
    placed = folds(documents, "random", 5, 0)
    check_leaks(documents, placed, "random")
    with pytest.raises(ClassifierError, match="group 'a'"):
        check_leaks(documents, placed, "group")
    with pytest.raises(ClassifierError, match="2 units for 5 folds by group"):
        folds(documents, "group", 5, 0)
