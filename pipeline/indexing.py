"""Indexes made from finished runs: built, added to, described. Files first, ``index.json`` last."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dedup.index import (
    FORMAT,
    MARK,
    PARTS,
    RELATIONS,
    Addition,
    Content,
    IndexedFile,
    IndexFolderError,
    IndexPart,
    check_parameters,
    part_name,
    read_index,
)
from pipeline.parts import PartFiles
from pipeline.resolution import StoredPart
from pipeline.runfolder import RunFolder, RunFolderError
from pipeline.signed_run import SignedRun
from pipeline.storage import TEMPORARY, Store, reaching
from pipeline.text.hashing import hash64

MOST_DUMPS = 1000

Numbers = npt.NDArray[np.uint64]
Track = Callable[[Sequence[StoredPart]], Iterable[StoredPart]]
"""Shows how far a walk over parts is."""


def build(uri: str, run_uri: str, track: Track = iter) -> Addition:
    """Make an index of one run; IndexFolderError if the folder holds something else already."""
    run = SignedRun.at(run_uri)
    with _writing(uri) as store:
        if store.exists(MARK) and read_index(store).additions:
            raise IndexFolderError(f"{store.uri}: an index already; `migaki index add` brings a run into it")
        if not store.exists(MARK) and any(not path.endswith(TEMPORARY) for path in store.sizes("")):
            raise IndexFolderError(f"{store.uri}: not empty and not an index; choose another folder")
        empty = Content(format=FORMAT, parameters=run.step.parameters(), additions=())
        _write(store, empty)
        return _add(store, empty, run, track)


def add(uri: str, run_uri: str, track: Track = iter) -> Addition:
    """Bring a run into an index; IndexFolderError if it is there already or was signed otherwise."""
    run = SignedRun.at(run_uri)
    with _writing(uri) as store:
        return _add(store, read_index(store), run, track)


def info(uri: str) -> dict[str, Any]:
    """Return what an index holds: parameters, and of each addition its source, documents, dumps, dates and size."""
    with reaching(uri):
        store = Store(uri)
        content = read_index(store)
    additions = [
        addition.model_dump(mode="json", exclude={"files"})
        | {"files": len(addition.files), "bytes": sum(file.bytes for file in addition.files)}
        for addition in content.additions
    ]
    return {
        "index": store.uri,
        "format": content.format,
        "parameters": content.parameters.model_dump(mode="json"),
        "documents": content.documents,
        "additions": additions,
    }


@contextmanager
def _writing(uri: str) -> Iterator[Store]:
    """Keep a second writer out of a local index."""
    with ExitStack() as stack:
        with reaching(uri):
            store = Store(uri)
            try:
                stack.enter_context(RunFolder(uri).lock())
            except RunFolderError:
                raise IndexFolderError(f"{store.uri}: another process writes to this index; try again later") from None
        yield store


def _add(store: Store, content: Content, run: SignedRun, track: Track) -> Addition:
    check_parameters(store.uri, content.parameters, run.step.parameters())
    _refuse_known(store, content, run)
    _sweep(store, content)
    name = f"{len(content.additions) + 1:04}-{_named(run.uri)}"
    with run.folder.lock():
        brought = _Brought(store, content, run, name)
        files = tuple(brought.write(part) for part in track(run.parts))
    addition = Addition(
        name=name,
        run=run.uri,
        recipe=run.description["recipe"]["name"],
        threshold=run.step.threshold,
        documents=sum(file.rows for file in files),
        kept=sum(file.rows for file in files) - brought.dropped,
        dumps=tuple(sorted(brought.dumps)),
        first_date=min(brought.dates, default=None),
        last_date=max(brought.dates, default=None),
        files=files,
    )
    _write(store, content.model_copy(update={"additions": (*content.additions, addition)}))
    return addition


def _refuse_known(store: Store, content: Content, run: SignedRun) -> None:
    """A shard that is in the index twice would be its own duplicate."""
    known = {file.part: addition for addition in content.additions for file in addition.files}
    twice = [part.name for part in run.parts if part.name in known]
    if not twice:
        return
    addition = known[twice[0]]
    by = f"already, by addition {addition.name} from {addition.run}"
    if len(twice) == len(run.parts):
        raise IndexFolderError(f"{store.uri}: holds this run {by}")
    raise IndexFolderError(
        f"{store.uri}: holds {len(twice)} of the {len(run.parts)} shards of this run {by}, e.g. {twice[0]}; a run is "
        "added as a whole: carry the recipe out over the other shards alone, and add that run"
    )


def _sweep(store: Store, content: Content) -> None:
    """Remove what a killed writer left behind."""
    valid = {path for path, _ in content.files()}
    for path in store.sizes(""):
        if path not in valid and (path.startswith(f"{PARTS}/") or path.endswith(TEMPORARY)):
            store.remove(path)


def _write(store: Store, content: Content) -> None:
    plain = content.model_dump(mode="json")
    with reaching(store.uri):
        store.write(MARK, (json.dumps(plain, ensure_ascii=False, indent=1) + "\n").encode())


def _named(uri: str) -> str:
    """Name of a run's folder, fit for a path anywhere."""
    return re.sub(r"[^\w.-]+", "-", PurePosixPath(uri).name).strip("-.") or "run"


@dataclass
class _Brought:
    """A run on its way into an index: its parts with what the run found out about likeness."""

    store: Store
    content: Content
    run: SignedRun
    name: str
    dropped: int = 0
    dumps: set[str] = field(default_factory=set)
    dates: set[str] = field(default_factory=set)
    """The first and the last."""

    def __post_init__(self) -> None:
        self._clusters = _clusters(self.run, self.content, self.store)

    def write(self, part: StoredPart) -> IndexedFile:
        """Copy the sidecar of a part with the relations of its documents."""
        signed = self.run.step.signed()
        schema = pa.schema([("row", pa.int64()), *signed.items(), *RELATIONS.items()])
        path = f"{PARTS}/{self.name}/part-{part.name}.parquet"
        decided = _Decided(self.run.decisions(part))
        with PartFiles(self.store) as files:
            file = files.file(path, schema)
            for batch in part.sidecar(["row", *signed]):
                related = decided.relations(batch.column("row"), self._clusters)
                arrays = [*batch.columns, *(related[name] for name in RELATIONS)]
                file.write(pa.RecordBatch.from_arrays(arrays, schema=schema))
                self._note_dates(batch.column("date"))
            files.close()
            with reaching(self.store.uri):
                written = files.publish()[path]
        self.dropped += decided.dropped
        self._note_dumps(part)
        return IndexedFile(part=part.name, rows=written["rows"], bytes=written["bytes"], sha256=written["sha256"])

    def _note_dates(self, dates: pa.Array) -> None:
        found = pc.min_max(dates).as_py()
        self.dates |= {date for date in found.values() if date is not None}
        self.dates = {date for date in self.dates if date in (min(self.dates), max(self.dates))}

    def _note_dumps(self, part: StoredPart) -> None:
        for dumps in self.run.documents(part, "dump"):
            self.dumps |= set(pc.unique(dumps.drop_null()).to_pylist())
            self.dumps = set(sorted(self.dumps)[:MOST_DUMPS])


class _Decided:
    """The decisions on the documents of one part that have a like."""

    def __init__(self, decisions: pa.Table) -> None:
        self.rows, drop, self.ids = (decisions[name].combine_chunks() for name in ("row", "drop", "cluster_id"))
        self.drop = drop.to_numpy(zero_copy_only=False)
        self.dropped = int(self.drop.sum())
        self.keys = hash64(self.ids)

    def relations(self, rows: pa.Array, clusters: "_Clusters") -> Mapping[str, pa.Array]:
        """Return the RELATIONS of documents, given their rows."""
        at = pc.index_in(rows, self.rows)
        found = at.is_valid().to_numpy(zero_copy_only=False)
        places = at.fill_null(0).to_numpy()
        if not self.keys.size:
            return {name: pa.nulls(len(rows), kind) for name, kind in RELATIONS.items()}
        dropped = found & self.drop[places]
        return {
            "cluster": pa.array(clusters.of(self.keys[places]), pa.uint64(), mask=~found),
            "kept_id": self.ids.take(pa.array(places, mask=~dropped)),
        }


@dataclass(frozen=True)
class _Clusters:
    """The document that stands for each cluster: n keys, ascending, and n numbers in the index."""

    keys: Numbers
    numbers: Numbers

    def of(self, keys: Numbers) -> Numbers:
        """Return the numbers for keys, all of which are known."""
        return self.numbers[np.searchsorted(self.keys, keys)]


def _clusters(run: SignedRun, content: Content, store: Store) -> _Clusters:
    """Name each cluster by its first document in the run, or by the document of the index that it is like.

    The key of a cluster is the hash of its id, 64 bits, so this takes 16 bytes for a document that has a like.
    """
    keys, numbers = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
    start = content.documents
    for part in run.parts:
        decided = _Decided(run.decisions(part))
        rows = pa.concat_arrays([pa.array([], pa.int64()), *(batch.column(0) for batch in part.sidecar(["row"]))])
        keys.append(decided.keys)
        numbers.append(np.searchsorted(rows.to_numpy(), decided.rows.to_numpy()).astype(np.uint64) + np.uint64(start))
        start += part.rows
    found, first = np.unique(np.concatenate(keys), return_index=True)
    clusters = _Clusters(found, np.concatenate(numbers)[first])
    for known, of in _known(run, content, store):
        places = np.searchsorted(clusters.keys, known)
        np.minimum.at(clusters.numbers, places, of)
    return clusters


def _known(run: SignedRun, content: Content, store: Store) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield keys of the run's clusters that a document of the index stands for, and that document's number."""
    sought = _sought(run, [part_name(store, path) for path, _ in content.files()])
    start = 0
    for path, file in content.files():
        part = IndexPart(store, path, file.rows, run.step.signed())
        if part.name in sought:
            yield from _found(part, start, sought[part.name])
        start += file.rows


def _found(part: IndexPart, start: int, sought: "_Sought") -> Iterator[tuple[Numbers, Numbers]]:
    for batch in part.sidecar(["id", "cluster"]):
        own = pa.array(np.arange(start, start + batch.num_rows, dtype=np.uint64))
        numbers = pc.coalesce(batch.column("cluster"), own).to_numpy()
        ids = hash64(batch.column("id"))
        wanted = np.isin(ids, sought.ids)
        yield sought.keys[np.searchsorted(sought.ids, ids[wanted])], numbers[wanted]
        start += batch.num_rows


@dataclass(frozen=True)
class _Sought:
    """Documents of an index part that the run preferred to its own: n hashes of ids, ascending, and cluster keys."""

    ids: Numbers
    keys: Numbers


def _sought(run: SignedRun, names: Sequence[str]) -> dict[str, _Sought]:
    """Return what to look for in which part of the index."""
    sought: dict[str, _Sought] = {}
    for part in run.parts:
        removed = run.removed(part)
        foreign = removed.filter(pc.is_in(removed["kept_part"], pa.array(names, pa.string())))
        for name in pc.unique(foreign["kept_part"]).to_pylist():
            share = foreign.filter(pc.equal(foreign["kept_part"], name)).combine_chunks()
            ids, keys = (hash64(share[column].combine_chunks()) for column in ("kept_id", "cluster_id"))
            before = sought.get(name, _Sought(ids[:0], keys[:0]))
            distinct, first = np.unique(np.concatenate([before.ids, ids]), return_index=True)
            sought[name] = _Sought(distinct, np.concatenate([before.keys, keys])[first])
    return sought
