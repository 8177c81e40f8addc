"""What-if: the effect of another recipe on a finished run, told from its stored signals without reading a text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds

from pipeline.earlier import Earlier
from pipeline.effects import MEASURES, Effects, Sizes
from pipeline.flow import VERDICT
from pipeline.judgement import Deduplicated, Judge, Past, Repeated, Rows, Rule, rows_of, rules, within
from pipeline.plan import Plan, plan
from pipeline.provenance import bounds
from pipeline.recipe import Recipe, amend, load, parse
from pipeline.report import ReportError
from pipeline.run import Display, Result, Settings, run
from pipeline.runfolder import MARK, RunFolder
from pipeline.schema import HOST
from pipeline.storage import Store
from pipeline.text.hashing import hash64
from pipeline.worker import SIZES, signal_schema

BATCH_ROWS = 65_536


def changed_recipe(uri: str, recipe: str | None, overrides: Sequence[str]) -> Recipe:
    """Return the recipe to ask about: a file or shipped recipe, else that of the run, with ``overrides`` applied."""
    return load(recipe, overrides) if recipe else amend(_recorded(RunFolder(uri)), overrides)


def refilter(uri: str, recipe: Recipe) -> dict[str, Any]:
    """Return what a recipe would keep of the documents of a run, lose and gain, and what cannot be told.

    Counts are sums of documents, characters and estimated tokens. Raises ReportError where the run cannot answer.
    """
    folder = _complete(uri)
    past = Past(plan(_recorded(folder)), folder.describe().get("origins", {}))
    new = plan(recipe)
    signals = _Signals(folder, past)
    judge = Judge(_settled(signals, list(rules(past, new))))
    totals = Effects()
    for rows, sizes, hosts in signals.scan(judge.columns):
        totals.add(rows, judge(rows), sizes, hosts)
    kept, counted = (folder.ledger() or {})["kept"], int(totals.sums["before"][0])
    if kept != counted:
        raise ReportError(
            f"{uri}: signals/ holds {counted} documents that were kept, the ledger {kept}: files are missing"
        )
    return {
        "run": folder.store.uri,
        "recipe": past.plan.recipe.name,
        "changes": changes(past.plan.recipe, recipe),
        **totals.summary(),
        "undecidable": totals.causes(judge.causes),
        "without_signals": _without_signals(past, new, judge, folder.ledger() or {}),
    }


def rewrite(uri: str, recipe: Recipe, to: str, settings: Settings, display: Display) -> Result:
    """Carry a recipe out over the inputs of a run into another folder, computing only what the run does not hold."""
    folder = _complete(uri)
    if _same_place(folder.store, RunFolder(to).store):
        raise ReportError(f"{uri}: a run is not written over; choose another folder for --write")
    inputs = list(dict.fromkeys(entry["uri"] for entry in folder.describe()["inputs"]))
    if not _goes_on(RunFolder(to), recipe, inputs):
        raise ReportError(f"{to}: holds another run; choose another folder for --write")
    with folder.lock():
        earlier = Earlier(folder, recipe)
        result = run(recipe, inputs, to, settings, display, earlier)
    display.note(f"{result.parts_adopted} of {result.parts_done} parts were taken over from {uri}")
    return result


def changes(before: Recipe, after: Recipe) -> list[dict[str, Any]]:
    """List the options of two recipes that differ, as ``step.option``; a step that only one has is one entry."""
    old, new = (dict(_flat(recipe)) for recipe in (before, after))
    return [
        {"option": name, "before": old.get(name), "after": new.get(name)}
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name) and _shared(name, before, after)
    ]


def _shared(option: str, *recipes: Recipe) -> bool:
    """Tell whether all recipes have the step of an option, or it is a step itself."""
    step, dot, _ = option.partition(".")
    return not dot or step == "read" or all(step in [own.name() for own in recipe.steps] for recipe in recipes)


def _complete(uri: str) -> RunFolder:
    folder = RunFolder(uri)
    folder.describe()
    if folder.ledger() is None:
        raise ReportError(f"{uri}: the run is not complete; the same `migaki run` goes on with it")
    return folder


def _goes_on(folder: RunFolder, recipe: Recipe, inputs: Sequence[str]) -> bool:
    """Tell whether a folder is free, or holds the very run that is wanted, whole or interrupted."""
    if not folder.store.exists(MARK):
        return True
    held = folder.describe()
    return held["recipe"] == recipe.resolved() and {entry["uri"] for entry in held["inputs"]} == set(inputs)


def _same_place(one: Store, other: Store) -> bool:
    """Tell whether the second store is the first one or lies in it."""
    if one.is_local and other.is_local:
        return Path(other.root).resolve().is_relative_to(Path(one.root).resolve())
    return f"{other.uri}/".startswith(f"{one.uri}/")


def _recorded(folder: RunFolder) -> Recipe:
    return parse(folder.describe()["recipe"], folder.store.uri)


def _flat(recipe: Recipe) -> Iterator[tuple[str, Any]]:
    for step in recipe.steps:
        yield step.name(), "in the recipe"
        for option, value in step.model_dump(mode="json").items():
            yield from _leaves(f"{step.name()}.{option}", value)
    yield from _leaves("read", recipe.read.model_dump(mode="json"))


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        yield name, value
        return
    for key, inner in value.items():
        yield from _leaves(f"{name}.{key}", inner)


class _Signals:
    """The signal files of a run, streamed."""

    def __init__(self, folder: RunFolder, past: Past) -> None:
        self.past = past
        self.store: Store = folder.store
        self.files = [path for path in folder.store.sizes("signals") if path.endswith(".parquet")]
        if not self.files:
            raise ReportError(f"{folder.store.uri}: the run holds no signals")

    def scan(self, columns: Sequence[str]) -> Iterator[tuple[Rows, Sizes, pa.Array]]:
        """Yield the documents in batches with their sizes (n, 3) and their hosts."""
        for batch in self._batches([*VERDICT.names, *SIZES.names, HOST.name, *columns]):
            ones = np.ones(batch.num_rows, dtype=np.int64)
            sizes = np.stack([ones, *(batch[name].to_numpy() for name in MEASURES[1:])], axis=1)
            yield rows_of(self.past, batch), sizes, batch[HOST.name]

    def identified(self, columns: Sequence[str]) -> Iterator[tuple[Rows, pa.Array]]:
        """Yield the documents in batches with their ids."""
        for batch in self._batches([*VERDICT.names, "id", *columns]):
            yield rows_of(self.past, batch), batch["id"]

    def _batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        full = signal_schema(self.past.plan, -1)
        schema = pa.schema([full.field(name) for name in dict.fromkeys(names)])
        paths = [self.store.path(path) for path in self.files]
        dataset = ds.dataset(paths, schema=schema, format="parquet", filesystem=self.store.fs)
        pending: list[pa.RecordBatch] = []
        for batch in dataset.to_batches(batch_size=BATCH_ROWS, batch_readahead=2, fragment_readahead=1):
            pending.append(batch)
            if sum(waiting.num_rows for waiting in pending) >= BATCH_ROWS:
                yield _joined(pending)
                pending = []
        if pending:
            yield _joined(pending)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]


def _settled(signals: _Signals, of: list[Rule]) -> list[Rule]:
    """Tell each barrier which of the copies it kept may not come to it any more."""
    settled: list[Rule] = []
    for rule in of:
        if isinstance(rule, Deduplicated) and not all(type(before) is Repeated for before in settled):
            settled.append(replace(rule, lost=_lost(signals, Judge(settled), rule)))
        else:
            settled.append(rule)
    return settled


def _lost(signals: _Signals, before: Judge, barrier: Deduplicated) -> npt.NDArray[np.uint64] | None:
    hashes = [np.empty(0, np.uint64)]
    for rows, ids in signals.identified([*before.columns, *barrier.columns]):
        gone = barrier.kept_copies(rows) & ~before(rows).kept
        named = rows.columns[barrier.cluster] if barrier.cluster else ids
        hashes.append(hash64(named.filter(pa.array(gone))))
    found = np.sort(np.concatenate(hashes))
    return found if found.size else None


def _without_signals(past: Past, new: Plan, judge: Judge, ledger: Mapping[str, Any]) -> dict[str, Any]:
    """Count the records that left before they were decoded, and among them those that might stay now."""
    names = [step.name() for step in past.plan.recipe.steps]
    text_step = past.plan.text_step
    undecoded = names[: names.index(text_step) + 1] if text_step else []
    surely = {step["name"]: step["dropped"] for step in ledger["steps"] if step["name"] in ("read", *undecoded)}
    dropped = {reason: count for of_step in surely.values() for reason, count in of_step.items()}
    open_ = sum(count for reason, count in dropped.items() if not _still_leaves(past, new, judge, reason))
    return {"dropped": sum(dropped.values()), "undecidable": open_, "failed": ledger["failed"], "reasons": dropped}


def _still_leaves(past: Past, new: Plan, judge: Judge, reason: str) -> bool:
    """Tell whether a record that left for this reason leaves again: its step is the same, or narrower on that side."""
    if reason.startswith("read."):
        return past.plan.recipe.read == new.recipe.read
    old = past.plan.recipe.steps[past.place_of_reason(reason)]
    steps = {step.name(): step for step in new.recipe.steps}
    rule = next((rule for rule in judge.rules if rule.step == old.name()), None)
    if not isinstance(rule, Repeated):
        return False
    before, after = bounds(old), bounds(steps[old.name()])
    signal = reason.removeprefix(f"{old.name()}.").rpartition(".")[0]
    if type(rule) is Repeated or signal not in before:
        return True
    return within(before[signal], after[signal])
