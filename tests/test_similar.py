"""The documents most like a text, in runs and in indexes."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from dedup.crawls import run, shard
from dedup.diaries import diary, replaced
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import carry_out, write_toy_recipe

from pipeline.dedup.minhash import MinHash
from pipeline.indexing import build
from pipeline.runfolder import RunFolderError
from pipeline.similar import QueryError, in_index, in_run, lossless, neighbours, sign, text_of
from pipeline.text.signing import Signing

KINDS: list[Mapping[str, object]] = [
    {},
    {"signature": "datasketch"},
    {"shingle": "word"},
    {"shingle": "word", "signature": "datasketch"},
    {"threshold": 0.8, "ngram": 5},
]


def documents() -> list[tuple[str, str]]:
    near = [(f"near-{number}", replaced(diary(1), number / 800, number)) for number in range(4)]
    far = [(f"far-{number}", diary(10 + number)) for number in range(40)]
    return [*near, *far, ("empty", "。"), ("short", "休業")]


@pytest.fixture(params=KINDS, ids=lambda options: "-".join(map(str, options.values())) or "default")
def finished(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A run over two shards; `near-0` stands for the other documents near to it."""
    rows = documents()
    shard(tmp_path / "in/0.jsonl", rows[2:20], "2021-01-01")
    shard(tmp_path / "in/1.jsonl", [*rows[:2], *rows[20:]], "2021-01-01")
    return run(tmp_path / "run", tmp_path / "in", **request.param)


def test_the_nearest_documents_come_first_with_what_became_of_them(finished: Path, tmp_path: Path) -> None:
    found = in_run(str(finished), diary(1), 0.55, 10)
    assert {near.id for near in found} == {f"near-{number}" for number in range(4)}
    assert [near.similarity for near in found] == sorted((near.similarity for near in found), reverse=True)
    assert (found[0].id, found[0].similarity, found[0].kept_id) == ("near-0", 1.0, None)
    assert [near.kept_id for near in found[1:]] == ["near-0"] * 3
    assert all(near.url == f"https://example.jp/{near.id}" for near in found)
    build(str(tmp_path / "index"), str(finished))
    of_index = in_index(str(tmp_path / "index"), diary(1), 0.55, 10)
    assert [(near.id, near.similarity, near.kept_id) for near in of_index] == [
        (near.id, near.similarity, near.kept_id) for near in found
    ]


def test_top_and_threshold_bound_the_answer(finished: Path) -> None:
    whole = in_run(str(finished), diary(1), 0.55, 10)
    assert in_run(str(finished), diary(1), 0.55, 2) == whole[:2]
    assert in_run(str(finished), diary(1), 1.0, 10) == whole[:1]
    assert in_run(str(finished), diary(999), 0.55, 10) == []
    assert [near.id for near in in_run(str(finished), "休業。", 1.0, 10)] == ["short"]


@pytest.mark.parametrize("asked", ["", "。。。", "♪ \n", "\0"])
def test_a_text_that_nothing_can_be_like_is_refused(asked: str) -> None:
    with pytest.raises(QueryError, match="no letter or digit"):
        sign(text_of(asked), Signing("char", 8, "migaki", 112))


def test_words_are_taken_as_they_are_and_files_are_read(tmp_path: Path) -> None:
    page = tmp_path / "page.txt"
    page.write_text("本日は晴天なり。", encoding="utf-8")
    assert text_of(str(page)) == "本日は晴天なり。"
    assert text_of("本日は晴天なり。") == "本日は晴天なり。"
    assert text_of("長" * 5000) == "長" * 5000
    page.write_bytes("本日は晴天なり。".encode("euc-jp"))
    with pytest.raises(QueryError, match=r"page\.txt: cannot be read as UTF-8 text"):
        text_of(str(page))


@pytest.mark.parametrize("asked", ["paeg.txt", "texts/page", "./ページ", "お知らせ.html", "ja\\page.md"])
def test_a_mistyped_file_name_is_no_text(asked: str) -> None:
    with pytest.raises(QueryError, match="no such file; give a text file, or the words themselves"):
        text_of(asked)


@pytest.mark.parametrize("asked", ["1/2の確率", "and/or と書く", "v1.txtを読む", "http://example.jp/ のページ"])
def test_words_with_a_slash_or_a_dot_are_words(asked: str) -> None:
    assert text_of(asked) == asked


def test_a_folder_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="a folder"):
        text_of(str(tmp_path))


def test_an_argument_that_is_no_unicode_is_signed_too() -> None:
    signing = Signing("char", 8, "migaki", 112)
    assert np.array_equal(sign("本日は\udce3晴天なり", signing), sign("本日は晴天なり", signing))


def test_signatures_of_one_value_are_refused() -> None:
    with pytest.raises(QueryError, match="too little"):
        sign("本日は晴天なり。", Signing("char", 8, "migaki", 1))


def test_a_run_without_minhash_is_refused(tmp_path: Path, shards: Path) -> None:
    carry_out(write_toy_recipe(tmp_path / "recipe.yaml"), shards, tmp_path / "run")
    with pytest.raises(RunFolderError, match="recipe `toy` has no step `minhash`"):
        in_run(str(tmp_path / "run"), "本日は晴天なり。", 0.5, 10)


class _Signed:
    """A part of signatures alone."""

    name = "part"

    def __init__(self, signatures: np.ndarray, batch: int) -> None:
        self.signatures, self.batch = signatures, batch

    @property
    def rows(self) -> int:
        return len(self.signatures)

    def sidecar(self, columns):  # type: ignore[no-untyped-def]
        for start in range(0, self.rows, self.batch):
            share = self.signatures[start : start + self.batch]
            rows = range(start, start + len(share))
            signed = [None if not row.any() else row.tobytes() for row in share]
            arrays = [
                pa.array(rows, pa.int64()),
                pa.array([str(row) for row in rows]),
                pa.array(signed, pa.binary(4 * share.shape[1])),
            ]
            yield pa.RecordBatch.from_arrays(arrays, names=["row", "id", "signature"]).select(columns)

    def texts(self, rows):  # type: ignore[no-untyped-def]
        raise AssertionError


@settings(deadline=None, max_examples=60)
@given(
    st.integers(2, 24).flatmap(
        lambda values: st.tuples(
            st.lists(st.lists(st.integers(0, 3), min_size=values, max_size=values), min_size=1, max_size=30),
            st.lists(st.integers(0, 3), min_size=values, max_size=values),
        )
    ),
    st.floats(0.01, 1),
    st.integers(1, 9),
)
def test_no_document_of_the_similarity_asked_for_is_missed(
    case: tuple[list[list[int]], list[int]], threshold: float, batch: int
) -> None:
    signatures, query = (np.array(values, np.uint32) for values in case)
    shares = (signatures == query).mean(axis=1)
    rows = [row for row in range(len(signatures)) if signatures[row].any() and shares[row] >= threshold]
    expected = sorted(rows, key=lambda row: (-shares[row], row))
    found = neighbours([_Signed(signatures, batch)], query, threshold, len(signatures))
    assert [(near.row, near.similarity) for near in found] == [(row, shares[row]) for row in expected]


@settings(deadline=None)
@given(st.floats(0.01, 1), st.integers(2, 300))
def test_a_layout_has_more_bands_than_values_may_differ(threshold: float, permutations: int) -> None:
    bands, rows = lossless(threshold, permutations)
    fewest = min(equal for equal in range(permutations + 1) if equal / permutations >= threshold)
    assert bands > permutations - fewest or bands == permutations
    assert bands >= 2
    assert rows >= 1
    assert bands * rows <= permutations


def test_signing_is_that_of_the_step() -> None:
    step = MinHash(ngram=5)
    (signed,) = step.sign(
        pa.RecordBatch.from_pydict({name: pa.array([diary(1)]) for name in ("id", "text", "date", "dump")})
    )["signature"].to_pylist()
    assert sign(diary(1), step.signing_of()).tobytes() == signed
