"""How many documents each source had and lost."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

SOURCES = pa.schema(
    [("source", pa.string()), ("documents", pa.int64()), ("removed", pa.int64()), ("share", pa.float64())]
)
"""What a block lost of each source; null for documents without one."""


def by_source(counts: Sequence[pa.Table]) -> pa.Table:
    """Sum SOURCES tables, the shares of which need not be there, and put them in order."""
    columns = [SOURCES.field(name) for name in ("source", "documents", "removed")]
    joined = pa.concat_tables([pa.schema(columns).empty_table(), *counts], promote_options="default")
    summed = joined.group_by("source").aggregate([("documents", "sum"), ("removed", "sum")]).sort_by("source")
    documents, removed = (pc.fill_null(summed[f"{name}_sum"], 0) for name in ("documents", "removed"))
    share = pc.divide(removed.cast(pa.float64()), documents.cast(pa.float64()))
    return pa.table([summed["source"], documents, removed, share], schema=SOURCES)


def counted(values: pa.Array | pa.ChunkedArray, name: str) -> pa.Table:
    """Count documents by their source, for ``by_source``; ``name``: documents or removed."""
    counts = values.value_counts()
    return pa.table({"source": counts.field("values"), name: counts.field("counts")})
