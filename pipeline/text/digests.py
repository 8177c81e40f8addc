"""A 128-bit hash per text, long enough that equal hashes mean equal texts in a corpus of any size."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.shingles import Points, Starts, mix, normal_form

Digests = npt.NDArray[np.uint64]

FACTOR = np.uint64(0x9E3779B97F4A7C15)


def digests(texts: pa.Array) -> pa.Array:
    """Hash n texts as they are, byte for byte: 16 bytes each, null for an empty text and for null."""
    return _column(*buffers(texts))


def form_digests(texts: pa.Array) -> pa.Array:
    """Hash the normal forms of n texts (``normal_form``): 16 bytes each, null where there is no letter or digit."""
    return _column(*normal_form(texts))


def _column(starts: Offsets | Starts, units: Bytes | Points) -> pa.Array:
    found = _digests(starts, units)
    there = pa.array(starts[1:] > starts[:-1]).buffers()[1]
    return pa.Array.from_buffers(pa.binary(16), found.shape[0], [there, pa.py_buffer(found.astype("<u8"))])


@njit(cache=True, nogil=True)
def _digests(starts: Offsets | Starts, units: Bytes | Points) -> Digests:
    """Hash n runs of units: uint64 (n, 2), two chains of splitmix64 that take up a unit in different ways."""
    found = np.empty((starts.size - 1, 2), np.uint64)
    for row in range(found.shape[0]):
        high, low = np.uint64(1), np.uint64(starts[row + 1] - starts[row])
        for place in range(starts[row], starts[row + 1]):
            unit = np.uint64(units[place]) + np.uint64(1)
            high = mix(high ^ unit)
            low = mix(low + unit * FACTOR)
        found[row] = high, low
    return found
