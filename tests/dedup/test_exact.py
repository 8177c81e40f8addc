"""Equal texts and equal URLs."""

from pathlib import Path

import pyarrow as pa
import pytest
from dedup.parts import Decided, MemoryPart, carry_out
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.exact import ExactText, ExactUrl
from pipeline.text.digests import digests

Document = dict[str, str | None]
SCHEMA = pa.schema([(name, pa.string()) for name in ("id", "text", "date", "url", "dump", "host")])


def part(name: str, step: ExactText | ExactUrl, documents: list[Document]) -> MemoryPart:
    return MemoryPart(name, step, pa.RecordBatch.from_pylist(documents, schema=SCHEMA))


def decided(folder: Path, step: ExactText | ExactUrl, *parts: list[Document]) -> Decided:
    return carry_out(step, [part(f"part-{number}", step, documents) for number, documents in enumerate(parts)], folder)


def removed(found: Decided) -> dict[str, str]:
    """Id of each removed document -> id of the kept one."""
    return {row["id"]: row["kept_id"] for _, table in found.parts for row in table.to_pylist()}


def of(field: str, *values: str | None, **others: str) -> list[Document]:
    return [{"id": f"{others.get('dump', 'id')}-{at}", field: value, **others} for at, value in enumerate(values)]


def test_texts_are_equal_whatever_their_typography(tmp_path: Path) -> None:
    texts = ["７時に起きた。", "8時に、起きた!", "7時に起きた。", "時に起きた", None, None, "", "。", "。"]
    assert removed(decided(tmp_path / "form", ExactText(), of("text", *texts))) == {"id-0": "id-1", "id-2": "id-1"}
    as_written = decided(tmp_path / "bytes", ExactText(normalize=False), of("text", *texts))
    assert removed(as_written) == {"id-8": "id-7"}


def test_urls_are_equal_in_their_canonical_form(tmp_path: Path) -> None:
    urls = [
        "http://a.jp/",
        "https://A.jp/index.html?utm_source=x",
        "https://a.jp/b",
        None,
        None,
        "ftp://a.jp",
        "ftp://a.jp",
    ]
    assert removed(decided(tmp_path, ExactUrl(), of("url", *urls))) == {"id-1": "id-0"}


def test_a_removed_document_is_explained(tmp_path: Path) -> None:
    found = decided(tmp_path, ExactText(), of("text", "冬", "夏"), of("text", "冬。", "春", dump="b"))
    assert [decisions.to_pylist() for decisions, _ in found.parts] == [
        [{"row": 0, "drop": True, "exact_text_cluster_id": "b-0", "exact_text_cluster_size": 2}],
        [{"row": 0, "drop": False, "exact_text_cluster_id": "b-0", "exact_text_cluster_size": 2}],
    ]
    assert found.parts[0][1].to_pylist() == [
        {
            "row": 0,
            "id": "id-0",
            "cluster_id": "b-0",
            "kept_id": "b-0",
            "kept_part": "part-1",
            "bands_shared": None,
            "similarity": 1.0,
            "cluster_size": 2,
        }
    ]
    assert found.parts[1][1].num_rows == 0


@pytest.mark.parametrize("scope", ["dump", "host"])
def test_a_scope_keeps_its_own_copy(tmp_path: Path, scope: str) -> None:
    """Documents without the column are a scope of their own."""
    shares = [[{"id": f"{value}-{at}", "text": "同", scope: value} for at in "01"] for value in ("x", "y", None)]
    found = removed(decided(tmp_path, ExactText(scope=scope), shares[0] + shares[1], shares[2]))
    assert found == {"x-1": "x-0", "y-1": "y-0", "None-1": "None-0"}


def test_no_documents_are_no_trouble(tmp_path: Path) -> None:
    assert decided(tmp_path / "none", ExactText()).parts == []
    found = decided(tmp_path / "empty", ExactText(), [], [])
    assert [decisions.num_rows for decisions, _ in found.parts] == [0, 0]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.sampled_from("春夏秋冬") | st.none(), max_size=6), max_size=6), st.integers(0, 5))
def test_of_equal_texts_the_first_stays_whatever_the_memory(
    tmp_path_factory: pytest.TempPathFactory, texts: list[list[str | None]], bits: int
) -> None:
    step = ExactText(keep=()).model_copy(update={"memory": 512 << bits})
    parts = [
        [{"id": f"{number}-{row}", "text": text} for row, text in enumerate(share)]
        for number, share in enumerate(texts)
    ]
    kept: dict[str, str] = {}
    expected = {}
    for document in (document for share in parts for document in share):
        if document["text"] and kept.setdefault(document["text"], document["id"]) != document["id"]:
            expected[document["id"]] = kept[document["text"]]
    assert removed(decided(tmp_path_factory.mktemp("run"), step, *parts)) == expected


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text() | st.none(), max_size=8))
def test_digests_are_equal_where_texts_are(texts: list[str | None]) -> None:
    found = digests(pa.array(texts, pa.string()))
    found.validate(full=True)
    assert [digest is None for digest in found.to_pylist()] == [not text for text in texts]
    assert len({*found.to_pylist(), None}) == len({*texts, None} - {""})


def digest_twin(data: bytes) -> bytes:
    """Plain twin."""

    def mix(value: int) -> int:
        value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        value = (value ^ value >> 27) * 0x94D049BB133111EB % 2**64
        return value ^ value >> 31

    high, low = 1, len(data)
    for byte in data:
        high = mix(high ^ byte + 1)
        low = mix((low + (byte + 1) * 0x9E3779B97F4A7C15) % 2**64)
    return high.to_bytes(8, "little") + low.to_bytes(8, "little")


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_digests_are_those_of_a_plain_loop(texts: list[str]) -> None:
    assert digests(pa.array(texts)).to_pylist() == [digest_twin(text.encode()) for text in texts]
