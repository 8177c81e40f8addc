"""A finished run as its MinHash step left it: signatures of all documents that came to it, and what became of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.dedup.minhash import MinHash
from pipeline.plan import Pass, plan
from pipeline.recipe import parse
from pipeline.resolution import StoredPart
from pipeline.runfolder import RunFolder, RunFolderError
from pipeline.task import PartPaths


@dataclass(frozen=True)
class SignedRun:
    """A complete run with a MinHash step, which is read and never changed."""

    folder: RunFolder

    @classmethod
    def at(cls, uri: str) -> "SignedRun":
        """Open a run folder; RunFolderError if the run is not complete, has no signatures or has them no more."""
        run = cls(RunFolder(uri))
        run.folder.scan()
        if run.description and run.folder.ledger() is None:
            raise RunFolderError(f"{run.uri}: the run is not complete; `migaki run` goes on with it")
        assert run.parts is not None
        return run

    @property
    def uri(self) -> str:
        """Where the run lies."""
        return self.folder.store.uri

    @cached_property
    def description(self) -> dict[str, Any]:
        """``run.json``."""
        return self.folder.describe()

    @cached_property
    def closed(self) -> Pass:
        """The pass that ends with MinHash."""
        recipe = parse(self.description["recipe"])
        found = [current for current in plan(recipe).passes if isinstance(current.closing, MinHash)]
        if not found:
            raise RunFolderError(f"{self.uri}: its recipe `{recipe.name}` has no step `minhash`, so nothing was signed")
        return found[0]

    @property
    def step(self) -> MinHash:
        """The step."""
        assert isinstance(self.closed.closing, MinHash)
        return self.closed.closing

    @cached_property
    def outputs(self) -> Mapping[str, Mapping[str, Any]]:
        """Files of the pass, in the order of the shards: path -> {rows, bytes, sha256}."""
        found: dict[str, Mapping[str, Any]] = {}
        for entry in self.description["inputs"]:
            stats = self.folder.committed(PartPaths(self.closed.name, entry["part"]).stats)
            if stats is None:
                raise RunFolderError(
                    f"{self.uri}: the files of pass {self.closed.name} are gone; `migaki run` makes them again"
                )
            found |= stats.outputs
        return found

    @cached_property
    def parts(self) -> list[StoredPart]:
        """The parts that were signed, in the order of the shards."""
        paths = [PartPaths(self.closed.name, entry["part"]) for entry in self.description["inputs"]]
        return [StoredPart(self.folder.store, of, self.outputs[of.sidecar]["rows"]) for of in paths]

    def decisions(self, part: StoredPart) -> pa.Table:
        """Rows of the documents of a part that have a like, whether they were dropped, and the copy that stayed."""
        return self._table(part.paths.decisions, ["row", "drop", f"{self.step.name()}_cluster_id"])

    def removed(self, part: StoredPart) -> pa.Table | None:
        """The documents of a part that were removed, and the parts of the copies that stayed; None if none was."""
        path = f"{self.step.folder()}/part-{part.name}.parquet"
        if not self.folder.store.exists(path):
            return None
        return self._table(path, ["row", "kept_id", "kept_part"])

    def documents(self, part: StoredPart, column: str) -> Iterator[pa.Array]:
        """Yield a column of the documents of a part that passed the steps before."""
        with self.folder.store.open(part.paths.survivors) as file:
            parquet = pq.ParquetFile(file)
            for group in range(parquet.num_row_groups):
                yield parquet.read_row_group(group, columns=[column], use_threads=False)[column].combine_chunks()

    def _table(self, path: str, columns: list[str]) -> pa.Table:
        with self.folder.store.open(path) as file:
            return pq.read_table(file, columns=columns, use_threads=False, pre_buffer=False)
