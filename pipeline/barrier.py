"""The contract of steps that look across shards: sign, then phases of tasks over all parts, then a drop list."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO, Any, ClassVar, Protocol

import pyarrow as pa

from pipeline.stage import Outcome, Stage


class SidecarPart(Protocol):
    """What a barrier may see of one part: its sidecar, and the text of a few rows for verification."""

    @property
    def name(self) -> str:
        """Name of the part."""

    @property
    def rows(self) -> int:
        """Rows of the sidecar: one per live document."""

    def sidecar(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield these columns of the sidecar in order; ``row`` (position in the part) is one that every sidecar has."""

    def texts(self, rows: Sequence[int]) -> pa.Array:
        """Return the text of these rows, in this order."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A share of a barrier's work. Its tasks are independent of each other and see what earlier phases wrote."""

    name: str
    tasks: int


class BarrierFiles(Protocol):
    """What one task of a phase may see and write."""

    @property
    def parts(self) -> Sequence[SidecarPart]:
        """All parts, in the order that is theirs in the run."""

    def create(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Write a file of this task; later phases see it once the task is committed."""

    def open(self, phase: str, task: int, name: str) -> IO[bytes]:
        """Read a file of an earlier phase, with ranged reads."""

    def decide(self, part: int, decisions: pa.Table, removed: pa.Table) -> None:
        """Write the decision on one part; only tasks of the last phase may, and every part once.

        ``decisions``: column ``row``, ascending, ``drop`` (bool) and the barrier's ``decides``; rows that are not named
        stay, with the barrier's ``defaults``. ``removed``: the explanation file, one row per dropped document.
        """

    def explain(self, name: str, table: pa.Table) -> None:
        """Write a file ``<name>.parquet`` into the barrier's folder for people; only tasks of the last phase may."""


class Barrier(Stage):
    """A step that looks across shards: ``sign`` before it, phases over all sidecars, a drop list after it."""

    reason: ClassVar[str]
    """Reason below the barrier's name for the rows it drops."""
    sidecar: ClassVar[Mapping[str, pa.DataType]] = {}
    signing: ClassVar[frozenset[str]] = frozenset()
    """Options that ``sign`` depends on; changing another one leaves the sidecars valid."""
    applying: ClassVar[frozenset[str]] = frozenset()
    """Options that ``apply`` depends on."""
    relative: ClassVar[bool] = False
    """Whether a document that stays might leave if others came or did not come to it."""
    defaults: ClassVar[Mapping[str, Any]] = {}
    """Value of a decided column for documents that no decision names; null where it is not given."""

    def folder(self) -> str:
        """Run folder of the explanation files."""
        return f"duplicates/{self.name()}"

    def signed(self) -> Mapping[str, pa.DataType]:
        """Columns of the sidecar beside ``row``: those of the class, and any that the options call for."""
        return self.sidecar

    def decides(self) -> Mapping[str, pa.DataType]:
        """Columns of the decisions beside ``row`` and ``drop``; those that the step adds, if nothing else is said."""
        return self.added()

    def sign(self, batch: pa.RecordBatch) -> Mapping[str, pa.Array]:
        """Compute the sidecar columns of a batch of live documents."""
        raise NotImplementedError

    def phases(self, parts: Sequence[SidecarPart]) -> Sequence[Phase]:
        """Divide the work over all parts, by nothing but their rows; at least one phase."""
        raise NotImplementedError

    def work(self, phase: str, task: int, files: BarrierFiles) -> Iterator[int]:
        """Do one task of a phase; yields the rows done since the last time, now and then."""
        raise NotImplementedError

    def apply(self, batch: pa.RecordBatch, decided: Mapping[str, pa.Array], outcome: Outcome) -> Outcome:
        """Turn the decisions on a batch into what the step does to it.

        ``decided``: the decided columns, one value per row. ``outcome``: those of them that the step adds, and the rows
        it drops; a barrier that rewrites documents returns its own.
        """
        return outcome
