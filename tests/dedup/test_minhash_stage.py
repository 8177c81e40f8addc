import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest
from dedup.diaries import FOOTER, diary, replaced, without_paragraph
from dedup.parts import Decided, MemoryPart, carry_out, part
from pydantic import ValidationError

from pipeline.barrier import BarrierFiles
from pipeline.dedup.index import IndexFolderError
from pipeline.dedup.minhash import MinHash
from pipeline.text.minhash import signatures
from pipeline.text.shingles import jaccard, shingles
from pipeline.text.sketches import similarity, sketches

Document = tuple[str, str | None, str | None]


Resolved = Callable[..., tuple[Decided, list[MemoryPart]]]


@pytest.fixture
def resolved(tmp_path: Path) -> Resolved:
    """Carry the step out over parts of documents; returns what it decides, and the parts."""
    calls = iter(range(10**6))

    def carried(step: MinHash, *parts: Sequence[Document]) -> tuple[Decided, list[MemoryPart]]:
        memory = [part(f"part-{number}", step, documents) for number, documents in enumerate(parts)]
        return carry_out(step, memory, tmp_path / str(next(calls))), memory

    return carried


def of(*texts: str | None) -> list[Document]:
    return [(f"id-{number}", text, None) for number, text in enumerate(texts)]


def removed(decided: Decided) -> dict[str, str]:
    """Id of each removed document -> id of the kept one."""
    return {row["id"]: row["cluster_id"] for _, table in decided.parts for row in table.to_pylist()}


def explained(decided: Decided) -> list[dict[str, object]]:
    return [row for _, table in decided.parts for row in table.to_pylist()]


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
def test_typography_makes_no_difference(edit, resolved: Resolved) -> None:  # type: ignore[no-untyped-def]
    text = "冷えたラムネを飲み、24日に帰った。" + diary(1)
    assert edit(text) != text
    decided, _ = resolved(MinHash(), of(text, edit(text)))
    rows = explained(decided)
    assert [(row["similarity"], row["bands_shared"], row["cluster_size"]) for row in rows] == [(1.0, 14, 2)]


@pytest.mark.parametrize(
    ("edit", "least", "most"),
    [
        (lambda text: replaced(text, 0.01), 0.8, 0.9),
        (without_paragraph, 0.7, 0.85),
        (lambda text: text + FOOTER, 0.9, 1.0),
    ],
    ids=["1 % of the characters", "a paragraph less", "boilerplate"],
)
def test_small_edits_are_found(edit, least: float, most: float, resolved: Resolved) -> None:  # type: ignore[no-untyped-def]
    text = diary(2, 40)
    assert least < exact(text, edit(text)) < most
    decided, _ = resolved(MinHash(bands=28, rows=4), of(text, edit(text)))
    (row,) = explained(decided)
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
def test_hard_negatives_stay(pair: tuple[str, str], resolved: Resolved) -> None:
    assert exact(*pair) < 0.6
    decided, _ = resolved(MinHash(), of(*pair))
    assert decided.parts[0][0].num_rows == decided.parts[0][1].num_rows == 0


def test_texts_shorter_than_an_ngram_equal_only_themselves(resolved: Resolved) -> None:
    texts = ["本日休業", "本日休業。", "本日休業中", "休業", "本日、休業！", "本日は休業"]
    decided, _ = resolved(MinHash(), of(*texts))
    assert removed(decided) == {"id-0": "id-4", "id-1": "id-4"}


@pytest.mark.parametrize("empty", [None, "", "。。。", "　\n", "\0", "♪"])
def test_texts_without_letters_are_nobodys_duplicates(empty: str | None, resolved: Resolved) -> None:
    decided, _ = resolved(MinHash(), of(empty, empty, diary(8), empty), of(empty))
    assert removed(decided) == {}


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
def test_the_copy_to_keep_follows_the_order_asked_for(keep: tuple[str, ...], kept: str, resolved: Resolved) -> None:
    documents = [
        ("z", COPY, "2024-06-01"),
        ("a", COPY, None),
        ("c", LONGER, "2023-01-01"),
        ("b", LONGER, "2024-01-01"),
        ("d", COPY, "2019-12-31T23:59:59Z"),
    ]
    step = MinHash.model_validate({"keep": keep})
    decided, _ = resolved(step, documents)
    assert set(removed(decided).values()) == {kept}
    assert set(removed(decided)) == {"z", "a", "c", "b", "d"} - {kept}


def test_of_equals_in_all_the_one_of_the_first_part_and_row_stays(resolved: Resolved) -> None:
    same: Document = ("same", COPY, None)
    decided, _ = resolved(MinHash(), [("other", diary(15), None)], [same, same], [same])
    assert [decisions["drop"].to_pylist() for decisions, _ in decided.parts] == [[], [False, True], [True]]


def crowd() -> list[Document]:
    chance = random.Random(3)
    texts = [diary(seed) for seed in range(60)]
    for _ in range(140):
        text = chance.choice(texts)
        texts.append(chance.choice([text, replaced(text, 0.015, chance.randrange(9)), text + FOOTER, text[20:]]))
    return [(f"id-{number:03}", text, None) for number, text in enumerate(texts)]


def test_the_order_of_parts_and_documents_decides_nothing(resolved: Resolved) -> None:
    documents = crowd()
    expected = removed(resolved(MinHash(), documents)[0])
    assert len(expected) > 50
    for seed in range(3):
        shuffled = list(documents)
        random.Random(seed).shuffle(shuffled)
        assert removed(resolved(MinHash(), shuffled[:70], [], shuffled[70:90], shuffled[90:])[0]) == expected


def test_clusters_are_transitive_and_distance_from_the_kept_copy_is_told(resolved: Resolved) -> None:
    drifting = [diary(16)]
    for step in range(8):
        drifting.append(replaced(drifting[-1], 0.008, step))
    decided, _ = resolved(MinHash(), of(*drifting))
    rows = {row["id"]: row for row in explained(decided)}
    assert {row["cluster_id"] for row in rows.values()} == {"id-0"}
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


@pytest.mark.parametrize(
    "options", [{"verify": "estimate"}, {"verify": "doubtful"}, {"verify": "all"}, {"doubtful": 1}]
)
def test_verification_refuses_what_merely_shares_a_bucket(options: dict[str, object], resolved: Resolved) -> None:
    pair = collision()
    assert exact(*pair) < 0.6
    documents = [*of(*pair), ("copy", pair[1], None)]
    decided, _ = resolved(MinHash.model_validate(options), documents)
    assert removed(decided) == {"id-1": "copy"}
    trusting = MinHash(threshold=0, bands=14, rows=8, verify="estimate")
    assert removed(resolved(trusting, documents)[0]) == {"id-0": "copy", "id-1": "copy"}


def estimated(left: str, right: str) -> float:
    sketched = sketches(signatures(pa.array([left, right]), 8, 112)[0])
    return float(similarity(sketched[:1], sketched[1:])[0])


def misjudged() -> tuple[str, str]:
    """Two texts that share a band, look like duplicates by their signatures and are none."""
    for seed in range(3000):
        pair = diary(seed, 12), replaced(diary(seed, 12), 0.024, seed)
        signed, _ = signatures(pa.array(pair), 8, 112)
        shares = np.any(np.all((signed[0] == signed[1]).reshape(14, 8), axis=1))
        if shares and exact(*pair) < 0.69 and 0.72 < estimated(*pair) < 0.79:
            return pair
    raise AssertionError("no such pair")


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ({}, True),
        ({"doubtful": 0.01}, False),
        ({"verify": "estimate"}, False),
        ({"verify": "all", "doubtful": 0}, True),
    ],
)
def test_doubtful_estimates_are_settled_by_the_texts(
    options: dict[str, object], asked: bool, resolved: Resolved
) -> None:
    pair = misjudged()
    decided, parts = resolved(MinHash.model_validate(options), of(*pair))
    assert removed(decided) == ({} if asked else {"id-1": "id-0"})
    assert sorted(row for rows in parts[0].fetched for row in rows) == ([0, 2] if asked else [])


def test_each_text_is_fetched_once_as_left_and_once_as_right(resolved: Resolved) -> None:
    base = diary(17)
    documents = of(base, *(replaced(base, 0.01, seed) for seed in range(30)))
    whole, parts = resolved(MinHash(verify="all"), documents[:10], documents[10:])
    fetched = [row for memory in parts for rows in memory.fetched for row in rows]
    assert [len(memory.fetched) for memory in parts] == [2, 2]
    assert 31 < len(fetched) <= 61
    frugal = MinHash(verify="all").model_copy(update={"memory": 2**14})
    cut, parts = resolved(frugal, documents[:10], documents[10:])
    assert sum(len(memory.fetched) for memory in parts) > 8
    assert explained(cut) == explained(whole)


def test_thousands_of_equal_documents_need_no_text(resolved: Resolved) -> None:
    decided, parts = resolved(MinHash(), [(f"{number:05}", COPY, None) for number in range(5000)])
    assert len(removed(decided)) == 4999
    assert set(removed(decided).values()) == {"00000"}
    assert parts[0].fetched == []


def test_no_parts_and_no_documents(resolved: Resolved) -> None:
    assert resolved(MinHash())[0].parts == []
    decided, _ = resolved(MinHash(), [], [])
    assert [decisions.num_rows for decisions, _ in decided.parts] == [0, 0]


def test_the_sidecar_holds_what_is_promised() -> None:
    step = MinHash(bands=2, rows=3)
    documents = [("a", "𠮷野家、行った日記の続き。", "2024"), ("b", "。", None), ("c", None, None)]
    (sidecar,) = part("part", step, documents).sidecar(["id", "characters", "date", "signature"])
    assert sidecar.column("id").to_pylist() == ["a", "b", "c"]
    assert sidecar.column("characters").to_pylist() == [13, 1, None]
    assert sidecar.column("date").to_pylist() == ["2024", None, None]
    signed, _ = signatures(pa.array(["𠮷野家行った日記の続き"]), 8, 6)
    assert sidecar.column("signature").type == pa.binary(24)
    assert sidecar.column("signature").to_pylist() == [signed[0].astype("<u4").tobytes(), None, None]


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": 0.8},
        {"threshold": 0.0},
        {"verify": "all"},
        {"doubtful": 0.3},
        {"memory": 2**20},
        {"keep_up_to": 2},
    ],
    ids=str,
)
def test_options_of_the_barrier_alone_leave_signatures_as_they_are(options: dict[str, object]) -> None:
    batch = part("part", MinHash(), of(diary(1))).batch
    signed, expected = MinHash.model_validate(options).sign(batch), MinHash().sign(batch)
    assert all(signed[name].equals(expected[name]) for name in expected)
    assert not MinHash.signing & set(options)


@pytest.mark.parametrize(
    ("options", "values"),
    [
        ({}, 112),
        ({"threshold": 0.8}, 112),
        ({"bands": 20, "rows": 10}, 200),
        ({"bands": 2, "rows": 3, "permutations": 10}, 10),
        ({"threshold": 0.8, "permutations": 256}, 256),
    ],
    ids=str,
)
def test_a_signature_has_as_many_values_as_asked_for_or_needed(options: dict[str, object], values: int) -> None:
    step = MinHash.model_validate(options)
    batch = part("part", step, of(diary(1))).batch
    assert step.signed()["signature"] == step.sign(batch)["signature"].type == pa.binary(4 * values)
    assert step.layout().permutations <= values


def test_a_run_that_fits_into_memory_is_not_divided() -> None:
    parts = [part(f"part-{number}", MinHash(), of(diary(number))) for number in range(9)]
    assert {phase.tasks for phase in MinHash().phases(parts)} == {1}


def test_scopes_do_not_meet(resolved: Resolved) -> None:
    documents = [
        ("a", COPY, None, "one", None),
        ("b", COPY, None, "two", None),
        ("c", COPY, None, None, None),
        ("d", COPY, None, "two", None),
        ("e", COPY, None, None, None),
    ]
    decided, _ = resolved(MinHash(scope="dump"), documents)
    assert removed(decided) == {"d": "b", "e": "c"}
    assert removed(resolved(MinHash(), documents)[0]) == {"b": "a", "c": "a", "d": "a", "e": "a"}


class OlderPart(MemoryPart):
    """A part of an older corpus: no document of it was removed there, and its texts are gone."""

    def sidecar(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for batch in super().sidecar([name for name in columns if name != "kept_id"]):
            kept = pa.nulls(batch.num_rows, pa.string())
            yield batch.append_column("kept_id", kept).select(columns) if "kept_id" in columns else batch

    def texts(self, rows: Sequence[int]) -> pa.Array:
        raise AssertionError(f"texts of an older corpus asked for: {rows}")


class Against(MinHash):
    """MinHash with parts of an older corpus in memory, and a state of it that a test may change."""

    older: ClassVar[list[MemoryPart]] = []
    state: ClassVar[str] = "as it was"

    def _older(self, own: Sequence[str]) -> Sequence[MemoryPart]:
        return self.older

    def data(self) -> dict[str, str]:
        return {"older": self.state}


def older(monkeypatch: pytest.MonkeyPatch, *texts: str) -> None:
    documents = [(f"older-{number}", text, None) for number, text in enumerate(texts)]
    monkeypatch.setattr(Against, "older", [OlderPart("older", MinHash(), part("older", MinHash(), documents).batch)])


def test_documents_of_older_corpora_win_and_are_not_decided_on(
    monkeypatch: pytest.MonkeyPatch, resolved: Resolved
) -> None:
    older(monkeypatch, diary(1), COPY, COPY)
    decided, _ = resolved(Against(), of(LONGER, diary(2)), of(diary(1), diary(2)))
    kept = [table["cluster_id"].to_pylist() for _, table in decided.parts]
    assert kept == [["older-1"], ["older-0", "id-1"]]
    assert [table["id"].to_pylist() for _, table in decided.parts] == [["id-0"], ["id-0", "id-1"]]


def test_pairs_with_older_documents_are_judged_by_estimate(monkeypatch: pytest.MonkeyPatch, resolved: Resolved) -> None:
    pair = misjudged()
    older(monkeypatch, pair[0])
    decided, parts = resolved(Against(verify="all"), of(pair[1], diary(1), diary(1)))
    assert removed(decided) == {"id-0": "older-0", "id-2": "id-1"}
    assert sorted(row for rows in parts[0].fetched for row in rows) == [2, 4]


def test_an_older_corpus_that_changes_on_the_way_is_refused(
    monkeypatch: pytest.MonkeyPatch, resolved: Resolved
) -> None:
    work = Against.work

    def changed(self: Against, phase: str, task: int, files: BarrierFiles) -> Iterator[int]:
        if phase == "signatures":
            monkeypatch.setattr(Against, "state", "as it is now")
        return work(self, phase, task, files)

    monkeypatch.setattr(Against, "work", changed)
    with pytest.raises(IndexFolderError, match="changed"):
        resolved(Against(), of(COPY, COPY))


@pytest.mark.parametrize(
    "options",
    [{"shingle": "word"}, {"signature": "datasketch"}, {"shingle": "word", "signature": "datasketch"}, {"ngram": 5}],
    ids=str,
)
def test_other_shingles_and_signatures_find_edits_too(options: dict[str, object], resolved: Resolved) -> None:
    text = diary(2, 40)
    documents = of(diary(3), text, text.replace("。", "．"), text + FOOTER)
    decided, _ = resolved(MinHash.model_validate({**options, "verify": "all"}), documents)
    assert removed(decided) == {"id-1": "id-3", "id-2": "id-3"}


def test_hostile_texts_are_signed_and_compared(resolved: Resolved) -> None:
    texts = [
        "\0" * 9 + "ヌル文字を含む本文です",
        "ヌル文字を含む本文です",
        "\ufdfa" * 50_000,
        "\u3099" * 99,
        "1" * 10**6,
        "2" * 77,
    ]
    decided, _ = resolved(MinHash(), of(*texts))
    assert removed(decided) == {"id-1": "id-0", "id-5": "id-4"}


@pytest.mark.parametrize(
    "options",
    [
        {"ngram": 0},
        {"bands": 0},
        {"rows": 0},
        {"threshold": 1.1},
        {"doubtful": -0.1},
        {"bands": 5},
        {"bands": 15, "rows": 8, "permutations": 112},
        {"gram": 5},
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MinHash.model_validate(options)


def test_the_step_is_named_as_the_field_writes_it() -> None:
    assert MinHash.step_name() == "minhash"
    assert set(MinHash.defaults) < set(MinHash.adds)
    assert set(MinHash.model_fields) >= MinHash.signing
