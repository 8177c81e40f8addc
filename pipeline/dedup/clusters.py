"""From the band keys of documents to clusters: star edges within buckets, verified, joined by union-find.

Documents are dense numbers 0 to n - 1 in order of preference, so the least of a cluster is the one to keep, and the
result depends on nothing but the set of keys and what ``similar`` says.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

Numbers = npt.NDArray[np.uint32]
Groups = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]
Similar = Callable[[Numbers, Numbers], Mask]

ROUNDS = 16
"""Leaders a bucket may have in turn. A bucket of g documents costs at most ROUNDS * g comparisons."""


@dataclass(frozen=True, slots=True)
class Members:
    """Which documents stand in which bucket: two arrays, one entry per membership."""

    groups: Groups
    documents: Numbers


@dataclass(frozen=True, slots=True)
class Clusters:
    """Outcome over n documents."""

    roots: Numbers
    """The least document of each document's cluster, n values; itself where it stands alone."""

    compared: int
    """Pairs that ``similar`` was asked about."""

    unverified: int
    """Documents that some bucket left without a leader after ROUNDS; they may have missed an edge."""


def cluster(documents: int, bands: Iterable[Keys], similar: Similar) -> Clusters:
    """Cluster ``documents`` documents, given their keys band by band (n values each).

    In each bucket, documents of equal key, the least document leads, and every other one is joined to it if
    ``similar(leaders, members)`` says so. Those it refuses form a bucket of their own, with a leader of their own, up
    to ROUNDS times. Pairs already joined through others are not compared.
    """
    roots = np.arange(documents, dtype=np.uint32)
    pending = shared_buckets(bands)
    compared = 0
    for _ in range(ROUNDS):
        if not pending.documents.size:
            break
        leaders, rest = stars(pending)
        pairs, places = np.unique(pair_keys(leaders, rest.documents), return_inverse=True)
        left, right = split_pairs(pairs)
        joined = roots[left] == roots[right]
        open_pairs = np.flatnonzero(~joined)
        accepted = similar(left[open_pairs], right[open_pairs])
        joined[open_pairs] = accepted
        compared += open_pairs.size
        join(roots, left[open_pairs][accepted], right[open_pairs][accepted])
        refused = ~joined[places]
        pending = Members(rest.groups[refused], rest.documents[refused])
    return Clusters(roots, compared, _apart(pending, roots))


def shared_buckets(bands: Iterable[Keys]) -> Members:
    """Documents whose key occurs twice or more in a band; one band's keys are held and sorted at a time."""
    groups: list[Groups] = [np.empty(0, np.int64)]
    documents: list[Numbers] = [np.empty(0, np.uint32)]
    first = 0
    for keys in bands:
        order = np.argsort(keys)
        ordered = keys[order]
        starts = np.flatnonzero(_changes(ordered))
        sizes = np.diff(starts, append=keys.size)
        shared = np.repeat(sizes > 1, sizes)
        groups.append(np.repeat(np.arange(first, first + sizes.size), sizes)[shared])
        documents.append(order[shared].astype(np.uint32))
        first += sizes.size
    return Members(np.concatenate(groups), np.concatenate(documents))


def stars(members: Members) -> tuple[Numbers, Members]:
    """Return every member of a bucket but its least, and for each of them that least one, its leader."""
    order = np.lexsort((members.documents, members.groups))
    groups, documents = members.groups[order], members.documents[order]
    leads = _changes(groups)
    leaders = documents[leads][np.cumsum(leads) - 1]
    return leaders[~leads], Members(groups[~leads], documents[~leads])


def pair_keys(left: Numbers, right: Numbers) -> Keys:
    """Make one number of each pair of documents; order by it is order by left, then right."""
    return left.astype(np.uint64) << np.uint64(32) | right


def split_pairs(keys: Keys) -> tuple[Numbers, Numbers]:
    """Undo ``pair_keys``."""
    return (keys >> np.uint64(32)).astype(np.uint32), keys.astype(np.uint32)


@njit(cache=True, nogil=True)
def join(roots: Numbers, left: Numbers, right: Numbers) -> None:
    """Join the clusters of pairs of documents; afterwards ``roots`` is flat again, each entry its cluster's least."""
    for pair in range(left.size):
        a, b = _root(roots, left[pair]), _root(roots, right[pair])
        roots[max(a, b)] = min(a, b)
    for document in range(roots.size):
        roots[document] = roots[roots[document]]


@njit(cache=True, nogil=True)
def _root(roots: Numbers, document: np.uint32) -> np.uint32:
    while roots[document] != document:
        roots[document] = roots[roots[document]]
        document = roots[document]
    return document


def _changes(ordered: npt.NDArray[np.signedinteger] | Keys) -> Mask:
    """Mark the entries of a sorted array that differ from the one before."""
    changes = np.ones(ordered.size, np.bool_)
    changes[1:] = ordered[1:] != ordered[:-1]
    return changes


def _apart(pending: Members, roots: Numbers) -> int:
    """Count documents still in a bucket that are not in one cluster with its next leader."""
    leaders, rest = stars(pending)
    return int(np.unique(rest.documents[roots[leaders] != roots[rest.documents]]).size)
