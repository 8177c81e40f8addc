"""The effect of another recipe as figures: what reasons and hosts gain and lose, and what is in doubt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.judgement import Judged, Rows
from pipeline.stage import Mask

MEASURES = ("documents", "characters", "tokens")
HOSTS = 1_000_000
"""Hosts that are counted at once; beyond, those with the fewest changes are let go."""
HOSTS_SHOWN = 1000
MOVES = tuple(f"{which}.{measure}" for which in ("gained", "lost") for measure in MEASURES)
Z = 1.959964
"""Normal quantile of a two-sided interval of 95 %."""

Sizes = npt.NDArray[np.int64]
"""Documents, characters and tokens: shape (n, 3), or (3,) for a sum."""


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """Return Wilson's score interval (1927) of a share, at 95 %; trials > 0."""
    share, spread = hits / trials, Z * Z / trials
    middle = share + spread / 2
    half = Z * sqrt(share * (1 - share) / trials + spread / (4 * trials))
    low, high = (middle - half) / (1 + spread), (middle + half) / (1 + spread)
    return (max(0.0, low) if hits else 0.0), (min(1.0, high) if hits < trials else 1.0)


@dataclass
class _Estimate:
    """One cause of doubt: how many documents, and what became of the audit sample of those it stands for."""

    sizes: Sizes = field(default_factory=lambda: np.zeros(3, np.int64))
    before: int = 0
    population: int = 0
    """Documents outside the sample that it stands for; of them ``doubted`` are in doubt for this cause, ``other`` for
    another one, and ``sure`` are surely kept."""
    doubted: int = 0
    other: int = 0
    sure: int = 0
    audited: int = 0
    kept: int = 0
    untold: int = 0
    unmet: dict[str, int] = field(default_factory=dict)
    """Barrier -> documents of the sample that would come to it, where it never saw them."""

    def add(self, rows: Rows, judged: Judged, number: int, sizes: Sizes) -> None:
        doubted = judged.cause == number
        self.sizes += sizes[doubted].sum(axis=0)
        self.before += int((doubted & rows_kept(rows)).sum())
        population = judged.sampled.get(number, judged.plain_cause == number)
        outside, sample = population & ~rows.audit, population & rows.audit
        self.population += int(outside.sum())
        self.doubted += int((outside & doubted).sum())
        self.other += int((outside & ~doubted & (judged.cause >= 0)).sum())
        self.sure += int((outside & judged.kept).sum())
        self.audited += int(sample.sum())
        self.kept += int((sample & judged.kept).sum())
        self.untold += int((sample & (judged.cause >= 0)).sum())
        for barrier, waiting in judged.unmet.items():
            self.unmet[barrier] = self.unmet.get(barrier, 0) + int((sample & waiting).sum())

    def summary(self, step: str, why: str) -> dict[str, Any]:
        kept = self._range(self.kept, self.untold)
        barrier = max(self.unmet, key=lambda name: self.unmet[name], default=None)
        waiting = self.unmet[barrier] if barrier else 0
        arriving = self._range(self.kept + waiting, self.untold - waiting) if waiting else None
        return {
            "step": step,
            "cause": why,
            **_named(self.sizes),
            "kept_before": self.before,
            "barrier": barrier if waiting else None,
            "audited": {
                "documents": self.audited,
                "kept": self.kept,
                "undecidable": self.untold,
                "arriving": self.kept + waiting,
            },
            "arriving_documents": [round(count) for count in arriving] if arriving else None,
            "kept_share": [count / self.doubted for count in kept] if kept else None,
            "kept_documents": [round(count) for count in kept] if kept else None,
        }

    def _range(self, hits: int, untold: int) -> tuple[float, float] | None:
        """Documents outside the sample of which the same is true as of ``hits`` in it, at least and at most.

        None where the sample says nothing.
        """
        if self.audited == untold or not self.doubted:
            return None
        low, high = wilson(hits, self.audited)[0], wilson(hits + untold, self.audited)[1]
        least = max(0.0, low * self.population - self.sure - self.other)
        most = min(float(self.doubted), high * self.population - self.sure)
        return min(least, self.doubted), max(most, 0.0)


@dataclass
class _Reason:
    """Documents that have a reason, all of them and those that have no other, and those that change sides for it."""

    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("before", "before_alone", "after", "after_alone"), 0)
    )
    moves: dict[str, Sizes] = field(
        default_factory=lambda: {name: np.zeros(3, np.int64) for name in ("gained", "lost")}
    )

    @property
    def moving(self) -> int:
        return int(self.moves["gained"][0] + self.moves["lost"][0])

    def summary(self) -> dict[str, Any]:
        return {**self.counts, **{name: _named(sizes) for name, sizes in self.moves.items()}}


class Effects:
    """Sums over all documents."""

    def __init__(self) -> None:
        names = ("before", "after", "gained", "lost", "undecided")
        self.sums = {name: np.zeros(3, np.int64) for name in names}
        self.reasons: dict[str, _Reason] = {}
        self.estimates: dict[int, _Estimate] = {}
        self.hosts = _Hosts()

    def add(self, rows: Rows, judged: Judged, sizes: Sizes, hosts: pa.Array) -> None:
        """Count a batch."""
        before = rows_kept(rows)
        gained, lost = judged.kept & ~before, before & ~judged.kept & (judged.cause < 0)
        masks = {"before": before, "after": judged.kept, "gained": gained, "lost": lost, "undecided": judged.cause >= 0}
        for name, mask in masks.items():
            self.sums[name] += sizes[mask].sum(axis=0)
        self._count("before", {reason: mask for of_step in rows.reasons.values() for reason, mask in of_step.items()})
        self._count("after", judged.drops)
        self._move("gained", rows.columns["reason"], gained, sizes)
        self._move("lost", _first(judged.drops, lost), lost, sizes)
        doubts = np.bincount(np.concatenate([judged.cause, judged.plain_cause]) + 1)[1:]
        for number in {*np.flatnonzero(doubts).tolist(), *judged.sampled}:
            self.estimates.setdefault(number, _Estimate()).add(rows, judged, number, sizes)
        self.hosts.add(hosts, gained, lost, sizes)

    def _count(self, when: str, drops: Mapping[str, Mask]) -> None:
        """Count per reason who has it, and who has it alone."""
        together = sum((mask.astype(np.uint16) for mask in drops.values()), np.uint16(0))
        for reason, mask in drops.items():
            entry = self.reasons.setdefault(reason, _Reason())
            entry.counts[when] += int(mask.sum())
            entry.counts[f"{when}_alone"] += int((mask & (together == 1)).sum())

    def _move(self, moved: str, reasons: pa.Array, rows: Mask, sizes: Sizes) -> None:
        """Count documents that change sides by the first of their reasons."""
        encoded = reasons.filter(pa.array(rows)).dictionary_encode()
        codes, moving = encoded.indices.to_numpy(), sizes[rows]
        for code, reason in enumerate(encoded.dictionary.to_pylist()):
            self.reasons.setdefault(reason, _Reason()).moves[moved] += moving[codes == code].sum(axis=0)

    def summary(self) -> dict[str, Any]:
        """Return the sums as plain data; reasons and hosts with the greatest effect come first."""
        order = sorted(self.reasons.items(), key=lambda item: (-item[1].moving, item[0]))
        reasons = [{"reason": name, **entry.summary()} for name, entry in order]
        return {
            **{name: _named(total) for name, total in self.sums.items()},
            "reasons": reasons,
            "hosts": self.hosts.top(),
        }

    def causes(self, names: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        """Return every cause of doubt, the one of most documents first."""
        found = [estimate.summary(*names[number]) for number, estimate in sorted(self.estimates.items())]
        return sorted((cause for cause in found if cause["documents"]), key=lambda cause: -cause["documents"])


def rows_kept(rows: Rows) -> Mask:
    """Documents that the run kept."""
    kept: Mask = rows.columns["reason"].is_null().to_numpy(zero_copy_only=False)
    return kept


def _first(drops: Mapping[str, Mask], rows: Mask) -> pa.Array:
    """Return the first reason of some of n documents, null for the others; reasons come in order of precedence."""
    codes = np.full(rows.size, -1)
    for code, mask in enumerate(drops.values()):
        codes[mask & rows & (codes < 0)] = code
    return pa.array(list(drops), pa.string()).take(pa.array(codes, mask=codes < 0))


def _named(sizes: Sizes) -> dict[str, int]:
    return {name: int(value) for name, value in zip(MEASURES, sizes, strict=True)}


class _Hosts:
    """Documents gained and lost per host, in bounded memory."""

    def __init__(self) -> None:
        self.table = pa.table({"host": pa.array([], pa.string()), **{n: pa.array([], pa.int64()) for n in MOVES}})
        self.pending: list[pa.Table] = []
        self.folded = False

    def add(self, hosts: pa.Array, gained: Mask, lost: Mask, sizes: Sizes) -> None:
        """Count the documents that change sides."""
        moved = gained | lost
        if not moved.any():
            return
        values = [*(sizes[moved] * gained[moved, None]).T, *(sizes[moved] * lost[moved, None]).T]
        arrays = [hosts.filter(pa.array(moved)), *(pa.array(np.ascontiguousarray(column)) for column in values)]
        self.pending.append(pa.table(arrays, names=["host", *MOVES]))
        if sum(table.num_rows for table in self.pending) > HOSTS // 8:
            self._merge()

    def _merge(self) -> None:
        joined = pa.concat_tables([self.table, *self.pending])
        self.pending = []
        sums = joined.group_by("host").aggregate([(name, "sum") for name in MOVES])
        self.table = sums.select(["host", *(f"{name}_sum" for name in MOVES)]).rename_columns(joined.schema.names)
        if self.table.num_rows > HOSTS:
            self.table, self.folded = self._first(HOSTS // 2), True

    def _first(self, count: int) -> pa.Table:
        """Return the hosts with most documents on the move."""
        moved = pc.add(self.table["gained.documents"], self.table["lost.documents"])
        order = [("moved", "descending"), ("host", "ascending")]
        return self.table.take(pc.sort_indices(self.table.append_column("moved", moved), order)[:count])

    def top(self) -> dict[str, Any]:
        """Return the hosts with most documents on the move; ``at_least`` if rare ones were let go on the way."""
        self._merge()
        first = [
            {"host": row["host"]} | {w: {m: row[f"{w}.{m}"] for m in MEASURES} for w in ("gained", "lost")}
            for row in self._first(HOSTS_SHOWN).to_pylist()
        ]
        return {"changed": self.table.num_rows, "at_least": self.folded, "first": first}
