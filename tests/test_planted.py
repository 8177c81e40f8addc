"""The planted documents of ``make bench-dedup`` are what they are said to be, and the barrier finds them."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.dedup import measure, rows_of
from benchmarks.planted import ALONE, CLUSTERED, GIANT, Planted, cluster_of, values


def test_clusters_have_the_shares_and_the_size_they_should() -> None:
    planted = Planted(200_000, 2)
    clusters = cluster_of(np.arange(planted.documents, dtype=np.uint64), planted.clusters)
    assert np.mean(clusters == 0) == pytest.approx(GIANT, rel=0.1)
    assert np.mean(clusters != ALONE) == pytest.approx(GIANT + CLUSTERED, rel=0.01)
    found, sizes = np.unique(clusters[clusters != ALONE], return_counts=True)
    assert planted.removals() == sizes.sum() - found.size


def test_members_agree_in_nine_of_ten_values_and_strangers_in_none() -> None:
    numbers = np.arange(3, dtype=np.uint64)
    one, other, stranger = values(numbers, np.array([5, 5, ALONE]), 20_000)
    assert np.mean(one == other) == pytest.approx(0.917, abs=0.01)
    assert not np.any(one == stranger)


@pytest.mark.ray
def test_the_benchmark_finds_what_is_planted(tmp_path: Path) -> None:
    found = measure(4000, tmp_path)
    assert found.removed == pytest.approx(found.planted, rel=0.01)
    assert found.memory > max(found.processes.values()) > 0
    assert {row.name.partition(": ")[2] for row in rows_of(found)} >= {"keys", "all phases", "memory of all processes"}
