"""Drops raw payloads that cannot be Japanese, before anything is decoded or parsed."""

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa

from pipeline.stage import Cost, Filter, Interval
from pipeline.text.kana_bytes import kana_evidence


class KanaGate(Filter):
    """Drop payloads without kana in any encoding of the Japanese web: UTF-8, Shift_JIS, EUC-JP, ISO-2022-JP, UTF-16,
    character references.

    A gate, not a language filter: it lets pass what merely quotes Japanese, and some Big5. Records that have text
    instead of bytes have no signal and stay.
    """

    cost: ClassVar[Cost] = Cost.METADATA
    reads: ClassVar[tuple[str, ...]] = ("content",)
    signals: ClassVar[Mapping[str, pa.DataType]] = {"kana_evidence": pa.int32()}

    kana_evidence: Interval = Interval(min=2)
    """Runs of kana in the bytes, counted up to 100; of pages with 20 kana and more none measured had fewer than 4."""

    def score(self, batch: pa.RecordBatch) -> Mapping[str, pa.Array]:
        """Count in the content column; null where it is null."""
        content = batch.column("content")
        return {
            "kana_evidence": pa.array(kana_evidence(content), mask=content.is_null().to_numpy(zero_copy_only=False))
        }
