"""Clusters of ``minhash`` against those of datatrove's four steps, over the same shingles in 14 bands of 8."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from datatrove.utils.hashing import HashConfig
from dedup.diaries import FOOTER, diary, replaced, without_paragraph
from pydantic import PrivateAttr
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from benchmarks.datatrove_minhash import MINHASH, Characters, Outcome, Steps, normal_forms
from benchmarks.dedup_quality import BANDS, NGRAM, ROWS, Joined, in_one_band, predicted, step
from benchmarks.deduplicated import deduplicate
from benchmarks.exact_pairs import Mask, Numbers, Pairs, exact_pairs
from benchmarks.near_duplicates import editions, revisions, web_pages
from pipeline.dedup.minhash import MinHash
from pipeline.text.minhash import signatures
from pipeline.text.shingles import shingles

THRESHOLD = 0.7
DOCUMENTS, LONGEST = 2_000, 4_000

BELOW, UNSEEN, UNEXPLAINED = "below the threshold", "not in one band", "unexplained"
CAUSES = {"diaries": Counter({UNSEEN: 62, BELOW: 9})}


class Given(MinHash):
    """The step with signatures from elsewhere; the id of a document is its place among them."""

    _signatures: pa.Array = PrivateAttr()

    @classmethod
    def of(cls, outcome: Outcome, **options: Any) -> "Given":
        given = cls(ngram=NGRAM, bands=BANDS, rows=ROWS, **options)
        values = [row.tobytes() for row in outcome.signatures]
        given._signatures = pa.array(values, given.signed()["signature"], mask=~outcome.signed)
        return given

    def sign(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        own = self._signatures.take(pc.cast(batch["id"], pa.int64()))
        return {**super().sign(batch), "signature": own}


def diaries() -> list[str]:
    texts = [diary(seed) for seed in range(300)]
    texts += [replaced(text, 0.003 * (seed % 8), seed) for seed, text in enumerate(texts)]
    texts += [text + FOOTER for text in texts[:60]] + [without_paragraph(text) for text in texts[60:120]]
    texts += ["", "休業", "本日休業", "本日休業。", "。"]
    random.Random(0).shuffle(texts)
    return texts


def real_documents(data: Path) -> list[str]:
    documents = [*editions(data), *revisions(data), *web_pages(data)]
    random.Random(0).shuffle(documents)
    return [document.text[:LONGEST] for document in documents[:DOCUMENTS]]


@pytest.fixture(scope="module", params=["diaries", pytest.param("real", marks=pytest.mark.data)])
def texts(request: pytest.FixtureRequest) -> pa.Array:
    found = diaries() if request.param == "diaries" else real_documents(request.getfixturevalue("shared_data"))
    return pa.array(found, pa.string())


@pytest.fixture(scope="module")
def theirs(texts: pa.Array, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return Steps(tmp_path_factory.mktemp("datatrove"), NGRAM, BANDS, ROWS).run(texts)


@pytest.fixture(scope="module")
def alike(texts: pa.Array) -> Pairs:
    """All pairs that our step should join if it saw every pair."""
    return exact_pairs(texts, NGRAM, THRESHOLD)


def clusters_of(documents: int, left: Numbers, right: Numbers) -> Numbers:
    """The least document of each document's component."""
    graph = coo_array((np.ones(left.size), (left, right)), (documents, documents))
    _, labels = connected_components(graph, directed=False)
    return np.unique(labels, return_index=True)[1][labels]


def test_shingles_are_the_same(texts: pa.Array, alike: Pairs, tmp_path: Path) -> None:
    """Each text has as many, and texts have as many in common."""
    some = texts.slice(0, 250)
    config = Steps(tmp_path, NGRAM, BANDS, ROWS).config
    config.hash_config = HashConfig(precision=64, hash_fc="sha1")
    signing = MINHASH.MinhashDedupSignature(str(tmp_path), config, Characters())
    peers = [set(signing.get_shingles(form).ravel().tolist()) for form in normal_forms(some)]
    long = np.array([len(form) >= NGRAM for form in normal_forms(some)])
    sizes = np.diff(shingles(some, NGRAM)[0])
    assert [len(found) for found in peers] == np.where(long, sizes, 0).tolist()
    within = alike.where((alike.right < len(some)) & long[alike.left % len(some)])
    indices = [
        len(peers[left] & peers[right]) / len(peers[left] | peers[right])
        for left, right in zip(within.left, within.right, strict=True)
    ]
    assert len(indices) >= 3
    assert within.index.tolist() == indices


def test_same_signatures_give_the_same_clusters(texts: pa.Array, theirs: Outcome, tmp_path: Path) -> None:
    ours = deduplicate(Given.of(theirs, threshold=0), texts, tmp_path)
    assert ours.clusters.tolist() == theirs.clusters.tolist()
    assert ours.kept.size == theirs.kept.size < len(texts) - 50


def test_verification_alone_takes_away_what_is_below_the_threshold(
    texts: pa.Array, theirs: Outcome, alike: Pairs, tmp_path: Path
) -> None:
    ours = deduplicate(Given.of(theirs, threshold=THRESHOLD, verify="all"), texts, tmp_path)
    seen = alike.where(in_one_band(theirs.signatures, alike) & theirs.signed[alike.left])
    assert ours.clusters.tolist() == clusters_of(len(texts), seen.left, seen.right).tolist()
    assert ours.kept.size > theirs.kept.size


def test_every_difference_has_a_cause(
    texts: pa.Array, theirs: Outcome, alike: Pairs, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Pairs that one side joined and the other left apart, with their cause."""
    ours = deduplicate(step(THRESHOLD, verify="all"), texts, tmp_path)
    signed, _ = signatures(texts, NGRAM, BANDS * ROWS)
    long = theirs.signed[alike.left]
    of_ours, of_theirs = in_one_band(signed, alike), in_one_band(theirs.signatures, alike) & long
    found = causes(theirs, ours, alike, of_ours) + causes(ours, theirs, alike, of_theirs)
    assert not found[UNEXPLAINED]
    assert found == CAUSES.get(request.node.callspec.id, found)
    assert_as_predicted(of_ours, alike)
    assert_as_predicted(of_theirs[long], alike.where(long))


def causes(joining: Joined, apart: Joined, alike: Pairs, seen: Mask) -> Counter[str]:
    """Why pairs that one side joined are apart on the other, whose bands have ``seen`` some of the pairs alike."""
    places = {pair: place for place, pair in enumerate(zip(alike.left.tolist(), alike.right.tolist(), strict=True))}
    differing = apart.clusters[joining.left] != apart.clusters[joining.right]
    return Counter(
        BELOW if pair not in places else UNEXPLAINED if seen[places[pair]] else UNSEEN
        for pair in zip(joining.left[differing].tolist(), joining.right[differing].tolist(), strict=True)
    )


def assert_as_predicted(seen: Mask, alike: Pairs) -> None:
    """Pages of one template are found or missed together, so that the share strays further than chance alone would."""
    assert seen.mean() == pytest.approx(predicted(alike.index).mean(), abs=0.05)
    assert seen[alike.index >= 0.95].all()
