"""From pairs of similar documents to clusters, exactly and out of core: connected components, named by their least.

Documents are worked on span by span. From the last span to the first, a component that reaches into earlier spans is
contracted there to a star around its least document; from the first to the last, the roots are handed back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from pipeline.barrier import BarrierFiles
from pipeline.dedup.numbering import Numbering, Places
from pipeline.dedup.pairs import PAIR
from pipeline.dedup.segments import Records, SegmentWriter, segments
from pipeline.dedup.spill import Spill

MEMBER = np.dtype([("document", "<u8"), ("root", "<u8")])
"""A document of a cluster of two or more, and the least document of that cluster."""

Sources = Sequence[tuple[str, int, str]]
"""Files of an earlier phase: its name, its tasks, the name of the file."""
Parents = npt.NDArray[np.uint32]

TOGETHER = 16
"""Bytes a document takes if all are worked on at once."""
APART = 64
"""Bytes a document of a span may take; those of earlier spans that it is similar to take some as well."""
CHUNK = 1 << 20


def find_clusters(files: BarrierFiles, sources: Sources, numbering: Numbering, memory: int) -> Iterator[int]:
    """Write ``members``: MEMBER records of all documents in clusters of two or more, to the document's block.

    ``sources``: PAIR records, left < right, to the block of ``right``. ``memory``: bytes that this may take; if it is
    16 a document, all of them are one span. Yields the pairs and documents done.
    """
    blocks = numbering.blocks.size - 1
    with Spill(PAIR, blocks) as stars, Spill(PAIR, blocks) as links, Spill(MEMBER, blocks) as answers:
        work = _Work(files, sources, numbering, stars, links, answers)
        spans = list(_spans(numbering, memory))
        for span in reversed(spans):
            yield from work.contract(span)
        with files.create("members") as file:
            members = SegmentWriter(file, blocks)
            for span in spans:
                yield from work.resolve(span, members)
            members.close()


def _spans(numbering: Numbering, memory: int) -> Iterator[range]:
    """Divide the blocks into runs that fit into memory; a block that does not is a run of its own."""
    blocks = numbering.blocks.size - 1
    if numbering.documents * TOGETHER <= memory:
        yield range(blocks)
        return
    first = 0
    for block in range(1, blocks):
        if numbering.span(block)[1] - numbering.span(first)[0] > memory // APART:
            yield range(first, block)
            first = block
    yield range(first, blocks)


@dataclass(frozen=True)
class _Work:
    files: BarrierFiles
    sources: Sources
    numbering: Numbering
    stars: Spill
    """Pairs from contracted components, to the block of the greater document."""
    links: Spill
    """Pairs of a document and a greater one that has the same root, to the block of the lesser one."""
    answers: Spill
    """Members whose root was found in an earlier span, to the block of the document."""

    def contract(self, span: range) -> Iterator[int]:
        """Link every document of a span to the least of its component; those of earlier spans become a star."""
        low, high = self._documents(span)
        outside = self._outside(span, low)
        parents = np.arange(outside.size + high - low, dtype=np.uint32)
        for pairs in self._pairs(span):
            _join(parents, outside, low, pairs["left"].astype(np.int64), pairs["right"].astype(np.int64))
            yield pairs.size
        _flatten(parents)
        for start in range(0, parents.size, CHUNK):
            roots = parents[start : start + CHUNK].astype(np.int64)
            places = np.arange(start, start + roots.size)
            joined = roots != places
            pairs = np.empty(np.count_nonzero(joined), PAIR)
            pairs["left"] = _documents_at(roots[joined], outside, low)
            pairs["right"] = _documents_at(places[joined], outside, low)
            inside = pairs["right"] >= low
            self._send(pairs[inside], "left", self.links)
            self._send(pairs[~inside], "right", self.stars)
            yield 0

    def resolve(self, span: range, members: SegmentWriter) -> Iterator[int]:
        """Find the roots of a span's documents, and through their links those of documents of later spans."""
        low, high = self._documents(span)
        roots = np.arange(low, high)
        leads = np.zeros(high - low, np.bool_)
        for found in self.answers.read(span):
            roots[found["document"] - low] = found["root"]
        for links in self.links.read(span):  # those of the span itself first, of which the others are children
            found = np.empty(links.size, MEMBER)
            found["document"] = links["right"]
            found["root"] = roots[links["left"] - low]
            leads[links["left"] - low] = True
            inside = found["document"] < high
            roots[found["document"][inside] - low] = found["root"][inside]
            self._send(found[~inside], "document", self.answers)
            members.write(found, self.numbering.block_of(found["document"]))
            yield links.size
        least = low + np.flatnonzero(leads)
        least = least[roots[leads] == least]
        found = np.empty(least.size, MEMBER)
        found["document"] = found["root"] = least
        members.write(found, self.numbering.block_of(found["document"]))
        yield least.size

    def _documents(self, span: range) -> tuple[int, int]:
        return self.numbering.span(span.start)[0], self.numbering.span(span.stop - 1)[1]

    def _pairs(self, span: range) -> Iterator[Records]:
        for block in span:
            for phase, tasks, name in self.sources:
                yield from segments(self.files, phase, tasks, name, block, PAIR)
        yield from self.stars.read(span)

    def _outside(self, span: range, low: int) -> Places:
        """Documents of earlier spans that are similar to one of the span, in order."""
        outside, waiting, size = np.empty(0, np.int64), [], 0
        for pairs in self._pairs(span) if low else ():
            left = pairs["left"].astype(np.int64)
            waiting.append(left[left < low])
            size += waiting[-1].size
            if size > max(CHUNK, outside.size):
                outside, waiting, size = _distinct(np.concatenate([outside, *waiting])), [], 0
        return _distinct(np.concatenate([outside, *waiting]))

    def _send(self, records: Records, end: str, spill: Spill) -> None:
        spill.write(records, self.numbering.block_of(records[end]))


def _distinct(documents: Places) -> Places:
    """Sort in place and leave repeats out; np.unique hashes integers, which takes longer."""
    documents.sort()
    return documents[np.append(True, documents[1:] != documents[:-1])[: documents.size]]


def _documents_at(places: Places, outside: Places, low: int) -> Places:
    """Undo ``_place``: the documents outside the span stand before those in it."""
    documents = places - outside.size + low
    before = places < outside.size
    documents[before] = outside[places[before]]
    return documents


@njit(cache=True, nogil=True)
def _join(parents: Parents, outside: Places, low: int, left: Places, right: Places) -> None:
    """Join the clusters of pairs of documents; the least document of a cluster is its root."""
    for pair in range(left.size):
        a = _root(parents, _place(outside, low, left[pair]))
        b = _root(parents, _place(outside, low, right[pair]))
        parents[max(a, b)] = min(a, b)


@njit(cache=True, nogil=True)
def _place(outside: Places, low: int, document: int) -> int:
    if document >= low:
        return outside.size + document - low
    return int(np.searchsorted(outside, document))


@njit(cache=True, nogil=True)
def _root(parents: Parents, place: int) -> int:
    while parents[place] != place:
        parents[place] = parents[parents[place]]
        place = int(parents[place])
    return place


@njit(cache=True, nogil=True)
def _flatten(parents: Parents) -> None:
    for place in range(parents.size):
        parents[place] = parents[parents[place]]
