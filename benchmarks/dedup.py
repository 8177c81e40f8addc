"""How the MinHash barrier grows: seconds, bytes and memory over planted clusters, on the real engine; and datatrove's.

``python -m benchmarks.dedup [--documents N ...]`` writes benchmarks/results/dedup.json. Signatures are made before the
clock starts; what is timed is all that Migaki does with them, commits included, on two workers of an embedded Ray.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from rich.console import Console

from benchmarks import datatrove_clusters
from benchmarks.planted import Planted
from benchmarks.planted_run import Measured, measure
from benchmarks.results import FOLDER, Row, show, write
from pipeline.dedup.minhash import MinHash

DOCUMENTS = (1_000_000, 10_000_000)
PEER_DOCUMENTS = 200_000
GIGABYTE = 1e9
REMOVED = "removed, of those planted"


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, nargs="+", default=DOCUMENTS, help="numbers of documents to measure")
    parser.add_argument("--folder", type=Path, help="where the disk has room; the system's temporary folder by default")
    parser.add_argument("--results", type=Path, default=FOLDER / "dedup.json")
    options = parser.parse_args()
    measured: list[Measured] = []
    for documents in options.documents:
        with _folder(options.folder) as folder:
            measured.append(measure(documents, folder))
    rows = [row for found in measured for row in rows_of(found)]
    rows += [growth(*sizes) for sizes in pairwise(measured)]
    with _folder(options.folder) as folder:
        rows += against_datatrove(folder)
    write(options.results, rows, ["datatrove", "numba", "numpy", "pyarrow", "ray"], NOTES)
    show("Deduplication at scale", rows, Console())


NOTES = (
    "30 % of the documents in clusters of 3 on average, 0.5 % in one cluster; 14 bands of 8; 112 values a signature; "
    "no texts, so that candidates are judged by estimate",
    "seconds: two workers of an embedded Ray on this machine, commits to disk included, the engine's start aside",
    "memory: proportional set size, sampled twice a second; all processes together, the driver's and Ray's own too",
    "on disk at most: sidecars and all that is written, which a run keeps until the barrier is done; the benchmark "
    "lets files go as soon as no later phase reads them, between the timed phases",
    "removed by mistake: in favour of a document that is not of the same planted cluster",
    "datatrove: MinhashDedupBuckets and MinhashDedupFilter in two processes, MinhashDedupCluster in one, over the same "
    "signatures and 200,000 short documents that are not written; no verification, files neither synced nor hashed, "
    "processes that stand before the clock starts; ours: all phases, which also verify pairs, elect copies and write "
    "explanations, in Ray's workers, which start after the clock",
)


def rows_of(found: Measured) -> Iterator[Row]:
    """Turn a measurement into rows."""
    size = f"{found.documents:,} documents"
    for phase, seconds in found.phases.items():
        yield Row(f"{size}: {phase}", seconds, None, "s")
    yield Row(f"{size}: all phases", found.seconds, None, "s")
    yield Row(f"{size}: start of the engine", found.start, None, "s")
    for phase, written in found.written.items():
        yield Row(f"{size}: {phase}, written", written / GIGABYTE, None, "GB")
    yield Row(f"{size}: all phases, written", sum(found.written.values()) / GIGABYTE, None, "GB")
    yield Row(f"{size}: sidecars of the pass before", found.sidecars / GIGABYTE, None, "GB")
    yield Row(f"{size}: on disk at most", found.disk / GIGABYTE, None, "GB")
    yield Row(f"{size}: memory of all processes", found.memory / GIGABYTE, None, "GB")
    for name, memory in sorted(found.processes.items(), key=lambda item: -item[1]):
        yield Row(f"{size}: memory of one {name} at most", memory / GIGABYTE, None, "GB")
    yield Row(f"{size}: {REMOVED}", found.removed / found.planted, None, "share")
    yield Row(f"{size}: removed by mistake", found.mistakes, None, "documents")


def growth(less: Measured, more: Measured) -> Row:
    """How much longer more documents take."""
    name = f"{more.documents:,} documents: seconds, times those of {less.documents:,}"
    return Row(name, more.seconds / less.seconds, None, "times")


def against_datatrove(folder: Path) -> Iterator[Row]:
    """Documents per second of both, over the same signatures, and what both removed."""
    ours = measure(PEER_DOCUMENTS, folder / "ours")
    peer = datatrove_clusters.measure(Planted(PEER_DOCUMENTS, 2), MinHash(), folder / "theirs")
    size = f"{PEER_DOCUMENTS:,} documents"
    yield Row(
        f"{size}: signatures to clusters, beside datatrove's stages 2 to 4",
        PEER_DOCUMENTS / ours.seconds,
        PEER_DOCUMENTS / peer.seconds,
        "documents/s",
    )
    yield Row(f"{size}: {REMOVED}", ours.removed / ours.planted, peer.removed / ours.planted, "share")


@contextmanager
def _folder(parent: Path | None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="migaki-dedup-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
