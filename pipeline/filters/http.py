"""Drops what the server did not deliver as a page."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.stage import Cost, Filter, Interval, Mask


class Http(Filter):
    """Drops records whose HTTP status is no success, or whose media type is no text.

    The status classes are RFC 9110's (section 15). Records without a status or a media type, as in WET and JSONL,
    pass: there was no HTTP response to judge. Nothing here depends on the language.
    """

    cost = Cost.METADATA
    reads = ("status", "content_type")
    signals: ClassVar[Mapping[str, pa.DataType]] = {"status": pa.int16(), "content_type": pa.string()}

    status: Interval = Interval(min=200, max=299)
    """HTTP status codes that stay."""
    content_types: tuple[str, ...] = ("text/html", "application/xhtml+xml", "text/plain")
    """Media types that stay, in lower case and without parameters; an empty list lets all of them stay."""

    def score(self, batch: pa.RecordBatch) -> Mapping[str, pa.Array]:
        """Repeat both columns as signals: one value per row, null where the record has none."""
        return {signal: batch[signal] for signal in self.signals}

    def verdict(self, columns: Mapping[str, pa.Array | pa.ChunkedArray]) -> dict[str, Mask]:
        """Reasons ``status.min``, ``status.max`` and ``content_type``."""
        drops = super().verdict(columns)
        if not self.content_types:
            return drops
        types = columns[f"{self.name()}.content_type"]
        stays = pc.or_(pc.is_in(types, pa.array(self.content_types, pa.string())), pc.is_null(types))
        return drops | {"content_type": ~np.asarray(stays, dtype=np.bool_)}
