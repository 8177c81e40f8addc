"""Which documents of which strata are drawn: in proportion to the root of the population, few of each host."""

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import sqrt

import numpy as np
import numpy.typing as npt

CANDIDATE = np.dtype(
    [("stratum", np.int32), ("order", np.uint64), ("host", np.uint64), ("file", np.int32), ("row", np.int64)]
)
"""A document that may be drawn. ``order`` is its seeded hash: the lower, the sooner; ``host`` the hash of its host;
``file`` and ``row`` are its place."""
Rows = npt.NDArray[np.void]
"""Records of type CANDIDATE."""
PENDING = 2**20


class Candidates:
    """Of each stratum the ``n`` documents of lowest order, at most ``per_host`` of a host; more are never drawn."""

    def __init__(self, n: int, per_host: int | None) -> None:
        self.n, self.per_host = n, per_host
        self._held = np.empty(0, CANDIDATE)
        self._pending: list[Rows] = []

    def add(self, rows: Rows) -> None:
        """Consider documents."""
        self._pending.append(rows)
        if sum(waiting.size for waiting in self._pending) >= PENDING:
            self.rows()

    def rows(self) -> Rows:
        """Return those that stand now, by stratum and order."""
        rows = np.concatenate([self._held, *self._pending])
        rows = rows[np.lexsort((rows["order"], rows["stratum"]))]
        if self.per_host is not None:
            rows = rows[_rank(rows["stratum"], rows["host"]) < self.per_host]
        self._held, self._pending = rows[_rank(rows["stratum"]) < self.n], []
        return self._held


def _rank(*keys: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """How many rows before each have the same keys."""
    order = np.lexsort(keys)
    places = np.arange(order.size)
    begins = np.ones(order.size, np.bool_)
    begins[1:] = np.logical_or.reduce([key[order][1:] != key[order][:-1] for key in keys])
    ranks = np.empty_like(places)
    ranks[order] = places - np.maximum.accumulate(np.where(begins, places, 0))
    return ranks


def draw(n: int, populations: Sequence[int], candidates: Rows, per_host: int | None) -> npt.NDArray[np.int64]:
    """Draw up to ``n`` documents; returns places among the candidates, which stand by stratum and order.

    Strata are drawn from in proportion to the square root of their population: a stratum a hundred times larger gets
    ten times as much. A plain proportion would spend the annotations on what is frequent, an equal share on what is
    rare (power allocation: Bankier 1988, The American Statistician 42:174-177). One document after the other goes to
    the stratum that lags furthest behind its share (Sainte-Laguë's divisors); a stratum with no document left, or none
    whose host has fewer than ``per_host``, leaves its share to the others.
    """
    bounds = np.searchsorted(candidates["stratum"], np.arange(len(populations) + 1))
    hosts = candidates["host"].tolist()
    waiting = [iter(range(first, end)) for first, end in pairwise(bounds)]
    queue = [(-2 * sqrt(population), stratum, 1) for stratum, population in enumerate(populations)]
    heapq.heapify(queue)
    of_host, drawn = Counter[int](), list[int]()
    while queue and len(drawn) < n:
        _, stratum, count = heapq.heappop(queue)
        place = _first(waiting[stratum], hosts, of_host, per_host)
        if place is not None:
            drawn.append(place)
            of_host[hosts[place]] += 1
            heapq.heappush(queue, (-sqrt(populations[stratum]) / (count + 0.5), stratum, count + 1))
    return np.array(sorted(drawn), np.int64)


def _first(places: Iterable[int], hosts: list[int], of_host: Counter[int], per_host: int | None) -> int | None:
    return next((place for place in places if per_host is None or of_host[hosts[place]] < per_host), None)
