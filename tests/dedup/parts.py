"""Parts of a run in memory, for barriers."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from pipeline.stage import Barrier


@dataclass
class MemoryPart:
    """Documents as ``(id, text, date)``, signed as a worker does; dead rows stand between the live ones."""

    name: str
    barrier: Barrier
    documents: Sequence[tuple[str, str | None, str | None]]
    fetched: list[list[int]] = field(default_factory=list)

    def batch(self) -> pa.RecordBatch:
        columns = [pa.array(values, pa.string()) for values in zip(*self.documents, strict=True)] or [[], [], []]
        schema = pa.schema([("id", pa.string()), ("text", pa.string()), ("date", pa.string())])
        return pa.RecordBatch.from_arrays([pa.array(column, pa.string()) for column in columns], schema=schema)

    def sidecar(self) -> pa.Table:
        batch = self.batch()
        schema = pa.schema([("row", pa.int64()), *self.barrier.sidecar.items()])
        signed = self.barrier.sign(batch)
        rows = pa.array(2 * np.arange(batch.num_rows))
        return pa.Table.from_arrays([rows, *(signed[name] for name in self.barrier.sidecar)], schema=schema)

    def texts(self, rows: Sequence[int]) -> pa.Array:
        self.fetched.append(list(rows))
        assert all(row % 2 == 0 for row in rows)
        return pa.array([self.documents[row // 2][1] for row in rows], pa.string())
