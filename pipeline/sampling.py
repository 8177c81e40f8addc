"""A stratified, seeded sample of the documents of a finished run, with the texts that a judge will be shown."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from pipeline import __version__
from pipeline.drawing import CANDIDATE, Candidates, Rows, draw
from pipeline.parts import EXCLUDED_CHARACTERS
from pipeline.report import ReportError
from pipeline.stage import Options
from pipeline.storage import Store, reaching
from pipeline.stored_documents import CLUSTER, StoredDocuments, named
from pipeline.strata import (
    Cuts,
    HostSizes,
    Keys,
    Labels,
    Lowest,
    collapsed,
    folded,
    length_labels,
    size_labels,
    summed,
    tercile_labels,
    terciles,
)
from pipeline.suggest import did_you_mean
from pipeline.text.hashing import hash64

SAMPLE, SUMMARY = "sample.jsonl", "sample.json"
STRATA = ("host", "length", "signals", "reason", "source")
INFORMATIVE = ("compression.ratio", "sentences.mean_length")
"""Signals whose terciles divide the documents unless others are named."""
BASE = ("id", "file_path", "position", "host", "dump", "characters", "reason")
MOST_STRATA = 100_000
BETWEEN = "\x1f"
"""Stands between the labels of a stratum."""

Track = Callable[[Sequence[Any]], Iterable[Any]]
"""Shows how far a walk over files is."""


class SampleOptions(Options):
    """What is drawn."""

    n: int = Field(default=2000, ge=1)
    """Documents to draw."""
    strata: tuple[str, ...] = ("host", "length", "signals")
    """What divides the documents: `host` (by how many documents it has), `length` (thirds of a decade), `signals` (kept
    or the step that dropped it, and terciles of signals), `reason` (kept or why it was dropped), `source` (the dump).
    What is named first holds longest where strata are too small to be drawn from."""
    by: tuple[str, ...] | None = None
    """Signals whose terciles divide the documents under `signals`, as `<step>.<signal>`; by default the ratio of
    compression and the mean length of sentences, where the run has them."""
    include_dropped: bool = False
    """Draw from the dropped documents too, as far as the run kept their text."""
    per_host: int | None = Field(default=3, ge=1)
    """Most documents of one host; those without a host count by their file. Null for no limit."""
    characters: int = Field(default=900, ge=1, le=EXCLUDED_CHARACTERS)
    """Characters from the beginning of each text that are shown to the judge."""
    seed: int = 0
    """Another seed draws other documents."""


@dataclass(frozen=True)
class Stratum:
    """Documents of which some were drawn for all."""

    name: str
    population: int
    on_hand: int
    """Documents whose text is on hand."""
    drawn: int

    @property
    def weight(self) -> float | None:
        """Documents that each of the drawn ones stands for; None where none was drawn."""
        return self.population / self.drawn if self.drawn else None


@dataclass(frozen=True)
class Summary:
    """What was drawn."""

    sample: str
    """Path or URI of the sample."""
    documents: int
    population: int
    strata: tuple[Stratum, ...]
    notes: tuple[str, ...]
    """What its owner should know."""


def sample(run: str, to: str | Path, options: SampleOptions | None = None, track: Track = iter) -> Summary:
    """Draw documents of a finished run; writes ``sample.jsonl`` and ``sample.json`` into a folder or below a URI.

    What is drawn depends on the documents, the options and the seed, not on how the run's files are cut or ordered.
    Memory holds the texts of the sample, ``n`` places per stratum and 16 bytes per host. Raises RunFolderError for a
    run that is not complete, ReportError for a wrong name, for files that are missing, for a run with nothing to draw
    and for a folder that holds another sample.
    """
    options = options or SampleOptions()
    _check("stratum", options.strata, STRATA)
    with reaching(run):
        source = StoredDocuments.at(run)
    frame = _Frame(source, options)
    with source.folder.lock():
        frame.survey(track)
        frame.count(track)
        candidates = frame.candidates(track)
        populations = [frame.populations[labels] for labels in frame.names]
        chosen = candidates[draw(options.n, populations, candidates, options.per_host)]
        if not chosen.size:
            raise ReportError(f"{source.store.uri}: none of {frame.population:,} documents can be drawn")
        strata = frame.strata(chosen)
        documents = _documents(frame, chosen, strata, track)
    with reaching(str(to)):
        store = Store(str(to))
        distinct = tuple(dict.fromkeys(strata))
        summary = Summary(
            store.path(SAMPLE), len(documents), frame.population, distinct, tuple(_notes(frame, distinct))
        )
        _write(store, documents, frame, summary)
    return summary


class _Frame:
    """The population and its strata, found in walks over the signals of a run."""

    def __init__(self, run: StoredDocuments, options: SampleOptions) -> None:
        self.run, self.options = run, options
        self.by = _signals_asked(run, options)
        self.sizes = HostSizes()
        self.cuts: dict[str, Cuts] = {}
        self.empty = 0
        self.full = Counter[Labels]()
        self.into: dict[Labels, Labels] = {}
        self.populations = Counter[Labels]()
        self.on_hand = Counter[Labels]()

    @property
    def population(self) -> int:
        """Documents with a text, on hand or not."""
        return self.full.total()

    @cached_property
    def names(self) -> list[Labels]:
        """The strata that are drawn from, by number."""
        return sorted(self.populations)

    def survey(self, track: Track) -> None:
        """Find the sizes of hosts and the terciles of signals."""
        if "host" not in self.options.strata and not self.by:
            return
        lowest = Lowest(self.by)
        for file in track(self.run.files):
            for batch in map(_with_text, self._batches(file)):
                if "host" in self.options.strata:
                    self.sizes.add(_hosts(batch))
                lowest.add(_order(batch, self.options.seed), batch)
        self.cuts = {name: terciles(lowest.values(name)) for name in self.by}

    def count(self, track: Track) -> None:
        """Count the documents of every stratum, and fold strata that are too small to be drawn from."""
        kept = 0
        for file in track(self.run.files):
            for batch in self._batches(file):
                members = _with_text(batch)
                kept += batch["reason"].null_count
                self.empty += batch.num_rows - members.num_rows
                self.full.update(_counted(self._labels(members)))
            if len(self.full) > MOST_STRATA:
                raise ReportError(f"more than {MOST_STRATA:,} strata; leave some out, `source` first")
        if kept != self.run.ledger["kept"]:
            raise self.run.gone(f"signals/ holds {kept} documents that were kept, the ledger {self.run.ledger['kept']}")
        self.into = folded(self.full, self.options.n)
        self.populations = summed(self.full, self.into)

    def candidates(self, track: Track) -> Rows:
        """Return the documents that may be drawn, which are those with a text on hand."""
        found = Candidates(self.options.n, self.options.per_host)
        number = {labels: number for number, labels in enumerate(self.names)}
        for place, file in enumerate(track(self.run.files)):
            texts = self._dropped_with_text(file)
            for batch in map(_with_text, self._batches(file)):
                labels = self._labels(batch)
                rows = np.empty(batch.num_rows, CANDIDATE)
                numbers = np.array([number[self.into[each]] for each in _split(labels)], np.int32)
                rows["stratum"] = numbers[labels.indices.to_numpy()]
                rows["order"], rows["host"] = _order(batch, self.options.seed), _hosts(batch)
                rows["file"], rows["row"] = place, batch["row"].to_numpy()
                rows = rows[_is_on_hand(batch, texts)]
                counts = np.bincount(rows["stratum"], minlength=len(self.names)).tolist()
                self.on_hand.update(dict(zip(self.names, counts, strict=True)))
                found.add(rows)
        return found.rows()

    def strata(self, chosen: Rows) -> list[Stratum]:
        """Return the stratum that each of ``names`` is part of, once documents are drawn."""
        counts = np.bincount(chosen["stratum"], minlength=len(self.names)).tolist()
        drawn = Counter(dict(zip(self.names, counts, strict=True)))
        into = collapsed(self.populations, drawn)
        sums = [summed(each, into) for each in (self.populations, self.on_hand, drawn)]
        made = {labels: Stratum(", ".join(labels), *(each[labels] for each in sums)) for labels in sums[0]}
        return [made[into[labels]] for labels in self.names]

    def _batches(self, file: str) -> Iterator[pa.RecordBatch]:
        """Yield the documents of a file that are asked for, with their rows."""
        first = 0
        for batch in self.run.batches(file, [*BASE, *self.by]):
            rows = np.arange(first, first + batch.num_rows)
            first += batch.num_rows
            numbered = batch.append_column("row", pa.array(rows))
            yield numbered if self.options.include_dropped else numbered.filter(batch["reason"].is_null())

    def _dropped_with_text(self, file: str) -> pa.Array:
        return self.run.names_with_text(file) if self.options.include_dropped else pa.array([], pa.string())

    def _labels(self, batch: pa.RecordBatch) -> pa.DictionaryArray:
        """Label documents in every dimension, joined."""
        labels = [pc.if_else(batch["reason"].is_null(), "kept", self._outcomes(batch["reason"]))]
        for name in self.options.strata:
            if name == "length":
                labels.append(length_labels(batch["characters"]))
            elif name == "host":
                labels.append(size_labels(self.sizes.of(_hosts(batch))))
            elif name == "source":
                source = pc.replace_substring(pc.coalesce(batch["dump"], "unknown"), BETWEEN, " ")
                labels.append(pc.binary_join_element_wise("source", source, " "))
        labels += [tercile_labels(name, batch[name], cuts) for name, cuts in self.cuts.items()]
        return pc.binary_join_element_wise(*labels, BETWEEN).dictionary_encode()

    def _outcomes(self, reasons: pa.Array) -> pa.Array:
        encoded = reasons.dictionary_encode()
        names = [self._outcome(reason) for reason in encoded.dictionary.to_pylist()]
        return pa.array(names, pa.string()).take(encoded.indices)

    def _outcome(self, reason: str) -> str:
        if "reason" in self.options.strata:
            return reason
        return f"dropped by {_step_of(reason, self.run.ledger)}" if "signals" in self.options.strata else "dropped"


def _signals_asked(run: StoredDocuments, options: SampleOptions) -> tuple[str, ...]:
    numbers = [name for name, kind in run.signals.items() if pa.types.is_integer(kind) or pa.types.is_floating(kind)]
    if "signals" not in options.strata:
        if options.by:
            raise ReportError(f"`{options.by[0]}` divides nothing: `signals` is not among the strata")
        return ()
    if options.by is None:
        return tuple(name for name in INFORMATIVE if name in numbers)
    _check("signal", options.by, numbers)
    return options.by


def _check(what: str, names: Sequence[str], valid: Sequence[str]) -> None:
    for name in names:
        if name not in valid:
            raise ReportError(f"no {what} `{name}`{did_you_mean(name, valid)}")


def _split(encoded: pa.DictionaryArray) -> list[Labels]:
    return [tuple(joined.split(BETWEEN)) for joined in encoded.dictionary.to_pylist()]


def _step_of(reason: str, ledger: Mapping[str, Any]) -> str:
    steps: list[str] = [step["name"] for step in ledger["steps"] if reason.startswith(f"{step['name']}.")]
    return max(steps, key=len)


def _hosts(batch: pa.RecordBatch) -> Keys:
    """Hash the hosts of documents, or their files where they have none."""
    hosts = pc.coalesce(batch["host"], "")
    return hash64(pc.if_else(pc.equal(hosts, ""), batch["file_path"], hosts))


def _order(batch: pa.RecordBatch, seed: int) -> Keys:
    """Hash documents by what they are, not by where the run holds them."""
    position = pc.cast(batch["position"], pa.string())
    return hash64(pc.binary_join_element_wise(pa.scalar(str(seed)), batch["file_path"], position, "\0"))


def _with_text(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Leave out documents that have no text at all: there is nothing to judge."""
    return batch.filter(pc.greater(batch["characters"], 0))


def _is_on_hand(batch: pa.RecordBatch, dropped: pa.Array) -> npt.NDArray[np.bool_]:
    """Tell whose text is on hand; ``dropped`` names the dropped documents that have one."""
    there = pc.or_(batch["reason"].is_null(), pc.is_in(named(batch), dropped))
    return there.to_numpy(zero_copy_only=False)


def _counted(labels: pa.DictionaryArray) -> dict[Labels, int]:
    counts = np.bincount(labels.indices.to_numpy(), minlength=len(labels.dictionary))
    return {each: count for each, count in zip(_split(labels), counts.tolist(), strict=True) if count}


def _documents(frame: _Frame, chosen: Rows, strata: Sequence[Stratum], track: Track) -> list[dict[str, Any]]:
    """Return the lines of the sample, by key."""
    chosen = chosen[np.lexsort((chosen["row"], chosen["file"]))]
    lines = []
    for place in track(np.unique(chosen["file"]).tolist()):
        own = chosen[chosen["file"] == place]
        path, rows = frame.run.files[place], own["row"].astype(np.int64)
        stored = frame.run.take(path, rows).to_pylist()
        texts = frame.run.texts(path, rows)
        for row, text, number in zip(stored, texts, own["stratum"].tolist(), strict=True):
            if not text:
                raise frame.run.gone(f"the text of {row['id']}")
            shown = (text.lstrip() or text)[: frame.options.characters]
            lines.append(_line(row, shown, strata[number], frame.run.signals))
    return sorted(lines, key=lambda line: line["key"])


def _line(row: Mapping[str, Any], text: str, stratum: Stratum, signals: Iterable[str]) -> dict[str, Any]:
    identity = f"{row['file_path']}\0{row['position']}\0{text}"
    return {
        "key": hashlib.blake2b(identity.encode(), digest_size=8).hexdigest(),
        **{name: row[name] for name in ("id", "url", "host", "file_path", "position", "title")},
        "text": text,
        "characters": row["characters"],
        "reason": row["reason"],
        "stratum": stratum.name,
        "weight": stratum.weight,
        "cluster": row.get(CLUSTER),
        "signals": {name: _plain(row.get(name)) for name in signals},
    }


def _plain(value: Any) -> Any:
    """JSON knows no NaN and no infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _notes(frame: _Frame, strata: Sequence[Stratum]) -> Iterator[str]:
    options = frame.options
    drawn, on_hand = sum(stratum.drawn for stratum in strata), sum(stratum.on_hand for stratum in strata)
    if drawn < options.n:
        limit = f"at most {options.per_host} of a host" if options.per_host else "no limit per host"
        yield f"{drawn:,} documents instead of {options.n:,}: {on_hand:,} have a text on hand, with {limit}"
    for stratum in strata:
        if not stratum.drawn:
            yield f"none of {stratum.population:,} documents was drawn of the stratum: {stratum.name}"
    if frame.empty:
        yield f"{frame.empty:,} documents have no text and are left out"
    if on_hand < frame.population:
        yield (
            f"{frame.population - on_hand:,} dropped documents could not be drawn, since the run kept few texts per "
            "reason and part; `excluded: null` in the recipe keeps all"
        )


def _write(store: Store, lines: Sequence[Mapping[str, Any]], frame: _Frame, summary: Summary) -> None:
    """Publish the sample, then what describes it. Another sample, which may have been annotated, is left alone."""
    content = "".join(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n" for line in lines).encode()
    if store.exists(SAMPLE) and store.read(SAMPLE) != content:
        raise ReportError(f"{store.uri}: holds another sample; choose another folder")
    published = store.write(SAMPLE, content)
    about = {
        "migaki": __version__,
        "run": frame.run.store.uri,
        "recipe": frame.run.description["recipe"]["name"],
        "manifest_sha256": frame.run.store.sha256("corpus/manifest.json"),
        "options": frame.options.model_dump(mode="json") | {"by": list(frame.by)},
        "records": {name: frame.run.ledger[name] for name in ("records", "kept", "dropped", "failed")},
        "population": summary.population,
        "without_text": frame.empty,
        "documents": summary.documents,
        "sha256": published.sha256,
        "terciles": {name: cuts.tolist() for name, cuts in frame.cuts.items()},
        "strata": [asdict(stratum) | {"weight": stratum.weight} for stratum in summary.strata],
        "notes": summary.notes,
    }
    store.write(SUMMARY, (json.dumps(about, ensure_ascii=False, indent=1) + "\n").encode())
