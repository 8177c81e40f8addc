"""From signatures to candidates: documents that share a band, found over all parts, a partition at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.barrier import BarrierFiles, SidecarPart
from pipeline.dedup.bands import Bands
from pipeline.dedup.numbering import Numbering
from pipeline.dedup.pairs import KEY, PAIR, bucket_pairs
from pipeline.dedup.segments import MOST_RECEIVERS, Records, SegmentWriter, received
from pipeline.text.minhash import Signatures, Valid, band_keys
from pipeline.text.sketches import Sketches, sketches

KEY_BYTES = 4 * KEY.itemsize
"""Memory that a key may take when its partition is sorted: it is read, joined, sorted and has a copy to sort into."""
BUFFER_SHARE = 16
"""Part of a task's memory that keys take which are not written yet; it is used three times."""


@dataclass(frozen=True)
class Candidates:
    """The phases ``keys``, a task a block, and ``pairs``, a task a partition."""

    parts: Sequence[SidecarPart]
    numbering: Numbering
    foreign: int
    """Documents of older corpora, the first ones; they are not compared with each other."""
    layout: Bands
    permutations: int
    scoped: bool
    """Whether the sidecar has a ``scope``; documents of different scopes are not compared."""
    memory: int

    @property
    def partition_bits(self) -> int:
        """Upper bits of a key that tell its partition."""
        needed = self.numbering.documents * self.layout.bands * KEY_BYTES // self.memory
        return min(needed.bit_length(), MOST_RECEIVERS.bit_length() - 1)

    def keys(self, files: BarrierFiles, block: int) -> Iterator[int]:
        """Send the keys of all signed documents to their partitions, and write ``sketches``, one row a document."""
        number = self.numbering.span(block)[0]
        columns = ["signature", "scope"] if self.scoped else ["signature"]
        with files.create("keys") as keys, files.create("sketches") as sketched:
            writer = SegmentWriter(keys, 1 << self.partition_bits, self.memory // BUFFER_SHARE)
            for part in self.numbering.parts(block):
                for batch in self.parts[part].sidecar(columns):
                    signed, valid = self._signatures(batch.column("signature"))
                    records = self._keyed(signed, valid, _seeds(batch), number)
                    writer.write(
                        records,
                        (records["key"] >> np.uint64(1) >> np.uint64(63 - self.partition_bits)).astype(np.int64),
                    )
                    sketched.write(sketches(signed).data)
                    number += batch.num_rows
                    yield batch.num_rows
            writer.close()

    def pairs(self, files: BarrierFiles, partition: int) -> Iterator[int]:
        """Send the pairs of the partition's buckets to the block of the left document."""
        blocks = self.numbering.blocks.size - 1
        records = received(files, "keys", blocks, "keys", partition, KEY)
        with files.create("pairs") as file:
            writer = SegmentWriter(file, blocks)
            most = self.memory // (8 * PAIR.itemsize)
            for pairs in bucket_pairs(records, self.partition_bits, self.foreign, most):
                writer.write(pairs, self.numbering.block_of(pairs["left"]))
                yield 0
            writer.close()
        yield records.size

    def _signatures(self, column: pa.FixedSizeBinaryArray) -> tuple[Signatures, Valid]:
        """View a column of n signatures as uint32 (n, permutations); those that are null are not valid."""
        if column.null_count == len(column):
            return np.zeros((len(column), self.permutations), np.uint32), np.zeros(len(column), np.bool_)
        start, count = column.offset * self.permutations, len(column) * self.permutations
        values = np.frombuffer(column.buffers()[1], "<u4", count, start * 4)
        return values.reshape(-1, self.permutations), column.is_valid().to_numpy(zero_copy_only=False)

    def _keyed(self, signed: Signatures, valid: Valid, seeds: npt.NDArray[np.uint64], number: int) -> Records:
        found = band_keys(signed, self.layout.bands, self.layout.rows, seeds)
        records = np.empty((valid.size, self.layout.bands), KEY)
        records["key"] = found
        records["document"] = np.arange(number, number + valid.size)[:, np.newaxis]
        return records[valid].ravel()


def sketches_of(files: BarrierFiles, block: int, permutations: int) -> Sketches:
    """Read what the phase ``keys`` wrote: the sketches of all n documents of a block, uint8 (n, permutations)."""
    with files.open("keys", block, "sketches") as file:
        return np.frombuffer(file.read(), np.uint8).reshape(-1, permutations)


def _seeds(batch: pa.RecordBatch) -> npt.NDArray[np.uint64]:
    if "scope" in batch.schema.names:
        return np.asarray(batch.column("scope"), np.uint64)
    return np.zeros(batch.num_rows, np.uint64)
