"""The files one part writes: whole Parquet files under temporary names, published together when the part is done."""

import heapq
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.flow import Flow
from pipeline.schema import EXCLUDED, QUARANTINE, QUARANTINE_BYTES
from pipeline.stage import Mask
from pipeline.storage import Store
from pipeline.text.hashing import hash64

ROW_GROUP_ROWS = 16_384
ROW_GROUP_BYTES = 64 * 2**20
EXCLUDED_CHARACTERS = 64 * 1024
ERROR_CHARACTERS = 2000


class ParquetFile:
    """One Parquet file (zstd) that grows by batches; row groups end at ROW_GROUP_ROWS rows or ROW_GROUP_BYTES."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self.schema = schema
        self.rows = 0
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", compression_level=3)
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self._pending_bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows; columns are selected and cast by name."""
        if not batch.num_rows:
            return
        ordered = pa.RecordBatch.from_arrays(
            [batch.column(field.name).cast(field.type) for field in self.schema], schema=self.schema
        )
        self._pending.append(ordered)
        self._pending_rows += ordered.num_rows
        self._pending_bytes += ordered.nbytes
        if self._pending_rows >= ROW_GROUP_ROWS or self._pending_bytes >= ROW_GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Write what is pending and the footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._pending:
            table = pa.Table.from_batches(self._pending, self.schema)
            self._writer.write_table(table, row_group_size=max(1, table.num_rows))
            self.rows += table.num_rows
            self._pending, self._pending_rows, self._pending_bytes = [], 0, 0


class PartFiles:
    """The open files of a part; as a context manager it leaves no temporary file behind."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._files: dict[str, ParquetFile] = {}

    def file(self, relative: str, schema: pa.Schema) -> ParquetFile:
        """Return the file of this name, created on first use."""
        if relative not in self._files:
            self._files[relative] = ParquetFile(self.store.temporary(relative), schema)
        return self._files[relative]

    def close(self) -> dict[str, int]:
        """Finish every file; returns path -> rows."""
        for file in self._files.values():
            file.close()
        return {relative: file.rows for relative, file in self._files.items()}

    def publish(self) -> dict[str, dict[str, Any]]:
        """Put the closed files in place; returns path -> {rows, bytes, sha256}."""
        outputs: dict[str, dict[str, Any]] = {}
        for relative, file in self._files.items():
            published = self.store.publish(file.path, relative)
            outputs[relative] = {"rows": file.rows, "bytes": published.bytes, "sha256": published.sha256}
        return outputs

    def __enter__(self) -> "PartFiles":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for file in self._files.values():
            file.path.unlink(missing_ok=True)


class Excluded:
    """Text of dropped documents: all of them, or per reason the ``limit`` ones whose id hashes lowest."""

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self._lowest: dict[str, list[tuple[int, int, dict[str, Any]]]] = {}

    def offer(self, flow: Flow, reason: str, rows: Mask) -> pa.RecordBatch | None:
        """Consider documents that leave for a reason; returns them as rows when all are wanted."""
        if not rows.any() or self.limit == 0:
            return None
        if self.limit is None:
            return _excluded_rows(flow, reason, rows)
        lowest = self._lowest.setdefault(reason, [])
        keys = hash64(flow.batch.column("id"))
        for row in np.flatnonzero(rows):
            key = (-int(keys[row]), -int(flow.ordinals[row]))
            if len(lowest) < self.limit or key > lowest[0][:2]:
                only = np.zeros(rows.size, dtype=np.bool_)
                only[row] = True
                entry = (*key, _excluded_rows(flow, reason, only).to_pylist()[0])
                heapq.heappush(lowest, entry) if len(lowest) < self.limit else heapq.heapreplace(lowest, entry)
        return None

    def sample(self) -> pa.RecordBatch:
        """Return the documents chosen so far, by reason and in the order of the part."""
        rows = [entry[2] for reason in sorted(self._lowest) for entry in sorted(self._lowest[reason], key=_by_ordinal)]
        return pa.RecordBatch.from_pylist(rows, schema=EXCLUDED)


def _by_ordinal(entry: tuple[int, int, dict[str, Any]]) -> int:
    return -entry[1]


def _excluded_rows(flow: Flow, reason: str, rows: Mask) -> pa.RecordBatch:
    chosen = flow.batch.filter(pa.array(rows))
    count = chosen.num_rows
    text = pc.utf8_slice_codeunits(chosen.column("text"), 0, EXCLUDED_CHARACTERS)
    content = (
        pc.binary_slice(chosen.column("content"), 0, QUARANTINE_BYTES)
        if "content" in chosen.schema.names
        else pa.nulls(count, pa.binary())
    )
    special = {"reason": pa.array([reason] * count, pa.string()), "text": text, "content": content}
    return pa.RecordBatch.from_arrays(
        [special[name] if name in special else chosen.column(name) for name in EXCLUDED.names], schema=EXCLUDED
    )


def storable(message: str) -> str:
    """Make any message fit for UTF-8, and no longer than a screen."""
    return message[:ERROR_CHARACTERS].encode("utf-8", "backslashreplace").decode()


def quarantine_rows(flow: Flow, errors: dict[int, str], reason: str) -> pa.RecordBatch:
    """Return failed rows of a flow as quarantine records; ``errors``: row -> message."""
    rows = np.zeros(flow.batch.num_rows, dtype=np.bool_)
    rows[list(errors)] = True
    kept = _excluded_rows(flow, reason, rows)
    messages = pa.array([storable(errors[row]) for row in sorted(errors)], pa.string())
    columns = {name: kept.column(name) for name in QUARANTINE.names if name != "error"} | {"error": messages}
    return pa.RecordBatch.from_arrays([columns[name] for name in QUARANTINE.names], schema=QUARANTINE)
