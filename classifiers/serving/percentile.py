"""Keeps the best share of the documents by a score, of all or of each genre, host or language for itself."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AfterValidator, Field

from classifiers.serving.cuts import Sum, cuts, histogram
from pipeline.barrier import Barrier, BarrierFiles, Phase, SidecarPart
from pipeline.dedup.numbering import Numbering
from pipeline.dedup.tables import receive, send
from pipeline.schema import RECORD
from pipeline.stage import Cost, Outcome
from pipeline.text.hashing import hash64

DOCUMENT_BYTES = 512
"""Memory that a document of a block may take in any phase."""
DECISIONS = pa.schema([("row", pa.int64()), ("drop", pa.bool_())])


def _number(name: str) -> str:
    index = RECORD.get_field_index(name)
    if index >= 0 and not pa.types.is_integer(RECORD.field(index).type):
        raise ValueError(f"`{name}` holds {RECORD.field(index).type}, not numbers")
    return name


class Percentile(Barrier):
    """Keeps the share of documents that score best, of all or of each value of a column for itself.

    The cut of a bucket is found among its scored documents, in bins of 16 significant bits of the score (a relative
    width below 1/32768). Those in the bin of the cut all stay, so that equal scores are never told apart, and a bound
    on the score at the cut gives the same corpus; the share kept may be larger than asked for by that one bin.
    Documents without a score stay and are counted. ``stats/<step>/cuts-*`` has the cut of each bucket and what it kept.
    Drops: ``<signal>.min``, or ``<signal>.max`` where low scores are preferred. Cutting by a share rather than by a
    number follows DCLM (Li et al. 2024), which keeps the best tenth; a cut per genre keeps one score from driving whole
    genres out of the corpus.
    """

    label: str = Field(default="", pattern="^[a-z0-9_]*$")
    """For a recipe that holds the step several times: it is called ``percentile_<label>`` then."""
    signal: Annotated[str, AfterValidator(_number)] = "quality.score"
    """Column to judge by; it holds numbers."""
    keep: float = Field(0.1, gt=0, lt=1)
    """Share of each bucket that stays."""
    prefer: Literal["high", "low"] = "high"
    """Which scores stay."""
    per: str | None = None
    """Column whose values are buckets with a cut of their own, e.g. ``host``, ``dump`` or ``language``; documents
    without a value are a bucket too. By default all documents are one."""
    weight: Literal["documents", "characters"] = "documents"
    """What ``keep`` is a share of."""
    memory: int = Field(2**28, ge=2**16)
    """Bytes that a task may take; decides how the work is divided, and nothing else."""

    cost = Cost.METADATA
    signing: ClassVar = frozenset({"signal", "per"})
    applying: ClassVar = frozenset({"signal", "prefer"})
    sidecar: ClassVar = {"value": pa.float32(), "bucket": pa.string(), "characters": pa.int64()}
    reason = "outside"
    relative: ClassVar = True

    def name(self) -> str:
        """``percentile``, and the label if there is one."""
        return f"{self.step_name()}_{self.label}" if self.label else self.step_name()

    def folder(self) -> str:
        """Run folder of the cuts."""
        return f"stats/{self.name()}"

    def required(self) -> tuple[str, ...]:
        """The text, for its length, the signal, and the column of the buckets."""
        return tuple(dict.fromkeys([*self.reads, self.signal, *([self.per] if self.per else [])]))

    def sign(self, batch: pa.RecordBatch) -> Mapping[str, pa.Array]:
        """Give score (null for NaN), bucket and length of each document; TypeError for a signal without numbers."""
        bucket = batch.column(self.per).cast(pa.string()) if self.per else pa.nulls(batch.num_rows, pa.string())
        return {
            "value": self._values(batch.column(self.signal)),
            "bucket": bucket,
            "characters": pc.fill_null(pc.utf8_length(batch.column("text")), 0).cast(pa.int64()),
        }

    def phases(self, parts: Sequence[SidecarPart]) -> Sequence[Phase]:
        """Histograms by block, cuts by partition of the buckets, decisions by block."""
        blocks = self._numbering(parts).blocks.size - 1
        return [Phase("histograms", blocks), Phase("cuts", _partitions(blocks)), Phase("decisions", blocks)]

    def work(self, phase: str, task: int, files: BarrierFiles) -> Iterator[int]:
        """Do a task of a phase."""
        work = {"histograms": self._count, "cuts": self._cut, "decisions": self._decide}
        return work[phase](files, task)

    def apply(self, batch: pa.RecordBatch, decided: Mapping[str, pa.Array], outcome: Outcome) -> Outcome:
        """Name the side on which the documents that leave are out of bounds."""
        return Outcome(drops={f"{self.signal}.{'min' if self.prefer == 'high' else 'max'}": outcome.drops[self.reason]})

    def _values(self, column: pa.Array) -> pa.Array:
        kind = column.type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
            raise TypeError(f"signal: column `{self.signal}` holds {kind}, not numbers")
        numbers = column.cast(pa.uint8()) if pa.types.is_boolean(kind) else column
        values = numbers.cast(pa.float32(), safe=False)
        return pc.if_else(pc.is_nan(values), None, values)

    def _preferred_high(self, values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
        return values if self.prefer == "high" else pc.subtract(pa.scalar(0, pa.float32()), values)

    def _numbering(self, parts: Sequence[SidecarPart]) -> Numbering:
        return Numbering([part.rows for part in parts], max(1, self.memory // DOCUMENT_BYTES))

    def _count(self, files: BarrierFiles, block: int) -> Iterator[int]:
        """Add the documents of a block up, for the partitions of their buckets."""
        numbering = self._numbering(files.parts)
        partitions = _partitions(numbering.blocks.size - 1)
        counted = Sum()
        for part in numbering.parts(block):
            for batch in files.parts[part].sidecar(["value", "bucket", "characters"]):
                values = self._preferred_high(batch.column("value"))
                counted.add(histogram(values, batch.column("bucket"), batch.column("characters")))
                yield batch.num_rows
        total = counted.total()
        send(files, "histogram", total, _partition(total["bucket"].combine_chunks(), partitions), partitions)

    def _cut(self, files: BarrierFiles, partition: int) -> Iterator[int]:
        """Find the cuts of a partition's buckets, and tell them to every block that has documents of theirs."""
        blocks = self._numbering(files.parts).blocks.size - 1
        counted = Sum()
        for block in range(blocks):
            counted.add(_sent(files, block, partition))
            yield 0
        found = cuts(counted.total(), self.keep, self.weight)
        untold = np.ones(found.num_rows, np.bool_)
        shares = []
        for block in range(blocks):
            own = _sent(files, block, partition)["bucket"].unique()
            places = pc.index_in(own, found["bucket"].combine_chunks()).to_numpy()
            shares.append(found.take(pa.array(places)).append_column("told", pa.array(~untold[places])))
            untold[places] = False
            yield 0
        to = np.repeat(np.arange(blocks), [share.num_rows for share in shares])
        send(files, "cuts", pa.concat_tables(shares), to, blocks)

    def _decide(self, files: BarrierFiles, block: int) -> Iterator[int]:
        """Decide on the parts of a block, and tell the cuts of the buckets that no block before it has."""
        numbering = self._numbering(files.parts)
        known = receive(files, "cuts", _partitions(numbering.blocks.size - 1), "cuts", block)
        buckets, limits = known["bucket"].combine_chunks(), known["cut"].combine_chunks()
        for part in numbering.parts(block):
            decisions = [DECISIONS.empty_table()]
            for batch in files.parts[part].sidecar(["row", "value", "bucket"]):
                limit = limits.take(pc.index_in(batch.column("bucket"), buckets))
                below = pc.fill_null(pc.less(self._preferred_high(batch.column("value")), limit), False)
                rows = batch.column("row").filter(below)
                decisions.append(pa.table([rows, pa.repeat(True, len(rows))], schema=DECISIONS))
                yield batch.num_rows
            files.decide(part, pa.concat_tables(decisions), DECISIONS.empty_table())
        news = known.filter(pc.invert(known["told"])).drop_columns("told").sort_by("bucket")
        if news.num_rows:
            place = news.schema.get_field_index("cut")
            told = news.set_column(place, news.schema.field(place), self._preferred_high(news["cut"]))
            files.explain(f"cuts-{block:05}", told)


def _partitions(blocks: int) -> int:
    """Number of tasks that share the buckets out: a power of two, about as many as there are blocks."""
    return 1 << (blocks - 1).bit_length()


def _partition(buckets: pa.Array, partitions: int) -> npt.NDArray[np.int64]:
    return (hash64(buckets) & np.uint64(partitions - 1)).astype(np.int64)


def _sent(files: BarrierFiles, block: int, partition: int) -> pa.Table:
    """Return the histogram that a block sent to a partition."""
    with files.open("histograms", block, "histogram") as file, pa.ipc.open_file(file) as reader:
        return pa.Table.from_batches([reader.get_batch(partition)])
