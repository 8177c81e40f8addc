import json
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from dedup.twins import splitmix64
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.minhash import BLOCK, band_keys, family, signatures
from pipeline.text.shingles import jaccard, normal_form, shingles
from pipeline.text.sketches import similarity, sketches

UNICODE = st.text(st.characters(exclude_categories=["Cs"]))
STARTED = settings(deadline=None)  # the first example compiles the kernel
HIRAGANA = [chr(code) for code in range(0x3042, 0x3094)]
PAIRS_OF_VALUES = st.lists(st.lists(st.integers(0, 2), min_size=6, max_size=6), min_size=1)


def signature_twin(text: str | None, ngram: int, permutations: int) -> list[int] | None:
    column = pa.array([text], pa.string())
    _, hashes = shingles(column, ngram)
    if not hashes.size:
        return None
    if normal_form(column)[1].size <= ngram:
        return [splitmix64((int(hashes[0]) + place) % 2**64) >> 32 for place in range(permutations)]
    factors, shifts = family(permutations).tolist()
    halves = [int(value) >> 32 for value in hashes]
    return [min((a * half + b) % 2**32 for half in halves) for a, b in zip(factors, shifts, strict=True)]


@STARTED
@given(st.lists(st.none() | UNICODE), st.integers(1, 5), st.integers(1, 20))
def test_signatures_are_those_of_their_twin(texts: list[str | None], ngram: int, permutations: int) -> None:
    signed, valid = signatures(pa.array(texts, pa.string()), ngram, permutations)
    found = [values.tolist() if has else None for values, has in zip(signed, valid, strict=True)]
    assert found == [signature_twin(text, ngram, permutations) for text in texts]


def test_short_texts_whose_hashes_agree_in_their_upper_half_are_told_apart() -> None:
    texts = pa.array(["仑佡厎列喇午", "历乂佉偁佂冒"])
    _, hashes = shingles(texts, 8)
    assert len({int(value) >> 32 for value in hashes}) == 1
    signed, _ = signatures(texts, 8, 112)
    assert not np.any(signed[0] == signed[1])


@pytest.mark.parametrize("text", [None, "", "。、！\n", "\0\u200b", "🍣"])
def test_a_text_without_letters_has_no_signature(text: str | None) -> None:
    signed, valid = signatures(pa.array([text], pa.string()), 8, 4)
    assert valid.tolist() == [False]
    assert signed.tolist() == [[0xFFFFFFFF] * 4]


def test_factors_are_odd_and_permutations_distinct() -> None:
    constants = family(112)
    assert np.all(constants[0] % 2 == 1)
    assert len(set(map(tuple, constants.T.tolist()))) == 112


def test_stored_signatures_stay_comparable() -> None:
    signed, _ = signatures(pa.array(["朝、駅前のパン屋へ行った。焼きたての食パンを二斤買う。"]), 8, 4)
    assert signed.tolist() == [[227230776, 28477086, 339808582, 36420323]]


@pytest.mark.parametrize("ngram", [1, 8, 9])
@pytest.mark.parametrize("size", [1, 7, 8, 9, BLOCK, BLOCK + 1, BLOCK + 7, BLOCK + 8, 3 * BLOCK + 5])
def test_blocks_leave_no_seam(size: int, ngram: int) -> None:
    text = "".join(random.Random(size).choices(HIRAGANA, k=size))
    signed, _ = signatures(pa.array([text]), ngram, 30)
    assert signed[0].tolist() == signature_twin(text, ngram, 30)


def test_signatures_of_texts_do_not_depend_on_their_neighbours() -> None:
    texts = ["長い文章の後に来る短い文。" * 500, "短い", "", "中くらいの長さの文章です。"]
    together, _ = signatures(pa.array(texts), 8, 112)
    alone = [signatures(pa.array([text]), 8, 112)[0][0].tolist() for text in texts]
    assert together.tolist() == alone
    assert signatures(pa.array(texts)[1:], 8, 112)[0].tolist() == alone[1:]
    assert signatures(pa.array(texts, pa.large_string()), 8, 112)[0].tolist() == alone


def edited(text: str, share: float, chance: random.Random) -> str:
    return "".join(chance.choice(HIRAGANA) if chance.random() < share else char for char in text)


def errors(texts: list[str], left: list[int], right: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Estimate minus true Jaccard index of pairs, and the true one."""
    array = pa.array(texts)
    pairs = np.array(left), np.array(right)
    exact = jaccard(*shingles(array, 8), *pairs)
    sketched = sketches(signatures(array, 8, 112)[0])
    return similarity(sketched[pairs[0]], sketched[pairs[1]]) - exact, exact


def assert_unbiased(error: np.ndarray, exact: np.ndarray) -> None:
    expected = np.sqrt(np.mean(exact * (1 - exact)) / 112)
    assert abs(error.mean()) < 4 * expected / np.sqrt(error.size)
    assert np.sqrt(np.mean(error**2)) == pytest.approx(expected, rel=0.15)


def test_the_estimate_is_unbiased_with_the_variance_of_minhash() -> None:
    chance = random.Random(20)
    texts: list[str] = []
    for _ in range(600):
        text = "".join(chance.choices(HIRAGANA, k=chance.randrange(300, 900)))
        texts += [text, edited(text, chance.choice([0.005, 0.01, 0.02, 0.05, 0.1]), chance)]
    error, exact = errors(texts, list(range(0, 1200, 2)), list(range(1, 1200, 2)))
    assert_unbiased(error, exact)
    assert abs(error.mean()) < 0.01


@pytest.mark.data
def test_the_estimate_is_unbiased_on_real_editions(shared_data: Path) -> None:
    folder = shared_data / "f_neardup_aozora"
    documents = {
        record["id"]: record["text"]
        for record in map(json.loads, (folder / "docs.jsonl").read_text(encoding="utf-8").splitlines())
    }
    place = {name: index for index, name in enumerate(documents)}
    pairs = [
        (place[pair["id_a"]], place[pair["id_b"]])
        for pair in map(json.loads, (folder / "pairs.jsonl").read_text(encoding="utf-8").splitlines())
        if pair["id_a"] in place and pair["id_b"] in place
    ]
    error, exact = errors(list(documents.values()), *map(list, zip(*pairs, strict=True)))
    assert error.size >= 50
    assert abs(error.mean()) < 0.01
    assert np.sqrt(np.mean(error**2)) < 1.3 * np.sqrt(np.mean(exact * (1 - exact)) / 112)


@STARTED
@given(PAIRS_OF_VALUES, st.integers(1, 3), st.integers(1, 2))
def test_keys_are_equal_where_bands_and_seeds_are(values: list[list[int]], bands: int, rows: int) -> None:
    signed = np.array(values, np.uint32)
    seeds = np.arange(signed.shape[0], dtype=np.uint64) % 3
    seen: dict[int, tuple[int, ...]] = {}
    for row, seed, keys in zip(values, seeds.tolist(), band_keys(signed, bands, rows, seeds).tolist(), strict=True):
        assert len(keys) == bands
        for band, key in enumerate(keys):
            content = (seed, band, *row[band * rows : (band + 1) * rows])
            assert seen.setdefault(key, content) == content
    assert len(seen) == len(set(seen.values()))
