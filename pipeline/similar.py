"""The documents of a run or an index that are most like a text, by their stored signatures and datasketch's LSH."""

import heapq
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.barrier import SidecarPart
from pipeline.dedup.index import IndexPart, check_parameters, parameters_of, read_index
from pipeline.resolution import StoredPart
from pipeline.signed_run import SignedRun
from pipeline.storage import Store, reaching
from pipeline.text.minhash import Signatures
from pipeline.text.signing import Signing

if TYPE_CHECKING:
    from datasketch import LeanMinHash

SCHEME = "affine32"
"""datasketch's name for signatures of 32-bit values."""
FILE_NAME = re.compile(r"(?:[/~]|\.{1,2}/)\S*|[!-~]*[/\\][!-~]*|[\w./\\-]+\.(?:txt|text|md|html?|jsonl?)")
"""What no text is: a path in one word of ASCII or from a root on, or a name with the suffix of a text file."""
FEWEST_BANDS = 2
"""Of datasketch's LSH."""

Track = Callable[[Sequence[Any]], Iterable[Any]]


class QueryError(ValueError):
    """A text that nothing can be like."""


@dataclass(frozen=True)
class Neighbour:
    """A document that is like the text asked for."""

    id: str
    similarity: float
    """Jaccard index of the sets of shingles, estimated from the signatures."""
    part: str
    row: int
    kept_id: str | None = None
    """Id of the copy that stayed; None for a document that stayed itself."""
    url: str | None = None

    def order(self) -> tuple[float, str, int]:
        """The most similar first, then by part and row."""
        return -self.similarity, self.part, self.row


def in_run(uri: str, asked: str, threshold: float, top: int, track: Track = iter) -> list[Neighbour]:
    """Find the documents most like a text among all that came to a run's MinHash, removed ones too."""
    run = SignedRun.at(uri)
    query = sign(text_of(asked), run.step.signing_of())
    found = neighbours(run.parts, query, threshold, top, track)
    parts = {part.name: part for part in run.parts}
    return [_in_run(run, parts[neighbour.part], neighbour) for neighbour in found]


def in_index(uri: str, asked: str, threshold: float, top: int, track: Track = iter) -> list[Neighbour]:
    """Find the documents most like a text in an index."""
    with reaching(uri):
        store = Store(uri)
        content = read_index(store)
    stored = content.parameters
    signing = Signing(stored.shingle, stored.ngram, stored.signature, stored.permutations)
    check_parameters(store.uri, stored, parameters_of(signing, stored.bands, stored.rows, stored.scope))
    parts = [IndexPart(store, path, file.rows, {}) for path, file in content.files()]
    found = neighbours(parts, sign(text_of(asked), signing), threshold, top, track)
    named = {part.name: part for part in parts}
    return [replace(neighbour, kept_id=_kept_id(named[neighbour.part], neighbour.row)) for neighbour in found]


def text_of(asked: str) -> str:
    """Return the text of the file of this name if there is one, or else the words themselves.

    QueryError for a folder, and for what can only be meant as a file's name.
    """
    try:
        named, folder = Path(asked).is_file(), asked != "" and Path(asked).is_dir()
    except OSError:  # too long for a name
        return asked
    if not named and (folder or FILE_NAME.fullmatch(asked)):
        raise QueryError(
            f"{asked}: {'a folder' if folder else 'no such file'}; give a text file, or the words themselves"
        )
    if not named:
        return asked
    try:
        return Path(asked).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise QueryError(f"{asked}: cannot be read as UTF-8 text: {error}") from error


def sign(text: str, signing: Signing) -> Signatures:
    """Sign one text: uint32 (permutations). QueryError if it has no letter or digit."""
    clean = text.encode("utf-8", "replace").decode()
    signed, valid = signing.signatures(pa.RecordBatch.from_pydict({"text": pa.array([clean], pa.string())}))
    if not valid[0]:
        raise QueryError("the text has no letter or digit, so nothing is like it")
    if signing.permutations < FEWEST_BANDS:
        raise QueryError("signatures of a single value tell too little to look for the most similar")
    return signed[0]


def neighbours(
    parts: Sequence[SidecarPart], query: Signatures, threshold: float, top: int, track: Track = iter
) -> list[Neighbour]:
    """Return the ``top`` documents of an estimated similarity of at least ``threshold``, the most similar first."""
    best: list[Neighbour] = []
    for part in track(parts):
        best = heapq.nsmallest(top, [*best, *_candidates(part, query, threshold)], key=Neighbour.order)
    return best


def lossless(threshold: float, permutations: int) -> tuple[int, int]:
    """Return bands and rows for which no pair is missed whose signatures agree in a share ``threshold`` of the values.

    With more bands than values may differ, some band differs nowhere.
    """
    bands = min(permutations, max(FEWEST_BANDS, permutations - math.floor(threshold * permutations) + 1))
    return bands, permutations // bands


def _candidates(part: SidecarPart, query: Signatures, threshold: float) -> Iterator[Neighbour]:
    """Find what one part holds, by an LSH of its own.

    Only documents that have as many values of the query as a band has are put in; the others can share no band.
    """
    from datasketch import MinHashLSH  # noqa: PLC0415  datasketch takes half a second to import

    lsh = MinHashLSH(num_perm=query.size, params=lossless(threshold, query.size))
    asked = _sketch(query)
    held: dict[int, tuple[str, LeanMinHash]] = {}
    with lsh.insertion_session() as session:
        for batch in part.sidecar(["row", "id", "signature"]):
            signed = batch.filter(pc.is_valid(batch.column("signature")))
            values = _values(signed.column("signature"), query.size)
            for place in np.flatnonzero((values == query).sum(axis=1) >= lsh.r).tolist():
                row = signed.column("row")[place].as_py()
                held[row] = signed.column("id")[place].as_py(), _sketch(values[place])
                session.insert(row, held[row][1])
    for row in lsh.query(asked):
        found, sketch = held[row]
        similarity = asked.jaccard(sketch)
        if similarity >= threshold:
            yield Neighbour(found, similarity, part.name, row)


def _values(signatures: pa.Array, permutations: int) -> Signatures:
    """Stored signatures of n documents, none of them null: uint32 (n, permutations)."""
    fixed = signatures.cast(pa.binary(4 * permutations))
    values = np.frombuffer(fixed.buffers()[1], "<u4").reshape(-1, permutations)
    return values[fixed.offset : fixed.offset + len(fixed)]


def _sketch(values: npt.NDArray[np.uint32]) -> "LeanMinHash":
    from datasketch import LeanMinHash  # noqa: PLC0415

    return LeanMinHash(seed=1, hashvalues=values, scheme=SCHEME)


def _in_run(run: SignedRun, part: StoredPart, neighbour: Neighbour) -> Neighbour:
    """Add the address of a document and what became of it."""
    decided = run.decisions(part)
    of_row = decided.filter(pc.and_(pc.equal(decided["row"], neighbour.row), decided["drop"]))
    kept = of_row["cluster_id"][0].as_py() if of_row.num_rows else None
    return replace(neighbour, kept_id=kept, url=_value(run.documents(part, "url"), neighbour.row))


def _kept_id(part: IndexPart, row: int) -> str | None:
    for batch in part.sidecar(["row", "kept_id"]):
        of_row = batch.filter(pc.equal(batch.column("row"), row))
        if of_row.num_rows:
            kept: str | None = of_row.column("kept_id")[0].as_py()
            return kept
    raise KeyError(row)


def _value(chunks: Iterator[pa.Array], row: int) -> str | None:
    for chunk in chunks:
        if row < len(chunk):
            value: str | None = chunk[row].as_py()
            return value
        row -= len(chunk)
    raise KeyError(row)
