"""Near-duplicates over all shards: MinHash signatures in bands, candidates verified before they are joined."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Self

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from pipeline.barrier import BarrierFiles, Phase, SidecarPart
from pipeline.dedup.bands import PERMUTATIONS, THRESHOLD, Bands, layout
from pipeline.dedup.candidates import Candidates, sketches_of
from pipeline.dedup.clusters import find_clusters
from pipeline.dedup.comparison import Comparison
from pipeline.dedup.deduplication import Deduplication
from pipeline.dedup.estimation import Estimation, Verify
from pipeline.dedup.index import IndexFolderError, Parameters, digests, foreign_parts, parameters_of
from pipeline.dedup.numbering import Numbering, Numbers
from pipeline.stage import Cost
from pipeline.text.minhash import Signatures, Valid
from pipeline.text.signing import Shingle, Signature, Signing
from pipeline.text.sketches import Sketches
from pipeline.text.words import LIBRARIES

NGRAM = {"char": 8, "word": 5}


class MinHash(Deduplication):
    """Keeps one copy of documents that share most of their n-grams.

    Texts are compared without punctuation, spaces, width and case, and with each number as 0. Two documents are
    candidates if all values of one band of their signatures agree; 14 bands of 8, as in FineWeb, find 56 % of pairs
    at a Jaccard index of 0.7, 92 % at 0.8 and 99.9 % at 0.9. Candidates are compared before they are joined.
    """

    shingle: Shingle = "char"
    """n-grams of characters, or of words as fugashi finds them."""
    ngram: int | None = Field(None, ge=1, le=100)
    """Characters or words per shingle; 8 characters or 5 words if it is not given, which are about as long in Japanese.
    A shorter text only equals itself."""
    signature: Signature = "migaki"
    """Hash functions. ``datasketch`` is slower, and makes signatures that the library datasketch accepts; its 32 bits a
    shingle take some of many short texts for equal (about 100 pairs in a million texts shorter than ``ngram``)."""
    permutations: int | None = Field(None, ge=1)
    """Values in a signature; if it is not given, as many as ``bands`` and ``rows`` need, or 112."""
    threshold: float = Field(THRESHOLD, ge=0, le=1)
    """Least Jaccard index of the n-gram sets of two documents that are joined."""
    bands: int | None = Field(None, ge=1)
    """More bands find more pairs. Without ``bands`` and ``rows``, 14 of 8 at the default threshold, and for others what
    ``datasketch.MinHashLSH`` finds best."""
    rows: int | None = Field(None, ge=1)
    """Signature values per band; more rows propose fewer pairs."""
    verify: Verify = "doubtful"
    """Which candidates' texts are compared: none, so that estimates decide; those whose estimate is doubtful; or all.
    Documents of older corpora, whose texts are not there, are always judged by estimate."""
    doubtful: float = Field(0.1, ge=0, le=1)
    """An estimate this near to the threshold is doubtful: its standard error is 0.05 at most with 112 values."""
    against: tuple[str, ...] = ()
    """Indexes of older corpora (``migaki index``). What is like a document of theirs is removed, and they stay as they
    are; there are no texts of theirs, so pairs with them are judged by estimate."""

    cost = Cost.CHARS
    libraries = LIBRARIES
    sidecar: ClassVar = {"signature": pa.binary()}
    signing: ClassVar = Deduplication.signing | {"shingle", "ngram", "signature", "permutations", "bands", "rows"}

    @classmethod
    def step_name(cls) -> str:
        """Name as the field writes it."""
        return "minhash"

    @model_validator(mode="after")
    def _laid_out(self) -> Self:
        bands, values = self.layout(), self.signing_of().permutations
        if bands.permutations > values:
            raise ValueError(
                f"{bands.bands} bands of {bands.rows} need {bands.permutations} permutations, not {values}"
            )
        return self

    def layout(self) -> Bands:
        """Return the bands that the options ask for."""
        return layout(self.threshold, self.permutations or PERMUTATIONS, self.bands, self.rows)

    def signing_of(self) -> Signing:
        """Return how texts are signed."""
        values = self.permutations or (self.bands or 0) * (self.rows or 0) or PERMUTATIONS
        return Signing(self.shingle, self.ngram or NGRAM[self.shingle], self.signature, values)

    def parameters(self) -> Parameters:
        """Return what an index must have been made with to be compared with."""
        return parameters_of(self.signing_of(), *self.layout(), self.scope)

    def open(self) -> None:
        """Build the tables of the normal form, and load the dictionary if words are needed."""
        self.signing_of().open()

    def signed(self) -> Mapping[str, pa.DataType]:
        """Columns of every deduplication, and ``permutations`` little-endian uint32; null without letters or digits."""
        return {**super().signed(), "signature": pa.binary(4 * self.signing_of().permutations)}

    def sign(self, batch: pa.RecordBatch) -> Mapping[str, pa.Array]:
        """Sign the texts of a batch."""
        return {**self.facts(batch), "signature": _binary(*self.signing_of().signatures(batch))}

    def data(self) -> Mapping[str, str]:
        """Hash the indexes; IndexFolderError if one cannot be used."""
        return digests(self.against, self.parameters()) if self.against else {}

    def all_parts(self, parts: Sequence[SidecarPart]) -> Sequence[SidecarPart]:
        """Parts of the indexes and the run's own; of an index that holds one of these, what was there before it."""
        return [*self._older([part.name for part in parts]), *parts]

    def phases(self, parts: Sequence[SidecarPart]) -> Sequence[Phase]:
        """Candidates by key, estimates, texts where these are doubtful, clusters, and what all deduplication does."""
        numbering = self.numbering(parts)
        blocks = numbering.blocks.size - 1
        names = ["signatures", "estimates", *(["texts", "indices"] if self.verify != "estimate" else [])]
        return [
            Phase("keys", blocks),
            Phase("pairs", 1 << self._candidates(parts, numbering).partition_bits),
            *(Phase(name, blocks) for name in names),
            Phase("clusters", 1),
            *self.last_phases(numbering),
        ]

    def work(self, phase: str, task: int, files: BarrierFiles) -> Iterator[int]:
        """Do a task of a phase; IndexFolderError if an index has changed since the first one."""
        self._check_unchanged(phase, files)
        numbering = self.numbering(files.parts)
        if phase == "clusters":
            return find_clusters(files, self._edges(numbering), numbering, self.memory)
        candidates = self._candidates(files.parts, numbering)
        estimation = self._estimation(candidates)
        comparison = Comparison(candidates.parts, numbering, self.signing_of(), self.threshold, self.memory)
        work = {
            "keys": candidates.keys,
            "pairs": candidates.pairs,
            "signatures": estimation.signatures,
            "estimates": estimation.estimates,
            "texts": comparison.texts,
            "indices": comparison.indices,
        }
        return work[phase](files, task) if phase in work else self.last_work(phase, task, files)

    def members(self, numbering: Numbering) -> tuple[str, int, str]:
        """Where the MEMBER records are."""
        return "clusters", 1, "members"

    def sketches(self, files: BarrierFiles, block: int, documents: Numbers) -> Sketches:
        """Return the sketches of m documents of a block, uint8 (m, permutations)."""
        first = self.numbering(files.parts).span(block)[0]
        return sketches_of(files, block, self.signing_of().permutations)[documents.astype(np.int64) - first]

    def _older(self, own: Sequence[str]) -> Sequence[SidecarPart]:
        if not self.against:
            return []
        return foreign_parts(tuple(dict.fromkeys(self.against)), self.parameters(), self.signed(), own)

    def _check_unchanged(self, phase: str, files: BarrierFiles) -> None:
        """Note in the first phase which state the indexes are in, and compare in the others."""
        state = json.dumps(self.data()).encode()
        if phase == "keys":
            with files.create("indexes") as file:
                file.write(state)
            return
        senders = self.numbering(files.parts).blocks.size - 1 if phase == "clusters" else 1
        for sender in range(senders):
            with files.open("keys", sender, "indexes") as file:
                if file.read() != state:
                    raise IndexFolderError("an index of `against` has changed while it was in use; run again")

    def _candidates(self, parts: Sequence[SidecarPart], numbering: Numbering) -> Candidates:
        foreign = int(numbering.starts[len(self.all_parts(parts)) - len(parts)])
        scoped = self.scope != "global"
        return Candidates(
            self.all_parts(parts),
            numbering,
            foreign,
            self.layout(),
            self.signing_of().permutations,
            scoped,
            self.memory,
        )

    def _estimation(self, candidates: Candidates) -> Estimation:
        return Estimation(
            candidates.parts,
            candidates.numbering,
            candidates.foreign,
            candidates.permutations,
            1 << candidates.partition_bits,
            self.threshold,
            self.doubtful,
            self.verify,
            self.memory,
        )

    def _edges(self, numbering: Numbering) -> list[tuple[str, int, str]]:
        phases = ["estimates"] if self.verify == "estimate" else ["estimates", "indices"]
        return [(phase, numbering.blocks.size - 1, "edges") for phase in phases]


def _binary(signed: Signatures, valid: Valid) -> pa.Array:
    """Pack n signatures into n binaries of fixed size, null for those that are not valid."""
    kind = pa.binary(signed.shape[1] * signed.itemsize)
    mask = pa.array(valid).buffers()[1]
    return pa.Array.from_buffers(kind, valid.size, [mask, pa.py_buffer(signed.astype("<u4", copy=False))])
