"""Near-duplicates over all shards: MinHash signatures in bands, candidates verified before they are joined."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from pipeline.barrier import Barrier, SidecarPart
from pipeline.dedup.clusters import Clusters, Numbers, cluster
from pipeline.dedup.documents import Documents, Preference, gather
from pipeline.dedup.verification import Verifier
from pipeline.stage import Cost
from pipeline.text.minhash import band_keys, shared_bands, signatures
from pipeline.text.shingles import forms

Sizes = npt.NDArray[np.int32]

REMOVED = pa.schema(
    [
        ("row", pa.int64()),
        ("id", pa.string()),
        ("minhash_cluster_id", pa.string()),  # id of the document that stays
        ("kept_part", pa.string()),
        ("bands_shared", pa.int32()),  # with the kept document
        ("similarity", pa.float32()),  # Jaccard index with the kept document
        ("similarity_from", pa.string()),  # estimate (signatures) or jaccard (texts)
        ("minhash_cluster_size", pa.int32()),
    ]
)
"""One removed document. Clusters are transitive: a document similar to a removed one only can score low here."""


class MinHash(Barrier):
    """Keeps one copy of documents that share most of their character n-grams.

    Texts are compared without punctuation, spaces, width and case, and with each number as 0. Two documents are
    candidates if all values of one band of their signatures agree; 14 bands of 8, as in FineWeb, find 57 % of pairs
    at a Jaccard index of 0.7, 92 % at 0.8 and 99.9 % at 0.9. Candidates are compared before they are joined.
    """

    ngram: int = Field(8, ge=1)
    """Characters per shingle; 8 Japanese characters are about 5 words. A shorter text only equals itself."""
    bands: int = Field(14, ge=1)
    """More bands find more pairs."""
    rows: int = Field(8, ge=1)
    """Signature values per band; more rows propose fewer pairs."""
    threshold: float = Field(0.7, ge=0, le=1)
    """Least Jaccard index of the n-gram sets of two documents that are joined."""
    doubtful: float = Field(0.1, ge=0, le=1)
    """An estimate this near to the threshold is replaced by the Jaccard index of the texts."""
    keep: tuple[Preference, ...] = ("length", "date", "id")
    """Which copy stays: the longest text, the earliest date, the least id, in this order; then by part and row."""

    cost = Cost.CHARS
    reads = ("text", "id", "date")
    adds: ClassVar = {"minhash_cluster_id": pa.string(), "minhash_cluster_size": pa.int32()}
    """Id of the kept document, null where nothing is like it; how many documents it stands for, itself included."""
    defaults: ClassVar = {"minhash_cluster_id": None, "minhash_cluster_size": 1}
    sidecar: ClassVar = {
        "id": pa.string(),
        "signature": pa.binary(),  # bands * rows little-endian uint32; null where a text has no letter or digit
        "characters": pa.int32(),
        "date": pa.string(),
    }
    signing: ClassVar = frozenset({"ngram", "bands", "rows"})
    reason = "duplicate"
    folder = "duplicates"

    @classmethod
    def step_name(cls) -> str:
        """Name as the field writes it."""
        return "minhash"

    def open(self) -> None:
        """Build the tables of the normal form."""
        forms()

    def sign(self, batch: pa.RecordBatch) -> Mapping[str, pa.Array]:
        """Sign the texts of a batch."""
        texts = batch.column("text")
        signed, valid = signatures(texts, self.ngram, self.bands * self.rows)
        return {
            "id": batch.column("id"),
            "signature": _binary(signed, valid),
            "characters": pc.utf8_length(texts).cast(pa.int32()),
            "date": batch.column("date"),
        }

    def resolve(self, parts: Sequence[SidecarPart]) -> Iterator[Resolution]:
        """Cluster the documents of all parts; all signatures are held in memory, texts only for doubtful pairs."""
        if not parts:
            return
        documents = gather(parts, self.keep, self.bands * self.rows)
        verifier = Verifier(documents, self.ngram, self.threshold, self.doubtful)
        keys = (band_keys(documents.signatures, band, self.rows) for band in range(self.bands))
        clusters = cluster(documents.row.size, keys, verifier.similar)
        sizes: Sizes = np.bincount(clusters.roots).astype(np.int32)[clusters.roots]
        shares = dict(documents.by_part(np.flatnonzero(sizes > 1).astype(np.uint32)))
        for index, part in enumerate(parts):
            numbers = shares.get(index, np.empty(0, np.uint32))
            decisions = _decisions(documents, clusters, sizes, numbers)
            removed = numbers[clusters.roots[numbers] != numbers]
            yield Resolution(part.name, decisions, self._removed(verifier, clusters, sizes, removed))

    def _removed(self, verifier: Verifier, clusters: Clusters, sizes: Sizes, numbers: Numbers) -> pa.Table:
        """Explain removed documents. The schema's metadata says how many pairs of the run were compared or missed."""
        documents = verifier.documents
        kept = clusters.roots[numbers]
        similarity, exact = verifier.similarity(kept, numbers)
        columns = [
            documents.row[numbers],
            _ids(documents, numbers),
            _ids(documents, kept),
            pa.array([documents.parts[part].name for part in documents.part[kept]], pa.string()),
            shared_bands(documents.signatures, self.rows, kept, numbers),
            similarity.astype(np.float32),
            pa.array(np.where(exact, "jaccard", "estimate"), pa.string()),
            sizes[numbers],
        ]
        facts = {"compared": str(clusters.compared), "unverified": str(clusters.unverified)}
        return pa.table(columns, schema=REMOVED.with_metadata(facts))


def _decisions(documents: Documents, clusters: Clusters, sizes: Sizes, numbers: Numbers) -> pa.Table:
    roots = clusters.roots[numbers]
    return pa.table(
        {
            "row": documents.row[numbers],
            "drop": roots != numbers,
            "minhash_cluster_id": _ids(documents, roots),
            "minhash_cluster_size": sizes[numbers],
        }
    )


def _ids(documents: Documents, numbers: Numbers) -> pa.Array:
    return documents.ids.take(pa.array(numbers)).cast(pa.string()).combine_chunks()


def _binary(signed: Numbers, valid: npt.NDArray[np.bool_]) -> pa.Array:
    """Pack the valid rows of n signatures into n binaries, null for the others."""
    offsets = np.zeros(valid.size + 1, np.int32)
    np.cumsum(valid * signed.shape[1] * signed.itemsize, out=offsets[1:])
    mask = pa.array(valid).buffers()[1]
    data = pa.py_buffer(signed[valid].astype("<u4"))
    return pa.Array.from_buffers(pa.binary(), valid.size, [mask, pa.py_buffer(offsets), data])
