"""How fast the byte gate drops pages of other languages, and that it misses no Japanese page of the real data.

Prints MB of raw HTML per second of one core, per language and encoding; pages are made from the UDHR lines of the data.
"""

import argparse
import json
import os
import time
from collections import defaultdict
from pathlib import Path

import pyarrow as pa

from pipeline.filters.kana_gate import KanaGate

PAGE_BYTES = 20_000
PAGES = 500
ENCODINGS = {"eng": "latin-1", "rus": "cp1251", "deu_1996": "latin-1", "kor": "euc_kr", "cmn_hans": "gb18030"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("MIGAKI_DATA", beside)))
    data = parser.parse_args().data
    print(f"{'pages':32} {'MB/s':>8} {'passed':>8}")
    for name, page in pages(data):
        batch = pa.array([page] * PAGES, pa.binary())
        print(f"{name:32} {speed(batch):8.0f} {passed(batch) / PAGES:8.0%}")
    missed, seen = misses(data)
    print(f"Japanese pages with 20 or more kana missed: {missed} of {seen}")


def pages(data: Path) -> list[tuple[str, bytes]]:
    """Name and bytes of one page for each language, in UTF-8 and in its legacy encoding."""
    texts: dict[str, list[str]] = defaultdict(list)
    for line in (data / "g_langid_udhr/udhr_lines.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        texts[entry["label"]].append(entry["text"])
    made = []
    for language, lines in sorted(texts.items()):
        if not language.startswith("jpn"):
            made.append((f"{language} utf-8", html(lines, "utf-8")))
            if language in ENCODINGS:
                made.append((f"{language} {ENCODINGS[language]}", html(lines, ENCODINGS[language])))
    return made


def html(lines: list[str], encoding: str) -> bytes:
    """A page of about PAGE_BYTES with the markup of an ordinary one."""
    item = "".join(
        f'<div class="item"><p><a href="/entry/{n}.html">{line}</a></p></div>\n' for n, line in enumerate(lines)
    )
    body = item.encode(encoding, "ignore")
    return (b"<!DOCTYPE html><html><head><title>x</title></head><body>" + body * (PAGE_BYTES // len(body) + 1))[
        :PAGE_BYTES
    ]


def speed(batch: pa.Array) -> float:
    """MB per second, the best of five."""
    gate = KanaGate()
    rows = pa.record_batch({"content": batch})
    gate.process(rows)
    best = min(timed(gate, rows) for _ in range(5))
    return batch.nbytes / best / 1e6


def timed(gate: KanaGate, rows: pa.RecordBatch) -> float:
    start = time.perf_counter()
    gate.process(rows)
    return time.perf_counter() - start


def passed(batch: pa.Array) -> int:
    """How many pages the gate lets pass."""
    (dropped,) = KanaGate().process(pa.record_batch({"content": batch})).drops.values()
    return int((~dropped).sum())


def misses(data: Path) -> tuple[int, int]:
    """Japanese pages with 20 or more kana that the gate drops, and how many there are."""
    found = []
    for manifest in sorted(data.glob("a_html_*/manifest.jsonl")):
        for line in manifest.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if entry.get("kana", 0) >= 20:
                found.append((manifest.parent / entry["file"]).read_bytes())
    return len(found) - passed(pa.array(found, pa.binary())), len(found)


if __name__ == "__main__":
    main()
