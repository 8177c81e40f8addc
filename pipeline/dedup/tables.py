"""Tables on their way from the tasks of one phase to the next: one Arrow file per sender, a batch per receiver."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from pipeline.barrier import BarrierFiles
from pipeline.dedup.numbering import Places
from pipeline.dedup.segments import Receivers
from pipeline.text.arrow import buffers
from pipeline.text.sketches import Sketches


def send(files: BarrierFiles, name: str, table: pa.Table, to: Receivers, receivers: int) -> None:
    """Write a file of n rows, ``to`` their receivers; the order of those of one receiver is kept."""
    ordered = table.take(pa.array(np.argsort(to, kind="stable"))).combine_chunks()
    ends = np.cumsum(np.bincount(to, minlength=receivers)).tolist()
    with files.create(name) as file, pa.ipc.new_file(file, table.schema) as writer:
        for start, end in zip([0, *ends], ends, strict=False):
            rows = ordered.slice(start, end - start).to_batches()
            writer.write_batch(rows[0] if rows else pa.RecordBatch.from_pylist([], schema=table.schema))


def receive(files: BarrierFiles, phase: str, tasks: int, name: str, receiver: int) -> pa.Table:
    """Return all that one or more senders of a phase wrote for one receiver, in their order."""
    return pa.Table.from_batches(_batches(files, phase, tasks, name, receiver)).combine_chunks()


def as_column(sketches: Sketches) -> pa.Array:
    """View n sketches of p bytes as a column of n binaries."""
    offsets = np.arange(sketches.shape[0] + 1, dtype=np.int64) * sketches.shape[1]
    views = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(sketches))]
    return pa.Array.from_buffers(pa.large_binary(), sketches.shape[0], views)


def as_sketches(column: pa.ChunkedArray) -> Sketches:
    """Undo ``as_column``."""
    views = [buffers(chunk) for chunk in column.chunks]
    data = np.concatenate([np.empty(0, np.uint8), *(data[offsets[0] : offsets[-1]] for offsets, data in views)])
    return data.reshape(len(column), data.size // max(1, len(column)))


def ranges(starts: Places, counts: Places) -> Places:
    """Join the ranges of n starts and counts: ``counts`` places from each start on."""
    ends = np.cumsum(counts)
    return np.repeat(starts - ends + counts, counts) + np.arange(ends[-1] if ends.size else 0)


def _batches(files: BarrierFiles, phase: str, tasks: int, name: str, receiver: int) -> Iterator[pa.RecordBatch]:
    for task in range(tasks):
        with files.open(phase, task, name) as file, pa.ipc.open_file(file) as reader:
            yield reader.get_batch(receiver)
