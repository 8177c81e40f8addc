"""What recipes make of the same documents: who keeps what, why the rest leaves, and where they disagree."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.barrier import Barrier
from pipeline.comparison import Comparison, Disagreement, Pair, Side
from pipeline.feed import read_shard
from pipeline.flow import Flow
from pipeline.isolation import split_error
from pipeline.plan import Plan, makes_text, plan
from pipeline.readers.discover import discover
from pipeline.recipe import Recipe
from pipeline.run import Display
from pipeline.scoring import score
from pipeline.stage import Checkpoint, Cost, Mask, Outcome, Stage
from pipeline.stats import LedgerError, Tally
from pipeline.storage import reaching
from pipeline.task import PartTask, Progress
from pipeline.text.hashing import hash64

SNIPPET = 200
LONGEST_CHARACTER = 4
NOT_COMPARED = {"batch_records", "batch_bytes", "split_bytes"}
"""Options of ``read`` that do not change which documents are read."""


class CompareError(ValueError):
    """Recipes that cannot be compared, or an input on which the comparison ends."""


def compare(
    recipes: Mapping[str, Recipe], inputs: Sequence[str], limit: int | None, sample: int, display: Display
) -> Comparison:
    """Carry recipes out over the same documents, the first ``limit`` of them if given; nothing is written.

    Documents are read once, and steps that recipes share at their beginning are done once. Barriers and checkpoints
    are passed over. ``sample``: disagreements to keep for each pair, those whose ids hash lowest. Raises CompareError,
    and what a run raises before it starts to work.
    """
    plans = [plan(recipe) for recipe in recipes.values()]
    _check(recipes)
    with reaching("the inputs"):
        found = discover(inputs, plans[0].recipe.read)
    job = _Job(recipes, plans, limit, sample)
    for side in job.comparison.sides:
        if side.passed_over:
            display.note(f"{side.name}: passed over, since nothing is stored here: {', '.join(side.passed_over)}")
    display.start("compare", sum(source.size for source in found.shards), len(found.shards))
    for source in found.shards:
        task = PartTask("", "", 0, source.name, "", source)
        try:
            for progress in job.read(task):
                display.progress(task, progress)
        except (OSError, ValueError, RuntimeError) as error:
            raise CompareError(f"{source.file_path}: {type(error).__name__}: {error}") from error
        display.done(task, source.size)
        if job.comparison.limited:
            break
    return job.comparison


@dataclass(frozen=True, slots=True)
class Branch:
    """Recipes that have the same steps up to here: the last of these steps, and what comes next."""

    step: Stage
    recipes: tuple[int, ...]
    ending: tuple[int, ...]
    """Those of them that end here."""
    following: tuple["Branch", ...]


class NeedsText(Stage):
    """Stands first where no step makes text of bytes: such documents fail as they do in a run."""

    cost = Cost.METADATA

    def name(self) -> str:
        """Of the reason: it is the reading that fails."""
        return "read"

    def process(self, batch: pa.RecordBatch) -> Outcome:
        """Fail the rows without text."""
        missing = np.flatnonzero(batch["text"].is_null().to_numpy(zero_copy_only=False))
        error = "no_text: the record holds bytes, and the recipe has no step that extracts text"
        return Outcome(failures={int(row): error for row in missing})


def branches(recipes: Mapping[int, Sequence[Stage]]) -> tuple[Branch, ...]:
    """Arrange lists of steps as a tree, in which equal beginnings are one branch."""
    groups: list[tuple[Stage, list[int]]] = []
    for index, steps in recipes.items():
        if not steps:
            continue
        group = next((members for step, members in groups if step == steps[0]), None)
        if group is None:
            groups.append((steps[0], [index]))
        else:
            group.append(index)
    return tuple(
        Branch(
            step,
            tuple(members),
            tuple(index for index in members if len(recipes[index]) == 1),
            branches({index: recipes[index][1:] for index in members}),
        )
        for step, members in groups
    )


@dataclass(slots=True)
class Sheet:
    """What one recipe decides on the documents of a batch."""

    reasons: npt.NDArray[np.object_]
    """Why each document leaves, None while it is kept."""
    failed: Mask
    flow: Flow | None = None
    """Those it keeps, once its last step is done."""

    @classmethod
    def blank(cls, rows: int) -> "Sheet":
        """Nothing decided yet."""
        return cls(np.full(rows, None, dtype=object), np.zeros(rows, dtype=np.bool_))

    @property
    def kept(self) -> Mask:
        """Documents without a reason to leave."""
        return np.array([reason is None for reason in self.reasons], dtype=np.bool_)


class _Job:
    """The state of one comparison."""

    def __init__(self, recipes: Mapping[str, Recipe], plans: Sequence[Plan], limit: int | None, sample: int) -> None:
        sides = [Side(name, _passed_over(recipe)) for name, recipe in recipes.items()]
        self.comparison = Comparison(sides, [Pair((a.name, b.name)) for a, b in combinations(sides, 2)])
        self.limit, self.sample = limit, sample
        self.branches = branches({index: _steps(planned) for index, planned in enumerate(plans)})
        self.reading = plan(plans[0].recipe.model_copy(update={"audit": 0.0}))
        _open(self.branches)

    def read(self, task: PartTask) -> Iterator[Progress]:
        """Carry the recipes out over a shard, or what the limit leaves of it."""
        start, size = self.comparison.documents, 0
        for arrival in read_shard(task, self.reading):
            yield arrival.progress
            size = arrival.progress.bytes + arrival.flow.batch.nbytes
            self.comparison.skipped.update(arrival.skipped)
            self.comparison.damaged.update(damage.kind for damage in arrival.damaged)
            flow = self._within_limit(arrival.flow)
            if flow.batch.num_rows:
                self._compare(flow)
            if self.comparison.documents == self.limit:
                self.comparison.limited = True
                break
        yield Progress(self.comparison.documents - start, size)

    def _within_limit(self, flow: Flow) -> Flow:
        rows = flow.batch.num_rows
        if self.limit is None or self.comparison.documents + rows <= self.limit:
            return flow
        return flow.select(np.arange(rows) < self.limit - self.comparison.documents)

    def _compare(self, flow: Flow) -> None:
        sheets = [Sheet.blank(flow.batch.num_rows) for _ in self.comparison.sides]
        for branch in self.branches:
            self._follow(branch, flow, int(flow.ordinals[0]), sheets)
        for side, sheet in zip(self.comparison.sides, sheets, strict=True):
            _count(side, sheet)
        for pair, (left, right) in zip(self.comparison.pairs, combinations(range(len(sheets)), 2), strict=True):
            self._contrast(pair, flow, sheets, left, right)
        self.comparison.documents += flow.batch.num_rows

    def _follow(self, branch: Branch, flow: Flow, first: int, sheets: Sequence[Sheet]) -> None:
        """Take a step, note for its recipes who leaves, and go on with the rest. ``first``: ordinal of row 0."""
        flow = flow.select(flow.alive)
        errors = _take(flow, branch.step)
        gone = np.flatnonzero(~flow.alive)
        places = flow.ordinals - first
        for recipe in branch.recipes:
            sheets[recipe].reasons[places[gone]] = flow.first[gone]
            sheets[recipe].failed[places[list(errors)]] = True
            for row, error in errors.items():
                self.comparison.sides[recipe].errors.setdefault(flow.first[row], error)
        flow = flow.select(flow.alive)
        for recipe in branch.ending:
            sheets[recipe].flow = flow
        if flow.batch.num_rows:
            for following in branch.following:
                self._follow(following, flow, first, sheets)

    def _contrast(self, pair: Pair, flow: Flow, sheets: Sequence[Sheet], left: int, right: int) -> None:
        mine, yours = sheets[left].kept, sheets[right].kept
        pair.both += int((mine & yours).sum())
        pair.only = (pair.only[0] + int((mine & ~yours).sum()), pair.only[1] + int((yours & ~mine).sum()))
        hashes = hash64(flow.batch["id"])
        for side, (rows, keeper) in enumerate([(mine & ~yours, left), (yours & ~mine, right)]):
            differing = np.flatnonzero(rows)
            for row in differing[np.argsort(hashes[differing], kind="stable")][: self.sample]:
                rank = (int(hashes[row]), self.comparison.documents + int(row))
                if pair.wants(side, rank, self.sample):
                    shown = self._disagreement(flow, int(row), sheets, sheets[keeper].flow)
                    pair.offer(side, rank, shown, self.sample)

    def _disagreement(self, flow: Flow, row: int, sheets: Sequence[Sheet], keeper: Flow | None) -> Disagreement:
        record = flow.batch.select(["id", "url", "file_path", "position"]).slice(row, 1).to_pylist()[0]
        reasons = {side.name: sheet.reasons[row] for side, sheet in zip(self.comparison.sides, sheets, strict=True)}
        assert keeper
        at = int(np.searchsorted(keeper.ordinals, flow.ordinals[row]))
        return Disagreement(**record, reasons=reasons, snippet=_beginning(keeper.batch["text"].slice(at, 1)))


def _take(flow: Flow, step: Stage) -> Mapping[int, str]:
    """Carry out a step: rows that leave get their reason; returns row -> error of those that fail."""
    outcome = score(flow, step).outcome
    unharmed = np.ones(flow.alive.size, dtype=np.bool_)
    unharmed[list(outcome.failures)] = False
    flow.set_columns(outcome.columns)
    for name, rows in outcome.drops.items():
        flow.mark(f"{step.name()}.{name}", rows & unharmed)
    for row, error in outcome.failures.items():
        flow.mark(f"{step.name()}.{split_error(error)}", np.arange(unharmed.size) == row)
    if makes_text(step):
        flow.drop_columns(["content"])
    return outcome.failures


def _count(side: Side, sheet: Sheet) -> None:
    """Add a batch to the figures of a recipe; LedgerError unless every document is kept or has left for a reason."""
    kept = sheet.flow.tally(sheet.flow.alive) if sheet.flow else Tally()
    side.kept.add(kept)
    side.failed.update(sheet.reasons[sheet.failed])
    side.dropped.update(sheet.reasons[~sheet.failed & ~sheet.kept])
    if kept.rows != int(sheet.kept.sum()):
        raise LedgerError(f"{side.name}: {kept.rows} documents stayed, {int(sheet.kept.sum())} have no reason to leave")


def _beginning(text: pa.Array) -> str:
    data = pc.binary_slice(text.cast(pa.binary()), 0, LONGEST_CHARACTER * SNIPPET)[0].as_py() or b""
    return str(data.decode("utf-8", "replace")[:SNIPPET])


def _steps(planned: Plan) -> Sequence[Stage]:
    steps = [step for step in planned.recipe.steps if not isinstance(step, Barrier | Checkpoint)]
    return steps if planned.text_step else [NeedsText(), *steps]


def _passed_over(recipe: Recipe) -> tuple[str, ...]:
    return tuple(dict.fromkeys(step.name() for step in recipe.steps if isinstance(step, Barrier | Checkpoint)))


def _open(tree: Sequence[Branch]) -> None:
    for branch in tree:
        branch.step.open()
        _open(branch.following)


def _check(recipes: Mapping[str, Recipe]) -> None:
    """Refuse what would be no comparison."""
    if len(recipes) < 2:  # noqa: PLR2004
        raise CompareError("a comparison takes two recipes or more, each once")
    (first, one), *others = recipes.items()
    for name, other in others:
        if one.read.model_dump(exclude=NOT_COMPARED) != other.read.model_dump(exclude=NOT_COMPARED):
            raise CompareError(f"{first} and {name} read differently; documents are read once, so `read` must be alike")
    for name, recipe in recipes.items():
        lost: dict[str, str] = {}
        for step in recipe.steps:
            if missing := lost.keys() & set(step.required()):
                column = min(missing)
                raise CompareError(
                    f"{name}: `{step.name()}` reads `{column}` of `{lost[column]}`, which is passed over"
                )
            if isinstance(step, Barrier):
                lost |= dict.fromkeys(step.added(), step.name())
