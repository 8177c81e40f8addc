"""The election of the copies that stay: candidates of each block, then winners of each cluster, told to its blocks.

A block sends no more candidates of a cluster than may stay, so that the largest cluster fits into any task.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.barrier import BarrierFiles
from pipeline.dedup.ballot import Ballot
from pipeline.dedup.numbering import Numbers, Places
from pipeline.dedup.preference import Key, sidecar_column
from pipeline.dedup.ranking import STANDING, by_preference, changes
from pipeline.dedup.tables import as_column, ranges, receive, send
from pipeline.stage import Mask

KEPT_ELSEWHERE, REMOVED_ELSEWHERE, OWN = 0, 1, 2
"""Standings: a document kept in an older corpus, one that was removed there, and one of the run."""


@dataclass(frozen=True)
class Election:
    """The phases ``facts``, a task a block, and ``election``, a task a partition of the roots."""

    ballot: Ballot
    keep: Sequence[Key]
    seats: int
    """Copies of a cluster that stay."""
    partitions: int

    def nominate(self, files: BarrierFiles, block: int) -> Iterator[int]:
        """Send the best documents of each cluster in a block to the partition of its root.

        Where the first of them was removed by an older corpus, one more goes along, in case it gets no seat.
        """
        documents, roots = self.ballot.block_members(files, block)
        facts = yield from self._facts(block, documents)
        order = by_preference(roots, documents, facts, self.keep)
        first = changes(roots[order])
        sizes = np.diff(np.flatnonzero(first), append=order.size)
        eligible = order[_eligible(order, first, facts)]
        starts = np.flatnonzero(changes(roots[eligible]))
        spare = facts[STANDING].to_numpy()[eligible[starts]] == REMOVED_ELSEWHERE
        seats = np.minimum(np.diff(starts, append=eligible.size), self.seats + spare)
        rows = eligible[ranges(starts, seats)]
        members = np.zeros(rows.size, np.int64)
        members[np.cumsum(seats) - seats] = sizes
        columns = {"root": roots[rows], "document": documents[rows], "members": members}
        candidates = facts.take(pa.array(rows))
        for name, values in columns.items():
            candidates = candidates.append_column(name, pa.array(values))
        candidates = candidates.append_column("sketch", as_column(self.ballot.sketches(files, block, documents[rows])))
        send(files, "candidates", candidates, _partition(roots[rows], self.partitions), self.partitions)

    def elect(self, files: BarrierFiles, partition: int) -> Iterator[int]:
        """Elect from the candidates of all blocks, and tell every block that has members of a cluster who stays."""
        blocks = self.ballot.numbering.blocks.size - 1
        candidates = receive(files, "facts", blocks, "candidates", partition)
        roots, documents = candidates["root"].to_numpy(), candidates["document"].to_numpy()
        order = by_preference(roots, documents, candidates, self.keep)
        first = changes(roots[order])
        eligible = order[_eligible(order, first, candidates)]
        starts = np.flatnonzero(changes(roots[eligible]))
        seats = np.minimum(np.diff(starts, append=eligible.size), self.seats)
        members = candidates["members"].to_numpy()[order]
        sizes = np.bincount(np.cumsum(first) - 1, weights=members, minlength=starts.size).astype(np.int32)
        told = np.flatnonzero(members)  # one candidate of each cluster and block
        clusters = (np.cumsum(first) - 1)[told]
        rows = eligible[ranges(starts[clusters], seats[clusters])]
        winners = candidates.select(["root", "document", "id", "sketch"]).take(pa.array(rows))
        winners = winners.append_column("size", pa.array(np.repeat(sizes[clusters], seats[clusters])))
        receivers = np.repeat(self.ballot.numbering.block_of(documents[order[told]]), seats[clusters])
        send(files, "winners", winners, receivers, blocks)
        yield candidates.num_rows

    def _facts(self, block: int, documents: Numbers) -> Generator[int, None, pa.Table]:
        """Read what the keys need, and say where each document comes from."""
        ballot = self.ballot
        columns = list(dict.fromkeys(["id", *(sidecar_column(key) for key in self.keep)]))
        schema = pa.schema([*((name, ballot.columns[name]) for name in columns), (STANDING, pa.int8())])
        tables = [schema.empty_table()]
        for part in ballot.numbering.parts(block):
            share = documents[ballot.of_part(part, documents)]
            foreign = ["kept_id"] if part < ballot.foreign else []
            facts = yield from ballot.facts(part, share, [*columns, *foreign])
            standing = np.full(share.size, OWN, np.int8)
            if foreign:
                standing = np.where(facts["kept_id"].is_null().to_numpy(), KEPT_ELSEWHERE, REMOVED_ELSEWHERE).astype(
                    np.int8
                )
            tables.append(facts.select(columns).append_column(STANDING, pa.array(standing)))
        return pa.concat_tables(tables).combine_chunks()


def _eligible(order: Places, first: Mask, facts: pa.Table) -> Mask:
    """Mark the ordered members of clusters that may take a seat.

    A copy that an older corpus removed takes one only for a cluster of which no older corpus kept a copy: it stands for
    one that lies in a corpus not given.
    """
    removed: Mask = facts[STANDING].to_numpy()[order] == REMOVED_ELSEWHERE
    return first | ~removed


def _partition(roots: Numbers, partitions: int) -> Places:
    return (roots % np.uint64(partitions)).astype(np.int64)
