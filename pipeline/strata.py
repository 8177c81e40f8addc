"""How documents are divided into strata: the labels of each dimension, and the folding of strata that are too small."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from itertools import pairwise
from math import sqrt

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Labels = tuple[str, ...]
"""A stratum: one label for each dimension."""
Keys = npt.NDArray[np.uint64]
Cuts = npt.NDArray[np.float64]

OTHER = "other"
"""Label of all that is too rare to be a stratum of its own."""
LENGTH_EDGES = np.array([round(10 ** (third / 3)) for third in range(28)])
SIZE_EDGES = 10 ** np.arange(13)
TERCILES = ("low", "middle", "high", "unknown")
PENDING = 2**20
LOWEST = 2**16


def length_labels(characters: pa.Array) -> pa.Array:
    """Label lengths by thirds of a decade: 1,000 to 2,153 characters are one stratum."""
    return _bands("length", LENGTH_EDGES, characters.to_numpy(zero_copy_only=False))


def size_labels(sizes: npt.NDArray[np.int64]) -> pa.Array:
    """Label documents by how many their host has: 1 to 9, 10 to 99, ..."""
    return _bands("host of", SIZE_EDGES, sizes)


def tercile_labels(name: str, values: pa.Array, cuts: Cuts) -> pa.Array:
    """Label a signal by the terciles that ``cuts`` (2) divide; null and NaN are unknown."""
    numbers = pc.cast(values, pa.float64()).to_numpy(zero_copy_only=False)
    places = np.where(np.isnan(numbers), len(TERCILES) - 1, np.searchsorted(cuts, numbers))
    return pa.array([f"{name} {which}" for which in TERCILES]).take(pa.array(places))


def terciles(values: pa.Array) -> Cuts:
    """Return the two values that divide a signal into thirds; null and NaN are left out."""
    numbers = pc.cast(values, pa.float64()).to_numpy(zero_copy_only=False)
    known = numbers[~np.isnan(numbers)]
    return np.quantile(known, [1 / 3, 2 / 3], method="lower") if known.size else np.zeros(2)


def _bands(name: str, edges: npt.NDArray[np.int64], values: npt.NDArray[np.int64]) -> pa.Array:
    labels = [f"{name} 0", *(f"{name} {low:,}-{high - 1:,}" for low, high in pairwise(edges))]
    labels.append(f"{name} {edges[-1]:,} or more")
    return pa.array(labels).take(pa.array(np.searchsorted(edges, values, side="right")))


def folded(populations: Mapping[Labels, int], n: int) -> dict[Labels, Labels]:
    """Fold strata that are too small for one of ``n`` documents: stratum -> stratum it becomes part of.

    They become OTHER in their last dimension, and where that is still too little in the one before as well; so the
    first dimension holds longest.
    """
    into = {labels: labels for labels in populations}
    for place in reversed(range(_dimensions(populations))):
        sizes = summed(populations, into)
        whole = sum(map(sqrt, sizes.values()))
        small = {target for target, size in sizes.items() if n * sqrt(size) < whole}
        into = _with_others(into, small, place)
    return into


def collapsed(populations: Mapping[Labels, int], drawn: Mapping[Labels, int]) -> dict[Labels, Labels]:
    """Fold strata of which nothing was drawn with the smallest stratum beside them of which something was.

    So every document is represented, by those that are most like it in the first dimensions; but no stratum is folded
    over the first one (collapsed strata: Cochran 1977, Sampling Techniques, chapter 5A).
    """
    into = {labels: labels for labels in populations}
    for place in reversed(range(1, _dimensions(populations))):
        sizes, draws = summed(populations, into), summed(drawn, into)
        beside: dict[Labels, list[Labels]] = {}
        for target in sorted(sizes, key=lambda target: (sizes[target], target)):
            beside.setdefault(target[:place], []).append(target)
        pooled = set[Labels]()
        for group in beside.values():
            lacking = [target for target in group if not draws[target]]
            pooled.update(lacking, [target for target in group if draws[target]][:1] if lacking else ())
        into = _with_others(into, pooled, place)
    return into


def _dimensions(populations: Mapping[Labels, int]) -> int:
    return len(next(iter(populations), ()))


def summed(counts: Mapping[Labels, int], into: Mapping[Labels, Labels]) -> Counter[Labels]:
    """Count folded strata."""
    sums = Counter[Labels]()
    for labels, target in into.items():
        sums[target] += counts[labels]
    return sums


def _with_others(into: Mapping[Labels, Labels], pooled: Set[Labels], place: int) -> dict[Labels, Labels]:
    """Make some strata OTHER from a dimension on."""
    return {
        labels: (*target[:place], *[OTHER] * (len(target) - place)) if target in pooled else target
        for labels, target in into.items()
    }


class HostSizes:
    """How many documents each host has, in 16 bytes a host."""

    def __init__(self) -> None:
        self._hosts, self._counts = np.empty(0, np.uint64), np.empty(0, np.int64)
        self._pending: list[Keys] = []

    def add(self, hosts: Keys) -> None:
        """Count documents by the hash of their host."""
        self._pending.append(hosts)
        if sum(waiting.size for waiting in self._pending) >= PENDING:
            self._merge()

    def of(self, hosts: Keys) -> npt.NDArray[np.int64]:
        """Return the sizes of hosts, all of which were counted."""
        self._merge()
        return self._counts[np.searchsorted(self._hosts, hosts)]

    def _merge(self) -> None:
        if not self._pending:
            return
        new, counts = np.unique(np.concatenate(self._pending), return_counts=True)
        self._pending = []
        self._hosts, places = np.unique(np.concatenate([self._hosts, new]), return_inverse=True)
        weights = np.concatenate([self._counts, counts])
        self._counts = np.zeros(self._hosts.size, np.int64)
        np.add.at(self._counts, places, weights)


class Lowest:
    """Signals of the documents of lowest order: a seeded sample, of a bounded size, of all that were seen."""

    def __init__(self, names: Sequence[str]) -> None:
        self.schema = pa.schema([("order", pa.uint64()), *((name, pa.float64()) for name in names)])
        self._held = self.schema.empty_table()

    def add(self, order: Keys, batch: pa.RecordBatch) -> None:
        """Consider documents."""
        columns = [pa.array(order), *(pc.cast(batch[name], pa.float64()) for name in self.schema.names[1:])]
        joined = pa.concat_tables([self._held, pa.table(columns, schema=self.schema)])
        self._held = joined.sort_by("order").slice(0, LOWEST).combine_chunks()

    def values(self, name: str) -> pa.Array:
        """Return a signal of those that stand now."""
        return self._held[name].combine_chunks()
