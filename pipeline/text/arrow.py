"""The bytes and offsets of Arrow string and binary arrays, as kernels take them."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Offsets = npt.NDArray[np.signedinteger[Any]]
Bytes = npt.NDArray[np.uint8]

OFFSET_TYPES = {
    pa.string(): np.int32,
    pa.binary(): np.int32,
    pa.large_string(): np.int64,
    pa.large_binary(): np.int64,
}


def buffers(array: pa.Array) -> tuple[Offsets, Bytes]:
    """View an array of n strings or binaries as n + 1 offsets and the bytes they point into, without a copy.

    Row i is ``data[offsets[i]:offsets[i + 1]]``; ``offsets[0]`` is not 0 in a slice. A null has no bytes. int32
    offsets for string and binary, int64 for their large kinds; any other type raises TypeError.
    """
    width = OFFSET_TYPES.get(array.type)
    if width is None:
        raise TypeError(f"no offsets and bytes in an array of {array.type}")
    if len(array) == 0:
        return np.zeros(1, width), np.empty(0, np.uint8)
    offsets, data = _views(array, width)
    if array.null_count and _nulls_hold_bytes(array, offsets):
        return _views(pc.if_else(array.is_valid(), array, pa.scalar("", array.type)), width)
    return offsets, data


def _views(array: pa.Array, width: Any) -> tuple[Offsets, Bytes]:
    _, offsets, data = array.buffers()
    view = np.frombuffer(offsets, width)[array.offset : array.offset + len(array) + 1]
    return view, np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)


def _nulls_hold_bytes(array: pa.Array, offsets: Offsets) -> bool:
    """Arrow allows any bytes under a null, kernels must not see them."""
    return bool(np.any(np.diff(offsets)[array.is_null().to_numpy(zero_copy_only=False)]))
