"""The Japanese documents that benchmarks run on: a sample of the real data as records that the reader would give."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.real_shards import TEXT_FOLDERS, html_pages, loose_pages, text_lines
from pipeline.isolation import process
from pipeline.modifiers.extract import Extract
from pipeline.readers.chunk import Read
from pipeline.schema import HOST, RECORD
from pipeline.text.chars import count_chars, japanese_letters
from pipeline.text.url import hosts

SEED = 3
JAPANESE_LETTERS = 200
"""Shorter documents would leave at the first step of any chain."""
PAGES = 500
"""Pages extracted at a time."""


@dataclass(frozen=True)
class Documents:
    """Records with a text and no content."""

    records: pa.RecordBatch

    @property
    def texts(self) -> pa.Array:
        """The texts as one Arrow array."""
        return self.records["text"]

    @property
    def size(self) -> int:
        """Bytes of all texts."""
        return int(pc.sum(pc.binary_length(self.texts)).as_py() or 0)

    def first(self, size: int) -> "Documents":
        """The first documents that together have at most ``size`` bytes, but at least one."""
        ends = np.cumsum(pc.binary_length(self.texts).to_numpy())
        return Documents(self.records.slice(0, max(1, int(np.searchsorted(ends, size, side="right")))))

    def shuffled(self) -> "Documents":
        """The same in an order that looks random and is always the same."""
        order = np.random.default_rng(SEED).permutation(self.records.num_rows)
        return Documents(self.records.take(pa.array(order)))

    def batches(self) -> list[pa.RecordBatch]:
        """The records in batches as large as the reader's."""
        rows = Read().batch_records
        return [self.records.slice(start, rows) for start in range(0, self.records.num_rows, rows)]


def data_folder() -> Path:
    """Where the real data is: MIGAKI_DATA or ../shared/data."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("MIGAKI_DATA", beside))


def sample(data: Path, size: int) -> Documents:
    """At most ``size`` bytes of news, blogs, literature, encyclopedia, manuals, statutes and web pages."""
    return documents(list(payloads(data))).shuffled().first(size)


def payloads(data: Path) -> Iterator[dict[str, Any]]:
    """All pages and plain texts of the real data as rows of a record, in a fixed order."""
    pages = [page for folder in sorted(data.glob("a_html_*")) for page in html_pages(folder)]
    pages += [page for folder in sorted(data.glob("f_neardup_egov")) for page in loose_pages(folder)]
    for url, body in pages:
        yield {"id": url, "url": url, "content": body, "content_type": "text/html"}
    files = [file for pattern in TEXT_FOLDERS for file in sorted(data.glob(f"{pattern}/*.jsonl"))]
    for number, line in enumerate(line for file in files for line in text_lines(file)):
        yield {"id": f"text-{number}", "text": json.loads(line)["text"]}


def documents(rows: list[dict[str, Any]]) -> Documents:
    """Rows of pages and texts after the ``extract`` step, those with enough Japanese."""
    batches = [pa.RecordBatch.from_pylist(rows[start : start + PAGES], RECORD) for start in range(0, len(rows), PAGES)]
    texts = pa.concat_arrays([process(Extract(), batch).columns["text"] for batch in batches])
    plain = [{"id": row["id"], "url": row.get("url")} for row in rows]
    records = pa.RecordBatch.from_pylist(plain, RECORD).set_column(RECORD.get_field_index("text"), "text", texts)
    records = records.append_column(HOST, hosts(records["url"]))
    return Documents(records.filter(pa.array(japanese_letters(count_chars(texts)) >= JAPANESE_LETTERS)))
