"""The members of clusters in order of preference."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.dedup.numbering import Numbers, Places
from pipeline.dedup.preference import Key, ranks
from pipeline.stage import Mask

STANDING = "standing"
"""A document kept in an older corpus comes first (0), one removed there second (1), then the run's own (2)."""


def by_preference(roots: Numbers, documents: Numbers, facts: pa.Table, keep: Sequence[Key]) -> Places:
    """Order m members by the root of their cluster, in it by standing, the keys, and the document's number.

    ``facts``: m rows with STANDING and the sidecar columns behind the keys. A key is looked at where those before it
    leave a tie.
    """
    order = np.lexsort((documents, roots))
    first = changes(roots[order])
    for key in (None, *keep):
        tied = np.flatnonzero(~(first & np.append(first[1:], True)))
        if not tied.size:
            break
        rows = facts.take(pa.array(order[tied]))
        values = ranks(key, rows) if key is not None else rows[STANDING].to_numpy()
        groups = np.cumsum(first)[tied]
        inner = np.lexsort((values, groups))
        order[tied] = order[tied][inner]
        first[tied] |= changes(values[inner])
    return order


def changes(ordered: npt.NDArray[Any]) -> Mask:
    """Mark the entries of an array that differ from the one before, the first among them."""
    marks = np.ones(ordered.size, np.bool_)
    marks[1:] = ordered[1:] != ordered[:-1]
    return marks
