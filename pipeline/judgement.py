"""What another recipe would say of documents whose signals are stored: kept, dropped, or not decidable from them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.barrier import Barrier
from pipeline.plan import Plan
from pipeline.provenance import Origin, bounds, judges, origins
from pipeline.stage import Checkpoint, Filter, Interval, Mask, Stage
from pipeline.text.hashing import hash64

Places = npt.NDArray[np.int64]

NEW = "the run has no such step"
CHANGED = "its code, what it reads or options other than bounds have changed"
UNSCORED = "never scored, since the document had left before"
SPARED = "never scored, since it was proven to stay within the bounds of then"
UNMET = "the document had left before it met the others"
ORPHANED = "a duplicate whose kept copy may leave"


@dataclass(frozen=True)
class Past:
    """A recipe that was carried out, and the origins of its columns as its run recorded them."""

    plan: Plan
    stored: Mapping[str, str]

    def place(self, name: str) -> int:
        """Place of a step in the recipe."""
        return [step.name() for step in self.plan.recipe.steps].index(name)

    def place_of_reason(self, reason: str | None) -> int:
        """Place of the step that gave a reason; the number of steps for a document that was kept."""
        if reason is None:
            return len(self.plan.recipe.steps)
        found = [step.name() for step in self.plan.recipe.steps if reason.startswith(f"{step.name()}.")]
        return self.place(max(found, key=len))

    def passes(self) -> Places:
        """Number of the pass in which each step, and after them the end, takes place."""
        of_step = {step.name(): current.index for current in self.plan.passes for step in current.steps}
        last = len(self.plan.passes) - 1
        return np.array([*(of_step.get(step.name(), last) for step in self.plan.recipe.steps), last])


@dataclass(frozen=True)
class Rows:
    """n documents as ``signals/`` holds them."""

    columns: pa.RecordBatch
    audit: Mask
    first: Places
    """Place of the step that dropped each document first."""
    ended: Places
    """Pass in which it would have ended outside the audit sample."""
    reasons: Mapping[str, Mapping[str, Mask]]
    """Step -> reason -> the documents that have it."""


@dataclass(frozen=True)
class Rule:
    """What one step of the new recipe says. ``columns`` are those it looks at."""

    step: str
    told: ClassVar[bool] = True
    """Whether the audit sample was scored where other documents were not."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Signal columns to read."""
        return ()

    def drops(self, rows: Rows) -> dict[str, Mask]:
        """Reason -> documents that leave for it, where there is no doubt."""
        raise NotImplementedError

    def doubts(self, rows: Rows) -> dict[str, Mask]:
        """Cause -> documents on which the step's verdict is not known, were they outside the audit sample."""
        raise NotImplementedError


@dataclass(frozen=True)
class Unknown(Rule):
    """A step of which nothing is stored."""

    why: str
    told: ClassVar[bool] = False

    def drops(self, rows: Rows) -> dict[str, Mask]:
        """Return nothing."""
        return {}

    def doubts(self, rows: Rows) -> dict[str, Mask]:
        """Doubt every document."""
        return {self.why: np.ones(rows.audit.size, dtype=np.bool_)}


@dataclass(frozen=True)
class Repeated(Rule):
    """An unchanged step: it says what it said."""

    reach: int
    in_pass: int

    def drops(self, rows: Rows) -> dict[str, Mask]:
        """Return the stored reasons."""
        return dict(rows.reasons.get(self.step, {}))

    def doubts(self, rows: Rows) -> dict[str, Mask]:
        """Doubt documents that the step never saw alive, if it looks at living ones only."""
        return {UNSCORED: (rows.first < self.reach) | (rows.ended < self.in_pass)}


@dataclass(frozen=True)
class Rejudged(Repeated):
    """A step with other bounds: its stored scores are judged anew."""

    before: Filter
    after: Filter

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of a step that judges by more than bounds, else those with a bound."""
        if not isinstance(self.after, Filter):
            return tuple(self.after.added())
        return tuple(self._column(signal) for signal, interval in bounds(self.after).items() if interval != Interval())

    def drops(self, rows: Rows) -> dict[str, Mask]:
        """Judge the stored scores."""
        read = set(self.columns)
        count = rows.columns.num_rows
        columns = {
            name: rows.columns[name] if name in read else pa.nulls(count, kind)
            for name, kind in self.after.added().items()
        }
        return {f"{self.step}.{name}": mask for name, mask in self.after.verdict(columns).items()}

    def doubts(self, rows: Rows) -> dict[str, Mask]:
        """Doubt beside the unseen those that were spared by bounds wider than the new ones."""
        doubts = super().doubts(rows)
        if type(self.before).needed is Stage.needed or not self._narrowed():
            return doubts
        nulls = [rows.columns[name].is_null().to_numpy(zero_copy_only=False) for name in self._narrowed()]
        return {**doubts, SPARED: np.logical_or.reduce(nulls) & ~doubts[UNSCORED]}

    def _narrowed(self) -> list[str]:
        before = bounds(self.before)
        return [
            self._column(name) for name, interval in bounds(self.after).items() if not within(interval, before[name])
        ]

    def _column(self, signal: str) -> str:
        return f"{self.step}.{signal}" if isinstance(self.after, Filter) else signal


@dataclass(frozen=True)
class Deduplicated(Rule):
    """An unchanged barrier: its duplicates stay duplicates while the copy that was kept still comes to it."""

    barrier: Barrier
    at: int
    lost: npt.NDArray[np.uint64] | None = None
    """Hashes of the ids of clusters whose kept copies do not all surely come to it any more, in order; None if there
    are none. The id of a cluster is that of its best copy."""
    told: ClassVar[bool] = False

    @property
    def cluster(self) -> str | None:
        """The column that names the kept copy, ``<...>_cluster_id``."""
        return next((name for name in self.barrier.added() if name.endswith("_cluster_id")), None)

    @property
    def columns(self) -> tuple[str, ...]:
        """The kept copy."""
        return (self.cluster,) if self.cluster else ()

    def drops(self, rows: Rows) -> dict[str, Mask]:
        """Return the stored reasons."""
        return dict(rows.reasons.get(self.step, {}))

    def doubts(self, rows: Rows) -> dict[str, Mask]:
        """Doubt documents that did not come to it, and duplicates of documents that may not come any more."""
        unmet = rows.first < self.at
        if self.lost is None:
            return {UNMET: unmet}
        removed = rows.first == self.at
        if self.cluster and removed.any():
            kept = hash64(rows.columns[self.cluster].filter(pa.array(removed)))
            at = np.minimum(np.searchsorted(self.lost, kept), self.lost.size - 1)
            removed[removed] = self.lost[at] == kept
        return {UNMET: unmet, ORPHANED: removed}

    def kept_copies(self, rows: Rows) -> Mask:
        """Documents that were kept for others, or all that were kept if the barrier names none."""
        kept: Mask = rows.first > self.at
        if self.cluster:
            kept = kept & rows.columns[self.cluster].is_valid().to_numpy(zero_copy_only=False)
        return kept


@dataclass
class Judged:
    """What the rules say of n documents."""

    drops: dict[str, Mask]
    """Reason -> documents that surely leave for it."""
    kept: Mask
    cause: Places
    """Number of the first cause of doubt; -1 where the verdict is sure."""
    plain_cause: Places
    """The same, were no document in the audit sample."""
    sampled: dict[int, Mask] = field(default_factory=dict)
    """Cause -> the documents for which the audit sample stands, where these are more than those in doubt."""
    unmet: dict[str, Mask] = field(default_factory=dict)
    """Barrier -> documents in doubt only since they had left before they met the others there."""


@dataclass
class Judge:
    """Puts the rules of a recipe together; a document is dropped if one rule surely drops it, kept if all surely let it
    pass."""

    rules: Sequence[Rule]
    causes: list[tuple[str, str]] = field(default_factory=list)
    """Step and cause of every doubt met so far, by number."""

    @property
    def columns(self) -> list[str]:
        """Signal columns to read."""
        return list(dict.fromkeys(name for rule in self.rules for name in rule.columns))

    def __call__(self, rows: Rows) -> Judged:
        """Judge documents."""
        count = rows.audit.size
        drops: dict[str, Mask] = {}
        plain_dropped = np.zeros(count, dtype=np.bool_)
        cause, plain_cause = np.full(count, -1), np.full(count, -1)
        sampled: dict[int, Mask] = {}
        for rule in self.rules:
            plain_doubt, doubt = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
            doubts = rule.doubts(rows)
            for why, mask in doubts.items():
                number = self._number(rule.step, why)
                if why == SPARED:  # nobody in the sample was spared, so it stands for all that were alive
                    sampled[number] = ~doubts[UNSCORED]
                untold = mask & ~rows.audit if rule.told else mask
                plain_cause[mask & (plain_cause < 0)] = number
                cause[untold & (cause < 0)] = number
                plain_doubt |= mask
                doubt |= untold
            for reason, mask in rule.drops(rows).items():
                drops[reason] = mask & ~doubt
                plain_dropped |= mask & ~plain_doubt
        dropped = np.logical_or.reduce([*drops.values(), np.zeros(count, dtype=np.bool_)])
        cause[dropped] = -1
        plain_cause[plain_dropped] = -1
        unmet = {step: cause == number for number, (step, why) in enumerate(self.causes) if why == UNMET}
        return Judged(drops, ~dropped & (cause < 0), cause, plain_cause, sampled, unmet)

    def _number(self, step: str, why: str) -> int:
        if (step, why) not in self.causes:
            self.causes.append((step, why))
        return self.causes.index((step, why))


def within(new: Interval, old: Interval) -> bool:
    """Tell whether everything inside the old bounds is inside the new ones."""
    low = new.min is None or (old.min is not None and old.min >= new.min)
    high = new.max is None or (old.max is not None and old.max <= new.max)
    return low and high


def rules(past: Past, new: Plan) -> Iterator[Rule]:
    """Return what each step of a new recipe can say from what the run of the old one stored.

    A filter without a bound, and a checkpoint, say nothing.
    """
    before, after = origins(past.plan.recipe), origins(new.recipe)
    for step in new.recipe.steps:
        if not isinstance(step, Checkpoint) and not _only_annotates(step):
            compares = isinstance(step, Barrier) and (step.relative or "text" in step.added()) and step.name() in before
            if compares and _verdicts_until(step, before) != _verdicts_until(step, after):
                yield Unknown(step.name(), CHANGED)
            else:
                yield _rule(past, step, before.get(step.name()), after[step.name()])


def _verdicts_until(step: Stage, steps: Mapping[str, Origin]) -> list[tuple[str, str]]:
    """Verdicts of the steps before one: what a barrier does to texts, or cuts, depends on who comes to it."""
    names = list(steps)
    return [(name, steps[name].verdict) for name in names[: names.index(step.name())]]


def _rule(past: Past, step: Stage, before: Origin | None, after: Origin) -> Rule:
    name = step.name()
    if before is None:
        return Unknown(name, NEW)
    if past.stored.get(name) != after.scores:
        return Unknown(name, CHANGED)
    at = past.place(name)
    old = past.plan.recipe.steps[at]
    if isinstance(step, Barrier):
        return Deduplicated(name, step, at)
    reached = before.reach, int(past.passes()[at])
    if before.verdict == after.verdict:
        return Repeated(name, *reached)
    if judges(step) and judges(old):
        return Rejudged(name, *reached, old, step)
    return Unknown(name, CHANGED)


def _only_annotates(step: Stage) -> bool:
    return judges(step) and not step.verdict({name: pa.nulls(0, kind) for name, kind in step.added().items()})


def rows_of(past: Past, batch: pa.RecordBatch) -> Rows:
    """Read a batch of ``signals/``: columns ``audit``, ``reason``, ``reasons`` and whatever rules look at."""
    reason = batch["reason"].dictionary_encode()
    place = np.array([past.place_of_reason(name) for name in [*reason.dictionary.to_pylist(), None]])
    first = place[pc.fill_null(reason.indices, len(reason.dictionary)).to_numpy(zero_copy_only=False)]
    audit = batch["audit"].to_numpy(zero_copy_only=False)
    return Rows(batch, audit, first, past.passes()[first], _by_step(past, batch["reasons"]))


def _by_step(past: Past, lists: pa.Array) -> dict[str, dict[str, Mask]]:
    rows = pc.list_parent_indices(lists).to_numpy()
    reasons = pc.list_flatten(lists).dictionary_encode()
    codes = reasons.indices.to_numpy()
    found: dict[str, dict[str, Mask]] = {}
    for code, reason in enumerate(reasons.dictionary.to_pylist()):
        mask = np.zeros(len(lists), dtype=np.bool_)
        mask[rows[codes == code]] = True
        found.setdefault(past.plan.recipe.steps[past.place_of_reason(reason)].name(), {})[reason] = mask
    return found
