"""The ``minhash`` step against the truth: exact Jaccard indices of all pairs of documents, and the band formula."""

import random
from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
import pyarrow as pa
import pytest
from dedup.diaries import diary
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.dedup_quality import ALL, ALL_BUT_TEMPLATES, NGRAM, THRESHOLDS, Quality, groups, judge, predicted, step
from benchmarks.deduplicated import Deduplicated, deduplicate
from benchmarks.edits import EDITS, on_template
from benchmarks.exact_pairs import Pairs, exact_pairs
from benchmarks.near_duplicates import CHARSETS, Document, in_every_charset, made, near_duplicates
from pipeline.modifiers.extract import Extract
from pipeline.schema import RECORD
from pipeline.text.shingles import shingles

KANJI = [chr(code) for code in range(0x4E00, 0x6000)]
TEXTS = st.lists(st.text("あいう", max_size=12) | st.text(max_size=6), max_size=9)


def sets_of(texts: Sequence[str], ngram: int) -> list[set[int]]:
    starts, hashes = shingles(pa.array(texts, pa.string()), ngram)
    return [set(hashes[start:stop].tolist()) for start, stop in pairwise(starts)]


def twin(texts: Sequence[str], ngram: int, least: float) -> list[tuple[int, int, float]]:
    sets = sets_of(texts, ngram)
    pairs = [(a, b) for a, b in combinations(range(len(texts)), 2) if sets[a] & sets[b]]
    indices = [(a, b, len(sets[a] & sets[b]) / len(sets[a] | sets[b])) for a, b in pairs]
    return [found for found in indices if found[2] >= least]


@settings(deadline=None, max_examples=100)  # the first example compiles the kernel
@given(TEXTS, st.integers(1, 3), st.sampled_from([0.01, 0.2, 0.5, 1.0]))
def test_exact_pairs_are_those_of_the_twin(texts: list[str], ngram: int, least: float) -> None:
    pairs = exact_pairs(pa.array(texts, pa.string()), ngram, least)
    assert list(zip(pairs.left.tolist(), pairs.right.tolist(), pairs.index.tolist(), strict=True)) == twin(
        texts, ngram, least
    )


@pytest.mark.parametrize(
    ("edit", "least", "most"),
    [
        ("site furniture added", 0.8, 0.95),
        ("1 % of characters replaced", 0.8, 0.95),
        ("2 % of characters replaced", 0.65, 0.85),
        ("5 % of characters replaced", 0.3, 0.6),
        ("a sixth removed", 0.75, 0.9),
        ("punctuation changed", 1.0, 1.0),
        ("numbers changed", 1.0, 1.0),
    ],
)
def test_edits_leave_the_indices_they_should(edit: str, least: float, most: float) -> None:
    text = diary(1, 60)
    copy = EDITS[edit](text, random.Random(1))
    assert copy != text
    (index,) = exact_pairs(pa.array([text, copy]), NGRAM, 0.01).index
    assert least <= index <= most


def test_pages_of_a_template_are_as_alike_as_their_own_share_says() -> None:
    chance = random.Random(1)
    template, *texts = ["".join(chance.choices(KANJI, k=900)) for _ in range(11)]
    index = exact_pairs(pa.array(on_template(template, texts, (0.4, 0.4), chance)), NGRAM, 0.01).index
    assert index.size == 45
    assert index == pytest.approx(0.6 / (0.6 + 2 * 0.4), abs=0.01)


def test_pages_are_written_in_every_charset_with_their_name() -> None:
    page = '<html><head><meta charset="EUC-JP"></head><body><p>柿と牡蠣の季節になった。</p></body></html>'
    pages = in_every_charset(page.encode("euc_jp"))
    assert [f'charset="{name}"' in page.decode("latin-1") for name, page in zip(CHARSETS, pages, strict=True)] == [
        True
    ] * 4
    rows = [{"content": page, "content_type": "text/html"} for page in pages]
    texts = Extract().process(pa.RecordBatch.from_pylist(rows, RECORD)).columns["text"]
    assert texts.to_pylist() == ["柿と牡蠣の季節になった。"] * 4
    assert in_every_charset("<p>한국어</p>".encode()) == []


@pytest.mark.parametrize(("index", "chance"), [(0.6, 0.211), (0.7, 0.565), (0.8, 0.924), (0.9, 0.9996), (1.0, 1.0)])
def test_band_formula_has_the_known_values(index: float, chance: float) -> None:
    assert predicted(np.array([index]))[0] == pytest.approx(chance, abs=0.0006)


def test_quality_counts_pairs_of_members() -> None:
    truth = Pairs(np.array([0, 0, 3]), np.array([1, 2, 4]), np.array([0.9, 0.8, 0.7]))
    outcome = Deduplicated(np.array([0, 1, 1]), np.array([1, 2, 5]), np.array([0, 0, 0, 3, 4, 0]), np.array([0, 3, 4]))
    everyone = np.ones(6, np.bool_)
    assert judge(truth, outcome, everyone) == Quality(true=3, found=2, joined=3, rightly_joined=1, together=6)
    few = np.array([True, True, False, True, True, False])
    found = judge(truth, outcome, few)
    assert found == Quality(true=2, found=1, joined=1, rightly_joined=1, together=1)
    assert (found.recall, found.precision, found.precision_together) == (0.5, 1.0, 1.0)


def recombined() -> list[Document]:
    return list(made([diary(seed, 36) for seed in range(700)]))


@pytest.fixture(scope="module", params=["recombined", pytest.param("real", marks=pytest.mark.data)])
def documents(request: pytest.FixtureRequest) -> list[Document]:
    return recombined() if request.param == "recombined" else near_duplicates(request.getfixturevalue("shared_data"))


@pytest.fixture(scope="module")
def texts(documents: list[Document]) -> pa.Array:
    return pa.array([document.text for document in documents], pa.string())


@pytest.fixture(scope="module")
def alike(texts: pa.Array) -> Pairs:
    return exact_pairs(texts, NGRAM, min(THRESHOLDS))


@pytest.fixture(scope="module", params=THRESHOLDS)
def threshold(request: pytest.FixtureRequest) -> float:
    return float(request.param)


@pytest.fixture(scope="module")
def outcome(texts: pa.Array, threshold: float, tmp_path_factory: pytest.TempPathFactory) -> Deduplicated:
    return deduplicate(step(threshold), texts, tmp_path_factory.mktemp("outcome"))


def test_joined_pairs_reach_the_threshold(
    documents: list[Document], alike: Pairs, threshold: float, outcome: Deduplicated
) -> None:
    everyone = np.ones(len(documents), np.bool_)
    quality = judge(alike.where(alike.index >= threshold), outcome, everyone)
    assert quality.joined > 300
    assert quality.precision >= 0.995


def test_as_many_pairs_are_found_as_the_band_formula_predicts(
    documents: list[Document], alike: Pairs, threshold: float, outcome: Deduplicated
) -> None:
    """Within 2 points in all sets together, and in every set, but for what chance does to few pairs."""
    truth = alike.where(alike.index >= threshold)
    together = {ALL, ALL_BUT_TEMPLATES}
    for name, members in groups(documents).items():
        inside = truth.where(members[truth.left] & members[truth.right])
        if not inside.size:
            continue
        chance = predicted(inside.index)
        error = 0 if name in together else np.sqrt(np.sum(chance * (1 - chance))) / inside.size
        assert judge(truth, outcome, members).recall >= chance.mean() - 0.02 - 2 * error, name
