"""A finished run as its MinHash step left it: signatures of all documents that came to it, and what became of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.dedup.minhash import MinHash
from pipeline.plan import Pass, plan
from pipeline.recipe import parse
from pipeline.resolution import StoredPart
from pipeline.runfolder import RunFolder, RunFolderError
from pipeline.storage import reaching
from pipeline.task import PartPaths

PROOF = 64
"""Documents signed anew to see whether the run signed as this version does."""


@dataclass(frozen=True)
class SignedRun:
    """A complete run with a MinHash step, which is read and never changed."""

    folder: RunFolder
    description: dict[str, Any]
    """``run.json``."""
    closed: Pass
    """The pass that ends with MinHash."""

    @classmethod
    def at(cls, uri: str) -> "SignedRun":
        """Open a run folder.

        RunFolderError if the run is not complete, has no signatures, has them no more, or has others than this version
        makes of its texts.
        """
        with reaching(uri):
            folder = RunFolder(uri)
            description = folder.describe()
            folder.scan()
        if folder.ledger() is None:
            raise RunFolderError(f"{folder.store.uri}: the run is not complete; `migaki run` goes on with it")
        recipe = parse(description["recipe"])
        closed = [current for current in plan(recipe).passes if isinstance(current.closing, MinHash)]
        if not closed:
            raise RunFolderError(f"{folder.store.uri}: recipe `{recipe.name}` has no step `minhash`: nothing is signed")
        run = cls(folder, description, closed[0])
        run.prove()
        return run

    @property
    def uri(self) -> str:
        """Where the run lies."""
        return self.folder.store.uri

    @property
    def step(self) -> MinHash:
        """The step."""
        assert isinstance(self.closed.closing, MinHash)
        return self.closed.closing

    @cached_property
    def parts(self) -> list[StoredPart]:
        """The parts that were signed, in the order of the shards."""
        parts = []
        for entry in self.description["inputs"]:
            paths = PartPaths(self.closed.name, entry["part"])
            stats = self.folder.committed(paths.stats)
            if stats is None:
                raise self._gone(f"files of {paths.stats}")
            parts.append(StoredPart(self.folder.store, paths, stats.outputs[paths.sidecar]["rows"]))
        return parts

    def prove(self) -> None:
        """Sign a few documents anew, and raise RunFolderError if that gives other signatures than those stored."""
        part = next((part for part in self.parts if part.rows), None)
        if part is None:
            return
        stored = next(part.sidecar(["row", "signature"])).slice(0, PROOF)
        texts = pa.RecordBatch.from_pydict({"text": part.texts(stored.column("row").to_pylist())})
        signed, valid = self.step.signing_of().signatures(texts)
        anew = [row.astype("<u4").tobytes() if good else None for row, good in zip(signed, valid, strict=True)]
        if stored.column("signature").to_pylist() != anew:
            raise RunFolderError(
                f"{self.uri}: was signed by another version of Migaki, or of Python with other Unicode tables; "
                "`migaki run` signs it anew"
            )

    def decisions(self, part: StoredPart) -> pa.Table:
        """Documents of a part that have a like: row, drop, and cluster_id, the id of the best copy."""
        name = f"{self.step.name()}_cluster_id"
        table = self._table(part.paths.decisions, ["row", "drop", name])
        return table.rename_columns(["row", "drop", "cluster_id"])

    def removed(self, part: StoredPart) -> pa.Table:
        """Documents of a part that were removed: cluster_id, and the copy that stayed by kept_id and kept_part."""
        path = f"{self.step.folder()}/part-{part.name}.parquet"
        if not pc.any(self.decisions(part)["drop"]).as_py():
            return pa.table({name: pa.array([], pa.string()) for name in ("cluster_id", "kept_id", "kept_part")})
        return self._table(path, ["cluster_id", "kept_id", "kept_part"])

    def documents(self, part: StoredPart, column: str) -> Iterator[pa.Array]:
        """Yield a column of all rows of a part that the steps before handed on, those of dropped documents too."""
        with self.folder.store.open(part.paths.survivors) as file:
            parquet = pq.ParquetFile(file)
            for group in range(parquet.num_row_groups):
                yield parquet.read_row_group(group, columns=[column], use_threads=False)[column].combine_chunks()

    def _table(self, path: str, columns: list[str]) -> pa.Table:
        try:
            with self.folder.store.open(path) as file:
                return pq.read_table(file, columns=columns, use_threads=False, pre_buffer=False).select(columns)
        except FileNotFoundError:
            raise self._gone(path) from None

    def _gone(self, what: str) -> RunFolderError:
        return RunFolderError(f"{self.uri}: {what} are gone; `migaki run` makes them again")
