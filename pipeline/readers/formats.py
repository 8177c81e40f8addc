"""The file formats Migaki reads, and how a file's name or first bytes tell them apart."""

import re
from dataclasses import dataclass

_NAME = re.compile(r"\.(warc|arc|wat|wet|jsonl|ndjson|parquet|pq)(?:\.(gz|zst|lz4|bz2))?$", re.IGNORECASE)
_FORMAT_OF = {"arc": "warc", "wat": "warc", "ndjson": "jsonl", "pq": "parquet"}
KNOWN = "*.warc, *.arc, *.wat, *.wet, *.jsonl, *.ndjson (each also .gz, .zst, .lz4, .bz2), *.parquet"

_WARC = rb"WARC/\d\.\d{1,2}\r?\n"
_ARC = (
    rb"filedesc://[^\r\n]{1,4096}\n|"
    rb"[a-z][a-z0-9+.-]{0,15}:[^\r\n]{1,4096} \S{1,64} \d{14} \S{1,128} "
    rb"(?:\d{3} \S{1,64} \S{1,4096} \d+ \S{1,256} )?\d+\r?\n"
)
RECORD_START = re.compile(rb"%b|%b" % (_WARC, _ARC))
"""First line of a WARC record (ISO 28500, section 4) or of an ARC record, version 1 or 2 (Internet Archive)."""
RESUME = re.compile(rb"%b|(?<=\n)(?:%b)" % (_WARC, _ARC))
"""The same, to be searched for."""
LONGEST_START = 16 * 1024
"""Bytes a match of RECORD_START may have."""


class InputError(ValueError):
    """The inputs cannot be read as the recipe asks: the message names the file and what to change."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file's name says: its format (``warc``, ``wet``, ``jsonl``, ``parquet``), and if it can be split.

    JSON lines and archives of gzip members can: a record is found from any byte on. In a plain archive a page may hold
    the text of another archive, and only who reads from the start can tell its records from the file's own.
    """

    format: str
    splittable: bool


def by_name(uri: str) -> Kind | None:
    """Format by file name; None where the suffix is not a known one."""
    found = _NAME.search(uri)
    if found is None:
        return None
    suffix, codec = found[1].lower(), (found[2] or "").lower()
    name = _FORMAT_OF.get(suffix, suffix)
    return Kind(name, codec == ("gz" if name in ("warc", "wet") else ""))


def by_content(head: bytes) -> str | None:
    """Format by the first bytes of the (decompressed) content; None where they are no known one."""
    if RECORD_START.match(head):
        return "warc"
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return "jsonl"
    return None
