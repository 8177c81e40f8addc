"""Candidates judged by their sketches: the left document's travels to the block of the right one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from pipeline.barrier import BarrierFiles, SidecarPart
from pipeline.dedup.candidates import sketches_of
from pipeline.dedup.index import relations
from pipeline.dedup.numbering import Numbering
from pipeline.dedup.pairs import PAIR, unique_pairs
from pipeline.dedup.segments import Records, SegmentWriter, batches
from pipeline.text.sketches import similarity

Verify = Literal["estimate", "doubtful", "all"]
Mask = npt.NDArray[np.bool_]

PAIRS_SHARE, SHARE = 8, 32
"""Part of a task's memory that pairs may take whose repeats are found, and records with sketches; both have copies."""


@dataclass(frozen=True)
class Estimation:
    """The phases ``signatures`` and ``estimates``, a task a block each."""

    parts: Sequence[SidecarPart]
    numbering: Numbering
    foreign: int
    """Documents of older corpora, the first ones; there are no texts of theirs."""
    permutations: int
    partitions: int
    threshold: float
    doubtful: float
    verify: Verify
    memory: int

    def signatures(self, files: BarrierFiles, block: int) -> Iterator[int]:
        """Send the pairs whose left document is of the block, with its sketch, to the block of the right one."""
        blocks, first = self.numbering.blocks.size - 1, self.numbering.span(block)[0]
        sketches = sketches_of(files, block, self.permutations)
        most = self.memory // (PAIRS_SHARE * PAIR.itemsize)
        with files.create("sketched") as file:
            writer = SegmentWriter(file, blocks)
            for batch in batches(files, "pairs", self.partitions, "pairs", block, PAIR, most):
                pairs = unique_pairs(batch, self.numbering.documents)
                for start in range(0, pairs.size, self._chunk):
                    chunk = pairs[start : start + self._chunk]
                    records = np.empty(chunk.size, self._sketched)
                    records["left"], records["right"] = chunk["left"], chunk["right"]
                    records["sketch"] = sketches[(chunk["left"] - np.uint64(first)).astype(np.int64)]
                    writer.write(records, self.numbering.block_of(chunk["right"]))
                yield pairs.size
            writer.close()

    def estimates(self, files: BarrierFiles, block: int) -> Iterator[int]:
        """Judge pairs whose right document is of the block: ``edges`` to this block, ``doubts`` to the left one's."""
        blocks, first = self.numbering.blocks.size - 1, self.numbering.span(block)[0]
        sketches = sketches_of(files, block, self.permutations)
        with files.create("edges") as accepted, files.create("doubts") as doubted:
            edges, doubts = SegmentWriter(accepted, blocks), SegmentWriter(doubted, blocks)
            for pairs in self._known(block):
                edges.write(pairs, np.full(pairs.size, block))
            for batch in batches(files, "signatures", blocks, "sketched", block, self._sketched, self._chunk):
                pairs = np.empty(batch.size, PAIR)
                pairs["left"], pairs["right"] = batch["left"], batch["right"]
                own = sketches[(pairs["right"] - np.uint64(first)).astype(np.int64)]
                similar, doubt = self._judge(pairs, similarity(batch["sketch"], own))
                edges.write(pairs[similar], np.full(np.count_nonzero(similar), block))
                doubts.write(pairs[doubt], self.numbering.block_of(pairs["left"][doubt]))
                yield batch.size
            edges.close()
            doubts.close()

    @property
    def _sketched(self) -> np.dtype:
        return np.dtype([*PAIR.descr, ("sketch", np.uint8, (self.permutations,))])

    @property
    def _chunk(self) -> int:
        return max(1, self.memory // (SHARE * self._sketched.itemsize))

    def _known(self, block: int) -> Iterator[Records]:
        """Pairs of documents of older corpora that these know to be alike, the right one in the block."""
        own = self.numbering.parts(block)
        return relations([self.parts[part] for part in own], [int(self.numbering.starts[part]) for part in own])

    def _judge(self, pairs: Records, estimates: npt.NDArray[np.float64]) -> tuple[Mask, Mask]:
        """Which pairs are similar by their estimates, and which ones their texts must tell."""
        near = np.abs(estimates - self.threshold) <= self.doubtful
        wanted = {"estimate": np.zeros_like(near), "doubtful": near, "all": np.ones_like(near)}[self.verify]
        doubt = wanted & (pairs["left"] >= self.foreign)
        return ~doubt & (estimates >= self.threshold), doubt
