"""The planted documents of ``make bench-dedup`` are what they are said to be, and the barrier finds them."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import datatrove_clusters, planted_run
from benchmarks.dedup import growth, rows_of
from benchmarks.planted import ALONE, CLUSTERED, GIANT, Planted, cluster_of, id_of, values
from benchmarks.planted_run import Measured, measure
from benchmarks.results import FOLDER, ROOT
from pipeline.dedup.minhash import MinHash
from pipeline.recipe import parse

MEMORY = 2**20
"""So little that a part of 2000 documents is a block of its own."""


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


def test_removals_in_favour_of_strangers_are_mistakes() -> None:
    planted = Planted(4000, 2)
    clusters = cluster_of(np.arange(4000, dtype=np.uint64), planted.clusters)
    alone, *_ = np.flatnonzero(clusters[2000:] == ALONE).tolist()
    giant, other, *_ = np.flatnonzero(clusters == 0).tolist()
    row, *_ = np.flatnonzero(clusters[2000:] == 0).tolist()
    stranger = int(np.flatnonzero(clusters > 0)[0])
    pairs = [(row, giant), (row, other), (row, stranger), (alone, giant), (alone, 2000 + alone)]
    removed = pa.table({"row": [row for row, _ in pairs], "kept_id": [id_of(kept) for _, kept in pairs]})
    assert [planted.mistakes(1, removed.slice(place, 1)) for place in range(5)] == [0, 0, 1, 1, 1]


def test_sidecar_without_signatures_is_the_same_but_for_them(tmp_path: Path) -> None:
    planted, step = Planted(40, 2), MinHash()
    sizes, tables = [], []
    for signed in (True, False):
        sizes.append(planted.write(step, str(tmp_path), "pass", 1, signed=signed))
        (path,) = tmp_path.rglob("*.parquet")
        tables.append(pq.read_table(path))
        assert path.stat().st_size == sizes[-1]
    assert sizes[0] - sizes[1] > 20 * 4 * 112 * 0.9
    assert tables[0].drop_columns("signature").equals(tables[1])
    assert [int(id[26:-1]) for id in tables[1]["id"].to_pylist()] == list(range(20, 40))


def test_growth_is_that_of_all_phases() -> None:
    less, more = (
        Measured(size, 1, phases={"keys": seconds, "pairs": 1.0}) for size, seconds in ((1000, 1.0), (10_000, 9.0))
    )
    assert growth(less, more).ours == 5


@pytest.mark.ray
def test_the_benchmark_finds_what_is_planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [{"minhash": {"verify": "estimate", "memory": MEMORY}}]
    monkeypatch.setattr(planted_run, "RECIPE", parse({"name": "tiny", "steps": steps}))
    monkeypatch.setattr(planted_run, "SHARE_DOCUMENTS", 1)
    found = measure(4000, tmp_path)
    assert found.removed == pytest.approx(found.planted, rel=0.01)
    assert found.mistakes == 0
    assert found.memory > max(found.processes.values()) > 0
    assert found.disk > found.sidecars > 4000 * 4 * 112 * 0.9
    assert {row.name.partition(": ")[2] for row in rows_of(found)} >= {"keys", "all phases", "memory of all processes"}
    left = {path.parent.name for path in tmp_path.glob("passes/*/*/*") if path.is_file()}
    assert "facts" in left
    assert len(list(tmp_path.glob("passes/*/keys/*-sketches"))) == 2
    assert not [path for name in ("keys", "pairs", "sketched") for path in tmp_path.rglob(f"[0-9]*-{name}")]


@pytest.mark.filterwarnings("ignore")  # what the peer warns of is its own
def test_datatrove_removes_what_is_planted(tmp_path: Path) -> None:
    planted = Planted(4000, 2)
    peer = datatrove_clusters.measure(planted, MinHash(), tmp_path)
    assert peer.removed == pytest.approx(planted.removals(), rel=0.01)
    assert peer.seconds > 0


def test_page_on_scaling_says_what_was_measured() -> None:
    rows = {row["name"]: row["ours"] for row in json.loads((FOLDER / "dedup.json").read_text())["rows"]}
    page = (ROOT / "docs/scaling.md").read_text()
    figures = {
        name: rows[f"10,000,000 documents: {name}"] for name in ("all phases", "clusters", "all phases, written")
    }
    sidecar = rows["10,000,000 documents: sidecars of the pass before"] * 100
    written, core = figures["all phases, written"] * 100, figures["all phases"] / 5
    moved = sidecar + 2 * written + 3 * 112
    quoted = [
        f"*s* = {sidecar:.0f} bytes",
        f"*w* = {written:.0f} bytes",
        f"= {moved:.0f} bytes moved",
        f"*c* = {core:.0f} µs",
        f"{figures['clusters']:.1f} s at 10 million",
        *(
            f"| {name} | {documents * (sidecar + written) / 1e12:.2g} TB | {documents * moved / 1e12:.2g} TB "
            f"| {documents * core / 3.6e9:.2g} | {nodes} | {documents * core / 32e6 / nodes / 60:.0f} minutes "
            f"| {documents * moved / 1e9 / nodes / 60:.0f} minutes |"
            for name, documents, nodes in (("1 billion", 1e9, 1), ("10 billion", 1e10, 16))
        ),
    ]
    large = {row["name"]: row["ours"] for row in json.loads((FOLDER / "dedup_100m.json").read_text())["rows"]}
    seconds, memory, written, clusters = (
        large[f"100,000,000 documents: {name}"]
        for name in ("all phases", "memory of all processes", "all phases, written", "clusters")
    )
    quoted += [
        f"{seconds:.0f} s and {memory:.2f} GB in all processes",
        f"{seconds / figures['all phases']:.0f} times the seconds of 10 million",
        f"its {written:.0f} GB",
        f"{clusters:.0f} s at 100 million",
    ]
    assert [figure for figure in quoted if figure not in page] == []
