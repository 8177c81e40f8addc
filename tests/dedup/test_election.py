"""Which copies stay, what is said of the others, and what each source lost."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest
from dedup.parts import Decided, MemoryPart, carry_out
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.barrier import BarrierFiles, SidecarPart
from pipeline.dedup.bands import Bands
from pipeline.dedup.decision import REMOVED
from pipeline.dedup.exact import ExactText
from pipeline.dedup.numbering import Numbers
from pipeline.dedup.sources import SOURCES, by_source
from pipeline.text.sketches import Sketches

Document = Mapping[str, Any]
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("id", "text", "date", "dump", "host")),
        ("quality.score", pa.float32()),
        ("stars", pa.int64()),
        ("good", pa.bool_()),
    ]
)
KEEP = ("length", "date", "id")


@dataclass(frozen=True)
class ForeignPart:
    """A part of an older corpus: sidecar columns of signed documents, and which copy was kept there."""

    part: MemoryPart
    kept: list[str | None]

    @property
    def name(self) -> str:
        return self.part.name

    @property
    def rows(self) -> int:
        return self.part.rows

    def sidecar(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for batch in self.part.sidecar([name for name in columns if name != "kept_id"]):
            arrays = {
                **dict(zip(batch.schema.names, batch.columns, strict=True)),
                "kept_id": pa.array(self.kept, pa.string()),
            }
            yield pa.RecordBatch.from_pydict({name: arrays[name] for name in columns})

    def texts(self, rows: Sequence[int]) -> pa.Array:
        raise AssertionError(f"older corpora have no texts: {rows}")


class Drawn(ExactText):
    """Clusters by equal texts, compared by sketches that the host spells out; with parts of older corpora."""

    older: ClassVar[list[SidecarPart]] = []

    def foreign(self) -> Sequence[SidecarPart]:
        return self.older

    def layout(self) -> Bands:
        return Bands(2, 2)

    def sketches(self, files: BarrierFiles, block: int, documents: Numbers) -> Sketches:
        parts = self.all_parts(files.parts)
        names = [b["string.host"].to_pylist() for part in parts for b in part.sidecar(["string.host"])]
        of = [np.frombuffer((name or "0000").encode(), np.uint8) for share in names for name in share]
        return np.array([of[document] for document in documents], np.uint8).reshape(-1, 4)


def part(name: str, step: ExactText, documents: Sequence[Document]) -> MemoryPart:
    return MemoryPart(name, step, pa.RecordBatch.from_pylist([dict(row) for row in documents], schema=SCHEMA))


def decided(folder: Path, step: ExactText, *parts: Sequence[Document]) -> Decided:
    return carry_out(step, [part(f"part-{number}", step, documents) for number, documents in enumerate(parts)], folder)


def removed(found: Decided) -> list[dict[str, Any]]:
    return [row for _, table in found.parts for row in table.to_pylist()]


def kept(folder: Path, step: ExactText, documents: Sequence[Document]) -> list[str]:
    gone = {row["id"] for row in removed(decided(folder, step, documents))}
    return [document["id"] for document in documents if document["id"] not in gone]


COPIES = [
    {"id": "d", "text": "花", "date": "2021", "dump": "wiki", "quality.score": 0.5, "stars": 2, "good": False},
    {"id": "c", "text": "花。。", "date": None, "dump": "CC-1", "quality.score": None, "stars": 3, "good": True},
    {"id": "b", "text": "花。", "date": "2019", "dump": None, "quality.score": math.nan, "stars": None, "good": None},
    {"id": "a", "text": "花。。", "date": "2020", "dump": "CC-2", "quality.score": 0.9, "stars": 3, "good": True},
]


@pytest.mark.parametrize(
    ("keep", "stays"),
    [
        (KEEP, "a"),
        (("length", "id"), "a"),
        (("length",), "c"),
        (("date",), "b"),
        (("id",), "a"),
        ((), "d"),
        (("quality.score",), "a"),
        (("stars",), "c"),
        (("stars", "date"), "a"),
        (("good", {"dump": ("CC-2",)}), "a"),
        (({"dump": ("CC-1", "wiki")},), "c"),
        (({"dump": ("none such", "CC-2")}, "id"), "a"),
        (({"dump": ("none such",)}, "date"), "b"),
        (({"date": ("2021",)},), "d"),
    ],
)
def test_the_keys_decide_in_order(tmp_path: Path, keep: tuple[Any, ...], stays: str) -> None:
    assert kept(tmp_path, ExactText(keep=keep), COPIES) == [stays]


@pytest.mark.parametrize(("seats", "stay"), [(1, "a"), (2, "ca"), (3, "cba"), (4, "dcba"), (9, "dcba")])
def test_so_many_copies_stay(tmp_path: Path, seats: int, stay: str) -> None:
    assert kept(tmp_path, ExactText(keep_up_to=seats), COPIES) == list(stay)


def test_keep_names_columns_that_must_be_there() -> None:
    step = ExactText(keep=("length", "quality.score", {"url": ("x",)}), scope="host")
    assert set(step.required()) == {"text", "id", "date", "quality.score", "url", "host", "dump"}
    assert step.signed()["number.quality.score"] == pa.float64()
    assert step.signed()["string.url"] == pa.string()


@pytest.mark.parametrize("keep", [["dump"], [{"dump": ["a"], "host": ["b"]}], [{}], [7]])
def test_keys_that_mean_nothing_are_refused(keep: list[Any]) -> None:
    with pytest.raises(ValidationError, match="keep"):
        ExactText(keep=keep)


def test_a_column_of_strings_has_no_highest(tmp_path: Path) -> None:
    step = ExactText(keep=("words",))
    batch = pa.RecordBatch.from_pylist([{**COPIES[0], "words": "多い"}])
    with pytest.raises(TypeError, match="`words` holds string, not numbers"):
        step.sign(batch)


@pytest.mark.parametrize(
    ("copies", "weight"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 5), (99, 5), (100, 8), (999, 8), (1000, 1), (1001, 1)]
)
def test_fineweb2_repeats_by_the_size_of_the_cluster(tmp_path: Path, copies: int, weight: int) -> None:
    step = ExactText(weights="fineweb2")
    documents = [{"id": f"{at:04}", "text": "同"} for at in range(copies)]
    decisions = decided(tmp_path, step, documents).parts[0][0].to_pylist()
    assert step.defaults["exact_text_weight"] == 1
    if copies > 1:
        assert [row["exact_text_weight"] for row in decisions] == [weight] + [0] * (copies - 1)


def test_every_source_says_what_it_lost(tmp_path: Path) -> None:
    first = [{"id": "1", "text": "甲", "dump": "x"}, {"id": "2", "text": "乙", "dump": "y"}]
    second = [{"id": at, "text": "甲", "dump": dump} for at, dump in (("3", "x"), ("4", None))]
    found = decided(tmp_path, ExactText(memory=2**16), first, second)
    assert found.explained["sources-00000"].schema == SOURCES
    assert found.explained["sources-00000"].to_pylist() == [
        {"source": "x", "documents": 2, "removed": 1, "share": 0.5},
        {"source": "y", "documents": 1, "removed": 0, "share": 0.0},
        {"source": None, "documents": 1, "removed": 1, "share": 1.0},
    ]


def test_a_removed_document_is_compared_with_the_nearest_copy_that_stays(tmp_path: Path) -> None:
    texts = [("best", "aabb"), ("next", "ccdd"), ("gone", "ccdx"), ("far", "zzzz")]
    step = Drawn(keep=(), keep_up_to=2, source="host")
    documents = [{"id": name, "text": "同", "host": sketch} for name, sketch in texts]
    gone, far = removed(decided(tmp_path, step, documents))
    assert (gone["cluster_id"], gone["kept_id"], gone["bands_shared"]) == ("best", "next", 1)
    assert gone["similarity"] == pytest.approx((3 / 4 - 1 / 256) / (1 - 1 / 256))
    assert (far["cluster_id"], far["kept_id"], far["bands_shared"], far["similarity"]) == ("best", "best", 0, 0.0)


@pytest.mark.parametrize(
    ("relations", "best"), [((None, None), "old-0"), (("old-1", None), "old-1"), (("elsewhere", "elsewhere"), "old-0")]
)
@pytest.mark.parametrize("memory", [512, 2**20])
def test_older_corpora_always_win(
    tmp_path: Path, relations: tuple[str | None, str | None], best: str, memory: int
) -> None:
    """Of theirs, one that stayed stands for the cluster; none is decided on."""
    step = Drawn(source="host").model_copy(update={"memory": memory})
    older = [{"id": f"old-{at}", "text": "同", "host": "aabb"} for at in range(2)]
    parts = [ForeignPart(part("older", step, older), list(relations))]
    own = [{"id": "own-long", "text": "同。。。", "host": "aacc"}, {"id": "own-other", "text": "異", "host": "aacc"}]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Drawn, "older", parts)
        found = decided(tmp_path, step, own)
    assert len(found.parts) == 1
    assert [(row["id"], row["cluster_id"], row["kept_part"], row["cluster_size"]) for row in removed(found)] == [
        ("own-long", best, "older", 3)
    ]
    assert by_source(list(found.explained.values())).to_pylist() == [
        {"source": "aacc", "documents": 2, "removed": 1, "share": 0.5}
    ]


@pytest.mark.parametrize(
    ("relations", "seats", "stay"),
    [
        ((None, None), 2, []),
        ((None, None), 3, ["own-long"]),
        (("old-1", None), 2, ["own-long"]),
        (("old-1", None), 3, ["own-long", "own-short"]),
        (("elsewhere", "elsewhere"), 2, ["own-long"]),
        (("elsewhere", "elsewhere"), 3, ["own-long", "own-short"]),
    ],
)
@pytest.mark.parametrize("memory", [512, 2**20])
def test_copies_that_an_older_corpus_removed_take_no_seats(
    tmp_path: Path, relations: tuple[str | None, str | None], seats: int, stay: list[str], memory: int
) -> None:
    """But one of them does where no corpus at hand kept a copy: it stands for one that lies elsewhere."""
    step = Drawn(source="host", keep_up_to=seats).model_copy(update={"memory": memory})
    older = [{"id": f"old-{at}", "text": "同", "host": "aabb"} for at in range(2)]
    parts = [ForeignPart(part("older", step, older), list(relations))]
    own = [{"id": f"own-{name}", "text": f"同{'。' * more}", "host": "aacc"} for name, more in OWN_COPIES]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Drawn, "older", parts)
        gone = removed(decided(tmp_path, step, own))
    assert sorted({row["id"] for row in own} - {row["id"] for row in gone}) == stay
    kept_there = [f"old-{at}" for at, kept in enumerate(relations) if kept is None] or ["old-0"]
    assert {row["kept_id"] for row in gone} <= {*kept_there, *stay}
    assert {row["cluster_size"] for row in gone} == {5}


OWN_COPIES = [("tiny", 0), ("long", 3), ("short", 2)]
KEYS: list[Any] = ["length", "date", "id", "stars", "quality.score", {"dump": ("y", "x")}]


def order_key(document: Document, number: int, keep: Sequence[Any]) -> list[Any]:
    """Plain twin of the keys."""

    def one(key: Any) -> tuple[bool, Any]:
        if isinstance(key, dict):
            ((column, values),) = key.items()
            return document[column] not in values, values.index(document[column]) if document[column] in values else 0
        value = len(document["text"]) if key == "length" else document[key]
        missing = value is None or (isinstance(value, float) and math.isnan(value))
        return missing, 0 if missing else value if key in ("date", "id") else -value

    return [*(one(key) for key in keep), number]


DOCUMENTS = st.fixed_dictionaries(
    {
        "text": st.builds(lambda text, more: text + "。" * more, st.sampled_from("春夏秋"), st.integers(0, 2)),
        "date": st.sampled_from([None, "2020", "2021-01"]),
        "dump": st.sampled_from([None, "x", "y"]),
        "quality.score": st.sampled_from([None, math.nan, 0.5, 1.0]),
        "stars": st.sampled_from([None, 1, 2**60]),
    }
)


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_the_election_is_that_of_a_plain_sort_whatever_the_memory(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    shares = data.draw(st.lists(st.lists(DOCUMENTS, max_size=6), max_size=6))
    parts = [
        [{**row, "id": f"{row['dump']}{number % 2}{at}"} for at, row in enumerate(rows)]
        for number, rows in enumerate(shares)
    ]
    keep = data.draw(st.permutations(KEYS))[: data.draw(st.integers(0, len(KEYS)))]
    scope = data.draw(st.sampled_from(["global", "dump"]))
    seats = data.draw(st.integers(1, 3))
    step = ExactText(keep=keep, keep_up_to=seats, scope=scope)
    step = step.model_copy(update={"memory": data.draw(st.sampled_from([512, 2048, 2**20]))})
    found = decided(tmp_path_factory.mktemp("run"), step, *parts)

    numbered = list(enumerate(document for rows in parts for document in rows))
    clusters = defaultdict(list)
    for number, document in numbered:
        clusters[document["text"][0], document["dump"] if scope == "dump" else ""].append((number, document))
    fates = {}
    lost: Counter[str | None] = Counter()
    for members in clusters.values():
        ordered = sorted(members, key=lambda member: order_key(member[1], member[0], keep))
        for place, (number, document) in enumerate(ordered if len(ordered) > 1 else ()):
            fates[number] = (place >= seats, ordered[0][1]["id"], len(ordered))
            lost[document["dump"]] += place >= seats
    starts = np.cumsum([0, *map(len, parts)])
    assert fates == {
        start + row["row"] // 2: (row["drop"], row["exact_text_cluster_id"], row["exact_text_cluster_size"])
        for start, (decisions, _) in zip(starts, found.parts, strict=False)
        for row in decisions.to_pylist()
    }
    assert all(table.schema == REMOVED for _, table in found.parts)
    assert len(removed(found)) == sum(drop for drop, _, _ in fates.values())
    totals = Counter(document["dump"] for _, document in numbered)
    summed = by_source(list(found.explained.values())).to_pylist()
    assert {row["source"]: (row["documents"], row["removed"]) for row in summed} == {
        source: (count, lost[source]) for source, count in totals.items()
    }
