"""Signatures and candidates against datasketch on the same shingles of real documents."""

from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash, MinHashLSH
from text.ngram_twins import char_ngrams, datasketch_signature, word_ngrams, words_of

from pipeline.dedup.bands import FINEWEB, Bands, layout
from pipeline.text.minhash import Signatures, band_keys
from pipeline.text.signing import Shingle, Signature, Signing
from pipeline.text.words import WORDS, fill

pytestmark = pytest.mark.data

Pairs = set[tuple[int, int]]
LAYOUTS = [FINEWEB, layout(0.8, 112)]


@pytest.fixture(scope="module")
def sample(documents: pa.RecordBatch) -> pa.RecordBatch:
    """500 documents of all kinds, the last 100 of them others without their first tenth."""
    texts = documents["text"].to_pylist()[::2][:400]
    copies = [text[len(text) // 10 :] for text in texts[::4]]
    batch = pa.record_batch({"text": pa.array(texts + copies, pa.string())})
    assert batch.num_rows == 500
    return fill(batch)


def candidates(signed: Signatures, rows: list[int], bands: Bands) -> Pairs:
    """Pairs of documents that one of our bands holds together."""
    buckets: dict[int, list[int]] = {}
    for row, keys in enumerate(band_keys(signed, *bands, np.zeros(len(signed), np.uint64)).tolist()):
        for key in keys if row in rows else ():
            buckets.setdefault(key, []).append(row)
    return {pair for bucket in buckets.values() for pair in combinations(bucket, 2)}


def peer_candidates(signed: Signatures, rows: list[int], bands: Bands) -> Pairs:
    """Pairs of documents that datasketch's index finds from our signatures."""
    index = MinHashLSH(num_perm=bands.permutations, params=bands)
    hashed: dict[int, Any] = {row: MinHash(hashvalues=signed[row], scheme="affine32") for row in rows}
    for row, minhash in hashed.items():
        index.insert(row, minhash)
    return {(min(row, other), max(row, other)) for row in rows for other in index.query(hashed[row]) if row != other}


@pytest.mark.parametrize("bands", LAYOUTS, ids=str)
@pytest.mark.parametrize("signature", ["migaki", "datasketch"])
@pytest.mark.parametrize(("shingle", "ngram"), [("char", 8), ("word", 5)])
def test_its_index_over_our_signatures_finds_our_candidates(
    sample: pa.RecordBatch, shingle: Shingle, ngram: int, signature: Signature, bands: Bands
) -> None:
    signed, valid = Signing(shingle, ngram, signature, bands.permutations).signatures(sample)
    rows = valid.nonzero()[0].tolist()
    found = candidates(signed, rows, bands)
    assert found == peer_candidates(signed, rows, bands)
    assert len(found) > 50


def test_its_signatures_of_real_documents_are_ours(sample: pa.RecordBatch) -> None:
    texts, words = sample["text"], sample[WORDS.name]
    chars, _ = Signing("char", 8, "datasketch", 112).signatures(sample)
    spoken, _ = Signing("word", 5, "datasketch", 112).signatures(sample)
    assert chars.tolist() == [datasketch_signature(char_ngrams(text, 8), 112) for text in texts.to_pylist()]
    assert spoken.tolist() == [datasketch_signature(word_ngrams(known, 5), 112) for known in words_of(texts, words)]
