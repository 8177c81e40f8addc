"""Scores that another run stored for the documents of a part, found by their place in the input."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.stage import Stage
from pipeline.storage import Store
from pipeline.task import StoredScores


class Known:
    """The columns of some steps for the documents of one part; a place that holds several documents is left out."""

    def __init__(self, scores: StoredScores, steps: Sequence[Stage]) -> None:
        self.steps = [step for step in steps if step.name() in scores.steps]
        columns = {name: kind for step in self.steps for name, kind in step.added().items()}
        schema = pa.schema([("position", pa.int64()), *columns.items()])
        table = _read(Store(scores.run), scores.files, schema)
        places, rows, counts = np.unique(table["position"].to_numpy(), return_index=True, return_counts=True)
        self.places = places[counts == 1]
        self.table = table.take(pa.array(rows[counts == 1])).combine_chunks()

    def columns(self, step: Stage, batch: pa.RecordBatch) -> Mapping[str, pa.Array] | None:
        """Return what the step would add to a batch, null where it is not known; None if nothing is known of it."""
        if step not in self.steps or not self.places.size:
            return None
        wanted = batch["position"].to_numpy()
        at = np.minimum(np.searchsorted(self.places, wanted), self.places.size - 1)
        rows = pa.array(at, mask=self.places[at] != wanted)
        return {name: self.table[name].combine_chunks().take(rows) for name in step.added()}


def _read(store: Store, files: Sequence[str], schema: pa.Schema) -> pa.Table:
    """Read some columns of all files; those that a file lacks are null."""
    tables = [schema.empty_table()]
    for path in files:
        with store.open(path) as file:
            parquet = pq.ParquetFile(file)
            tables.append(parquet.read([name for name in schema.names if name in parquet.schema_arrow.names]))
    return pa.concat_tables(tables, promote_options="default")
