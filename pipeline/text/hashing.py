"""A 64-bit hash per string, for sampling and keys that must not depend on order, machine or process."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import buffers

FNV_OFFSET = np.uint64(0xCBF29CE484222325)
FNV_PRIME = np.uint64(0x100000001B3)


def hash64(strings: pa.Array) -> npt.NDArray[np.uint64]:
    """Hash each string of an array: FNV-1a over its UTF-8 bytes, finished by splitmix64; null hashes as empty."""
    offsets, data = buffers(strings)
    return _hash(offsets, data)


@njit(cache=True, nogil=True)
def _hash(offsets: npt.NDArray[np.int32], data: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    hashes = np.empty(offsets.size - 1, np.uint64)
    for row in range(hashes.size):
        value = FNV_OFFSET
        for at in range(offsets[row], offsets[row + 1]):
            value = (value ^ np.uint64(data[at])) * FNV_PRIME
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        hashes[row] = value ^ (value >> np.uint64(31))
    return hashes
