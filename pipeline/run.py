"""A run: a plan over shards into a run folder, resumable at every part, finished by a balanced ledger."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Protocol

from pipeline import __version__
from pipeline.barrier import Barrier, Phase
from pipeline.earlier import Earlier, input_entry
from pipeline.engine import Engine, InlineEngine, Task
from pipeline.fingerprint import digest
from pipeline.plan import Pass, Plan, plan
from pipeline.provenance import origins
from pipeline.readers.chunk import Source
from pipeline.readers.discover import Found, discover
from pipeline.recipe import Recipe
from pipeline.resolution import StoredPart
from pipeline.runfolder import RunFolder
from pipeline.stats import LedgerError, PartStats, Tally, ledger, merge_steps
from pipeline.storage import reaching
from pipeline.supervisor import Supervisor
from pipeline.task import BarrierTask, PartPaths, PartTask, PhasePaths, Progress
from pipeline.writers.corpus import write_card, write_manifest

IGNORED_SHOWN = 3


class Display(Protocol):
    """Shows how far a run is."""

    def note(self, text: str) -> None:
        """Say something the user should know."""

    def start(self, title: str, total_bytes: int, parts: int) -> None:
        """Begin a pass over parts of this size altogether."""

    def progress(self, task: Task, progress: Progress) -> None:
        """Note that a task is about to process a batch."""

    def done(self, task: Task, weight: int) -> None:
        """Note that a part is done."""


@dataclass(frozen=True)
class Settings:
    """How, not what: nothing here changes the output."""

    workers: int | None = None
    inline: bool = False
    ray_address: str | None = None
    patience: float = 180.0
    memory: int = 3 * 2**30


@dataclass
class Result:
    """How a run ended: the ledger when it is complete, else the parts that failed and why."""

    ledger: dict[str, Any] | None = None
    failed: dict[str, str] = field(default_factory=dict)
    parts_done: int = 0
    """Parts this call had to do; 0 when everything was done already."""
    parts_adopted: int = 0
    """Those of them that an earlier run had done."""


def run(
    recipe: Recipe,
    inputs: Sequence[str],
    output: str,
    settings: Settings,
    display: Display,
    earlier: Earlier | None = None,
) -> Result:
    """Carry a recipe out over inputs into a run folder; parts that are done already are not done again.

    What an ``earlier`` run has done or scored is taken over. Raises RecipeError, PlanError, InputError and
    RunFolderError for what a user can mend, before any work starts.
    """
    planned = plan(recipe)
    with reaching("the inputs"):
        found = discover(inputs, recipe.read)
    folder = RunFolder(output)
    found = _without_own(found, folder)
    with folder.lock():
        with reaching(output):
            notes = folder.claim(_description(planned, found.shards))
            folder.scan()
        for note in [*_ignored(found.ignored), *notes]:
            display.note(note)
        return _carry_out(_Job(planned, found.shards, folder, settings, display, earlier))


def _carry_out(job: "_Job") -> Result:
    started = time.monotonic()
    try:
        result = job.carry_out()
    finally:
        job.close()
    if result.ledger is not None and result.parts_done:
        job.folder.write_json("stats/timing.json", job.timing(time.monotonic() - started))
    return result


class _Job:
    """One call of ``run``."""

    def __init__(
        self,
        planned: Plan,
        sources: Sequence[Source],
        folder: RunFolder,
        settings: Settings,
        display: Display,
        earlier: Earlier | None = None,
    ) -> None:
        self.plan, self.sources, self.folder = planned, sources, folder
        self.settings, self.display, self.earlier = settings, display, earlier
        self.recipe_json = json.dumps(planned.recipe.resolved(), ensure_ascii=False, sort_keys=True)
        self.stats: list[dict[str, PartStats]] = []
        self.barriers: dict[int, PartStats] = {}
        self._decided: set[str] = set()
        """Commit records of what the barriers decided."""
        self.result = Result()
        self._engine: Engine | None = None
        self._session: AbstractContextManager[Any] = nullcontext()

    def carry_out(self) -> Result:
        for current in self.plan.passes:
            self.stats.append(self._pass(current))
            if self.result.failed:
                return self.result
            if isinstance(current.closing, Barrier):
                self._barrier(current)
            if self.result.failed:
                return self.result
        if self.result.parts_done or self.folder.ledger() is None:
            self._finish()
        self.result.ledger = self.folder.ledger()
        return self.result

    def close(self) -> None:
        self._session.__exit__(None, None, None)

    def timing(self, seconds: float) -> dict[str, Any]:
        """Return seconds of work per step over all parts, and of this call."""
        spent = _seconds([*(part for parts in self.stats for part in parts.values()), *self.barriers.values()])
        return {"seconds": seconds, "steps": {step: round(of_step, 3) for step, of_step in spent.items()}}

    def _pass(self, current: Pass) -> dict[str, PartStats]:
        fingerprint = self.plan.fingerprint(current.index)
        tasks = [self._part_task(current, source, fingerprint) for source in self.sources]
        if self.earlier:
            tasks = [
                replace(task, scores=self.earlier.scores(source))
                for task, source in zip(tasks, self.sources, strict=True)
            ]
        weights = {source.name: source.size for source in self.sources}
        title = current.closing.name() if current.closing else "corpus"
        return self._carry_out(current, tasks, weights, f"pass {current.index + 1}/{len(self.plan.passes)} {title}")

    def _part_task(self, current: Pass, source: Source, pass_fingerprint: str) -> PartTask:
        run, index, part = self.folder.store.uri, current.index, source.name
        if index == 0:
            identity = [source.uri, source.start, source.end, source.size, source.identity]
            return PartTask(run, self.recipe_json, index, part, digest([pass_fingerprint, identity]), source)
        before = self.plan.passes[index - 1]
        paths = PartPaths(before.name, part)
        upstream = self.stats[-1][part].outputs[paths.survivors]["sha256"]
        resolved = self.barriers[before.index].outputs if before.index in self.barriers else {}
        decisions = resolved.get(paths.decisions, {}).get("sha256", "")
        return PartTask(
            run,
            self.recipe_json,
            index,
            part,
            digest([pass_fingerprint, upstream, decisions]),
            upstream=paths.survivors,
            decisions=paths.decisions if decisions else "",
        )

    def _barrier(self, current: Pass) -> None:
        assert isinstance(current.closing, Barrier)
        parts, inputs = [], []
        for source in self.sources:
            stats, paths = self.stats[-1][source.name], PartPaths(current.name, source.name)
            parts.append(StoredPart(self.folder.store, paths, stats.outputs[paths.sidecar]["rows"]))
            inputs.append([source.name, *(stats.outputs[path]["sha256"] for path in (paths.sidecar, paths.survivors))])
        fingerprint = digest([self.plan.barrier_fingerprint(current.index), inputs])
        phases = current.closing.phases(parts)
        tasks = [self._phase_tasks(current, phase, parts, fingerprint) for phase in phases]
        decided, open_tasks = self._done(current, tasks[-1])
        carried = self._phases(current, phases, tasks) if open_tasks else [decided]
        merged = PartStats("barrier", fingerprint)
        for stats in carried[-1].values():
            merged.outputs |= stats.outputs
        merged.seconds = _seconds(stats for of_phase in carried for stats in of_phase.values())
        self.barriers[current.index] = merged
        self._decided |= {PhasePaths(current.name, phases[-1].name, task.number).stats for task in tasks[-1]}

    def _phase_tasks(
        self, current: Pass, phase: Phase, parts: Sequence[StoredPart], fingerprint: str
    ) -> list[BarrierTask]:
        names, rows = tuple(part.name for part in parts), tuple(part.rows for part in parts)
        run, index = self.folder.store.uri, current.index
        return [
            BarrierTask(
                run,
                self.recipe_json,
                index,
                phase.name,
                number,
                digest([fingerprint, phase.name, number, phase.tasks]),
                names,
                rows,
            )
            for number in range(phase.tasks)
        ]

    def _phases(
        self, current: Pass, phases: Sequence[Phase], tasks: Sequence[Sequence[BarrierTask]]
    ) -> list[dict[str, PartStats]]:
        """Carry out the phases in turn; then what only they needed goes, and the commit records of the last stay."""
        assert current.closing
        carried: list[dict[str, PartStats]] = []
        for place, (phase, own) in enumerate(zip(phases, tasks, strict=True), 1):
            title = f"{current.closing.name()} {place}/{len(phases)} {phase.name}"
            carried.append(self._carry_out(current, own, dict.fromkeys((task.part for task in own), 0), title))
            if self.result.failed:
                return carried
        for own, stats in zip(tasks[:-1], carried[:-1], strict=True):
            for task in own:
                self.folder.forget(_record(current, task), stats[task.part])
        return carried

    def _done(self, current: Pass, tasks: Sequence[Task]) -> tuple[dict[str, PartStats], list[Task]]:
        """Divide tasks into those that are done, part -> commit record, and those to do."""
        done: dict[str, PartStats] = {}
        todo: list[Task] = []
        for task in tasks:
            record = _record(current, task)
            stats = self.folder.committed(record, task.fingerprint) or self._adopted(record, task.fingerprint)
            if stats:
                done[task.part] = stats
            else:
                todo.append(task)
        return done, todo

    def _carry_out(
        self, current: Pass, tasks: Sequence[Task], weights: dict[str, int], title: str
    ) -> dict[str, PartStats]:
        """Do the tasks that are not done; returns part -> its commit record, for all of them that succeeded."""
        done, todo = self._done(current, tasks)
        if todo:
            self.folder.reopen()
            self.display.start(title, sum(weights[task.part] for task in todo), len(todo))

            def on_done(task: Task, stats: PartStats) -> None:
                done[task.part] = stats
                entered = stats.steps[0].entered if stats.steps else Tally()
                self.display.progress(task, Progress(records=entered.rows, bytes=entered.bytes))
                self.display.done(task, weights[task.part])

            supervisor = Supervisor(self.plan.recipe.read.batch_records, self.display.progress, on_done)
            self._running().run(todo, supervisor.handle)
            self._note_failures(current, supervisor)
            self.result.parts_done += len(todo)
        return done

    def _adopted(self, record: str, fingerprint: str) -> PartStats | None:
        """Take a part over that the earlier run has done just so; returns its commit record."""
        stats = self.earlier.folder.committed(record, fingerprint) if self.earlier else None
        if stats is None or self.earlier is None:
            return None
        self.folder.reopen()
        if not self.folder.adopt(self.earlier.folder, record, stats):
            return None
        self.result.parts_done += 1
        self.result.parts_adopted += 1
        return stats

    def _note_failures(self, current: Pass, supervisor: Supervisor) -> None:
        names = {source.name: source.file_path for source in self.sources}
        for part, (error, details) in sorted(supervisor.failed.items()):
            self.folder.log(f"{current.name}-{part}", details or error)
            self.result.failed[names.get(part, f"{current.name} {part}")] = error

    def _running(self) -> Engine:
        if self._engine is None:
            self._engine = InlineEngine() if self.settings.inline else self._ray()
        return self._engine

    def _ray(self) -> Engine:
        from pipeline.ray_engine import RayEngine  # noqa: PLC0415  ray takes half a second to import

        settings = self.settings
        engine = RayEngine(settings.ray_address, settings.workers, patience=settings.patience, memory=settings.memory)
        self._session = engine
        return engine

    def _check_files(self, outputs: Mapping[str, Mapping[str, Any]]) -> None:
        """Raise LedgerError if a file that a commit record names is not there as it was written."""
        there = self.folder.file_sizes()
        if lost := [path for path, output in outputs.items() if there.get(path) != output["bytes"]]:
            raise LedgerError(f"{len(lost)} files are not as they were written, e.g. {lost[0]}; run again")

    def _finish(self) -> None:
        outputs = {
            path: output for parts in self.stats for part in parts.values() for path, output in part.outputs.items()
        }
        for resolved in self.barriers.values():
            outputs |= resolved.outputs
        corpus = {path: output for path, output in outputs.items() if path.startswith("corpus/")}
        rows = sum(output["rows"] for output in corpus.values())
        self._check_files(outputs)
        merged = [merge_steps(parts.values()) for parts in self.stats]
        balance = ledger(merged, rows)
        records = [
            PartPaths(current.name, part).stats
            for current, parts in zip(self.plan.passes, self.stats, strict=True)
            for part in parts
        ]
        self.folder.sweep([*outputs, *records, *self._decided])
        write_manifest(self.folder.store, corpus)
        write_card(self.folder.store, self.plan.recipe.resolved(), self.plan.corpus_columns, balance)
        self.folder.write_json("stats/ledger.json", balance)


def _without_own(found: Found, folder: RunFolder) -> Found:
    """Leave out files of the run folder itself, which may lie inside an input folder."""
    own = f"{folder.store.root if folder.store.is_local else folder.store.uri}/"
    shards = [shard for shard in found.shards if not shard.uri.startswith(own)]
    return Found(shards, [name for name in found.ignored if not name.startswith(own)])


def _seconds(stats: Iterable[PartStats]) -> dict[str, float]:
    """Add up the seconds of work, step by step."""
    spent: dict[str, float] = {}
    for record in stats:
        for step, of_step in record.seconds.items():
            spent[step] = spent.get(step, 0.0) + of_step
    return spent


def _record(current: Pass, task: Task) -> str:
    """Path of a task's commit record."""
    if isinstance(task, BarrierTask):
        return PhasePaths(current.name, task.phase, task.number).stats
    return PartPaths(current.name, task.part).stats


def _ignored(files: Sequence[str]) -> list[str]:
    if not files:
        return []
    shown = ", ".join(PurePosixPath(name).name for name in files[:IGNORED_SHOWN])
    more = ", ..." if len(files) > IGNORED_SHOWN else ""
    return [f"{len(files)} files of unknown type in the input folders are not read: {shown}{more}"]


def _description(planned: Plan, sources: Sequence[Source]) -> dict[str, Any]:
    return {
        "migaki": __version__,
        "recipe": planned.recipe.resolved(),
        "passes": [current.name for current in planned.passes],
        "origins": {step: origin.scores for step, origin in origins(planned.recipe).items()},
        "data": {step.name(): dict(step.data()) for step in planned.recipe.steps if step.data()},
        "inputs": [input_entry(source) for source in sources],
    }
