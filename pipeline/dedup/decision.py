"""What becomes of each document of a block, told from the copies of its cluster that stay."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.barrier import BarrierFiles
from pipeline.dedup.ballot import Ballot
from pipeline.dedup.numbering import Numbers, Places
from pipeline.dedup.ranking import changes
from pipeline.dedup.sources import by_source, counted
from pipeline.dedup.tables import as_sketches, receive
from pipeline.stage import Mask
from pipeline.text.sketches import shared_bands, similarity

REMOVED = pa.schema(
    [
        ("row", pa.int64()),
        ("id", pa.string()),
        ("cluster_id", pa.string()),  # id of the best copy
        ("kept_id", pa.string()),  # of the copies that stay, the one most similar, which is compared with
        ("kept_part", pa.string()),
        ("bands_shared", pa.int32()),  # null where documents of a cluster are equal
        ("similarity", pa.float32()),  # Jaccard index, estimated from sketches
        ("cluster_size", pa.int32()),
    ]
)
"""One removed document. Clusters are transitive: a document similar to a removed one only can score low here."""
CHUNK = 1 << 16
"""Documents whose sketches are compared at a time."""
WEIGHT_SIZES = np.array([2, 3, 5, 100, 1000])
WEIGHTS = np.array([1, 2, 3, 5, 8, 1], np.int8)
"""How often FineWeb-2 repeats the document that is kept of a cluster, below and from each of WEIGHT_SIZES on
(Penedo et al. 2025, https://github.com/huggingface/fineweb-2)."""


@dataclass(frozen=True)
class Verdicts:
    """What is decided on m documents of a block, which are in order."""

    documents: Numbers
    stays: Mask
    best: Places
    """Row of the best copy among the winners."""
    nearest: Places
    """Row of the copy compared with."""
    bands: pa.Array
    similarity: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Decision:
    """The phase ``decisions``, a task a block."""

    ballot: Ballot
    step: str
    source: str
    """Sidecar column that names the source."""
    weighted: bool
    partitions: int

    def decide(self, files: BarrierFiles, block: int) -> Iterator[int]:
        """Decide on the parts of a block that are the run's own, and write what their sources lost."""
        winners = receive(files, "election", self.partitions, "winners", block)
        winners = winners.take(pa.array(np.argsort(winners["root"].to_numpy(), kind="stable"))).combine_chunks()
        verdicts = self._verdicts(files, block, winners)
        own = [part for part in self.ballot.numbering.parts(block) if part >= self.ballot.foreign]
        losses = []
        for part in own:
            share = self.ballot.of_part(part, verdicts.documents)
            facts = yield from self.ballot.facts(part, verdicts.documents[share], ["row", "id", self.source])
            decisions, removed = self._tables(verdicts, share, facts, winners)
            files.decide(part - self.ballot.foreign, decisions, removed)
            losses.append(counted(facts[self.source].filter(decisions["drop"]), "removed"))
            for batch in self.ballot.parts[part].sidecar([self.source]):
                losses.append(counted(batch.column(self.source), "documents"))
                yield 0
        if own:
            files.explain(f"sources-{block:05}", by_source(losses))

    def _verdicts(self, files: BarrierFiles, block: int, winners: pa.Table) -> Verdicts:
        documents, roots = self.ballot.block_members(files, block)
        of_winners = winners["root"].to_numpy()
        starts = np.flatnonzero(changes(of_winners))
        counts = np.diff(starts, append=of_winners.size)
        clusters = np.searchsorted(of_winners[starts], roots)
        stays = np.isin(documents, winners["document"].to_numpy())
        best = starts[clusters]
        nearest, shared, similar = best.copy(), np.zeros(best.size, np.int32), np.ones(best.size, np.float32)
        if self.ballot.bands is None:
            return Verdicts(documents, stays, best, nearest, pa.nulls(best.size, pa.int32()), similar)
        kept = as_sketches(winners["sketch"])
        gone = np.flatnonzero(~stays & (documents >= self.ballot.numbering.starts[self.ballot.foreign]))
        sketches = self.ballot.sketches(files, block, documents[gone])
        for start in range(0, gone.size, CHUNK):
            rows, own = gone[start : start + CHUNK], sketches[start : start + CHUNK]
            nearest[rows], similar[rows] = _nearest(kept, best[rows], counts[clusters[rows]], own)
            shared[rows] = shared_bands(kept[nearest[rows]], own, *self.ballot.bands)
        return Verdicts(documents, stays, best, nearest, pa.array(shared), similar)

    def _tables(
        self, verdicts: Verdicts, share: slice, facts: pa.Table, winners: pa.Table
    ) -> tuple[pa.Table, pa.Table]:
        """Put the verdicts on the documents of a part into its two tables."""
        best, nearest = pa.array(verdicts.best[share]), verdicts.nearest[share]
        drop = pa.array(~verdicts.stays[share])
        cluster, size = winners["id"].take(best), winners["size"].take(best)
        decided: dict[str, Any] = {
            "row": facts["row"],
            "drop": drop,
            f"{self.step}_cluster_id": cluster,
            f"{self.step}_cluster_size": size,
        }
        if self.weighted:
            weights = WEIGHTS[np.searchsorted(WEIGHT_SIZES, size.to_numpy(), side="right")]
            decided[f"{self.step}_weight"] = np.where(verdicts.stays[share], weights, np.int8(0))
        parts = self.ballot.numbering.part_of(winners["document"].to_numpy()[nearest])
        names = pa.array([part.name for part in self.ballot.parts], pa.string())
        columns = [
            facts["row"],
            facts["id"],
            cluster,
            winners["id"].take(pa.array(nearest)),
            names.take(pa.array(parts)),
            verdicts.bands[share],
            verdicts.similarity[share],
            size,
        ]
        return pa.table(decided), pa.table(columns, schema=REMOVED).filter(drop)


def _nearest(kept: Any, best: Places, counts: Places, own: Any) -> tuple[Places, npt.NDArray[np.float32]]:
    """Find for n sketches the most similar of their ``counts`` winners from row ``best`` on, and how similar it is."""
    nearest, most = best.copy(), similarity(kept[best], own).astype(np.float32)
    for place in range(1, int(counts.max(initial=0))):
        more = np.flatnonzero(counts > place)
        found = similarity(kept[best[more] + place], own[more]).astype(np.float32)
        nearer = found > most[more]
        nearest[more[nearer]], most[more[nearer]] = best[more[nearer]] + place, found[nearer]
    return nearest, most
