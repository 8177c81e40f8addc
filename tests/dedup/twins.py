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
    for key, bucket in buckets.items():
        if len(bucket) > WINDOW + 1:
            bucket[1:] = sorted(bucket[1:], key=lambda document, key=key: splitmix64(document ^ key))
        for place, document in enumerate(bucket):
            partners = bucket[max(0, place - WINDOW) : place]
            if place > WINDOW:
                partners = [bucket[0], *partners]
            pairs = [(min(partner, document), max(partner, document)) for partner in partners if partner != document]
            found.update(pair for pair in pairs if pair[1] >= foreign)
    return found


def splitmix64(value: int) -> int:
    """Finaliser of splitmix64."""
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    value = (value ^ value >> 27) * 0x94D049BB133111EB % 2**64
    return value ^ value >> 31
