"""The documents of a finished run: their signals streamed, their rows and texts fetched by place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.flow import VERDICT
from pipeline.report import ReportError
from pipeline.runfolder import RunFolder, RunFolderError
from pipeline.schema import HOST
from pipeline.storage import Store
from pipeline.worker import SIGNAL_RECORD, SIZES

CLUSTER = "minhash_cluster_id"
BATCH_ROWS = 65_536

Places = npt.NDArray[np.int64]


@dataclass
class StoredDocuments:
    """A complete run, which is read and never changed."""

    folder: RunFolder
    description: Mapping[str, Any]
    """``run.json``."""
    ledger: Mapping[str, Any]
    files: list[str]
    """Files of ``signals/``, in order."""

    @classmethod
    def at(cls, uri: str) -> "StoredDocuments":
        """Open a run folder. RunFolderError if the run is not complete, ReportError if it holds no signals."""
        folder = RunFolder(uri)
        description, ledger = folder.describe(), folder.ledger()
        if ledger is None:
            raise RunFolderError(f"{folder.store.uri}: the run is not complete; the same `migaki run` goes on with it")
        files = sorted(path for path in folder.store.sizes("signals") if path.endswith(".parquet"))
        if not files:
            raise ReportError(f"{folder.store.uri}: the run holds no signals")
        return cls(folder, description, ledger, files)

    @property
    def store(self) -> Store:
        """Where the run lies."""
        return self.folder.store

    @cached_property
    def signals(self) -> dict[str, pa.DataType]:
        """Every signal and its type; the cluster of near-duplicates is not one."""
        one_of_each_pass = {PurePosixPath(path).parent: path for path in self.files}.values()
        known = {*SIGNAL_RECORD, HOST.name, *SIZES.names, *VERDICT.names, CLUSTER}
        found: dict[str, pa.DataType] = {}
        for path in one_of_each_pass:
            with self.store.open(path) as file:
                found |= {field.name: field.type for field in pq.read_schema(file) if field.name not in known}
        return found

    def batches(self, path: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield columns of a file in batches, in order of its rows; those that it lacks are null."""
        with self.store.open(path) as file:
            parquet = pq.ParquetFile(file)
            there = [name for name in columns if name in parquet.schema_arrow.names]
            for batch in parquet.iter_batches(BATCH_ROWS, columns=there, use_threads=False):
                missing = {name: pa.nulls(batch.num_rows, self._kind(name)) for name in columns if name not in there}
                arrays = [missing[name] if name in missing else batch.column(name) for name in columns]
                yield pa.RecordBatch.from_arrays(arrays, names=list(columns))

    def names_with_text(self, path: str) -> pa.Array:
        """Name the dropped documents whose text is on hand, of the part that a file of signals belongs to."""
        found = [named(batch) for file in self._excluded(path) for batch in self.batches(file, ["id", "position"])]
        return pa.concat_arrays([pa.array([], pa.string()), *found])

    def take(self, path: str, rows: Places) -> pa.Table:
        """Return some rows of a file, at least one and ascending, with every column it has."""
        return self._rows(path, rows, None)

    def texts(self, path: str, rows: Places) -> list[str | None]:
        """Return the texts of documents, given by ascending rows of their file of signals; None where there is none.

        The rows of a part of the corpus are those of its signals that have no reason, in the same order.
        """
        kept = np.concatenate([_is_kept(batch) for batch in self.batches(path, ["reason"])])
        ordinals = (np.cumsum(kept) - 1)[rows][kept[rows]]
        of_kept = self._corpus_texts(path, ordinals, int(kept.sum()))
        of_dropped = self._excluded_texts(path, rows[~kept[rows]])
        return [next(of_kept) if is_kept else next(of_dropped) for is_kept in kept[rows].tolist()]

    def gone(self, what: str) -> ReportError:
        """Say that files of the run are not as the run left them."""
        return ReportError(f"{self.store.uri}: {what}: files are missing; `migaki run` makes them again")

    def _corpus_texts(self, path: str, ordinals: Places, kept: int) -> Iterator[str | None]:
        if not ordinals.size:
            return iter(())
        corpus = f"corpus/{PurePosixPath(path).name}"
        try:
            table = self._rows(corpus, ordinals, ["text"], kept)
        except FileNotFoundError:
            raise self.gone(corpus) from None
        return iter(table["text"].to_pylist())

    def _excluded_texts(self, path: str, rows: Places) -> Iterator[str | None]:
        if not rows.size:
            return iter(())
        wanted = named(self.take(path, rows))
        found: dict[str, str | None] = {}
        for file in self._excluded(path):
            for batch in self.batches(file, ["id", "position", "text"]):
                names = named(batch)
                these = pc.is_in(names, wanted)
                found |= zip(names.filter(these).to_pylist(), batch["text"].filter(these).to_pylist(), strict=True)
        return (found.get(name) for name in wanted.to_pylist())

    def _rows(self, path: str, rows: Places, columns: list[str] | None, expected: int | None = None) -> pa.Table:
        """Read the row groups that hold some rows, one at a time."""
        with self.store.open(path) as file:
            parquet = pq.ParquetFile(file)
            if expected is not None and parquet.metadata.num_rows != expected:
                raise self.gone(f"{path} holds {parquet.metadata.num_rows} documents, its signals {expected}")
            tables, first = [], 0
            for group in range(parquet.num_row_groups):
                end = first + parquet.metadata.row_group(group).num_rows
                inside = rows[(rows >= first) & (rows < end)] - first
                if inside.size:
                    tables.append(parquet.read_row_group(group, columns, use_threads=False).take(pa.array(inside)))
                first = end
        return pa.concat_tables(tables)

    def _excluded(self, path: str) -> list[str]:
        """Files of dropped documents of a part; it may have them in every pass."""
        return self._excluded_by_part.get(PurePosixPath(path).name, [])

    @cached_property
    def _excluded_by_part(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in self.store.sizes("excluded"):
            found.setdefault(PurePosixPath(path).name, []).append(path)
        return found

    def _kind(self, column: str) -> pa.DataType:
        return self.signals.get(column, pa.string())


def named(documents: pa.RecordBatch | pa.Table) -> pa.Array:
    """Name documents within their part, by position and id: sources may use one id for several."""
    names = pc.binary_join_element_wise(pc.cast(documents["position"], pa.string()), documents["id"], "\0")
    return names.combine_chunks() if isinstance(names, pa.ChunkedArray) else names


def _is_kept(batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    return batch["reason"].is_null().to_numpy(zero_copy_only=False)
