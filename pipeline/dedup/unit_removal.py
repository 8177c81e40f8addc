"""Which units of which documents go, and a table of what they were: decided per block."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit

from pipeline.barrier import BarrierFiles
from pipeline.dedup.numbering import Numbers, Places
from pipeline.dedup.segments import Records, received
from pipeline.dedup.unit_counts import SCOPE, TALLY, UnitCounts, keys_of, scope_hashes, units_of
from pipeline.stage import Mask
from pipeline.text.shingles import Hashes
from pipeline.text.units import BARE, SENTENCE, excerpts

DECISIONS = pa.schema([("row", pa.int64()), ("drop", pa.bool_()), ("units", pa.list_(pa.int32()))])
REMOVED = pa.schema([("row", pa.int64()), ("id", pa.string()), ("scope", pa.string()), ("units", pa.int32())])
"""A document that is dropped, and how many units it had."""
TAKEN = pa.schema(
    [
        ("scope", pa.string()),
        ("text", pa.string()),  # cut at EXCERPT_BYTES; from the document that the last two columns name
        ("documents", pa.int64()),  # of the scope that hold it
        ("removed", pa.int64()),  # documents of this file's block that lost it
        ("part", pa.string()),
        ("row", pa.int64()),
    ]
)
MOST_TAKEN = 1000
"""Units in a table, those that most documents lost."""
EXCERPT_BYTES = 400


class Rule(NamedTuple):
    """Which repeated units go."""

    min_share: float  # of the documents of a scope
    min_sentence_share: float  # the same for units that hold a sentence
    edges: bool  # only those outside the document's own sentences
    keeps_sentences: bool  # not those with a sentence from the first document that has them
    keeps_first: bool  # none from that document


class Repeats(NamedTuple):
    """The n repeated units of a block, in order of their keys."""

    keys: Hashes
    firsts: Numbers
    documents: Numbers


class Documents(NamedTuple):
    """n documents and the units they hold."""

    number: int  # of the first document
    sizes: Numbers  # documents of each one's scope
    offsets: Places  # n + 1, into the units
    units: Hashes
    places: Places  # of each unit in Repeats; -1 for others


class Taken(NamedTuple):
    """How many documents of a block lost each of its repeated units, the last of them, and where the first has it."""

    documents: Places
    last: Places
    first: Places
    unit: Places


@dataclass(frozen=True)
class UnitRemoval:
    """The phase ``decisions``, a task a block."""

    counts: UnitCounts
    rule: Rule
    paragraphs: bool

    def decide(self, files: BarrierFiles, block: int) -> Iterator[int]:
        """Decide on the parts of a block, and write a table of the units that were taken most often."""
        numbering = self.counts.numbering
        found = self._received(files, "repeats", block, TALLY)
        repeats = Repeats(found["key"].copy(), found["first"].copy(), found["documents"].copy())
        scopes = self._received(files, "scopes", block, SCOPE)
        taken = Taken(np.zeros(found.size, np.int64), *(np.full(found.size, -1) for _ in range(3)))
        number = numbering.span(block)[0]
        for part in numbering.parts(block):
            decisions, removed = [DECISIONS.empty_table()], [REMOVED.empty_table()]
            for batch in self.counts.parts[part].sidecar(["row", "id", "scope", "units"]):
                gone, emptied = self._chosen(batch, number, repeats, scopes, taken)
                decisions.append(_decisions(batch, gone, emptied))
                removed.append(_removed(batch, emptied))
                number += batch.num_rows
                yield batch.num_rows
            files.decide(part, pa.concat_tables(decisions), pa.concat_tables(removed))
        if taken.documents.any():
            files.explain(f"units-{block}", self._table(repeats, taken))
        yield 0

    def _received(self, files: BarrierFiles, name: str, block: int, kind: np.dtype) -> Records:
        """Return what all partitions sent to a block, in the order of the first field."""
        records = received(files, "repeats", 1 << self.counts.partition_bits, name, block, kind)
        return np.sort(records, order=list(kind.names or ())[:1], kind="stable")

    def _chosen(
        self, batch: pa.RecordBatch, number: int, repeats: Repeats, scopes: Records, taken: Taken
    ) -> tuple[Mask, Mask]:
        """Which units of a batch go, and which of its documents are left without a letter."""
        hashes = scope_hashes(batch)
        keys = keys_of(batch, hashes)
        places = np.searchsorted(repeats.keys, keys)
        known = places < repeats.keys.size
        known[known] = repeats.keys[places[known]] == keys[known]
        places[~known] = -1
        sizes = scopes["documents"][np.searchsorted(scopes["scope"], hashes)]
        documents = Documents(number, sizes, *units_of(batch), places)
        return _choose(documents, repeats, self.rule, taken)

    def _table(self, repeats: Repeats, taken: Taken) -> pa.Table:
        """Describe the units that most documents lost; among equals those that came first."""
        order = np.lexsort((taken.unit, taken.first, -taken.documents))[:MOST_TAKEN]
        order = order[taken.documents[order] > 0]
        order = order[np.lexsort((taken.unit[order], taken.first[order]))]
        parts = self.counts.numbering.part_of(taken.first[order].astype(np.uint64))
        tables = [
            self._of_part(part, order[parts == part], repeats.documents, taken) for part in np.unique(parts).tolist()
        ]
        return pa.concat_tables(tables).sort_by([("removed", "descending")])

    def _of_part(self, part: int, shown: Places, documents: Numbers, taken: Taken) -> pa.Table:
        """Describe units that a document of this part was the first to lose, in order of documents and units."""
        sidecar = self.counts.parts[part]
        facts = pa.Table.from_batches(sidecar.sidecar(["row", "scope"]))
        places, texts = np.unique(taken.first[shown] - self.counts.numbering.starts[part], return_inverse=True)
        facts = facts.take(pa.array(places))
        found = excerpts(sidecar.texts(facts["row"].to_pylist()), texts, taken.unit[shown], self.paragraphs)
        columns = [
            facts["scope"].take(pa.array(texts)),
            pa.array([unit[:EXCERPT_BYTES].decode(errors="ignore").strip() for unit in found], pa.string()),
            documents[shown].astype(np.int64),
            taken.documents[shown],
            pa.array([sidecar.name] * shown.size, pa.string()),
            facts["row"].take(pa.array(texts)),
        ]
        return pa.table(columns, schema=TAKEN)


def _decisions(batch: pa.RecordBatch, gone: Mask, emptied: Mask) -> pa.Table:
    offsets, _ = units_of(batch)
    counts = np.diff(offsets)
    ends = np.append(0, np.cumsum(gone))[offsets]
    changed = np.diff(ends) > 0
    numbers = (np.arange(gone.size) - np.repeat(offsets[:-1], counts))[gone].astype(np.int32)
    starts = np.append(0, ends[1:][changed]).astype(np.int32)
    columns = [
        batch.column("row").filter(pa.array(changed)),
        pa.array(emptied[changed]),
        pa.ListArray.from_arrays(pa.array(starts), pa.array(numbers)),
    ]
    return pa.table(columns, schema=DECISIONS)


def _removed(batch: pa.RecordBatch, emptied: Mask) -> pa.Table:
    offsets, _ = units_of(batch)
    counts = np.diff(offsets).astype(np.int32)
    columns = [batch.column("row"), batch.column("id"), batch.column("scope"), pa.array(counts)]
    return pa.table(columns, schema=REMOVED).filter(pa.array(emptied))


@njit(cache=True, nogil=True)
def _choose(documents: Documents, repeats: Repeats, rule: Rule, taken: Taken) -> tuple[Mask, Mask]:
    """Which units go, and which documents are left without a letter; what goes is counted in ``taken``."""
    units, places = documents.units, documents.places
    gone, emptied = np.zeros(units.size, np.bool_), np.zeros(documents.sizes.size, np.bool_)
    for row in range(emptied.size):
        begin, end = documents.offsets[row], documents.offsets[row + 1]
        first, last = _body(documents, row, repeats, rule) if rule.edges else (end, begin)
        goes = False
        left = 0
        for at in range(begin, end):
            if units[at] != BARE:
                goes = _goes(documents, row, at, repeats, rule)
            goes &= not first <= at <= last
            gone[at] = goes
            left += not goes and units[at] != BARE
            if goes and places[at] >= 0:
                _note(taken, places[at], documents.number + row, at - begin)
        emptied[row] = left == 0 and gone[begin:end].any()
    return gone, emptied


@njit(cache=True, nogil=True)
def _body(documents: Documents, row: int, repeats: Repeats, rule: Rule) -> tuple[int, int]:
    """The first and the last unit of a document's own text; the first comes last where there is none.

    It runs from sentence to sentence that is not repeated, and takes in a heading: a unit without a sentence before it.
    """
    begin, end = documents.offsets[row], documents.offsets[row + 1]
    first, last = end, begin
    for at in range(begin, end):
        if documents.units[at] & SENTENCE and not _is_repeated(documents, row, at, repeats, rule):
            first, last = min(first, at), at
    headed = begin < first < end and documents.units[first - 1] & SENTENCE == 0
    return first - headed, last


@njit(cache=True, nogil=True)
def _is_repeated(documents: Documents, row: int, at: int, repeats: Repeats, rule: Rule) -> bool:
    place = documents.places[at]
    share = rule.min_sentence_share if documents.units[at] & SENTENCE else rule.min_share
    return place >= 0 and repeats.documents[place] >= share * documents.sizes[row]


@njit(cache=True, nogil=True)
def _goes(documents: Documents, row: int, at: int, repeats: Repeats, rule: Rule) -> bool:
    """Whether a unit is repeated, and its document does not keep it as the first that has it."""
    if not _is_repeated(documents, row, at, repeats, rule):
        return False
    keeps = rule.keeps_first or (rule.keeps_sentences and documents.units[at] & SENTENCE != 0)
    return not keeps or repeats.firsts[documents.places[at]] != documents.number + row


@njit(cache=True, nogil=True)
def _note(taken: Taken, place: int, document: int, unit: int) -> None:
    if taken.first[place] < 0:
        taken.first[place], taken.unit[place] = document, unit
    taken.documents[place] += taken.last[place] != document
    taken.last[place] = document
