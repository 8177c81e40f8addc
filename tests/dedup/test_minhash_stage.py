import random
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from dedup.diaries import FOOTER, diary, replaced, without_paragraph
from dedup.parts import MemoryPart
from pydantic import ValidationError

from pipeline.dedup import verification
from pipeline.dedup.minhash import REMOVED, MinHash
from pipeline.text.minhash import estimate, signatures
from pipeline.text.shingles import jaccard, shingles

DECISIONS = {"row": pa.int64(), "drop": pa.bool_(), **MinHash.adds}
Document = tuple[str, str | None, str | None]


def resolved(step: MinHash, *parts: Sequence[Document]) -> tuple[list[Resolution], list[MemoryPart]]:
    memory = [MemoryPart(f"part-{number}", step, documents) for number, documents in enumerate(parts)]
    return list(step.resolve(memory)), memory


def of(*texts: str | None) -> list[Document]:
    return [(f"id-{number}", text, None) for number, text in enumerate(texts)]


def removed(resolutions: Sequence[Resolution]) -> dict[str, str]:
    """Id of each removed document -> id of the kept one."""
    tables = [resolution.removed for resolution in resolutions]
    return {row["id"]: row["minhash_cluster_id"] for table in tables for row in table.to_pylist()}


def exact(left: str, right: str) -> float:
    index = jaccard(*shingles(pa.array([left, right]), 8), np.array([0]), np.array([1]))
    return float(index[0])


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("。", "．").replace("、", "，"),
        lambda text: text.replace("。", "。\n"),
        lambda text: "".join(chr(ord(char) + 0xFEE0) if char.isdecimal() else char for char in text),
        lambda text: "".join("9" if char.isdecimal() else char for char in text),
        lambda text: text.replace("が", "か\u3099"),
        lambda text: text.replace("ラムネ", "ﾗﾑﾈ"),
    ],
    ids=["punctuation", "line breaks", "width of digits", "digits", "combining marks", "width of kana"],
)
def test_typography_makes_no_difference(edit) -> None:  # type: ignore[no-untyped-def]
    text = "冷えたラムネを飲み、24日に帰った。" + diary(1)
    assert edit(text) != text
    resolutions, _ = resolved(MinHash(), of(text, edit(text)))
    rows = resolutions[0].removed.to_pylist()
    assert [(row["similarity"], row["bands_shared"], row["minhash_cluster_size"]) for row in rows] == [(1.0, 14, 2)]


@pytest.mark.parametrize(
    ("edit", "least", "most"),
    [
        (lambda text: replaced(text, 0.01), 0.8, 0.9),
        (without_paragraph, 0.7, 0.85),
        (lambda text: text + FOOTER, 0.9, 1.0),
    ],
    ids=["1 % of the characters", "a paragraph less", "boilerplate"],
)
def test_small_edits_are_found(edit, least: float, most: float) -> None:  # type: ignore[no-untyped-def]
    text = diary(2, 40)
    assert least < exact(text, edit(text)) < most
    resolutions, _ = resolved(MinHash(bands=28, rows=4), of(text, edit(text)))
    (row,) = resolutions[0].removed.to_pylist()
    assert row["similarity"] == pytest.approx(exact(text, edit(text)), abs=0.13)


@pytest.mark.parametrize(
    "pair",
    [
        (diary(3), diary(4)),
        (diary(5), replaced(diary(5), 0.1)),
        (diary(6), "\n".join(diary(6).split("\n")[:2] + diary(7).split("\n")[2:])),
        ("柿か牡蠣か鍵か、" * 30, "柿が牡蠣が鍵が、" * 30),
        ("ハトとバト" * 40, "パトとハド" * 40),
    ],
    ids=["other diary", "10 % of the characters", "half another diary", "voiced marks", "voiced katakana"],
)
def test_hard_negatives_stay(pair: tuple[str, str]) -> None:
    assert exact(*pair) < 0.6
    resolutions, _ = resolved(MinHash(), of(*pair))
    assert resolutions[0].decisions.num_rows == resolutions[0].removed.num_rows == 0


def test_texts_shorter_than_an_ngram_equal_only_themselves() -> None:
    texts = ["本日休業", "本日休業。", "本日休業中", "休業", "本日、休業！", "本日は休業"]
    resolutions, _ = resolved(MinHash(), of(*texts))
    assert removed(resolutions) == {"id-0": "id-4", "id-1": "id-4"}


@pytest.mark.parametrize("empty", [None, "", "。。。", "　\n", "\0", "♪"])
def test_texts_without_letters_are_nobodys_duplicates(empty: str | None) -> None:
    resolutions, _ = resolved(MinHash(), of(empty, empty, diary(8), empty), of(empty))
    assert removed(resolutions) == {}


def test_decisions_name_every_document_of_a_cluster_and_no_other() -> None:
    first, second = diary(9), diary(10)
    resolutions, _ = resolved(MinHash(), of(first, diary(11), second), [("id-3", first + "了", "2020-01-01")], [])
    assert [resolution.part for resolution in resolutions] == ["part-0", "part-1", "part-2"]
    assert [resolution.decisions.to_pylist() for resolution in resolutions] == [
        [{"row": 0, "drop": True, "minhash_cluster_id": "id-3", "minhash_cluster_size": 2}],
        [{"row": 0, "drop": False, "minhash_cluster_id": "id-3", "minhash_cluster_size": 2}],
        [],
    ]
    for resolution in resolutions:
        assert dict(zip(resolution.decisions.schema.names, resolution.decisions.schema.types, strict=True)) == DECISIONS
        assert resolution.removed.schema.equals(REMOVED)


def test_a_removed_document_is_explained() -> None:
    text, copy = diary(12, 40), without_paragraph(diary(12, 40))
    resolutions, _ = resolved(MinHash(bands=28, rows=4), of(diary(13), copy), [("longer", text, None)])
    (row,) = resolutions[0].removed.to_pylist()
    signed, _ = signatures(pa.array([text, copy]), 8, 112)
    shared = int(np.sum(np.all((signed[0] == signed[1]).reshape(28, 4), axis=1)))
    assert row == {
        "row": 2,
        "id": "id-1",
        "minhash_cluster_id": "longer",
        "kept_part": "part-1",
        "bands_shared": shared,
        "similarity": np.float32(exact(text, copy)),
        "similarity_from": "jaccard",
        "minhash_cluster_size": 2,
    }
    assert resolutions[1].removed.num_rows == 0


COPY = diary(14)
LONGER = COPY + "追記、財布は上着のポケットから出てきた。"


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        (("length", "date", "id"), "c"),
        (("length", "id"), "b"),
        (("date", "length", "id"), "d"),
        (("id",), "a"),
        ((), "z"),
    ],
)
def test_the_copy_to_keep_follows_the_order_asked_for(keep: tuple[str, ...], kept: str) -> None:
    documents = [
        ("z", COPY, "2024-06-01"),
        ("a", COPY, None),
        ("c", LONGER, "2023-01-01"),
        ("b", LONGER, "2024-01-01"),
        ("d", COPY, "2019-12-31T23:59:59Z"),
    ]
    step = MinHash.model_validate({"keep": keep})
    resolutions, _ = resolved(step, documents)
    assert set(removed(resolutions).values()) == {kept}
    assert set(removed(resolutions)) == {"z", "a", "c", "b", "d"} - {kept}


def test_of_equals_in_all_the_one_of_the_first_part_and_row_stays() -> None:
    same: Document = ("same", COPY, None)
    resolutions, _ = resolved(MinHash(), [("other", diary(15), None)], [same, same], [same])
    assert [resolution.decisions.to_pydict()["drop"] for resolution in resolutions] == [[], [False, True], [True]]


def crowd() -> list[Document]:
    chance = random.Random(3)
    texts = [diary(seed) for seed in range(60)]
    for _ in range(140):
        text = chance.choice(texts)
        texts.append(chance.choice([text, replaced(text, 0.015, chance.randrange(9)), text + FOOTER, text[20:]]))
    return [(f"id-{number:03}", text, None) for number, text in enumerate(texts)]


def test_the_order_of_parts_and_documents_decides_nothing() -> None:
    documents = crowd()
    expected = removed(resolved(MinHash(), documents)[0])
    assert len(expected) > 50
    for seed in range(3):
        shuffled = list(documents)
        random.Random(seed).shuffle(shuffled)
        assert removed(resolved(MinHash(), shuffled[:70], [], shuffled[70:90], shuffled[90:])[0]) == expected


def test_permuted_parts_give_the_same_resolutions() -> None:
    documents = [*crowd(), *4 * [("same", diary(99), None)]]
    step = MinHash()
    parts = [MemoryPart(f"part-{number}", step, documents[number::4]) for number in range(4)]
    expected = {resolution.part: resolution for resolution in step.resolve(parts)}
    for order in ([3, 1, 0, 2], [1, 0, 3, 2]):
        resolutions = list(step.resolve([parts[number] for number in order]))
        assert [resolution.part for resolution in resolutions] == [f"part-{number}" for number in order]
        for resolution in resolutions:
            assert resolution.decisions.equals(expected[resolution.part].decisions)
            assert resolution.removed.equals(expected[resolution.part].removed, check_metadata=True)


def test_clusters_are_transitive_and_distance_from_the_kept_copy_is_told() -> None:
    drifting = [diary(16)]
    for step in range(8):
        drifting.append(replaced(drifting[-1], 0.008, step))
    resolutions, _ = resolved(MinHash(), of(*drifting))
    rows = {row["id"]: row for row in resolutions[0].removed.to_pylist()}
    assert {row["minhash_cluster_id"] for row in rows.values()} == {"id-0"}
    assert len(rows) == 8
    assert rows["id-8"]["similarity"] < 0.7
    assert rows["id-8"]["similarity"] == pytest.approx(exact(drifting[0], drifting[8]), abs=0.13)


def collision() -> tuple[str, str]:
    """Two texts under the threshold that share a band."""
    for seed in range(1000):
        pair = diary(seed), replaced(diary(seed), 0.05, seed)
        signed, _ = signatures(pa.array(pair), 8, 112)
        if np.any(np.all((signed[0] == signed[1]).reshape(14, 8), axis=1)):
            return pair
    raise AssertionError("no collision")


@pytest.mark.parametrize("doubtful", [0.0, 0.1, 1.0])
def test_verification_refuses_what_merely_shares_a_bucket(doubtful: float) -> None:
    pair = collision()
    assert exact(*pair) < 0.6
    documents = [*of(*pair), ("copy", pair[1], None)]
    resolutions, _ = resolved(MinHash(doubtful=doubtful), documents)
    assert removed(resolutions) == {"id-1": "copy"}
    assert removed(resolved(MinHash(threshold=0, doubtful=0), documents)[0]) == {"id-0": "copy", "id-1": "copy"}


def estimated(left: str, right: str) -> float:
    signed, _ = signatures(pa.array([left, right]), 8, 112)
    return float(estimate(signed, np.array([0], np.uint32), np.array([1], np.uint32))[0])


def misjudged() -> tuple[str, str]:
    """Two texts that share a band, look like duplicates by their signatures and are none."""
    for seed in range(3000):
        pair = diary(seed, 12), replaced(diary(seed, 12), 0.024, seed)
        signed, _ = signatures(pa.array(pair), 8, 112)
        shares = np.any(np.all((signed[0] == signed[1]).reshape(14, 8), axis=1))
        if shares and exact(*pair) < 0.69 and 0.7 < estimated(*pair) < 0.79:
            return pair
    raise AssertionError("no such pair")


def test_doubtful_estimates_are_settled_by_the_texts() -> None:
    pair = misjudged()
    resolutions, parts = resolved(MinHash(), of(*pair))
    assert removed(resolutions) == {}
    assert parts[0].fetched == [[0, 2]]
    trusting, parts = resolved(MinHash(doubtful=0), of(*pair))
    assert removed(trusting) == {"id-1": "id-0"}
    assert trusting[0].removed["similarity_from"].to_pylist() == ["estimate"]
    assert parts[0].fetched == []


def test_each_text_is_fetched_once_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    base = diary(17)
    documents = of(base, *(replaced(base, 0.01, seed) for seed in range(30)))
    step = MinHash(doubtful=1)
    whole, parts = resolved(step, documents[:10], documents[10:])
    fetched = [row for part in parts for rows in part.fetched for row in rows]
    assert [len(part.fetched) for part in parts] == [1, 1]
    assert len(fetched) == 31
    monkeypatch.setattr(verification, "BATCH_CHARACTERS", 3 * len(base))
    cut, parts = resolved(step, documents[:10], documents[10:])
    assert sum(len(part.fetched) for part in parts) > 10
    assert all(a.removed.equals(b.removed) for a, b in zip(whole, cut, strict=True))


def test_thousands_of_equal_documents_cost_one_comparison_each() -> None:
    resolutions, parts = resolved(MinHash(), [(f"{number:05}", COPY, None) for number in range(5000)])
    assert resolutions[0].removed.num_rows == 4999
    assert resolutions[0].removed.schema.metadata == {b"compared": b"4999", b"unverified": b"0"}
    assert set(removed(resolutions).values()) == {"00000"}
    assert parts[0].fetched == []


def test_no_parts_and_no_documents() -> None:
    assert list(MinHash().resolve([])) == []
    resolutions, _ = resolved(MinHash(), [], [])
    assert [resolution.decisions.num_rows for resolution in resolutions] == [0, 0]


def test_the_sidecar_holds_what_is_promised() -> None:
    step = MinHash(bands=2, rows=3)
    sidecar = MemoryPart(
        "part", step, [("a", "𠮷野家、行った日記の続き。", "2024"), ("b", "。", None), ("c", None, None)]
    ).sidecar()
    assert sidecar.column("id").to_pylist() == ["a", "b", "c"]
    assert sidecar.column("characters").to_pylist() == [13, 1, None]
    assert sidecar.column("date").to_pylist() == ["2024", None, None]
    signed, _ = signatures(pa.array(["𠮷野家行った日記の続き"]), 8, 6)
    assert sidecar.column("signature").to_pylist() == [signed[0].astype("<u4").tobytes(), None, None]


def test_hostile_texts_are_signed_and_compared() -> None:
    texts = [
        "\0" * 9 + "ヌル文字を含む本文です",
        "ヌル文字を含む本文です",
        "\ufdfa" * 50_000,
        "\u3099" * 99,
        "1" * 10**6,
        "2" * 77,
    ]
    resolutions, _ = resolved(MinHash(), of(*texts))
    assert removed(resolutions) == {"id-1": "id-0", "id-5": "id-4"}


@pytest.mark.parametrize(
    "options",
    [{"ngram": 0}, {"bands": 0}, {"rows": 0}, {"threshold": 1.1}, {"doubtful": -0.1}, {"keep": ["best"]}, {"gram": 5}],
)
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MinHash.model_validate(options)


def test_the_step_is_named_as_the_field_writes_it() -> None:
    assert MinHash.step_name() == "minhash"
    assert set(MinHash.defaults) == set(MinHash.adds)
    assert set(MinHash.model_fields) >= MinHash.signing
