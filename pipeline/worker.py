"""The work on one part of one pass, as a plain generator that knows no Ray: take in, run the steps, commit."""

import json
import time
from collections.abc import Iterator, Mapping
from functools import cache

import numpy as np
import pyarrow as pa

from pipeline.barrier import Barrier
from pipeline.feed import Feed, read_shard, resume_part
from pipeline.flow import VERDICT, Flow
from pipeline.isolation import split_error
from pipeline.known import Known
from pipeline.parts import Excluded, PartFiles, quarantine_rows, storable
from pipeline.plan import Pass, Plan, plan
from pipeline.readers.chunk import Damage
from pipeline.recipe import parse
from pipeline.schema import EXCLUDED, HOST, QUARANTINE, RECORD
from pipeline.scoring import score
from pipeline.stage import Outcome, Stage
from pipeline.stats import PartStats, StepStats
from pipeline.storage import Store
from pipeline.task import PartPaths, PartTask, Progress

SIZES = pa.schema([("characters", pa.int64()), ("bytes", pa.int64()), ("tokens", pa.int64())])
SIGNAL_RECORD = ("id", "file_path", "position", "dump", "date", "url", "title")


def run_part(task: PartTask) -> Iterator[Progress | PartStats]:
    """Do a part: yields a Progress before each batch and at the end its PartStats, which are committed by then.

    Raises StageError when a step fails on most documents, LedgerError when records are unaccounted for, and whatever
    opening the input raises.
    """
    planned, current = _prepared(task.recipe, task.index)
    store = Store(task.run)
    with PartFiles(store) as files:
        part = _Part(task, planned, current, files)
        yield from part.run()
        if task.probe:
            yield part.stats
            return
        part.finish()
        rows = files.close()
        part.stats.check(survivors=part.survivors, quarantined=rows.get(part.paths.leaving("quarantine"), 0))
        store.remove(part.paths.stats)
        part.stats.outputs = files.publish()
    store.write(part.paths.stats, json.dumps(part.stats.to_json(), ensure_ascii=False).encode())
    yield part.stats


@cache
def planned(recipe: str) -> Plan:
    """Return the plan of a resolved recipe in JSON, built once per process."""
    return plan(parse(json.loads(recipe)))


@cache
def _prepared(recipe: str, index: int) -> tuple[Plan, Pass]:
    current = planned(recipe).passes[index]
    for step in current.steps:
        step.open()
    if isinstance(current.closing, Barrier):
        current.closing.open()
    return planned(recipe), current


def signal_schema(of: Plan, through: int) -> pa.Schema:
    """Columns of ``signals/`` for documents that end in pass ``through``."""
    record = [RECORD.field(name) for name in SIGNAL_RECORD]
    return pa.schema([*record, HOST, *SIZES, *of.signals(through).items(), *VERDICT])


def survivor_schema(of: Plan, through: int) -> pa.Schema:
    """Columns of the documents that pass ``through`` hands on."""
    record = [field for field in RECORD if field.name != "content"]
    return pa.schema([*record, HOST, *of.signals(through).items(), *VERDICT])


class _Part:
    """The state of one part while it is worked on."""

    def __init__(self, task: PartTask, of: Plan, current: Pass, files: PartFiles) -> None:
        self.task, self.plan, self.current, self.files = task, of, current, files
        self.paths = PartPaths(current.name, task.part)
        names = [stage.name() for stage in current.stages]
        self.stats = PartStats(task.part, task.fingerprint, [StepStats(name) for name in (current.arrival, *names)])
        self.steps = {step.name: step for step in self.stats.steps}
        self.excluded = Excluded(of.recipe.excluded)
        self.survivors = 0
        self.stored = 0
        self.known = Known(task.scores, current.stages) if task.scores else None
        self.undecoded = names[: names.index(of.text_step) + 1] if of.text_step in names else []

    def run(self) -> Iterator[Progress]:
        """Carry every batch through the steps."""
        feed = (
            read_shard(self.task, self.plan)
            if self.task.source
            else resume_part(self.task, self.files.store, self.current.opening)
        )
        for arrival in feed:
            yield arrival.progress
            flow = self._arrive(arrival)
            for stage in self.current.stages:
                flow = self._step(flow, stage)
            self._end(flow)

    def finish(self) -> None:
        """Write what is written once per part, and files that must exist even when they are empty."""
        self._write(self.paths.leaving("excluded"), EXCLUDED, self.excluded.sample())
        if self.current.closing is None:
            self.files.file(self.paths.corpus, self._corpus_schema())
            return
        self.files.file(self.paths.survivors, survivor_schema(self.plan, self.current.index))
        if isinstance(self.current.closing, Barrier):
            self.files.file(self.paths.sidecar, _sidecar_schema(self.current.closing))

    def _arrive(self, arrival: Feed) -> Flow:
        """Count what the feed brings, quarantine what it could not read, apply the opening barrier."""
        started = time.perf_counter()
        flow = arrival.flow
        step = self.stats.steps[0]
        step.entered.add(flow.tally(flow.alive))
        step.entered.rows += arrival.records_gone
        for kind, count in arrival.skipped.items():
            step.drop(f"read.{kind}", count)
        self._quarantine_damage(arrival.damaged, step)
        if self.current.opening:
            flow = self._apply(flow, step, self.current.opening, arrival.outcome)
        flow = self._set_aside(flow, step, arrival.poison)
        step.stayed.add(flow.tally(flow.alive))
        self._spent(step.name, arrival.seconds + time.perf_counter() - started)
        return flow

    def _set_aside(self, flow: Flow, step: StepStats, poison: Mapping[int, tuple[str, str]]) -> Flow:
        """Quarantine documents that must not be processed; of those that had left already only the signals remain."""
        if not poison:
            return flow
        rows = np.zeros(flow.alive.size, dtype=np.bool_)
        rows[list(poison)] = True
        dead = rows & ~flow.alive
        self._write_signals(flow.select(dead))
        living = np.flatnonzero(~dead)
        moved = {int(new): poison[int(old)] for new, old in enumerate(living) if int(old) in poison}
        return self._fail(flow.select(~dead), step, moved)

    def _step(self, flow: Flow, stage: Stage) -> Flow:
        started = time.perf_counter()
        step = self.steps[stage.name()]
        step.entered.add(flow.tally(flow.alive))
        scored = score(flow, stage, self.known)
        step.spared += scored.spared
        flow = self._apply(flow, step, stage, scored.outcome)
        if stage.name() in self.undecoded:
            flow = flow.select(flow.alive)
        if stage.name() == self.plan.text_step:
            flow.drop_columns(["content"])
        step.stayed.add(flow.tally(flow.alive))
        self._spent(step.name, time.perf_counter() - started)
        return flow

    def _apply(self, flow: Flow, step: StepStats, stage: Stage, outcome: Outcome) -> Flow:
        """Take over a step's columns, mark the rows it drops, send its failures to quarantine."""
        alive = flow.alive
        failures = {row: error for row, error in outcome.failures.items() if alive[row]}
        unharmed = np.ones(alive.size, dtype=np.bool_)
        unharmed[list(failures)] = False
        flow.set_columns(outcome.columns)
        for name, rows in outcome.drops.items():
            reason = f"{stage.name()}.{name}"
            newly = flow.mark(reason, rows & unharmed)
            step.drop(reason, int(newly.sum()))
            wanted = self.excluded.offer(flow, reason, newly)
            if wanted is not None:
                self._write(self.paths.leaving("excluded"), EXCLUDED, wanted)
        return self._fail(flow, step, {row: (f"{stage.name()}.{split_error(e)}", e) for row, e in failures.items()})

    def _fail(self, flow: Flow, step: StepStats, errors: Mapping[int, tuple[str, str]]) -> Flow:
        """Quarantine rows; ``errors``: row -> (reason, message)."""
        if not errors:
            return flow
        for reason in sorted({reason for reason, _ in errors.values()}):
            of_reason = {row: message for row, (why, message) in errors.items() if why == reason}
            self._write(self.paths.leaving("quarantine"), QUARANTINE, quarantine_rows(flow, of_reason, reason))
            step.fail(reason, len(of_reason))
        healthy = np.ones(flow.batch.num_rows, dtype=np.bool_)
        healthy[list(errors)] = False
        return flow.select(healthy)

    def _end(self, flow: Flow) -> None:
        """Write each document where it goes: the dead to the signals, the living onward; audited dead ones go along."""
        last = self.current.closing is None
        onward = flow.alive if last else flow.alive | flow.audit
        if last:
            self._write(self.paths.corpus, self._corpus_schema(), flow.select(onward).table())
            self._write_signals(flow)
        else:
            self._write_signals(flow.select(~onward))
            self._hand_on(flow.select(onward))
        self.survivors += int(flow.alive.sum())

    def _hand_on(self, flow: Flow) -> None:
        self._write(self.paths.survivors, survivor_schema(self.plan, self.current.index), flow.table())
        closing = self.current.closing
        if isinstance(closing, Barrier):
            started = time.perf_counter()
            alive = flow.alive
            rows = pa.array(np.flatnonzero(alive) + self.stored)
            signed = closing.sign(flow.select(alive).batch)
            schema = _sidecar_schema(closing)
            arrays = [rows, *(signed[name] for name in closing.signed())]
            self._write(self.paths.sidecar, schema, pa.RecordBatch.from_arrays(arrays, schema=schema))
            self._spent(closing.name(), time.perf_counter() - started)
        self.stored += flow.batch.num_rows

    def _write_signals(self, flow: Flow) -> None:
        rows = flow.table()
        for index, name in enumerate(SIZES.names):
            rows = rows.append_column(name, pa.array(flow.sizes[:, index]))
        schema = signal_schema(self.plan, self.current.index)
        for field in schema:
            if field.name not in rows.schema.names:
                rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
        self._write(self.paths.leaving("signals"), schema, rows)

    def _quarantine_damage(self, damaged: tuple[Damage, ...], step: StepStats) -> None:
        if not damaged or not self.task.source:
            return
        rows = [
            {
                "id": f"{self.task.source.key}:{damage.position}",
                "file_path": self.task.source.file_path,
                "position": damage.position,
                "reason": f"read.{damage.kind}",
                "error": storable(damage.error),
                "content": damage.content,
            }
            for damage in damaged
        ]
        self._write(self.paths.leaving("quarantine"), QUARANTINE, pa.RecordBatch.from_pylist(rows, schema=QUARANTINE))
        for row in rows:
            step.fail(str(row["reason"]))

    def _corpus_schema(self) -> pa.Schema:
        kinds = {field.name: field.type for field in RECORD} | self.plan.columns()
        return pa.schema([(name, kinds[name]) for name in self.plan.corpus_columns])

    def _write(self, path: str, schema: pa.Schema, rows: pa.RecordBatch) -> None:
        if rows.num_rows:
            self.files.file(path, schema).write(rows)

    def _spent(self, step: str, seconds: float) -> None:
        self.stats.seconds[step] = self.stats.seconds.get(step, 0.0) + seconds


def _sidecar_schema(barrier: Barrier) -> pa.Schema:
    return pa.schema([("row", pa.int64()), *barrier.signed().items()])
