"""The signatures of older corpora as a folder that only grows: parts for a barrier to put in front of its own."""

import hashlib
import json
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.barrier import SidecarPart
from pipeline.dedup.pairs import PAIR
from pipeline.dedup.segments import Records
from pipeline.storage import Store
from pipeline.text.signing import Shingle, Signature, Signing

FORMAT = 1
MARK = "index.json"
PARTS = "parts"
RELATIONS = {"cluster": pa.uint64(), "kept_id": pa.string()}
"""Columns of an index part behind those of the sidecar it was. ``cluster``: number, in the whole index, of the document
that stands for all that are alike, null for one that is alone; ``kept_id``: id of the copy that stayed, null for a
document that stayed itself."""

PROBE = (
    "休業",
    "本日は晴天なり。",
    "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。",
    "ﾊﾟﾋﾟﾌﾟﾍﾟﾎﾟ、か\u3099き\u3099、㍿と①、𠮷野家で1,234円、２０２４年4月１日",
    "MinHash signs Ångström and ΣΊΣΥΦΟΣ; 한국어도, 中文也。",
    "".join(f"第{number}条　この法律は、公布の日から施行する。{chr(0x4E00 + number)}" for number in range(200)),
)
"""Texts whose signatures tell versions of the code apart."""


class IndexFolderError(ValueError):
    """A folder that cannot be used as, or is not, an index, or not by this run."""


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Parameters(_Content):
    """What signatures must have in common to be compared, and relations to be kept."""

    shingle: Shingle
    ngram: int
    signature: Signature
    permutations: int
    bands: int
    rows: int
    scope: str
    unicode: str
    """Version of the Unicode tables behind the normal form."""
    code: str
    """Hash of the signatures of PROBE: the same for all versions of the code that sign alike."""


class IndexedFile(_Content):
    """A part of the index: one shard of a run."""

    part: str
    rows: int
    bytes: int
    sha256: str


class Addition(_Content):
    """What one run brought in."""

    name: str
    run: str
    """Where the run lay."""
    recipe: str
    threshold: float
    """Similarity at which the run joined documents."""
    documents: int
    kept: int
    """Documents that deduplication let stay."""
    dumps: tuple[str, ...]
    """Dumps of the documents; of very many, the first in order."""
    first_date: str | None
    last_date: str | None
    files: tuple[IndexedFile, ...]

    def path(self, file: IndexedFile) -> str:
        """Where a part lies in the index."""
        return f"{PARTS}/{self.name}/part-{file.part}.parquet"


class Content(_Content):
    """``index.json``."""

    format: int
    parameters: Parameters
    additions: tuple[Addition, ...]

    @property
    def documents(self) -> int:
        """Documents of all additions."""
        return sum(addition.documents for addition in self.additions)

    def files(self, before: Collection[str] = ()) -> Iterator[tuple[str, IndexedFile]]:
        """Paths of the parts, in the order of their documents' numbers, up to the addition with a part named here."""
        for addition in self.additions:
            if any(file.part in before for file in addition.files):
                return
            yield from ((addition.path(file), file) for file in addition.files)


@dataclass(frozen=True)
class IndexPart:
    """A part of an index, as a barrier may see it."""

    store: Store
    path: str
    rows: int
    columns: Mapping[str, pa.DataType]
    """Columns that a barrier may ask for; those that the part lacks are null."""
    first: int = 0
    """Number of the first document of the index among those of the barrier."""

    @property
    def name(self) -> str:
        """Name that tells the part from those of a run: index, addition and part."""
        return part_name(self.store, self.path)

    def sidecar(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield columns of the part, a row group at a time. IndexFolderError if the file is damaged."""
        try:
            with self.store.open(self.path) as file:
                parquet = pq.ParquetFile(file)
                stored = {"row", *columns} & set(parquet.schema_arrow.names)
                for group in range(parquet.num_row_groups):
                    table = parquet.read_row_group(group, columns=sorted(stored), use_threads=False)
                    for batch in table.combine_chunks().to_batches():
                        yield self._completed(batch, columns)
        except (pa.ArrowInvalid, OSError) as error:
            raise IndexFolderError(f"{self.store.path(self.path)}: damaged; build the index anew: {error}") from error

    def texts(self, rows: Sequence[int]) -> pa.Array:
        """Refuse: an index holds no texts."""
        raise IndexFolderError(f"{self.name}: an index holds no texts")

    def edges(self, start: int) -> Iterator[Records]:
        """Yield what the index knows of the likeness of its documents, as PAIR records.

        ``start``: number of the first document of the part.
        """
        for batch in self.sidecar(["cluster"]):
            clusters = batch.column("cluster")
            known = clusters.is_valid().to_numpy(zero_copy_only=False)
            pairs = np.empty(int(known.sum()), PAIR)
            pairs["left"] = clusters.drop_null().to_numpy() + np.uint64(self.first)
            pairs["right"] = np.arange(start, start + batch.num_rows, dtype=np.uint64)[known]
            yield pairs[pairs["left"] < pairs["right"]]
            start += batch.num_rows

    def _completed(self, batch: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
        kinds = {**self.columns, **RELATIONS}
        stored = batch.schema.names
        arrays = [batch.column(name) if name in stored else pa.nulls(batch.num_rows, kinds[name]) for name in columns]
        return pa.RecordBatch.from_arrays(arrays, names=list(columns))


@cache
def parameters_of(signing: Signing, bands: int, rows: int, scope: str) -> Parameters:
    """Return the parameters of runs of this version of the code."""
    texts = pa.RecordBatch.from_pydict({"text": pa.array(PROBE, pa.string())})
    signed, _ = signing.signatures(texts)
    return Parameters(
        shingle=signing.shingle,
        ngram=signing.ngram,
        signature=signing.signature,
        permutations=signing.permutations,
        bands=bands,
        rows=rows,
        scope=scope,
        unicode=unicodedata.unidata_version,
        code=hashlib.sha256(signed.astype("<u4").tobytes()).hexdigest()[:16],
    )


def read_index(store: Store) -> Content:
    """Read ``index.json``; IndexFolderError if there is none, or none of this format, or a part is not as written."""
    try:
        written = store.read(MARK)
    except FileNotFoundError:
        raise IndexFolderError(f"{store.uri}: not an index (no {MARK}); `migaki index build` makes one") from None
    return _checked(store.uri, written)


@lru_cache(maxsize=16)
def _checked(uri: str, written: bytes) -> Content:
    """Parse an index and look for its parts, once for each state of it."""
    try:
        plain = json.loads(written)
    except ValueError:
        raise IndexFolderError(f"{uri}: {MARK} is broken; build the index anew") from None
    found = plain.get("format") if isinstance(plain, dict) else None
    if found != FORMAT:
        raise IndexFolderError(f"{uri}: format {found}, and this version of Migaki reads {FORMAT}; build it anew")
    try:
        content = Content.model_validate(plain)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        raise IndexFolderError(f"{uri}: {MARK} is broken: {where}: {problem['msg']}; build it anew") from None
    sizes = Store(uri).sizes(PARTS)
    if lost := [path for path, file in content.files() if sizes.get(path) != file.bytes]:
        raise IndexFolderError(f"{uri}: {len(lost)} files are not as they were written, e.g. {lost[0]}; build it anew")
    return content


def check_parameters(uri: str, index: Parameters, run: Parameters) -> None:
    """Raise IndexFolderError that names every parameter in which an index and a run differ, and what to do."""
    ours, theirs = run.model_dump(), index.model_dump()
    differing = [name for name in ours if ours[name] != theirs[name]]
    options = [name for name in differing if name not in ("unicode", "code")]
    if options:
        named = ", ".join(f"{name} {theirs[name]} in the index and {ours[name]} in the run" for name in options)
        remedy = "give the run the options of the index, or build an index from runs with these options"
    elif "unicode" in differing:
        named = f"Unicode {index.unicode} in the index and {run.unicode} here, so texts have other normal forms"
        remedy = "use the version of Python that made the index, or build it anew with this one"
    elif differing:
        named = f"the index was signed by other code ({index.code}) than this version of Migaki has ({run.code})"
        remedy = "use the version of Migaki that made the index, or build it anew with this one"
    else:
        return
    raise IndexFolderError(f"{uri}: signatures cannot be compared: {named}; {remedy}")


def digests(against: Sequence[str], parameters: Parameters) -> dict[str, str]:
    """Hash what each index holds, which names the content of every file; IndexFolderError if one does not fit."""
    stores = [Store(uri) for uri in against]
    for store in stores:
        check_parameters(store.uri, read_index(store).parameters, parameters)
    return {uri: store.sha256(MARK) for uri, store in zip(against, stores, strict=True)}


def foreign_parts(
    against: Sequence[str],
    parameters: Parameters,
    columns: Mapping[str, pa.DataType],
    own: Collection[str] = (),
) -> list[IndexPart]:
    """Return the parts of indexes, in order, for a barrier whose sidecars have these ``columns``.

    ``own``: names of the run's parts. Of an index that holds one of them only what was added before it is returned, so
    that a run can be repeated after it was added: later corpora gave way to it, and must not win over it.
    IndexFolderError if an index does not fit or a file is not as it was written.
    """
    parts: list[IndexPart] = []
    shards, first = frozenset(own), 0
    for store in map(Store, against):
        content = read_index(store)
        check_parameters(store.uri, content.parameters, parameters)
        older = [IndexPart(store, path, file.rows, columns, first) for path, file in content.files(before=shards)]
        parts += older
        first += sum(part.rows for part in older)
    return parts


def part_name(store: Store, path: str) -> str:
    """Name of a part of an index: index, addition and part, wherever the index lies."""
    return f"{PurePosixPath(store.root).name}/{path.removeprefix(f'{PARTS}/')}"


def relations(parts: Sequence[SidecarPart], starts: Sequence[int]) -> Iterator[Records]:
    """Yield what indexes know of their documents' likeness, as PAIR records; ``starts``: first number of each part."""
    for part, start in zip(parts, starts, strict=True):
        if isinstance(part, IndexPart):
            yield from part.edges(start)
