"""What all steps share that drop copies of documents: their options, their columns and their last three phases."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from pipeline.barrier import Barrier, BarrierFiles, Phase, SidecarPart
from pipeline.dedup.ballot import Ballot
from pipeline.dedup.bands import Bands
from pipeline.dedup.decision import Decision
from pipeline.dedup.election import Election
from pipeline.dedup.numbering import Numbering, Numbers
from pipeline.dedup.preference import BASE, NUMBER, STRING, Key, as_signed, documents_column, sidecar_column
from pipeline.text.hashing import hash64
from pipeline.text.sketches import Sketches

DOCUMENT_BYTES = 512
"""Memory that a document of a block may take in any phase."""


class Deduplication(Barrier):
    """Base of the steps that find copies of documents and keep the best of each cluster.

    A subclass finds the clusters: its phases write, for every document of a cluster of two or more, a MEMBER record to
    the document's block (``members`` says where); the phases ``facts``, ``election`` and ``decisions`` follow.
    """

    keep: tuple[Key, ...] = ("length", "date", "id")
    """Which copy stays: keys in order, those behind decide where those before leave a tie; then by part and row.
    ``length`` is the longest text, ``date`` the earliest, ``id`` the least; the name of a numeric column takes its
    highest value, and ``{dump: [wikipedia, CC-MAIN-2024-10]}`` the values of a column in this order, all others behind
    them. A missing value comes last."""
    keep_up_to: int = Field(1, ge=1, le=100)
    """Copies of a cluster that stay."""
    scope: Literal["global", "dump", "host"] = "global"
    """Documents are compared with those of the same dump or host only; those without one are a group of their own."""
    source: Literal["dump", "host"] = "dump"
    """What counts as a source in ``sources-*``, which says what each source lost."""
    alarm: float | None = Field(None, ge=0, le=1)
    """Share of its documents that a source may lose before it is reported."""
    weights: Literal["none", "fineweb2"] = "none"
    """``fineweb2`` adds how often to repeat a kept document, by the size of its cluster, as FineWeb-2 does: once if it
    is alone, twice for 2 copies, 3 times for 3 or 4, 5 times for 5 to 99, 8 times for 100 to 999, once for more."""
    memory: int = Field(2**28, ge=2**16)
    """Bytes that a task may take; decides how the work is divided, and nothing else."""

    reason = "duplicate"
    reads: ClassVar[tuple[str, ...]] = ("id", "date", "text")
    signing: ClassVar = frozenset({"scope"})

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Name the decided columns after the step."""
        super().__pydantic_init_subclass__(**kwargs)
        step = cls.step_name()
        cls.adds = {
            f"{step}_cluster_id": pa.string(),
            f"{step}_cluster_size": pa.int32(),
            f"{step}_weight": pa.int8(),
        }
        cls.defaults = {f"{step}_cluster_size": 1, f"{step}_weight": 1}

    def added(self) -> Mapping[str, pa.DataType]:
        """Id of the best copy, null where nothing is like a document; size of the cluster; its weight if asked for."""
        if self.weights != "none":
            return self.adds
        return {name: kind for name, kind in self.adds.items() if not name.endswith("_weight")}

    def required(self) -> tuple[str, ...]:
        """What the class reads, and the columns that ``keep``, ``scope`` and ``source`` name."""
        named = [documents_column(key) for key in self.keep]
        scope = [] if self.scope == "global" else [self.scope]
        return tuple(dict.fromkeys([*self.reads, *(name for name in named if name), *scope, self.source]))

    def signed(self) -> Mapping[str, pa.DataType]:
        """The class's own columns, those of ``keep`` and the source, and a hash of the scope if there is one."""
        columns = [*(sidecar_column(key) for key in self.keep), STRING + self.source]
        named = {name: pa.float64() if name.startswith(NUMBER) else pa.string() for name in columns if name not in BASE}
        scope = {} if self.scope == "global" else {"scope": pa.uint64()}
        return {**BASE, **self.sidecar, **named, **scope}

    def facts(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Sidecar columns of a batch but for the class's own."""
        facts = {
            "id": batch.column("id"),
            "characters": pc.utf8_length(batch.column("text")).cast(pa.int32()),
            "date": batch.column("date"),
        }
        if self.scope != "global":
            facts["scope"] = pa.array(hash64(batch.column(self.scope)))
        missing = [name for name in self.signed() if name not in facts and name not in self.sidecar]
        return facts | {name: as_signed(name, batch) for name in missing}

    def foreign(self) -> Sequence[SidecarPart]:
        """Parts of older corpora, which stand in front of the run's own and always win."""
        return ()

    def all_parts(self, parts: Sequence[SidecarPart]) -> Sequence[SidecarPart]:
        """Foreign parts and the run's own, in the order of their documents' numbers."""
        return [*self.foreign(), *parts]

    def numbering(self, parts: Sequence[SidecarPart]) -> Numbering:
        """Number the documents of all parts, and those of older corpora before them."""
        return Numbering([part.rows for part in self.all_parts(parts)], max(1, self.memory // DOCUMENT_BYTES))

    def members(self, numbering: Numbering) -> tuple[str, int, str]:
        """Where the MEMBER records are: a phase, its tasks and the name of the file."""
        raise NotImplementedError

    def sketches(self, files: BarrierFiles, block: int, documents: Numbers) -> Sketches:
        """Return the sketches of m documents of a block, in any order: uint8 (m, bytes)."""
        return np.empty((documents.size, 0), np.uint8)

    def layout(self) -> Bands | None:
        """Bands of the sketches; None for a step that finds equal documents only."""
        return None

    def last_phases(self, numbering: Numbering) -> list[Phase]:
        """The phases that follow when the clusters are found."""
        blocks = numbering.blocks.size - 1
        return [Phase("facts", blocks), Phase("election", partitions(numbering)), Phase("decisions", blocks)]

    def last_work(self, phase: str, task: int, files: BarrierFiles) -> Iterator[int]:
        """Do a task of one of ``last_phases``."""
        numbering, parts = self.numbering(files.parts), partitions(self.numbering(files.parts))
        ballot = Ballot(
            self.all_parts(files.parts),
            numbering,
            len(self.all_parts(files.parts)) - len(files.parts),
            {"row": pa.int64(), "kept_id": pa.string(), **self.signed()},
            self.members(numbering),
            self.layout(),
            self.sketches,
        )
        election = Election(ballot, self.keep, self.keep_up_to, parts)
        decision = Decision(ballot, self.name(), STRING + self.source, self.weights != "none", parts)
        work = {"facts": election.nominate, "election": election.elect, "decisions": decision.decide}
        yield from work[phase](files, task)


def partitions(numbering: Numbering) -> int:
    """Number of tasks that share clusters out by their root: a power of two, about as many as there are blocks."""
    return 1 << (numbering.blocks.size - 2).bit_length()
