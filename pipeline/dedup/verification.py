"""Are two documents near-duplicates? By their signatures where these are clear, else by their texts."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pipeline.dedup.clusters import Keys, Mask, Numbers, pair_keys
from pipeline.dedup.documents import Documents
from pipeline.text.minhash import estimate
from pipeline.text.shingles import jaccard, shingles

BATCH_CHARACTERS = 1 << 25
"""Texts compared at a time; their shingles take 8 bytes a character."""

Indices = npt.NDArray[np.float64]


@dataclass
class Verifier:
    """Compares documents and remembers the Jaccard indices it took from texts."""

    documents: Documents
    ngram: int
    threshold: float
    doubtful: float
    _pairs: list[Keys] = field(default_factory=lambda: [np.empty(0, np.uint64)])
    _indices: list[Indices] = field(default_factory=lambda: [np.empty(0)])

    def similar(self, leaders: Numbers, members: Numbers) -> Mask:
        """Tell which pairs, distinct and in order, have a Jaccard index of at least the threshold.

        An estimate within ``doubtful`` of the threshold is replaced by the index of the texts' n-gram sets.
        """
        indices: Indices = estimate(self.documents.signatures, leaders, members)
        doubt = np.abs(indices - self.threshold) <= self.doubtful
        indices[doubt] = self._exact(leaders[doubt], members[doubt])
        return indices >= self.threshold

    def similarity(self, left: Numbers, right: Numbers) -> tuple[Indices, Mask]:
        """Best known Jaccard index of each pair, and whether it comes from the texts; no text is read for it."""
        indices = estimate(self.documents.signatures, left, right)
        known = np.concatenate(self._pairs)
        order = np.argsort(known)
        wanted = pair_keys(left, right)
        places = np.searchsorted(known, wanted, sorter=order)
        exact = np.zeros(left.size, np.bool_)
        inside = np.flatnonzero(places < known.size)
        exact[inside] = known[order[places[inside]]] == wanted[inside]
        indices[exact] = np.concatenate(self._indices)[order[places[exact]]]
        return indices, exact

    def _exact(self, leaders: Numbers, members: Numbers) -> Indices:
        indices = np.empty(leaders.size)
        for batch in self._batches(leaders, members):
            indices[batch] = self._jaccard(leaders[batch], members[batch])
        self._pairs.append(pair_keys(leaders, members))
        self._indices.append(indices)
        return indices

    def _batches(self, leaders: Numbers, members: Numbers) -> Iterator[slice]:
        """Cut pairs ordered by leader where the texts that they need exceed BATCH_CHARACTERS."""
        first = np.ones(leaders.size, np.bool_)
        first[1:] = leaders[1:] != leaders[:-1]
        sizes = self.documents.characters
        batches = np.cumsum(sizes[members] + first * sizes[leaders]) // BATCH_CHARACTERS
        cuts = [0, *(np.flatnonzero(np.diff(batches)) + 1), leaders.size]
        for start, stop in pairwise(cuts):
            yield slice(start, stop)

    def _jaccard(self, leaders: Numbers, members: Numbers) -> Indices:
        """Jaccard indices of the n-gram sets of pairs; each text is fetched once."""
        wanted = np.unique(np.concatenate([leaders, members]))
        fetched, sizes, hashes = [wanted[:0]], [np.zeros(1, np.int64)], [np.empty(0, np.uint64)]
        for numbers, texts in self.documents.texts(wanted):
            starts, found = shingles(texts, self.ngram)
            fetched.append(numbers)
            sizes.append(np.diff(starts))
            hashes.append(found)
        order = np.argsort(np.concatenate(fetched))
        places = [order[np.searchsorted(wanted, side)] for side in (leaders, members)]
        indices: Indices = jaccard(np.cumsum(np.concatenate(sizes)), np.concatenate(hashes), *places)
        return indices
