"""Records that one task sets aside on disk for itself, by the block they belong to."""

import tempfile
from collections.abc import Iterator
from types import TracebackType

import numpy as np

from pipeline.dedup.numbering import Places
from pipeline.dedup.segments import Records


class Spill:
    """A temporary file of records of one numpy type; gone when it is closed."""

    def __init__(self, kind: np.dtype, blocks: int) -> None:
        self._kind, self._blocks = kind, blocks
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed with the spill
        self._ends: list[Places] = []
        self._written = 0

    def write(self, records: Records, blocks: Places) -> None:
        """Append n records, ``blocks`` those they belong to."""
        if not records.size:
            return
        self._file.seek(self._written * self._kind.itemsize)
        self._file.write(records[np.argsort(blocks, kind="stable")].tobytes())
        counts = np.bincount(blocks, minlength=self._blocks)
        self._ends.append(self._written + np.concatenate([[0], np.cumsum(counts)]))
        self._written += records.size

    def read(self, blocks: range) -> Iterator[Records]:
        """Yield the records of a run of blocks, what was written last first."""
        for ends in reversed(self._ends):
            start, stop = int(ends[blocks.start]), int(ends[blocks.stop])
            if start < stop:
                self._file.seek(start * self._kind.itemsize)
                yield np.frombuffer(self._file.read((stop - start) * self._kind.itemsize), self._kind)

    def __enter__(self) -> "Spill":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
