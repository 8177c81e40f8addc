"""Equal documents over all shards: by a 128-bit hash of the text, or of the canonical URL."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np
import pyarrow as pa

from pipeline.barrier import BarrierFiles, Phase, SidecarPart
from pipeline.dedup.clusters import MEMBER
from pipeline.dedup.deduplication import Deduplication
from pipeline.dedup.numbering import Numbering
from pipeline.dedup.ranking import changes
from pipeline.dedup.segments import MOST_RECEIVERS, Records, SegmentWriter, received
from pipeline.stage import Cost
from pipeline.text.canonical_url import canonical_urls
from pipeline.text.digests import digests, form_digests
from pipeline.text.shingles import forms

DIGEST = np.dtype([("high", "<u8"), ("low", "<u8"), ("document", "<u8")])
"""A document and the two halves of its hash."""
DIGEST_BYTES = 5 * DIGEST.itemsize
"""Memory that a digest may take when its partition is sorted."""


class Exact(Deduplication):
    """Base of the steps that keep one of equal documents: documents with the same ``digest``."""

    sidecar: ClassVar = {"digest": pa.binary(16)}

    def digest(self, batch: pa.RecordBatch) -> pa.Array:
        """Hash the documents of a batch to 16 bytes each; null for one that equals nothing."""
        raise NotImplementedError

    def sign(self, batch: pa.RecordBatch) -> Mapping[str, pa.Array]:
        """Hash the documents of a batch."""
        return {**self.facts(batch), "digest": self.digest(batch)}

    def phases(self, parts: Sequence[SidecarPart]) -> Sequence[Phase]:
        """Digests by block, groups of equal ones by partition, then what all deduplication does."""
        numbering = self.numbering(parts)
        return [
            Phase("digests", numbering.blocks.size - 1),
            Phase("groups", 1 << self._bits(numbering)),
            *self.last_phases(numbering),
        ]

    def work(self, phase: str, task: int, files: BarrierFiles) -> Iterator[int]:
        """Do a task of a phase."""
        work = {"digests": self._send_digests, "groups": self._group}
        return work[phase](task, files) if phase in work else self.last_work(phase, task, files)

    def members(self, numbering: Numbering) -> tuple[str, int, str]:
        """Where the MEMBER records are."""
        return "groups", 1 << self._bits(numbering), "members"

    def _bits(self, numbering: Numbering) -> int:
        """Upper bits of a digest that tell its partition."""
        needed = numbering.documents * DIGEST_BYTES // self.memory
        return min(needed.bit_length(), MOST_RECEIVERS.bit_length() - 1)

    def _send_digests(self, block: int, files: BarrierFiles) -> Iterator[int]:
        numbering, parts = self.numbering(files.parts), self.all_parts(files.parts)
        bits, number = np.uint64(self._bits(numbering)), numbering.span(block)[0]
        columns = ["digest"] if self.scope == "global" else ["digest", "scope"]
        with files.create("digests") as file:
            writer = SegmentWriter(file, 1 << int(bits))
            for part in numbering.parts(block):
                for batch in parts[part].sidecar(columns):
                    records = _records(batch, number)
                    to = records["high"] >> np.uint64(1) >> (np.uint64(63) - bits)
                    writer.write(records, to.astype(np.int64))
                    number += batch.num_rows
                    yield batch.num_rows
            writer.close()

    def _group(self, partition: int, files: BarrierFiles) -> Iterator[int]:
        """Write ``members``, to the block of the document."""
        numbering = self.numbering(files.parts)
        blocks = numbering.blocks.size - 1
        records = received(files, "digests", blocks, "digests", partition, DIGEST)
        yield records.size
        records = records[np.lexsort((records["document"], records["low"], records["high"]))]
        starts = np.flatnonzero(changes(records["high"]) | changes(records["low"]))
        sizes = np.diff(starts, append=records.size)
        shared = np.repeat(sizes > 1, sizes)
        members = np.empty(np.count_nonzero(shared), MEMBER)
        members["document"] = records["document"][shared]
        members["root"] = np.repeat(records["document"][starts], sizes)[shared]
        with files.create("members") as file:
            writer = SegmentWriter(file, blocks)
            writer.write(members, numbering.block_of(members["document"]))
            writer.close()


class ExactText(Exact):
    """Keeps one copy of documents with the same text. Normalised, a text without letters and digits equals nothing."""

    normalize: bool = True
    """Whether texts are compared without punctuation, spaces, width and case, and with each number as 0, as ``minhash``
    does; else byte by byte."""

    cost = Cost.CHARS
    signing: ClassVar = Deduplication.signing | {"normalize"}

    def open(self) -> None:
        """Build the tables of the normal form."""
        forms()

    def digest(self, batch: pa.RecordBatch) -> pa.Array:
        """Hash the texts of a batch."""
        return (form_digests if self.normalize else digests)(batch.column("text"))


class ExactUrl(Exact):
    """Keeps one copy of documents with the same canonical URL. A document without a URL of the web equals nothing.

    URLs are compared without scheme, user, default port, fragment, trailing slash and ``index.html``, with the host in
    lower case and punycode, escapes and dot segments resolved, parameters in order and those that track visitors left
    out.
    """

    cost = Cost.METADATA
    reads = (*Deduplication.reads, "url")

    def digest(self, batch: pa.RecordBatch) -> pa.Array:
        """Hash the canonical URLs of a batch."""
        return digests(canonical_urls(batch.column("url")))


def _records(batch: pa.RecordBatch, number: int) -> Records:
    """Make DIGEST records of a batch, ``number`` its first document; a scope parts the hashes of equal documents."""
    column = batch.column("digest")
    halves = np.frombuffer(column.buffers()[1], "<u8", 2 * len(column), 16 * column.offset).reshape(-1, 2)
    records = np.empty(len(column), DIGEST)
    records["high"], records["low"] = halves.T
    records["document"] = np.arange(number, number + len(column))
    if "scope" in batch.schema.names:
        records["high"] ^= batch.column("scope").to_numpy()
    return records[column.is_valid().to_numpy(zero_copy_only=False)]
