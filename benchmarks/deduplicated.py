"""The ``minhash`` step alone over texts, its phases in turn in one process, and what its files say it found."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.dedup.clusters import MEMBER
from pipeline.dedup.minhash import MinHash
from pipeline.dedup.pairs import PAIR
from pipeline.dedup.segments import received
from pipeline.resolution import StoredFiles, StoredPart
from pipeline.schema import RECORD
from pipeline.storage import Store
from pipeline.task import PartPaths, PhasePaths

Numbers = npt.NDArray[np.int64]

PASS = "quality"
PARTS = 3
JOINING = ("estimates", "indices")
"""Phases that accept pairs."""


@dataclass(frozen=True)
class Deduplicated:
    """What the step made of n documents."""

    left: Numbers
    right: Numbers
    """Pairs that were joined directly, each once, ``left`` below ``right``."""
    clusters: Numbers
    """The least document of each document's cluster; itself where it stands alone."""
    kept: Numbers
    """Documents that stay, in ascending order."""


def deduplicate(step: MinHash, texts: pa.Array, folder: Path) -> Deduplicated:
    """Carry out the step on n texts in an empty folder."""
    step.open()
    store = Store(str(folder))
    starts = np.linspace(0, len(texts), PARTS + 1).astype(int).tolist()
    parts = [_part(store, step, texts, range(*span)) for span in pairwise(starts)]
    tasks = {phase.name: phase.tasks for phase in step.phases(parts)}
    for phase, number in tasks.items():
        for task in range(number):
            files = StoredFiles(store, step, PhasePaths(PASS, phase, task), parts)
            deque(step.work(phase, task, files), maxlen=0)
    blocks = range(step.numbering(parts).blocks.size - 1)
    files = StoredFiles(store, step, PhasePaths(PASS, "", 0), parts)
    edges = [_records(files, tasks, phase, "edges", block, PAIR) for phase in JOINING for block in blocks]
    pairs = np.unique(np.concatenate(edges))
    members = np.concatenate([_records(files, tasks, "clusters", "members", block, MEMBER) for block in blocks])
    clusters = np.arange(len(texts))
    clusters[members["document"]] = members["root"]
    kept = np.concatenate([start + _stay(store, part) for start, part in zip(starts, parts, strict=False)])
    return Deduplicated(pairs["left"].astype(np.int64), pairs["right"].astype(np.int64), clusters, kept)


def _part(store: Store, step: MinHash, texts: pa.Array, span: range) -> StoredPart:
    """Write a part with the texts of a span as the pass before would: survivors and their sidecar."""
    own = texts.slice(span.start, len(span)).to_pylist()
    rows = [{"id": f"{number:08d}", "text": text} for number, text in zip(span, own, strict=True)]
    batch = pa.RecordBatch.from_pylist(rows, RECORD)
    paths = PartPaths(PASS, f"{span.start:08d}")
    sidecar = pa.table({"row": np.arange(len(span)), **step.sign(batch)})
    for path, table in ((paths.survivors, pa.table(batch.select(["text"]))), (paths.sidecar, sidecar)):
        Path(store.path(path)).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, store.path(path))
    return StoredPart(store, paths, len(span))


def _records(
    files: StoredFiles, tasks: Mapping[str, int], phase: str, name: str, block: int, kind: np.dtype[np.void]
) -> npt.NDArray[np.void]:
    return received(files, phase, tasks[phase], name, block, kind)


def _stay(store: Store, part: StoredPart) -> Numbers:
    """Rows of a part that its decisions do not drop."""
    with store.open(part.paths.decisions) as file:
        decisions = pq.read_table(file, columns=["row", "drop"])
    dropped = decisions["row"].filter(decisions["drop"]).to_numpy()
    return np.setdiff1d(np.arange(part.rows), dropped)
