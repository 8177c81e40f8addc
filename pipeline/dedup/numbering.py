"""Dense numbers for the documents of all parts, in the order of parts and rows, and the blocks of parts worked on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Numbering:
    """Documents 0 to n - 1; number = start of its part + place in the part's sidecar.

    A block is a run of whole parts with at most ``block`` documents together, or a single larger part.
    """

    rows: Sequence[int]
    """Sidecar rows of each part."""
    block: int

    @cached_property
    def starts(self) -> Places:
        """Number of the first document of each part, and of all documents: parts + 1 values."""
        return np.concatenate([[0], np.cumsum(self.rows)]).astype(np.int64)

    @property
    def documents(self) -> int:
        """Number of documents."""
        return int(self.starts[-1])

    @cached_property
    def blocks(self) -> Places:
        """First part of each block, and the number of parts: blocks + 1 values; at least one block."""
        firsts, held = [0], 0
        for part, rows in enumerate(self.rows):
            if held and held + rows > self.block:
                firsts.append(part)
                held = 0
            held += rows
        return np.array([*firsts, len(self.rows)], np.int64)

    def parts(self, block: int) -> range:
        """Parts of a block."""
        return range(int(self.blocks[block]), int(self.blocks[block + 1]))

    def span(self, block: int) -> tuple[int, int]:
        """First document of a block and the first behind it."""
        return int(self.starts[self.blocks[block]]), int(self.starts[self.blocks[block + 1]])

    def part_of(self, numbers: Numbers) -> Places:
        """Part of each document."""
        return np.searchsorted(self.starts, numbers.astype(np.int64), side="right") - 1

    def block_of(self, numbers: Numbers) -> Places:
        """Block of each document."""
        firsts = self.starts[self.blocks[:-1]]
        return np.searchsorted(firsts, numbers.astype(np.int64), side="right") - 1
