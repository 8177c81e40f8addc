"""In how many documents of a scope each unit stands: counted per block, added up per partition of the hashes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.barrier import BarrierFiles, SidecarPart
from pipeline.dedup.numbering import Numbering, Places
from pipeline.dedup.segments import Records, SegmentWriter, batches, segments
from pipeline.dedup.spill import Spill
from pipeline.text.hashing import hash64
from pipeline.text.shingles import Hashes, mix
from pipeline.text.units import FIRST_HASH, SENTENCE

TALLY = np.dtype([("key", "<u8"), ("first", "<u8"), ("documents", "<u8")])
"""A unit within a scope, the first document it stands in, and in how many it stands."""
SCOPE = np.dtype([("scope", "<u8"), ("documents", "<u8")])
"""A scope and its documents."""

BARE_FIRST = np.uint64(1 << 63)
"""Set in ``first`` where the document holds the unit without a sentence end, so that one that has it comes first."""
TALLY_BYTES = 6 * TALLY.itemsize
"""Memory that a tally may take when its partition is sorted: it is read, joined, and sorted by a key and a place."""
SHARE_BITS = 6
"""A partition that does not fit in memory is set aside on disk in this many bits' shares."""


@dataclass(frozen=True)
class UnitCounts:
    """The phases ``counts``, a task a block, and ``repeats``, a task a partition."""

    parts: Sequence[SidecarPart]
    numbering: Numbering
    min_documents: int
    memory: int

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return self.numbering.blocks.size - 1

    @property
    def partition_bits(self) -> int:
        """Upper bits of a hash that tell its partition; about as many partitions as blocks."""
        return (self.blocks - 1).bit_length()

    def count(self, files: BarrierFiles, block: int) -> Iterator[int]:
        """Send the units of a block, and the sizes of its scopes, to their partitions."""
        number = self.numbering.span(block)[0]
        with files.create("tallies") as tallied, files.create("scopes") as scoped:
            tallies, scopes = (SegmentWriter(file, 1 << self.partition_bits) for file in (tallied, scoped))
            for part in self.numbering.parts(block):
                for batch in self.parts[part].sidecar(["scope", "units"]):
                    hashes = scope_hashes(batch)
                    found = _tallied(keys_of(batch, hashes), documents_of(batch, number), units_of(batch)[1])
                    tallies.write(found, _top(found["key"], self.partition_bits))
                    sizes = _sizes(hashes, np.ones(hashes.size, np.uint64))
                    scopes.write(sizes, _top(sizes["scope"], self.partition_bits))
                    number += batch.num_rows
                    yield batch.num_rows
            tallies.close()
            scopes.close()

    def repeats(self, files: BarrierFiles, partition: int) -> Iterator[int]:
        """Tell each block in how many documents its repeated units stand, and how large its scopes are."""
        with files.create("repeats") as file:
            writer = SegmentWriter(file, self.blocks)
            for tallies in self._shares(files, partition):
                repeated, blocks = self._repeated(tallies)
                writer.write(repeated, blocks)
                yield 0
            writer.close()
        with files.create("scopes") as file:
            writer = SegmentWriter(file, self.blocks)
            sent = [_sizes(seen["scope"], seen["documents"]) for seen in self._scopes(files, partition)]
            every = np.concatenate(sent)
            sizes = _sizes(every["scope"], every["documents"])
            for block, scopes in enumerate(sent):
                there = sizes[np.searchsorted(sizes["scope"], scopes["scope"])]
                writer.write(there, np.full(there.size, block))
            writer.close()
        yield 0

    def _scopes(self, files: BarrierFiles, partition: int) -> Iterator[Records]:
        return segments(files, "counts", self.blocks, "scopes", partition, SCOPE)

    def _shares(self, files: BarrierFiles, partition: int) -> Iterator[Records]:
        """Yield the tallies of a partition, all of a key at once, as many at a time as memory allows."""
        most = self.memory // TALLY_BYTES
        arriving = batches(files, "counts", self.blocks, "tallies", partition, TALLY, most)
        none = np.empty(0, TALLY)
        first, second = next(arriving, none), next(arriving, none)
        if not second.size:
            yield first
            return
        with Spill(TALLY, 1 << SHARE_BITS) as spill:
            for tallies in chain((first, second), arriving):
                spill.write(tallies, _top(tallies["key"] << np.uint64(self.partition_bits), SHARE_BITS))
            for share in range(1 << SHARE_BITS):
                yield np.concatenate([none, *spill.read(range(share, share + 1))])

    def _repeated(self, tallies: Records) -> tuple[Records, Places]:
        """Return a tally of all documents for each repeated unit and each block it stands in, and these blocks."""
        order = np.argsort(tallies["key"], kind="stable")
        keys = tallies["key"][order]
        starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[: keys.size])
        documents = np.add.reduceat(tallies["documents"][order], starts) if starts.size else np.empty(0, np.uint64)
        firsts = np.minimum.reduceat(tallies["first"][order], starts) if starts.size else np.empty(0, np.uint64)
        lengths = np.diff(np.append(starts, keys.size))
        common = documents >= self.min_documents
        units = np.repeat(np.flatnonzero(common), lengths[common])
        blocks = self.numbering.block_of(tallies["first"][order][np.repeat(common, lengths)] & ~BARE_FIRST)
        pairs = np.unique(units * self.blocks + blocks)
        units, blocks = pairs // self.blocks, pairs % self.blocks
        repeated = np.empty(units.size, TALLY)
        repeated["key"], repeated["first"], repeated["documents"] = (
            keys[starts][units],
            firsts[units] & ~BARE_FIRST,
            documents[units],
        )
        return repeated, blocks


def scope_hashes(batch: pa.RecordBatch) -> Hashes:
    """Hash the scopes of a batch of the sidecar; null is a scope as well."""
    return hash64(batch.column("scope"))


def units_of(batch: pa.RecordBatch) -> tuple[Places, Hashes]:
    """Return n + 1 offsets into the units of a batch of the sidecar, and the units."""
    column = batch.column("units")
    offsets = column.offsets.to_numpy().astype(np.int64)
    return offsets - offsets[0], column.flatten().to_numpy()


def keys_of(batch: pa.RecordBatch, scopes: Hashes) -> Hashes:
    """Return the key of each unit of a batch within its document's scope; 0 for those that are not compared."""
    return _keys(*units_of(batch), scopes)


def documents_of(batch: pa.RecordBatch, number: int) -> npt.NDArray[np.uint64]:
    """Return the document of each unit of a batch that begins with document ``number``."""
    offsets, _ = units_of(batch)
    return np.repeat(np.arange(number, number + batch.num_rows, dtype=np.uint64), np.diff(offsets))


@njit(cache=True, nogil=True)
def _keys(offsets: Places, units: Hashes, scopes: Hashes) -> Hashes:
    keys = np.zeros(units.size, np.uint64)
    for row in range(scopes.size):
        for place in range(offsets[row], offsets[row + 1]):
            unit = units[place] & ~SENTENCE
            if unit >= FIRST_HASH:
                keys[place] = max(mix(unit + scopes[row]), np.uint64(1))
    return keys


def _tallied(keys: Hashes, documents: npt.NDArray[np.uint64], units: Hashes) -> Records:
    """Count n units, whose documents ascend, by their keys; a document counts once."""
    compared = np.flatnonzero(keys)
    order = compared[np.argsort(keys[compared], kind="stable")]
    keys, documents = keys[order], documents[order]
    bare = np.where(units[order] & SENTENCE, np.uint64(0), BARE_FIRST)
    new = np.concatenate([[True], keys[1:] != keys[:-1]])[: keys.size]
    other = new | np.concatenate([[True], documents[1:] != documents[:-1]])[: keys.size]
    starts = np.flatnonzero(new)
    tallies = np.empty(starts.size, TALLY)
    tallies["key"] = keys[starts]
    tallies["first"] = np.minimum.reduceat(documents | bare, starts) if starts.size else 0
    tallies["documents"] = np.add.reduceat(other, starts, dtype=np.uint64) if starts.size else 0
    return tallies


def _sizes(scopes: Hashes, documents: npt.NDArray[np.uint64]) -> Records:
    """Add up documents by scope; the scopes are in order."""
    found, places = np.unique(scopes, return_inverse=True)
    sizes = np.zeros(found.size, SCOPE)
    sizes["scope"] = found
    np.add.at(sizes["documents"], places, documents)
    return sizes


def _top(hashes: Hashes, bits: int) -> Places:
    return (hashes >> np.uint64(1) >> np.uint64(63 - bits)).astype(np.int64)
