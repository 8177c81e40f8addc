"""The documents that an election is about: clusters and facts of a block's documents."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.barrier import BarrierFiles, SidecarPart
from pipeline.dedup.bands import Bands
from pipeline.dedup.clusters import MEMBER
from pipeline.dedup.numbering import Numbering, Numbers
from pipeline.dedup.segments import received
from pipeline.text.sketches import Sketches

SketchesOf = Callable[[BarrierFiles, int, Numbers], Sketches]


@dataclass(frozen=True)
class Ballot:
    """Parts with their documents' numbers, and what the phases before found out about them."""

    parts: Sequence[SidecarPart]
    numbering: Numbering
    """Of the documents of all parts."""
    foreign: int
    """Parts of older corpora, the first ones."""
    columns: Mapping[str, pa.DataType]
    """Columns of the sidecars."""
    members: tuple[str, int, str]
    """Phase, tasks and name of the files with MEMBER records, to the block of the document."""
    bands: Bands | None
    """Layout of the sketches; None if the documents of a cluster are equal."""
    sketches: SketchesOf
    """Returns the sketches of m documents of a block."""

    def block_members(self, files: BarrierFiles, block: int) -> tuple[Numbers, Numbers]:
        """Return the documents of a block that are in clusters, in order, and the roots of these."""
        members = received(files, *self.members, block, MEMBER)
        members = members[np.argsort(members["document"])]
        return members["document"].copy(), members["root"].copy()

    def of_part(self, part: int, documents: Numbers) -> slice:
        """Where those of some documents, which are in order, stand that belong to a part."""
        first, last = np.searchsorted(documents, self.numbering.starts[part : part + 2].astype(np.uint64)).tolist()
        return slice(first, last)

    def facts(self, part: int, documents: Numbers, columns: Sequence[str]) -> Generator[int, None, pa.Table]:
        """Read columns of the sidecar for documents of a part, which are in order.

        Yields the rows passed and returns the table.
        """
        schema = pa.schema([(name, self.columns[name]) for name in columns])
        number = self.numbering.starts[part]
        found = []
        for batch in self.parts[part].sidecar(columns):
            ends = np.array([number, number + batch.num_rows], np.uint64)
            first, last = np.searchsorted(documents, ends)
            places = pa.array(documents[first:last].astype(np.int64) - number)
            found.append(pa.RecordBatch.from_arrays(batch.take(places).columns, schema=schema))
            number += batch.num_rows
            yield batch.num_rows
        return pa.Table.from_batches(found, schema)
