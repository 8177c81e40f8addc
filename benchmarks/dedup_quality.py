"""How many near-duplicates the ``minhash`` step finds, and how many it takes for such, against exact Jaccard indices.

Real documents, and edits of them, are deduplicated at several thresholds. The truth at a threshold is all pairs of
documents whose exact index reaches it. datatrove's MinHash gets the same shingles and the same bands; having no
threshold, it does the same at each.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from rich.console import Console

from benchmarks.datatrove_minhash import Steps
from benchmarks.deduplicated import deduplicate
from benchmarks.documents import data_folder
from benchmarks.exact_pairs import Indices, Mask, Numbers, Pairs, exact_pairs
from benchmarks.near_duplicates import TEMPLATES, Document, near_duplicates, one_template
from benchmarks.results import FOLDER, Row, show, write
from pipeline.dedup.minhash import MinHash
from pipeline.text.minhash import Signatures, signatures

THRESHOLDS = (0.7, 0.8, 0.9)
NGRAM, BANDS, ROWS = 8, 14, 8
"""Characters of a shingle; bands and values of each, the same at every threshold: FineWeb's."""
LIBRARIES = ("datatrove", "numba", "numpy", "pyarrow")
ALL, ALL_BUT_TEMPLATES = "all", "all but templates"
NOTES = (
    "peer: datatrove's MinHash on the same shingles, 14 bands of 8; it has no threshold and does the same at each",
    "pairs: those of documents whose exact Jaccard index reaches the threshold, out of all pairs of the set",
    "recall: share of these pairs that end in one cluster; predicted: share that has a band in common by 1-(1-s^8)^14",
    "in one band, yet apart: such pairs in different clusters; a bucket of more than 8 compares only some of its pairs",
    "precision, joined: share of the directly joined pairs that are among these; a joined pair was accepted by itself",
    "precision, together: share of all pairs in one cluster, joined over others too, that are among these",
)


class Joined(Protocol):
    """What a deduplication made of n documents."""

    @property
    def left(self) -> Numbers:
        """Lesser document of the pairs that were joined directly."""

    @property
    def right(self) -> Numbers:
        """Greater document of these pairs."""

    @property
    def clusters(self) -> Numbers:
        """The least document of each document's cluster."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Numbers of pairs: in the truth, of those in one cluster; joined, of those in the truth; in one cluster."""

    true: int
    found: int
    joined: int
    rightly_joined: int
    together: int

    @property
    def recall(self) -> float:
        """Share of the true pairs that are in one cluster."""
        return share(self.found, self.true)

    @property
    def precision(self) -> float:
        """Share of the joined pairs that are true."""
        return share(self.rightly_joined, self.joined)

    @property
    def precision_together(self) -> float:
        """Share of the pairs in one cluster that are true."""
        return share(self.found, self.together)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--output", type=Path, default=FOLDER / "dedup_quality.json")
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        parser.error(f"no real data at {arguments.data}: set MIGAKI_DATA")
    documents = near_duplicates(arguments.data)
    rows = [*quality_rows(documents), *quality_rows(one_template(arguments.data))]
    show("Quality of deduplication", rows, Console())
    size = f"{len(documents)} documents, {sum(len(document.text) for document in documents) / 1e6:.1f} M characters"
    write(arguments.output, rows, LIBRARIES, [size, *NOTES])


def quality_rows(documents: list[Document]) -> Iterator[Row]:
    """Measure everything: for each threshold, all documents together, all but the templates, and set by set."""
    texts = pa.array([document.text for document in documents], pa.string())
    pairs = exact_pairs(texts, NGRAM, min(THRESHOLDS))
    banded = in_one_band(signatures(texts, NGRAM, BANDS * ROWS)[0], pairs)
    with tempfile.TemporaryDirectory() as folder:
        theirs = Steps(Path(folder), NGRAM, BANDS, ROWS).run(texts)
    for threshold in THRESHOLDS:
        with tempfile.TemporaryDirectory() as folder:
            ours = deduplicate(step(threshold), texts, Path(folder))
        reaching = pairs.index >= threshold
        for name, members in groups(documents).items():
            chosen = reaching & members[pairs.left] & members[pairs.right]
            yield from _rows(f"{name}, {threshold}", pairs.where(chosen), banded[chosen], ours, theirs, members)


def groups(documents: list[Document]) -> dict[str, Mask]:
    """Return which documents are members of what is measured by itself: every set, and if there are several, these."""
    sets = np.array([document.set for document in documents])
    names = sorted(set(sets.tolist()))
    single = {name: sets == name for name in names}
    if len(names) == 1:
        return single
    return {ALL: np.ones(sets.size, np.bool_), ALL_BUT_TEMPLATES: ~np.isin(sets, list(TEMPLATES)), **single}


def step(threshold: float, **options: Any) -> MinHash:
    """Return the step that is measured."""
    return MinHash(ngram=NGRAM, bands=BANDS, rows=ROWS, threshold=threshold, **options)


def _rows(name: str, truth: Pairs, banded: Mask, ours: Joined, theirs: Joined, members: Mask) -> Iterator[Row]:
    own, peer = judge(truth, ours, members), judge(truth, theirs, members)
    yield Row(f"{name}: pairs", own.true, None, "pairs")
    if own.true:
        apart = banded & (ours.clusters[truth.left] != ours.clusters[truth.right])
        yield Row(f"{name}: recall", own.recall, peer.recall, "share")
        yield Row(f"{name}: recall predicted", float(np.mean(predicted(truth.index))), None, "share")
        yield Row(f"{name}: in one band, yet apart", int(apart.sum()), None, "pairs")
    if own.joined:
        yield Row(f"{name}: precision, joined", own.precision, peer.precision, "share")
        yield Row(f"{name}: precision, together", own.precision_together, peer.precision_together, "share")


def judge(truth: Pairs, outcome: Joined, members: Mask) -> Quality:
    """Count pairs of which both documents are members."""
    inside = truth.where(members[truth.left] & members[truth.right])
    joined = members[outcome.left] & members[outcome.right]
    keys = outcome.left[joined] * members.size + outcome.right[joined]
    sizes = np.unique(outcome.clusters[members], return_counts=True)[1]
    return Quality(
        true=inside.size,
        found=int(np.sum(outcome.clusters[inside.left] == outcome.clusters[inside.right])),
        joined=keys.size,
        rightly_joined=int(np.isin(keys, inside.left * members.size + inside.right).sum()),
        together=int(np.sum(sizes * (sizes - 1) // 2)),
    )


def in_one_band(signed: Signatures, pairs: Pairs) -> Mask:
    """Tell which pairs of documents have a band of their signatures in common."""
    left, right = (signed[side].reshape(-1, BANDS, ROWS) for side in (pairs.left, pairs.right))
    return (left == right).all(axis=2).any(axis=1)  # type: ignore[no-any-return]


def predicted(index: Indices) -> Indices:
    """Probability that documents with these Jaccard indices s share one of b bands of r values: 1-(1-s^r)^b.

    The formula: Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.
    """
    return 1 - (1 - index**ROWS) ** BANDS


def share(some: int, whole: int) -> float:
    """Part of a whole; all of nothing, since nothing in it is wrong."""
    return some / whole if whole else 1.0


if __name__ == "__main__":
    main()
