"""Records on their way from the tasks of one phase to the next: one file per sender, in it a segment per receiver."""

from collections.abc import Iterator
from typing import IO

import numpy as np
import numpy.typing as npt

from pipeline.barrier import BarrierFiles

Records = npt.NDArray[np.generic]
Receivers = npt.NDArray[np.int64]

FOOTER = np.dtype("<i8")


MOST_RECEIVERS = 1 << 16


class SegmentWriter:
    """Writes records of one numpy type, block by block; in each block those of a receiver stand together.

    The file ends in an index: per block the end of each of the ``receivers`` segments (at most MOST_RECEIVERS), counted
    in records from the start of the file; then the number of blocks and of receivers.
    """

    def __init__(self, file: IO[bytes], receivers: int) -> None:
        self._file, self._receivers = file, receivers
        self._ends = [np.zeros(0, FOOTER)]
        self._written = 0

    def write(self, records: Records, to: Receivers) -> None:
        """Append n records, ``to`` their receivers; the order of those of one receiver is kept."""
        if not records.size:
            return
        order = np.argsort(to.astype(np.uint16), kind="stable")
        self._file.write(records[order].tobytes())
        counts = np.bincount(to, minlength=self._receivers)
        self._ends.append((self._written + np.cumsum(counts)).astype(FOOTER))
        self._written += records.size

    def close(self) -> None:
        """Write the index; the file itself is left open."""
        index = np.concatenate(self._ends)
        shape = np.array([len(self._ends) - 1, self._receivers], FOOTER)
        self._file.write(index.tobytes() + shape.tobytes())


def segments(
    files: BarrierFiles, phase: str, tasks: int, name: str, receiver: int, kind: np.dtype
) -> Iterator[Records]:
    """Yield what each of ``tasks`` senders of a phase wrote for one receiver, sender by sender, none left out."""
    for task in range(tasks):
        with files.open(phase, task, name) as file:
            yield _segment(file, receiver, kind)


def received(files: BarrierFiles, phase: str, tasks: int, name: str, receiver: int, kind: np.dtype) -> Records:
    """Return all that the senders of a phase wrote for one receiver, in their order."""
    return np.concatenate([np.empty(0, kind), *segments(files, phase, tasks, name, receiver, kind)])


def _segment(file: IO[bytes], receiver: int, kind: np.dtype) -> Records:
    end = file.seek(-2 * FOOTER.itemsize, 2)
    blocks, receivers = np.frombuffer(file.read(), FOOTER).tolist()
    file.seek(end - blocks * receivers * FOOTER.itemsize)
    ends = np.frombuffer(file.read(blocks * receivers * FOOTER.itemsize), FOOTER)
    places = np.arange(blocks) * receivers + receiver
    starts = np.where(places, ends[places - 1], 0)
    found = np.empty(int((ends[places] - starts).sum()), kind)
    filled = 0
    for start, stop in zip(starts.tolist(), ends[places].tolist(), strict=True):
        file.seek(start * kind.itemsize)
        found[filled : filled + stop - start] = np.frombuffer(file.read((stop - start) * kind.itemsize), kind)
        filled += stop - start
    return found
