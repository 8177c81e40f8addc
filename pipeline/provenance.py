"""What the columns of each step depend on, so that the scores of one run can be trusted in another."""

from dataclasses import dataclass
from typing import Protocol, TypeGuard, runtime_checkable

from pipeline.barrier import Barrier
from pipeline.fingerprint import code_version, digest, stage_fingerprint
from pipeline.plan import makes_text
from pipeline.recipe import Recipe
from pipeline.schema import HOST, RECORD
from pipeline.stage import Cost, Filter, Interval, Mask, Stage
from pipeline.text.chars import CHAR_COUNTS
from pipeline.text.words import WORDS


@dataclass(frozen=True, slots=True)
class Origin:
    """Where what a step says comes from."""

    scores: str
    """Hash of all that decides the values the step adds: its code, its options but the bounds, and what it reads."""
    verdict: str
    """Hash of all that decides its verdicts: its bounds too."""
    reach: int
    """Place in the recipe of the last step, among this one and those it reads from, that looks at living documents
    only; -1 if every document that has a text is scored."""


@runtime_checkable
class _WithVerdict(Protocol):
    def verdict(self, columns: object) -> dict[str, Mask]: ...


def judges(step: Stage) -> TypeGuard[Filter]:
    """Tell whether the verdicts of a step follow from the columns it adds: a filter, or any other with ``verdict``."""
    return isinstance(step, Filter) or (isinstance(step, _WithVerdict) and "text" not in step.added())


def bounds(step: Stage) -> dict[str, Interval]:
    """Return the bounds of a step by signal; none for a step whose verdicts do not follow from its columns."""
    if not judges(step):
        return {}
    return {name: getattr(step, name) for name, info in type(step).model_fields.items() if info.annotation is Interval}


def origins(recipe: Recipe) -> dict[str, Origin]:
    """Return the origin of every step's columns and verdicts, by the step's name.

    The origin of a barrier tells what it compares and how; what it adds depends on the other documents too, and so on
    every verdict before it.
    """
    read = digest([code_version("pipeline.readers.read"), recipe.read.model_dump(mode="json")])
    columns = dict.fromkeys((*RECORD.names, HOST.name, CHAR_COUNTS.name, WORDS.name), (read, -1))
    found: dict[str, Origin] = {}
    for place, step in enumerate(recipe.steps):
        sources = [columns[name] for name in step.required() if name in columns]
        own = _origin(step, place, [source for source, _ in sources], max((reach for _, reach in sources), default=-1))
        added = digest([own.verdict, [before.verdict for before in found.values()]])
        for name in _rewritten(step):
            columns[name] = (added if isinstance(step, Barrier) else own.scores, own.reach)
        found[step.name()] = own
    return found


def _origin(step: Stage, place: int, sources: list[str], reach: int) -> Origin:
    scoring = set(type(step).model_fields) - set(bounds(step))
    return Origin(
        scores=digest([stage_fingerprint(step, scoring), sources]),
        verdict=digest([stage_fingerprint(step), sources]),
        reach=-1 if makes_text(step) else place if step.cost > Cost.CHARS else reach,
    )


def _rewritten(step: Stage) -> tuple[str, ...]:
    return (*step.added(), CHAR_COUNTS.name, WORDS.name) if "text" in step.added() else tuple(step.added())
