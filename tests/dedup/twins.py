"""Plain twins of the kernels of deduplication."""

from collections import Counter
from collections.abc import Iterable

from pipeline.dedup.pairs import WINDOW


def pairs_twin(records: Iterable[tuple[int, int]], foreign: int) -> Counter[tuple[int, int]]:
    """Pair documents of equal key; ``records``: key and document, the latter ascending."""
    buckets: dict[int, list[int]] = {}
    for key, document in records:
        buckets.setdefault(key, []).append(document)
    found: Counter[tuple[int, int]] = Counter()
    for bucket in buckets.values():
        for place, document in enumerate(bucket):
            partners = bucket[max(0, place - WINDOW) : place]
            if place > WINDOW:
                partners = [bucket[0], *partners]
            found.update((partner, document) for partner in partners if partner < document and document >= foreign)
    return found
