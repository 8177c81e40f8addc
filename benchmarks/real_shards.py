"""Wrap the folders of real data (MIGAKI_DATA or ../shared/data) as shards: HTML pages as WARC, plain texts as JSONL."""

import argparse
import gzip
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

NAMESPACE = uuid.UUID("6d6967616b69000000000000000000ff")
TEXT_FOLDERS = ("c_text_*", "e_quality_spam_casino", "d_tox_adult_listings", "g_langid_ud", "f_neardup_aozora")
PAGES_PER_SHARD = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("MIGAKI_DATA", beside)))
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    records = write_shards(arguments.data, arguments.output)
    print(f"{records} records in {len(list(arguments.output.iterdir()))} shards under {arguments.output}")


def write_shards(data: Path, output: Path) -> int:
    """Write all shards; returns how many records they hold."""
    pages = [page for folder in sorted(data.glob("a_html_*")) for page in html_pages(folder)]
    pages += [page for folder in sorted(data.glob("f_neardup_egov")) for page in loose_pages(folder)]
    for number, start in enumerate(range(0, len(pages), PAGES_PER_SHARD)):
        shard = pages[start : start + PAGES_PER_SHARD]
        (output / f"html-{number:03d}.warc.gz").write_bytes(b"".join(warc_member(*page) for page in shard))
    texts = 0
    for pattern in TEXT_FOLDERS:
        for folder in sorted(data.glob(pattern)):
            lines = [line for file in sorted(folder.glob("*.jsonl")) for line in text_lines(file)]
            if lines:
                (output / f"{folder.name}.jsonl").write_bytes(b"".join(lines))
                texts += len(lines)
    return len(pages) + texts


def html_pages(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield URL and bytes of the pages of a folder with a manifest."""
    for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        url = entry.get("url") or f"http://{folder.name.replace('_', '-')}.example/{entry['id']}.html"
        yield url, (folder / entry["file"]).read_bytes()


def loose_pages(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield URL and bytes of pages without a manifest."""
    for path in sorted((folder / "pages").iterdir()):
        yield f"http://{folder.name.replace('_', '-')}.example/{path.name}", path.read_bytes()


def warc_member(url: str, body: bytes) -> bytes:
    """Return one WARC response record as a gzip member; no charset in the HTTP header, as on many old servers."""
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + body
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{uuid.uuid5(NAMESPACE, url)}>\r\n"
        f"WARC-Target-URI: {url}\r\nWARC-Date: 2024-02-01T00:00:00Z\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + http + b"\r\n\r\n", mtime=0)


def text_lines(file: Path) -> Iterator[bytes]:
    """Yield the lines of a JSONL file that hold a text."""
    for line in file.read_bytes().splitlines(keepends=True):
        if json.loads(line).get("text"):
            yield line


if __name__ == "__main__":
    main()
