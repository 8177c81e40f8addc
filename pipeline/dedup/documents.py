"""The signed documents of all parts as arrays, numbered by preference: the least of a cluster is the copy to keep."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.barrier import SidecarPart
from pipeline.dedup.clusters import Numbers
from pipeline.text.arrow import buffers

Preference = Literal["length", "date", "id"]

SORT_KEYS = {"length": ("characters", "descending"), "date": ("date", "ascending"), "id": ("id", "ascending")}
"""The sidecar column behind each preference; pyarrow sorts nulls last."""


@dataclass(frozen=True, slots=True)
class Documents:
    """n documents in order of preference; every array has n entries."""

    parts: Sequence[SidecarPart]
    part: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    characters: npt.NDArray[np.int64]
    ids: pa.ChunkedArray
    signatures: npt.NDArray[np.uint32]
    """Shape (n, permutations)."""

    def texts(self, numbers: Numbers) -> Iterator[tuple[Numbers, pa.Array]]:
        """Fetch the texts of distinct documents part by part: numbers of one part, their texts in the same order."""
        for part, share in self.by_part(numbers):
            yield share, self.parts[part].texts(self.row[share].tolist())

    def by_part(self, numbers: Numbers) -> Iterator[tuple[int, Numbers]]:
        """Split documents by part, in order of part and row; parts that hold none of them are left out."""
        ordered = numbers[np.lexsort((self.row[numbers], self.part[numbers]))]
        parts, starts = np.unique(self.part[ordered], return_index=True)
        for part, share in zip(parts, np.split(ordered, starts[1:]), strict=False):
            yield int(part), share


def gather(parts: Sequence[SidecarPart], keep: Sequence[Preference], permutations: int) -> Documents:
    """Read the sidecars of one or more parts and number all documents with a signature.

    Their order is that of ``keep``, then of part name and row. Sidecars are read twice, so that the signatures of all
    parts are in memory only once.
    """
    facts = [_facts(part) for part in parts]
    sizes = [table.num_rows for table in facts]
    part = np.repeat(np.arange(len(parts)), sizes)
    table = pa.concat_tables(facts).append_column("name", pa.array(_ranks([part.name for part in parts])[part]))
    keys = [SORT_KEYS[preference] for preference in dict.fromkeys(keep)]
    order = pc.sort_indices(table, sort_keys=[*keys, ("name", "ascending"), ("row", "ascending")]).to_numpy()
    numbers = np.empty(order.size, np.int64)
    numbers[order] = np.arange(order.size)
    signatures = np.empty((order.size, permutations), np.uint32)
    for source, own in zip(parts, np.split(numbers, np.cumsum(sizes)[:-1]), strict=True):
        signatures[own] = _signatures(source, permutations)
    return Documents(
        parts=parts,
        part=part[order],
        row=table.column("row").to_numpy()[order],
        characters=table.column("characters").to_numpy()[order].astype(np.int64),
        ids=table.column("id").take(pa.array(order)),
        signatures=signatures,
    )


def _facts(part: SidecarPart) -> pa.Table:
    """Read all but the signature of the documents that have one; ids with 64-bit offsets, since all are joined."""
    table = part.sidecar()
    signed = table.select(["row", "id", "characters", "date"]).filter(table.column("signature").is_valid())
    large = pa.schema(
        [("row", pa.int64()), ("id", pa.large_string()), ("characters", pa.int32()), ("date", pa.large_string())]
    )
    return signed.cast(large)


def _signatures(part: SidecarPart, permutations: int) -> npt.NDArray[np.uint32]:
    found = [np.empty((0, permutations), np.uint32)]
    for chunk in part.sidecar().column("signature").drop_null().chunks:
        offsets, data = buffers(chunk)
        found.append(data[offsets[0] : offsets[-1]].view("<u4").reshape(-1, permutations))
    return np.concatenate(found)


def _ranks(names: Sequence[str]) -> npt.NDArray[np.int64]:
    """Place of each name among all of them in order."""
    order = np.array(sorted(range(len(names)), key=names.__getitem__), np.int64)
    ranks = np.empty_like(order)
    ranks[order] = np.arange(order.size)
    return ranks
