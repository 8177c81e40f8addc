from itertools import product

import numpy as np
import pyarrow as pa
import pytest
from dedup.diaries import diary, replaced
from text.ngram_twins import datasketch_signature

from pipeline.text.shingles import jaccard
from pipeline.text.signing import Shingle, Signature, Signing
from pipeline.text.words import WORDS, segment

KINDS: list[tuple[Shingle, Signature]] = list(product(("char", "word"), ("migaki", "datasketch")))
NGRAMS: dict[Shingle, int] = {"char": 8, "word": 5}


def signing(shingle: Shingle, signature: Signature, permutations: int = 112) -> Signing:
    step = Signing(shingle, NGRAMS[shingle], signature, permutations)
    step.open()
    return step


def batch(*texts: str | None) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(texts, pa.string())})


@pytest.mark.parametrize("kind", KINDS)
def test_texts_shorter_than_a_shingle_equal_only_themselves(kind: tuple[Shingle, Signature]) -> None:
    texts = ["本日休業", "本日休業。", "本日休業中", "休業", "本日 休業！", "休業本日", "本"]
    signed, valid = signing(*kind).signatures(batch(*texts))
    left, right = np.triu_indices(len(texts), 1)
    same = {(int(a), int(b)) for a, b in zip(left, right, strict=True) if np.array_equal(signed[a], signed[b])}
    assert valid.all()
    assert same == {(0, 1), (0, 4), (1, 4)}
    assert all(
        np.array_equal(signed[a], signed[b]) or not np.any(signed[a] == signed[b])
        for a, b in zip(left, right, strict=True)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_short_texts_are_no_candidates_of_texts_that_contain_them(kind: tuple[Shingle, Signature]) -> None:
    signed, _ = signing(*kind).signatures(batch("本日休業", "本日休業のお知らせを店の前に貼り出しておいた。"))
    assert not np.any(signed[0] == signed[1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", [None, "", "。、！\n", "\0\u200b", "🍣", "♪ ～ ♪"])
def test_a_text_without_letters_has_no_signature(kind: tuple[Shingle, Signature], text: str | None) -> None:
    signed, valid = signing(*kind, permutations=4).signatures(batch(text, "本"))
    assert valid.tolist() == [False, True]
    assert signed[0].tolist() == [0xFFFFFFFF] * 4
    starts, _ = signing(*kind).shingles(batch(text, "本")["text"])
    assert starts.tolist() == [0, 0, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_estimates_are_near_the_jaccard_index_of_the_shingles(kind: tuple[Shingle, Signature]) -> None:
    texts = [text for seed in range(60) for text in (diary(seed), replaced(diary(seed), 0.02, seed))]
    left, right = np.arange(0, 120, 2), np.arange(1, 120, 2)
    step = signing(*kind)
    signed, _ = step.signatures(batch(*texts))
    exact = jaccard(*step.shingles(pa.array(texts)), left, right)
    error = np.mean(signed[left] == signed[right], axis=1) - exact
    assert 0.5 < exact.mean() < 0.9
    assert abs(error.mean()) < 4 * np.sqrt(np.mean(exact * (1 - exact)) / 112 / error.size)


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_that_are_no_utf8_leave_the_rest_of_a_text(kind: tuple[Shingle, Signature]) -> None:
    sentence = "朝の駅前は静かだ。パンを買って帰る。"
    raw = pa.array([sentence.encode() + b"\xff\xfe", b"\xff\xfe\x80", None, sentence.encode()], pa.binary())
    broken = pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())
    signed, valid = signing(*kind).signatures(pa.record_batch({"text": broken}))
    starts, hashes = signing(*kind).shingles(broken)
    assert valid.tolist() == [True, False, False, True]
    assert signed[0].tolist() == signed[3].tolist()
    assert hashes[starts[0] : starts[1]].tolist() == hashes[starts[3] : starts[4]].tolist() != []


def test_words_that_a_batch_brings_are_used_and_others_found() -> None:
    texts = ["朝、駅前のパン屋へ行った。", "夜、港の市場へ行った。"]
    words = [[{"start": 0, "end": len(texts[0].encode()), "pos": 0}], None]
    brought = batch(*texts).append_column(WORDS, pa.array(words, WORDS.type))
    signed, _ = signing("word", "datasketch").signatures(brought)
    alone, _ = signing("word", "datasketch").signatures(batch(*texts))
    assert signed[0].tolist() == datasketch_signature(["朝駅前のパン屋へ行った"], 112)
    assert signed[1].tolist() == alone[1].tolist()


def test_words_of_the_batch_and_found_anew_are_the_same() -> None:
    texts = batch(*(diary(seed) for seed in range(5)))
    step = signing("word", "datasketch")
    known = step.signatures(texts.append_column(WORDS, segment(texts["text"])))
    assert [part.tolist() for part in known] == [part.tolist() for part in step.signatures(texts)]
