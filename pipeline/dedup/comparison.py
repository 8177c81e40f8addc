"""Doubtful pairs judged by their texts: the left one's shingles travel to the block of the right one's text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.barrier import BarrierFiles, SidecarPart
from pipeline.dedup.numbering import Numbering, Numbers, Places
from pipeline.dedup.pairs import PAIR, unique_pairs
from pipeline.dedup.segments import Records, SegmentWriter, batches
from pipeline.text.shingles import Hashes, Starts, jaccard
from pipeline.text.signing import Signing

SHIPPED = np.dtype([*PAIR.descr, ("start", "<u8"), ("count", "<u8")])
"""A pair, and which hashes in the file ``shingles`` of the left one's block are those of the left text."""
HASH = np.dtype("<u8")

SHARE = 32
"""Part of a task's memory that a batch of pairs may take, since it has copies."""
CHARACTER_BYTES = 64
"""Memory that a character may take: as text, and as the hash of a shingle, both with copies."""


@dataclass(frozen=True)
class Comparison:
    """The phases ``texts`` and ``indices``, a task a block each."""

    parts: Sequence[SidecarPart]
    numbering: Numbering
    signing: Signing
    threshold: float
    memory: int

    def texts(self, files: BarrierFiles, block: int) -> Iterator[int]:
        """Send the doubtful pairs whose left document is of the block, with its shingles, to the block of the right."""
        blocks, texts = self.numbering.blocks.size - 1, Texts(self.parts, self.numbering, block)
        with files.create("pairs") as sent, files.create("shingles") as shingles:
            shipment = _Shipment(SegmentWriter(sent, blocks), shingles)
            for batch in batches(files, "estimates", blocks, "doubts", block, PAIR, self._most(PAIR)):
                doubts = unique_pairs(batch, self.numbering.documents)
                for pairs in self._cut(doubts, "left", texts):
                    lefts, places = np.unique(pairs["left"], return_inverse=True)
                    starts, hashes = self.signing.shingles(texts.fetch(lefts))
                    shipment.send(pairs, self.numbering.block_of(pairs["right"]), starts, hashes, places)
                    yield pairs.size
            shipment.pairs.close()

    def indices(self, files: BarrierFiles, block: int) -> Iterator[int]:
        """Write ``edges`` to this block: doubtful pairs whose right document is of it and whose texts are similar."""
        blocks, texts = self.numbering.blocks.size - 1, Texts(self.parts, self.numbering, block)
        with files.create("edges") as file:
            edges = SegmentWriter(file, blocks)
            for batch in batches(files, "texts", blocks, "pairs", block, SHIPPED, self._most(SHIPPED)):
                for pairs in self._cut(np.sort(batch, order=["right", "left"]), "right", texts):
                    similar = self._indices(files, pairs, texts) >= self.threshold
                    edge = np.empty(np.count_nonzero(similar), PAIR)
                    edge["left"], edge["right"] = pairs["left"][similar], pairs["right"][similar]
                    edges.write(edge, np.full(edge.size, block))
                    yield pairs.size
            edges.close()

    def _most(self, kind: np.dtype) -> int:
        return max(1, self.memory // (SHARE * kind.itemsize))

    def _cut(self, pairs: Records, end: str, texts: "Texts") -> Iterator[Records]:
        """Cut pairs, ordered by one end, so that the texts of that end and the shingles of the other one fit."""
        if not pairs.size:
            return
        first = np.concatenate([[True], pairs[end][1:] != pairs[end][:-1]])
        sizes = np.where(first, texts.characters(pairs[end]), 0)
        if end == "right":
            sizes += pairs["count"].astype(np.int64)
        share = np.cumsum(sizes) // max(1, self.memory // CHARACTER_BYTES)
        yield from np.split(pairs, np.flatnonzero(share[1:] != share[:-1]) + 1)

    def _indices(self, files: BarrierFiles, pairs: Records, texts: "Texts") -> npt.NDArray[np.float64]:
        """Jaccard indices of pairs whose right document is of the block."""
        starts, hashes, lefts = self._sent(files, pairs)
        rights, places = np.unique(pairs["right"], return_inverse=True)
        own_starts, own_hashes = self.signing.shingles(texts.fetch(rights))
        return jaccard(
            np.concatenate([starts, own_starts[1:] + starts[-1]]),
            np.concatenate([hashes, own_hashes]),
            lefts,
            places + starts.size - 1,
        )

    def _sent(self, files: BarrierFiles, pairs: Records) -> tuple[Starts, Hashes, Places]:
        """Read the shingles of left texts, in the form of ``shingles``, and tell which are those of a pair."""
        senders = self.numbering.block_of(pairs["left"])
        held, sizes, lefts = [np.empty(0, HASH)], [np.zeros(1, np.int64)], np.empty(pairs.size, np.int64)
        texts = 0
        for sender in np.unique(senders).tolist():
            own = np.flatnonzero(senders == sender)
            starts, first, places = np.unique(pairs["start"][own], return_index=True, return_inverse=True)
            counts = pairs["count"][own[first]]
            with files.open("texts", sender, "shingles") as file:
                held += _ranges(file, starts.astype(np.int64), counts.astype(np.int64))
            sizes.append(counts.astype(np.int64))
            lefts[own] = texts + places
            texts += starts.size
        return np.cumsum(np.concatenate(sizes)), np.concatenate(held), lefts


@dataclass(frozen=True)
class Texts:
    """The texts of a block's documents, and how long they are."""

    parts: Sequence[SidecarPart]
    numbering: Numbering
    block: int

    def characters(self, documents: Numbers) -> Places:
        """Length of each document's text."""
        return self._facts[1][self._places(documents)]

    def fetch(self, documents: Numbers) -> pa.Array:
        """Read the texts of documents, which are in order."""
        rows, parts = self._facts[0][self._places(documents)], self.numbering.part_of(documents)
        return pa.concat_arrays([self.parts[part].texts(rows[parts == part].tolist()) for part in np.unique(parts)])

    def _places(self, documents: Numbers) -> Places:
        return documents.astype(np.int64) - self.numbering.span(self.block)[0]

    @cached_property
    def _facts(self) -> tuple[Places, Places]:
        """Row in its part and characters of each document of the block."""
        rows, characters = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for part in self.numbering.parts(self.block):
            for batch in self.parts[part].sidecar(["row", "characters"]):
                rows.append(batch.column("row").to_numpy())
                characters.append(batch.column("characters").fill_null(0).to_numpy().astype(np.int64))
        return np.concatenate(rows), np.concatenate(characters)


@dataclass
class _Shipment:
    pairs: SegmentWriter
    shingles: IO[bytes]
    written: int = 0
    """Hashes in ``shingles``."""

    def send(self, pairs: Records, receivers: Places, starts: Starts, hashes: Hashes, places: Places) -> None:
        """Send pairs to their receivers, each of which gets the shingles of a left text, ``places`` into them, once."""
        for receiver in np.unique(receivers):
            own = np.flatnonzero(receivers == receiver)
            chosen, again = np.unique(places[own], return_inverse=True)
            ends, values = _chosen(starts, hashes, chosen)
            shipped = np.empty(own.size, SHIPPED)
            shipped["left"], shipped["right"] = pairs["left"][own], pairs["right"][own]
            shipped["start"], shipped["count"] = self.written + ends[again], np.diff(ends)[again]
            self.pairs.write(shipped, receivers[own])
            self.shingles.write(values.astype(HASH, copy=False).data)
            self.written += values.size


def _ranges(file: IO[bytes], starts: Starts, counts: Starts) -> Iterator[Hashes]:
    """Read ranges of hashes, which are in order and distinct; those that touch are read at once."""
    ends = starts + counts
    apart = np.flatnonzero(starts[1:] != ends[:-1])
    for start, end in zip(starts[np.r_[0, apart + 1]].tolist(), ends[np.r_[apart, -1]].tolist(), strict=True):
        file.seek(start * HASH.itemsize)
        yield np.frombuffer(file.read((end - start) * HASH.itemsize), HASH)


@njit(cache=True, nogil=True)
def _chosen(starts: Starts, hashes: Hashes, chosen: Places) -> tuple[Starts, Hashes]:
    """Copy the hashes of some texts, in the form of ``shingles``."""
    ends = np.zeros(chosen.size + 1, np.int64)
    for place in range(chosen.size):
        ends[place + 1] = ends[place] + starts[chosen[place] + 1] - starts[chosen[place]]
    values = np.empty(ends[-1], np.uint64)
    for place in range(chosen.size):
        values[ends[place] : ends[place + 1]] = hashes[starts[chosen[place]] : starts[chosen[place] + 1]]
    return ends, values
