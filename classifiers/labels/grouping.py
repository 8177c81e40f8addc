"""Which documents belong together: those that share a value, and near-duplicates by the project's own signatures."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.dedup.bands import Bands
from pipeline.text.minhash import band_keys, signatures

Codes = npt.NDArray[np.int64]

NGRAM = 5
BANDS = Bands(16, 6)
"""Texts with a Jaccard index of 0.8 share a band in 99 of 100 cases, of 0.7 in 86, of 0.3 in 1."""
HEAD = 1000
"""Characters of a text that are compared: about what judges and classifiers look at."""


def codes(column: pa.Array | pa.ChunkedArray) -> Codes:
    """Number the distinct values of n rows from 0; -1 for a null."""
    encoded = pc.dictionary_encode(column)
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    return encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)


def connect(columns: Sequence[Codes]) -> Codes:
    """Components of n rows that share a code, numbered by their first row; -1 stands for no code.

    ``columns``: codes of shape (n,) or (n, k), those of different columns apart from each other.
    """
    rows = columns[0].shape[0]
    documents, nodes, first = [], [], rows
    for column in columns:
        flat = column.reshape(rows, -1)
        known = flat >= 0
        documents.append(np.nonzero(known)[0])
        nodes.append(flat[known] + first)
        first += int(flat.max(initial=-1)) + 1
    left, right = np.concatenate(documents), np.concatenate(nodes)
    graph = coo_array((np.ones(left.size, np.bool_), (left, right)), shape=(first, first))
    _, components = connected_components(graph, directed=False)
    _, place, component = np.unique(components[:rows], return_index=True, return_inverse=True)
    return place[component]


def near_duplicates(texts: pa.Array) -> Codes:
    """Bands that n texts share with others: codes of shape (n, bands), for ``connect``; -1 where none is shared.

    Texts that share a band of their MinHash signatures over character 5-grams count as near-duplicates without a look
    at how similar they are: a cluster that is too large costs a split nothing, one that is torn apart is a leak.
    """
    signed, valid = signatures(pc.utf8_slice_codeunits(texts, 0, HEAD), NGRAM, BANDS.permutations)
    keys = band_keys(signed, BANDS.bands, BANDS.rows, np.zeros(len(texts), np.uint64))
    _, shared, counts = np.unique(keys, return_inverse=True, return_counts=True)
    shared = shared.reshape(keys.shape).astype(np.int64)
    shared[(counts[shared] < 2) | ~valid[:, None]] = -1  # noqa: PLR2004
    return shared
