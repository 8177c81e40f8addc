"""Signatures of documents that do not exist, with planted clusters of near-duplicates, as a pass would leave them.

Of all documents 30 % stand in clusters of 3 on average (Poisson), scattered over all parts, and 0.5 % in one cluster.
Two members of a cluster agree in each value with probability 0.917, a Jaccard index of near-duplicates, and so share
each band of 8 with probability 0.5.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from pipeline.dedup.minhash import MinHash
from pipeline.parts import PartFiles
from pipeline.storage import Store
from pipeline.task import PartPaths
from pipeline.text.shingles import mix

Numbers = npt.NDArray[np.uint64]
Values = npt.NDArray[np.uint32]
Clusters = npt.NDArray[np.int64]

CLUSTERED, MEAN, GIANT = 0.3, 3, 0.005
KEEPS = 0.9576
"""Probability that a member has its cluster's value; the square is that two members agree."""
ALONE = -1
BATCH = 16_384
PREFIX, DIGITS = "<urn:uuid:", 16
"""An id is as long as that of a WARC record: 16 digits that look random, then the document's number."""
SPREAD = np.uint64(0x9E3779B97F4A7C15)
DUMP = "CC-MAIN-2024-10"


@dataclass(frozen=True)
class Planted:
    """``documents`` documents in ``parts`` parts of equal size."""

    documents: int
    parts: int

    @property
    def names(self) -> list[str]:
        """Names of the parts."""
        return [f"planted-{part:05}" for part in range(self.parts)]

    @property
    def rows(self) -> int:
        """Documents of a part."""
        return self.documents // self.parts

    @property
    def clusters(self) -> int:
        """Number of clusters, the giant one aside."""
        return int(self.documents * CLUSTERED / MEAN)

    def numbers(self, part: int) -> Numbers:
        """Documents of a part, in the order of its rows."""
        return np.arange(part * self.rows, (part + 1) * self.rows, dtype=np.uint64)

    def removals(self) -> int:
        """Documents that one copy of each cluster makes superfluous."""
        sizes = np.zeros(self.clusters + 1, np.int64)
        for part in range(self.parts):
            members = cluster_of(self.numbers(part), self.clusters)
            sizes += np.bincount(members[members != ALONE], minlength=sizes.size)
        return int(sizes.sum() - np.count_nonzero(sizes))

    def mistakes(self, part: int, removed: pa.Table) -> int:
        """Of the documents removed from a part, those that do not belong to the cluster of the copy that stays.

        ``removed``: columns ``row`` and ``kept_id`` of an explanation file.
        """
        own = cluster_of(self.numbers(part)[removed["row"].to_numpy()], self.clusters)
        kept = pc.utf8_slice_codeunits(removed["kept_id"], len(PREFIX) + DIGITS, len(PREFIX) + 2 * DIGITS)
        return int(
            np.count_nonzero((own == ALONE) | (own != cluster_of(kept.cast(pa.uint64()).to_numpy(), self.clusters)))
        )

    def write(self, step: MinHash, run: str, name: str, part: int, *, signed: bool = True) -> int:
        """Write the sidecar of a part into a run folder, as the pass ``name`` does; returns its bytes.

        Without the signatures, which only the first phase of the barrier reads, unless it is ``signed``.
        """
        path = PartPaths(name, self.names[part]).sidecar
        fields = [("row", pa.int64()), *step.signed().items()]
        schema = pa.schema([field for field in fields if signed or field[0] != "signature"])
        numbers = self.numbers(part)
        with PartFiles(Store(run)) as files:
            file = files.file(path, schema)
            for start in range(0, self.rows, BATCH):
                file.write(self._sidecar(schema, start, numbers[start : start + BATCH], step))
            files.close()
            return int(files.publish()[path]["bytes"])

    def _sidecar(self, schema: pa.Schema, start: int, numbers: Numbers, step: MinHash) -> pa.RecordBatch:
        makers: dict[str, Callable[[], pa.Array]] = {
            "row": lambda: pa.array(np.arange(start, start + numbers.size)),
            "id": lambda: pa.array(list(map(id_of, numbers.tolist(), (numbers * SPREAD).tolist()))),
            "characters": lambda: pa.array((numbers % np.uint64(2000)).astype(np.int32)),
            "date": lambda: pa.nulls(numbers.size, pa.string()),
            "string.dump": lambda: pa.array([DUMP] * numbers.size),
            "signature": lambda: self.signatures(numbers, step.signing_of().permutations),
        }
        return pa.RecordBatch.from_arrays([makers[field.name]() for field in schema], schema=schema)

    def signatures(self, numbers: Numbers, permutations: int) -> pa.Array:
        """Signatures of documents as the sidecar holds them."""
        signed = values(numbers, cluster_of(numbers, self.clusters), permutations)
        kind = pa.binary(4 * permutations)
        return pa.Array.from_buffers(kind, numbers.size, [None, pa.py_buffer(signed.astype("<u4"))])


def id_of(number: int, random: int = 0) -> str:
    """Id of a document."""
    return f"{PREFIX}{random:0{DIGITS}x}{number:0{DIGITS}}>"


@njit(cache=True, nogil=True)
def cluster_of(numbers: Numbers, clusters: int) -> Clusters:
    """Cluster of each document: 0 the giant one, then the others; ALONE."""
    found = np.empty(numbers.size, np.int64)
    for place in range(numbers.size):
        chance = mix(numbers[place] + np.uint64(1))
        share = (chance >> np.uint64(11)) / 2.0**53
        if share < GIANT:
            found[place] = 0
        elif share < GIANT + CLUSTERED:
            found[place] = 1 + np.int64(mix(chance) % np.uint64(clusters))
        else:
            found[place] = ALONE
    return found


@njit(cache=True, nogil=True)
def values(numbers: Numbers, clusters: Clusters, permutations: int) -> Values:
    """Signature values, shape (n, permutations)."""
    signed = np.empty((numbers.size, permutations), np.uint32)
    for row in range(numbers.size):
        own = mix(numbers[row] * np.uint64(2) + np.uint64(1))
        shared = mix(np.uint64(clusters[row]) * np.uint64(2) + np.uint64(2))
        for place in range(permutations):
            value = mix(own + np.uint64(place))
            keeps = clusters[row] != ALONE and (value >> np.uint64(11)) / 2.0**53 < KEEPS
            signed[row, place] = np.uint32(mix(shared + np.uint64(place)) if keeps else mix(value))
    return signed
