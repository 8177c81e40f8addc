"""Records on their way from the tasks of one phase to the next: one file per sender, in it a segment per receiver."""

from collections.abc import Iterator
from typing import IO

import numpy as np
import numpy.typing as npt
from numba import njit

from pipeline.barrier import BarrierFiles

Records = npt.NDArray[np.void]
Receivers = npt.NDArray[np.int64]

FOOTER = np.dtype("<i8")
MOST_RECEIVERS = 1 << 16
BUFFER = 1 << 20


class SegmentWriter:
    """Writes records of one numpy type, block by block; in each block those of a receiver stand together.

    The file ends in an index: per block the end of each of the ``receivers`` segments (at most MOST_RECEIVERS), counted
    in records from the start of the file; then the number of blocks and of receivers.
    """

    def __init__(self, file: IO[bytes], receivers: int, buffer: int = BUFFER) -> None:
        """Write to a file; up to ``buffer`` bytes are held back, so that segments are longer."""
        if receivers > MOST_RECEIVERS:
            raise ValueError(f"{receivers} receivers, of {MOST_RECEIVERS} at most: raise `memory`")
        self._file, self._receivers, self._buffer = file, receivers, buffer
        self._held: list[tuple[Records, Receivers]] = []
        self._ends: list[Receivers] = []
        self._written = 0

    def write(self, records: Records, to: Receivers) -> None:
        """Append n records, ``to`` their receivers; the order of those of one receiver is kept."""
        if records.size:
            self._held.append((records, to))
        if sum(held.nbytes for held, _ in self._held) > self._buffer:
            self._write()

    def _write(self) -> None:
        records, to = (np.concatenate(parts) for parts in zip(*self._held, strict=True))
        self._held = []
        order, ends = _dealt(to, self._receivers)
        self._file.write(records[order].view(np.uint8).data)
        self._ends.append(self._written + ends)
        self._written += records.size

    def close(self) -> None:
        """Write what is held and the index; the file itself is left open."""
        if self._held:
            self._write()
        shape = np.array([len(self._ends), self._receivers])
        self._file.write(np.concatenate([*self._ends, shape]).astype(FOOTER).tobytes())


def batches(
    files: BarrierFiles, phase: str, tasks: int, name: str, receiver: int, kind: np.dtype, most: int
) -> Iterator[Records]:
    """Yield what all ``tasks`` senders of a phase wrote for a receiver, in their order, about ``most`` records a time.

    Never fewer than ``most`` but for the last; more by up to what a sender wrote at once.
    """
    held = [np.empty(0, kind)]
    size = 0
    for task in range(tasks):
        with files.open(phase, task, name) as file:
            for start, stop in _places(file, receiver):
                held.append(_read(file, start, stop, kind))
                size += stop - start
                if size >= most:
                    yield np.concatenate(held)
                    held, size = [np.empty(0, kind)], 0
    if size:
        yield np.concatenate(held)


def segments(
    files: BarrierFiles, phase: str, tasks: int, name: str, receiver: int, kind: np.dtype
) -> Iterator[Records]:
    """Yield what each of ``tasks`` senders of a phase wrote for one receiver, sender by sender, none left out."""
    for task in range(tasks):
        with files.open(phase, task, name) as file:
            yield np.concatenate(
                [np.empty(0, kind), *(_read(file, start, stop, kind) for start, stop in _places(file, receiver))]
            )


def received(files: BarrierFiles, phase: str, tasks: int, name: str, receiver: int, kind: np.dtype) -> Records:
    """Return all that the senders of a phase wrote for one receiver, in their order."""
    places = []
    for task in range(tasks):
        with files.open(phase, task, name) as file:
            places.append(_places(file, receiver))
    found = np.empty(sum(stop - start for own in places for start, stop in own), kind)
    filled = 0
    for task, own in enumerate(places):
        with files.open(phase, task, name) as file:
            for start, stop in own:
                found[filled : filled + stop - start] = _read(file, start, stop, kind)
                filled += stop - start
    return found


def _places(file: IO[bytes], receiver: int) -> list[tuple[int, int]]:
    """Where the records of a receiver begin and end, block by block; blocks without any are left out."""
    end = file.seek(-2 * FOOTER.itemsize, 2)
    blocks, receivers = np.frombuffer(file.read(), FOOTER).tolist()
    file.seek(end - blocks * receivers * FOOTER.itemsize)
    ends = np.frombuffer(file.read(blocks * receivers * FOOTER.itemsize), FOOTER)
    places = np.arange(blocks) * receivers + receiver
    starts = np.where(places, ends[places - 1], 0)
    return [place for place in zip(starts.tolist(), ends[places].tolist(), strict=True) if place[0] < place[1]]


def _read(file: IO[bytes], start: int, stop: int, kind: np.dtype) -> Records:
    file.seek(start * kind.itemsize)
    return np.frombuffer(file.read((stop - start) * kind.itemsize), kind)


@njit(cache=True, nogil=True)
def _dealt(to: Receivers, receivers: int) -> tuple[Receivers, Receivers]:
    """Order n records by their receivers, stably, and tell the end of the share of each."""
    places = np.zeros(receivers + 1, np.int64)
    for receiver in to:
        places[receiver + 1] += 1
    places = np.cumsum(places)
    order = np.empty(to.size, np.int64)
    for record in range(to.size):
        order[places[to[record]]] = record
        places[to[record]] += 1
    return order, places[:-1].copy()
