"""Signatures of documents that do not exist, with planted clusters of near-duplicates, as a pass would leave them.

Of all documents 30 % stand in clusters of 3 on average (Poisson), scattered over all parts, and 0.5 % in one cluster.
Two members of a cluster agree in each value with probability 0.917, a Jaccard index of near-duplicates, and so share
each band of 8 with probability 0.5.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.dedup.minhash import MinHash
from pipeline.parts import PartFiles
from pipeline.storage import Store
from pipeline.task import PartPaths
from pipeline.text.shingles import mix

Values = npt.NDArray[np.uint32]
Clusters = npt.NDArray[np.int64]

CLUSTERED, MEAN, GIANT = 0.3, 3, 0.005
KEEPS = 0.9576
"""Probability that a member has its cluster's value; the square is that two members agree."""
ALONE = -1
BATCH = 16_384
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

    def removals(self) -> int:
        """Documents that one copy of each cluster makes superfluous."""
        members = cluster_of(np.arange(self.documents, dtype=np.uint64), self.clusters)
        found, sizes = np.unique(members[members != ALONE], return_counts=True)
        return int(sizes.sum() - found.size)

    def write(self, step: MinHash, run: str, name: str, part: int) -> None:
        """Write the sidecar of a part into a run folder, as the pass ``name`` does."""
        path = PartPaths(name, self.names[part]).sidecar
        schema = pa.schema([("row", pa.int64()), *step.signed().items()])
        with PartFiles(Store(run)) as files:
            file = files.file(path, schema)
            for start in range(0, self.rows, BATCH):
                rows = np.arange(start, min(start + BATCH, self.rows))
                numbers = (rows + part * self.rows).astype(np.uint64)
                columns = {
                    "row": pa.array(rows),
                    "id": pa.array([f"<urn:uuid:{number:032x}>" for number in numbers]),
                    "characters": pa.array((numbers % np.uint64(2000)).astype(np.int32)),
                    "date": pa.nulls(rows.size, pa.string()),
                    "string.dump": pa.array([DUMP] * rows.size),
                    "signature": self.signatures(numbers, step.signing_of().permutations),
                }
                file.write(pa.RecordBatch.from_arrays([columns[field.name] for field in schema], schema=schema))
            files.close()
            files.publish()

    def signatures(self, numbers: npt.NDArray[np.uint64], permutations: int) -> pa.Array:
        """Signatures of documents as the sidecar holds them."""
        signed = values(numbers, cluster_of(numbers, self.clusters), permutations)
        kind = pa.binary(4 * permutations)
        return pa.Array.from_buffers(kind, numbers.size, [None, pa.py_buffer(signed.astype("<u4"))])


@njit(cache=True, nogil=True)
def cluster_of(numbers: npt.NDArray[np.uint64], clusters: int) -> Clusters:
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
def values(numbers: npt.NDArray[np.uint64], clusters: Clusters, permutations: int) -> Values:
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
