"""Barriers carried out over parts in memory, phase by phase, with their files in a folder."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa

from pipeline.barrier import Barrier, SidecarPart

RECORDS = pa.schema(
    [("id", pa.string()), ("text", pa.string()), ("date", pa.string()), ("dump", pa.string()), ("host", pa.string())]
)


@dataclass
class MemoryPart:
    """Documents of a part, signed as a worker does; dead rows stand between the live ones."""

    name: str
    barrier: Barrier
    batch: pa.RecordBatch
    """Record columns of the living documents, those that the barrier reads."""
    fetched: list[list[int]] = field(default_factory=list)
    """Rows whose texts were asked for."""

    @property
    def rows(self) -> int:
        return self.batch.num_rows

    def sidecar(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        schema = pa.schema([("row", pa.int64()), *self.barrier.signed().items()])
        signed = self.barrier.sign(self.batch)
        arrays = [pa.array(2 * np.arange(self.rows)), *(signed[name] for name in self.barrier.signed())]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema).select(columns)

    def texts(self, rows: Sequence[int]) -> pa.Array:
        self.fetched.append(list(rows))
        assert all(row % 2 == 0 for row in rows)
        return self.batch.column("text").take(pa.array([row // 2 for row in rows], pa.int64()))


def part(name: str, barrier: Barrier, documents: Sequence[tuple[str, str | None, str | None]]) -> MemoryPart:
    """Make a part of documents ``(id, text, date)``."""
    rows = [dict(zip(RECORDS.names, document, strict=False)) for document in documents]
    return MemoryPart(name, barrier, pa.RecordBatch.from_pylist(rows, schema=RECORDS))


@dataclass
class FolderFiles:
    """What a task of a phase sees, with its files in a folder."""

    folder: Path
    parts: Sequence[SidecarPart]
    phase: str
    task: int
    decided: dict[int, tuple[pa.Table, pa.Table]]
    explained: dict[str, pa.Table]

    @contextmanager
    def create(self, name: str) -> Iterator[IO[bytes]]:
        with (self.folder / f"{self.phase}-{self.task}-{name}").open("xb") as file:
            yield file

    def open(self, phase: str, task: int, name: str) -> IO[bytes]:
        return (self.folder / f"{phase}-{task}-{name}").open("rb")

    def decide(self, part: int, decisions: pa.Table, removed: pa.Table) -> None:
        assert part not in self.decided
        self.decided[part] = (decisions, removed)

    def explain(self, name: str, table: pa.Table) -> None:
        self.explained[name] = table


@dataclass(frozen=True)
class Decided:
    """What a barrier decided."""

    parts: list[tuple[pa.Table, pa.Table]]
    """Decisions and removed documents of each part."""
    explained: dict[str, pa.Table]


def carry_out(barrier: Barrier, parts: Sequence[SidecarPart], folder: Path) -> Decided:
    """Do all phases of a barrier in an empty folder."""
    barrier.open()
    decided: dict[int, tuple[pa.Table, pa.Table]] = {}
    explained: dict[str, pa.Table] = {}
    folder.mkdir(parents=True, exist_ok=True)
    for phase in barrier.phases(parts):
        assert not decided, "only the last phase decides"
        for task in range(phase.tasks):
            files = FolderFiles(folder, parts, phase.name, task, decided, explained)
            assert all(rows >= 0 for rows in barrier.work(phase.name, task, files))
    return Decided([decided[number] for number in range(len(parts))], explained)
