"""The columns every part of Migaki agrees on: what readers give, what the corpus and the side files hold."""

import pyarrow as pa

RECORD = pa.schema(
    [
        ("id", pa.string()),  # stable: WARC-Record-ID, the source's own id, or <shard key>:<position>
        ("url", pa.string()),
        ("date", pa.string()),  # ISO 8601, as the source states it
        ("dump", pa.string()),  # crawl, e.g. CC-MAIN-2024-10
        ("file_path", pa.string()),  # URI of the input file
        ("position", pa.int64()),  # byte offset of the record (JSONL, WARC) or row number (Parquet) in that file
        ("status", pa.int16()),  # HTTP status, null where there was no HTTP response
        ("content_type", pa.string()),  # media type in lower case without parameters
        ("charset", pa.string()),  # charset label of the HTTP header, as sent
        ("content", pa.binary()),  # raw payload, null where the source gives text
        ("text", pa.string()),  # null where the source gives bytes
        ("title", pa.string()),
        ("metadata", pa.string()),  # other columns that were asked for, as one JSON object
    ]
)
"""One record as a reader yields it. Exactly one of ``content`` and ``text`` is set."""

HOST = pa.field("host", pa.string())
"""Host of the URL in lower case and punycode; every document carries it from its arrival on."""

QUARANTINE = pa.schema(
    [
        ("id", pa.string()),
        ("file_path", pa.string()),
        ("position", pa.int64()),
        ("reason", pa.string()),  # <stage or read>.<kind>
        ("error", pa.string()),
        ("content", pa.binary()),  # the bytes that failed, cut at QUARANTINE_BYTES
        ("text", pa.string()),
    ]
)
QUARANTINE_BYTES = 64 * 1024

EXCLUDED = pa.schema(
    [
        ("id", pa.string()),
        ("url", pa.string()),
        ("file_path", pa.string()),
        ("position", pa.int64()),
        ("reason", pa.string()),
        ("text", pa.string()),
        ("content", pa.binary()),  # set for records dropped before they were decoded, cut at QUARANTINE_BYTES
    ]
)

CORPUS_COLUMNS = (
    "text",
    "id",
    "dump",
    "url",
    "date",
    "file_path",
    "title",
    "language",
    "language_score",
    "language_script",
    "exact_url_cluster_size",
    "exact_text_cluster_size",
    "minhash_cluster_id",
    "minhash_cluster_size",
    "minhash_weight",
    "metadata",
)
"""Columns of ``corpus/``, those of FineWeb-2 first among them; a column no stage of the recipe adds is left out."""
