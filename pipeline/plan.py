"""A recipe as passes: cut at barriers, with columns and order checked before any work starts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from pipeline.barrier import Barrier
from pipeline.catalog import STEPS, step_class
from pipeline.dedup.preference import OWN
from pipeline.fingerprint import code_version, digest, stage_fingerprint
from pipeline.recipe import Recipe
from pipeline.schema import CORPUS_COLUMNS, HOST, RECORD
from pipeline.stage import Checkpoint, Cost, Stage
from pipeline.suggest import nearest
from pipeline.text.chars import CHAR_COUNTS


class PlanError(ValueError):
    """A recipe whose steps do not fit together."""


@dataclass(frozen=True)
class Pass:
    """What happens to one shard between two looks across shards."""

    index: int
    opening: Barrier | None
    """The barrier whose decisions are applied first."""
    stages: tuple[Stage, ...]
    closing: Barrier | Checkpoint | None
    """What ends the pass; None for the last one, which writes the corpus."""

    @property
    def steps(self) -> tuple[Stage, ...]:
        """The steps that see documents, in order."""
        return (self.opening, *self.stages) if self.opening else self.stages

    @property
    def arrival(self) -> str:
        """Name of the first step in the funnel, where documents come in."""
        if self.opening:
            return self.opening.name()
        return "read" if self.index == 0 else Checkpoint.step_name()

    @property
    def name(self) -> str:
        """Name of the pass's folder."""
        return f"{self.index}-{self.closing.name() if self.closing else 'corpus'}"


@dataclass(frozen=True)
class Plan:
    """Passes in order, and what every column is."""

    recipe: Recipe
    passes: tuple[Pass, ...]

    def columns(self, through: int = -1) -> dict[str, pa.DataType]:
        """Columns the steps of all passes add to the records, with their types; only those through a pass if given."""
        added: dict[str, pa.DataType] = {}
        for current in self.passes if through < 0 else self.passes[: through + 1]:
            for step in current.steps:
                added |= step.added()
        return added

    def signals(self, through: int = -1) -> dict[str, pa.DataType]:
        """The added columns that are no part of the record itself."""
        return {name: kind for name, kind in self.columns(through).items() if name not in RECORD.names}

    @cached_property
    def text_step(self) -> str | None:
        """The step that turns bytes into text; documents it drops, or that left before it, were not decoded."""
        makers = [step.name() for step in self.recipe.steps if makes_text(step)]
        return makers[0] if makers else None

    @cached_property
    def corpus_columns(self) -> list[str]:
        """Columns of the corpus files, in order."""
        return [name for name in CORPUS_COLUMNS if name in RECORD.names or name in self.columns()]

    def fingerprint(self, index: int) -> str:
        """Hash of what pass ``index`` does to a part, its input aside."""
        current = self.passes[index]
        steps = [stage_fingerprint(stage) for stage in current.stages]
        if current.opening:
            steps.insert(0, stage_fingerprint(current.opening, current.opening.applying) | {"data": {}})
        if isinstance(current.closing, Barrier):
            signed = {name: str(kind) for name, kind in current.closing.signed().items()}
            steps.append(stage_fingerprint(current.closing, current.closing.signing) | {"signed": signed, "data": {}})
        return digest(
            {
                "steps": steps,
                "ends": current.closing.name() if current.closing else self.corpus_columns,
                "worker": code_version("pipeline.worker"),
                "readers": [code_version("pipeline.readers.read"), self.recipe.read.model_dump(mode="json")]
                if index == 0
                else None,
                "audit": self.recipe.audit,
                "excluded": self.recipe.excluded,
            }
        )

    def barrier_fingerprint(self, index: int) -> str:
        """Hash of what the barrier that ends pass ``index`` does to the sidecars."""
        closing = self.passes[index].closing
        assert isinstance(closing, Barrier)
        return digest({"barrier": stage_fingerprint(closing), "resolution": code_version("pipeline.resolution")})


def makes_text(step: Stage) -> bool:
    """Tell whether a step turns bytes into text."""
    return "text" in step.adds and "content" in step.reads


def plan(recipe: Recipe) -> Plan:
    """Cut a recipe into passes; PlanError names the step whose columns are missing."""
    _check_columns(recipe)
    return Plan(recipe, tuple(_passes(recipe.steps)))


def advice(recipe: Recipe) -> list[str]:
    """Steps that would save work if they stood earlier: cheap filters behind dearer steps they do not need."""
    notes: list[str] = []
    for index, step in enumerate(recipe.steps):
        dearer = [
            before.name()
            for before in recipe.steps[:index]
            if before.cost > step.cost >= Cost.METADATA and not (_needs(step) & set(before.added()))
        ]
        if dearer and not isinstance(step, Barrier | Checkpoint) and "text" not in step.added():
            notes.append(
                f"`{step.name()}` costs {step.cost.name} and stands after `{dearer[0]}`, which it does not need: "
                "moved before it, it would save work"
            )
    return notes


def _needs(step: Stage) -> set[str]:
    """Columns that a step reads; who reads counts of the text needs the text."""
    return {*step.required(), "text"} if CHAR_COUNTS.name in step.reads else set(step.required())


def _passes(steps: tuple[Stage, ...]) -> Iterator[Pass]:
    index, opening, stages = 0, None, list[Stage]()
    for step in steps:
        if not isinstance(step, Barrier | Checkpoint):
            stages.append(step)
            continue
        yield Pass(index, opening, tuple(stages), step)
        index, opening, stages = index + 1, step if isinstance(step, Barrier) else None, []
    yield Pass(index, opening, tuple(stages), None)


def _check_columns(recipe: Recipe) -> None:
    available = {*RECORD.names, HOST.name, CHAR_COUNTS.name}
    makers = [step.name() for step in recipe.steps if makes_text(step)]
    for index, step in enumerate(recipe.steps):
        if "text" in _needs(step) and makers and makers[0] in [later.name() for later in recipe.steps[index + 1 :]]:
            raise PlanError(f"step `{step.name()}` reads the text and stands before `{makers[0]}`, which makes it")
        if isinstance(step, Checkpoint) and index and isinstance(recipe.steps[index - 1], Checkpoint):
            raise PlanError("two checkpoints with no step between them")
        for column in step.required():
            if column not in available:
                adder = _who_adds(column, recipe, available)
                raise PlanError(f"step `{step.name()}` reads column `{column}`, {adder}")
        if clash := (set(step.added()) & available) - set(RECORD.names):
            raise PlanError(f"step `{step.name()}` adds column `{min(clash)}`, which an earlier step added already")
        available |= set(step.added())
        if makes_text(step) or isinstance(step, Barrier | Checkpoint):
            available.discard("content")


def _who_adds(column: str, recipe: Recipe, available: Iterable[str]) -> str:
    if column == "content":
        return "which ends with the first pass, and with the step that makes text of it"
    adders = [name for name in STEPS if column in step_class(name).adds]
    if not adders:
        return "which no step adds" + nearest(column, [*OWN, *sorted(available)])
    standing = "stands later" if adders[0] in [step.name() for step in recipe.steps] else "is not in the recipe"
    return f"which step `{adders[0]}` adds, and that step {standing}"
