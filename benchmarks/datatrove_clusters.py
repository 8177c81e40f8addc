"""datatrove's stages 2 to 4 over planted signatures: buckets, clusters, and a filter over documents."""

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from datatrove.data import Document
from datatrove.utils.hashing import HashConfig

from benchmarks.datatrove_minhash import MINHASH
from benchmarks.planted import Planted, cluster_of, values
from pipeline.dedup.minhash import MinHash

PROCESSES = 2


@dataclass(frozen=True)
class Peer:
    """What datatrove took and did."""

    seconds: float
    removed: int


def measure(planted: Planted, step: MinHash, folder: Path) -> Peer:
    """Write its signature files, then time the three stages; clusters are one process, the others two."""
    bands, rows = step.layout()
    for part in range(planted.parts):
        _write(planted, part, bands, rows, folder)
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        list(pool.map(abs, range(PROCESSES)))  # the processes are there before the clock starts
        started = time.perf_counter()
        list(pool.map(partial(_bucket, bands, rows, folder), range(bands)))
        MINHASH.MinhashDedupCluster(f"{folder}/buckets", f"{folder}/clusters", _config(bands, rows)).run(None, 0, 1)
        kept = sum(pool.map(partial(_filtered, planted, folder), range(planted.parts)))
        return Peer(time.perf_counter() - started, planted.documents - kept)


def _config(bands: int, rows: int) -> Any:
    return MINHASH.MinhashConfig(
        num_buckets=bands, hashes_per_bucket=rows, hash_config=HashConfig(precision=32, hash_fc="sha1")
    )


def _bucket(bands: int, rows: int, folder: Path, band: int) -> None:
    buckets = MINHASH.MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/buckets", config=_config(bands, rows))
    buckets.run(None, band, bands)


def _filtered(planted: Planted, folder: Path, part: int) -> int:
    step = MINHASH.MinhashDedupFilter(f"{folder}/clusters")
    return sum(1 for _ in step.run(_documents(planted.rows), part, planted.parts))


def _documents(count: int) -> Iterator[Document]:
    return (Document(text="本文", id=str(number)) for number in range(count))


def _write(planted: Planted, part: int, bands: int, rows: int, folder: Path) -> None:
    """Write the signatures of a part, a file a band: records of its values and the document, in their order."""
    numbers = planted.numbers(part)
    signed = values(numbers, cluster_of(numbers, planted.clusters), bands * rows)
    for band in range(bands):
        own = signed[:, band * rows : (band + 1) * rows]
        records = np.empty(planted.rows, [("values", "<u4", rows), ("document", "<u4")])
        order = np.lexsort(own.T[::-1])
        records["values"], records["document"] = own[order], order
        path = folder / "signatures" / f"bucket_{band:03d}" / f"{part:05d}.minhash.sig"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(records.tobytes())
