"""datatrove's MinHash in its four steps, over character shingles that are ours.

It is given normal forms, its own normalisation is switched off, and its tokenizer makes every character a word. What
stays different are the hash functions; and that texts shorter than a shingle get no signature.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from datatrove.data import Document
from datatrove.utils.hashing import HashConfig
from datatrove.utils.text import TextNormConfig
from datatrove.utils.word_tokenizers import WordTokenizer

from pipeline.text.shingles import normal_form

Numbers = npt.NDArray[np.int64]


def load_minhash() -> Any:
    """Load datatrove's module without its package, which imports tokenizers for another method."""
    package = find_spec("datatrove.pipeline.dedup")
    assert package
    assert package.origin
    spec = spec_from_file_location("datatrove_dedup_minhash", Path(package.origin).with_name("minhash.py"))
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MINHASH = load_minhash()
RAW = TextNormConfig(
    lowercase=False,
    norm_whitespace=False,
    remove_punctuation=False,
    norm_unicode_diacritics=False,
    norm_numbers=False,
)


class Characters(WordTokenizer):  # type: ignore[misc]  # datatrove is untyped
    """Takes every character for a word."""

    def word_tokenize(self, text: str) -> list[str]:
        """Return the characters."""
        return list(text)

    def sent_tokenize(self, text: str) -> list[str]:
        """Return the text, one sentence."""
        return [text]

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        """Return where the one sentence stands."""
        return [(0, len(text))]


@dataclass(frozen=True)
class Outcome:
    """What datatrove makes of n documents."""

    signatures: npt.NDArray[np.uint32]
    """All 14 x 8 values of each document, shape (n, bands * rows)."""
    signed: npt.NDArray[np.bool_]
    """Documents that have a signature."""
    left: Numbers
    right: Numbers
    """Pairs that were joined directly, each once, ``left`` below ``right``: neighbours in a bucket."""
    clusters: Numbers
    """The least document of each document's cluster; itself where it stands alone."""
    kept: Numbers
    """Documents that pass its filter, in ascending order."""


@dataclass(frozen=True)
class Steps:
    """The four steps in a folder, over documents in ``ranks`` files of about the same size."""

    folder: Path
    ngram: int
    bands: int
    rows: int
    ranks: int = 3

    @property
    def config(self) -> Any:
        """Its parameters: 32-bit values as ours, from SHA-1, which needs no further library."""
        return MINHASH.MinhashConfig(
            n_grams=self.ngram,
            num_buckets=self.bands,
            hashes_per_bucket=self.rows,
            norm_config=RAW,
            hash_config=HashConfig(precision=32, hash_fc="sha1"),
        )

    def run(self, texts: pa.Array) -> Outcome:
        """Carry them out in turn."""
        files = np.array_split(np.array(normal_forms(texts), dtype=object), self.ranks)
        signing = MINHASH.MinhashDedupSignature(self._path("signatures"), self.config, Characters())
        for rank, forms in enumerate(files):
            signing.run(_documents(forms), rank, self.ranks)
        buckets = MINHASH.MinhashDedupBuckets(self._path("signatures"), self._path("buckets"), config=self.config)
        for band in range(self.bands):
            buckets.run(None, band, self.bands)
        MINHASH.MinhashDedupCluster(
            self._path("buckets"), self._path("clusters"), self.config, save_cluster_id=True
        ).run(None, 0, 1)
        starts = np.cumsum([0, *map(len, files)])
        signatures, signed = self._signatures(starts)
        pairs = self._pairs(starts)
        return Outcome(signatures, signed, *pairs.T, self._clusters(starts), self._kept(files, starts))

    def _path(self, name: str) -> str:
        return str(self.folder / name)

    def _signatures(self, starts: Numbers) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.bool_]]:
        """Read the values of all bands; the files have a record of a band's values and a document each."""
        record = np.dtype([("values", "<u4", self.rows), ("document", "<u4")])
        signatures = np.zeros((starts[-1], self.bands * self.rows), np.uint32)
        signed = np.zeros(starts[-1], np.bool_)
        for band in range(self.bands):
            for rank in range(self.ranks):
                records = np.fromfile(f"{self._path('signatures')}/bucket_{band:03d}/{rank:05d}.minhash.sig", record)
                documents = starts[rank] + records["document"]
                signatures[documents, band * self.rows : (band + 1) * self.rows] = records["values"]
                signed[documents] = True
        return signatures, signed

    def _pairs(self, starts: Numbers) -> Numbers:
        """Read the pairs of all bands, shape (pairs, 2); the files have file and document of both."""
        files = sorted((self.folder / "buckets").glob("*.dups"))
        places = np.concatenate([np.fromfile(file, "<u4").reshape(-1, 2, 2) for file in files])
        return np.unique(np.sort(starts[places[:, :, 0]] + places[:, :, 1], axis=1), axis=0)

    def _clusters(self, starts: Numbers) -> Numbers:
        clusters = np.arange(starts[-1])
        numbered = [np.empty((0, 2), np.int64)]
        for rank in range(self.ranks):
            path = self.folder / "clusters" / f"{rank:06d}.clusters"
            found = np.fromfile(path, "<u4").reshape(-1, 2) if path.exists() else np.empty((0, 2), np.uint32)
            numbered.append(found + np.array([starts[rank], 0]))
        documents, numbers = np.concatenate(numbered).T
        _, first, cluster = np.unique(numbers, return_index=True, return_inverse=True)
        clusters[documents] = documents[first][cluster]
        return clusters

    def _kept(self, files: Sequence[npt.NDArray[np.object_]], starts: Numbers) -> Numbers:
        filtering = MINHASH.MinhashDedupFilter(self._path("clusters"))
        return np.array(
            [
                starts[rank] + int(document.id)
                for rank, forms in enumerate(files)
                for document in filtering.run(_documents(forms), rank, self.ranks)
            ],
            np.int64,
        )


def normal_forms(texts: pa.Array) -> list[str]:
    """Return the normal form of each text, whose characters our shingles are made of."""
    starts, points = normal_form(texts)
    return [points[start:stop].astype("<u4").tobytes().decode("utf-32-le") for start, stop in pairwise(starts)]


def _documents(forms: Iterable[str]) -> Iterator[Document]:
    return (Document(text=form, id=str(number)) for number, form in enumerate(forms))
