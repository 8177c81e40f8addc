"""Clusters from pairs, with all documents at once and span by span."""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from dedup.parts import FolderFiles
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.clusters import APART, MEMBER, TOGETHER, find_clusters
from pipeline.dedup.numbering import Numbering
from pipeline.dedup.pairs import PAIR
from pipeline.dedup.segments import SegmentWriter, received

Pair = tuple[int, int]


def clusters_of(documents: int, pairs: Iterable[Pair]) -> dict[int, int]:
    """Plain twin: every document of a cluster of two or more -> the least of it."""
    neighbours = defaultdict(set)
    for left, right in pairs:
        neighbours[left].add(right)
        neighbours[right].add(left)
    roots: dict[int, int] = {}
    for document in range(documents):
        reached = [document] if document in neighbours and document not in roots else []
        while reached:
            at = reached.pop()
            if at not in roots:
                roots[at] = document
                reached += neighbours[at]
    return roots


def found(folder: Path, pairs: Sequence[Pair], numbering: Numbering, memory: int, senders: int = 2) -> dict[int, int]:
    """Send the pairs from two files of each sender, find the clusters and check that each member came once, at home."""
    folder.mkdir(exist_ok=True)
    blocks = numbering.blocks.size - 1
    sources = [("estimates", senders, "edges"), ("indices", senders, "edges")]
    shares = [(phase, sender) for phase, _, _ in sources for sender in range(senders)]
    for place, (phase, sender) in enumerate(shares):
        with FolderFiles(folder, [], phase, sender, {}, {}).create("edges") as file:
            writer = SegmentWriter(file, blocks)
            for chunk in (pairs[place :: 2 * len(shares)], pairs[place + len(shares) :: 2 * len(shares)]):
                records = np.array(chunk, PAIR)
                writer.write(records, numbering.block_of(records["right"]))
            writer.close()
    files = FolderFiles(folder, [], "clusters", 0, {}, {})
    assert all(done >= 0 for done in find_clusters(files, sources, numbering, memory))
    members = [received(files, "clusters", 1, "members", block, MEMBER) for block in range(blocks)]
    for block, share in enumerate(members):
        assert np.all(numbering.block_of(share["document"]) == block)
    together = np.concatenate(members)
    roots = dict(zip(together["document"].tolist(), together["root"].tolist(), strict=True))
    assert len(roots) == together.size
    return roots


@settings(deadline=None, max_examples=80)
@given(st.integers(1, 40), st.data())
def test_clusters_are_the_same_whatever_the_memory_and_the_blocks(
    tmp_path_factory: pytest.TempPathFactory, documents: int, data: st.DataObject
) -> None:
    document = st.integers(0, documents - 1)
    pairs = data.draw(st.lists(st.tuples(document, document).filter(lambda pair: pair[0] < pair[1]), max_size=60))
    rows = data.draw(st.lists(st.integers(0, 5), max_size=20))
    rows = [*rows, documents - sum(rows)] if sum(rows) < documents else [documents]
    numbering = Numbering(rows, data.draw(st.integers(1, documents)))
    memory = data.draw(st.sampled_from([0, APART, 3 * APART, 9 * APART, TOGETHER * documents]))
    folder = tmp_path_factory.mktemp("run")
    assert found(folder, pairs, numbering, memory) == clusters_of(documents, pairs)


@pytest.mark.parametrize(
    "pairs",
    [
        [(at, at + 1) for at in range(299)],
        [(0, at) for at in range(1, 300)],
        [(at, 299) for at in range(299)],
        [(at, 299 - at) for at in range(150)] + [(at, at + 150) for at in range(150)],
        [],
    ],
    ids=["chain", "star of the first", "star of the last", "zigzag", "no pairs"],
)
@pytest.mark.parametrize("memory", [0, 40 * APART, 300 * TOGETHER], ids=["a block each", "spans", "together"])
def test_clusters_reach_over_all_blocks(tmp_path: Path, pairs: list[Pair], memory: int) -> None:
    random.Random(1).shuffle(pairs)
    assert found(tmp_path, pairs, Numbering([10] * 30, 10), memory) == clusters_of(300, pairs)


def test_no_documents_have_no_clusters(tmp_path: Path) -> None:
    assert found(tmp_path, [], Numbering([], 10), 0) == {}
