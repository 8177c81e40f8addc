import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.annotation.agreement import agreement, levels_agreement
from classifiers.annotation.annotations import import_annotations, read_annotations
from classifiers.annotation.rubric import load_rubric
from classifiers.errors import ClassifierError
from classifiers.jsonl import read_line, to_line

QUALITY, SAFETY = load_rubric("quality"), load_rubric("safety")
ROW = {
    "key": "8f00000000000001",
    "source": "朝市",
    "text": "朝市は五時に開く。",
    "items": {"readable": 1, "body": 1, "substance": 1, "coherent": 0, "exemplary": 0},
    "score": 3,
    "genre": "blog_diary",
    "reason": "事実が短く並ぶ",
}
TOXIC = {"key": "k", "text": "死ね、馬鹿野郎。", "labels": {"harassment": 2}, "overall": "toxic"}


def write(path: Path, *rows: object) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_an_import_has_the_form_of_an_annotation_folder(tmp_path: Path) -> None:
    other = {**ROW, "key": "1f00000000000002", "text": "広告のみ", "items": [1, 0, 0, 0, 0], "score": 1, "reason": ""}
    summary = import_annotations(write(tmp_path / "in.jsonl", ROW, other), None, QUALITY, tmp_path / "out")
    rows = read_annotations(tmp_path / "out")
    assert [row["key"] for row in rows] == [other["key"], ROW["key"]]
    assert list(rows[1]) == ["key", "source", "text", "items", "score", "genre", "why"]
    assert rows[1]["items"] == [1, 1, 1, 0, 0]
    assert (rows[1]["why"], rows[1]["source"]) == ("事実が短く並ぶ", "朝市")
    assert (summary.documents, summary.accepted, summary.bad_lines) == (2, 2, {})
    assert json.loads((tmp_path / "out/summary.json").read_bytes()) == summary.model_dump(mode="json")


def test_what_was_exported_can_be_imported_again_unchanged(tmp_path: Path) -> None:
    for rubric, row in ((QUALITY, ROW), (SAFETY, {**TOXIC, "evidence": "死ね"})):
        first, second = tmp_path / rubric.name, tmp_path / f"{rubric.name}-again"
        import_annotations(write(tmp_path / "in.jsonl", row), None, rubric, first)
        import_annotations(first / "annotations.jsonl", None, rubric, second)
        assert (first / "annotations.jsonl").read_bytes() == (second / "annotations.jsonl").read_bytes()


def test_bad_lines_are_discarded_by_number_and_reason(tmp_path: Path) -> None:
    rows = [
        ROW,
        {**ROW, "key": "b", "score": 5},
        "{torn",
        {**ROW, "key": "c", "genre": "poem"},
        {**ROW, "key": "d", "text": ""},
        {**ROW, "score": 3},
        {"key": "e", "text": "判定がない"},
        "",
        {**ROW, "key": "f", "items": "11100"},
    ]
    summary = import_annotations(write(tmp_path / "in.jsonl", *rows), None, QUALITY, tmp_path / "out")
    assert [row["key"] for row in read_annotations(tmp_path / "out")] == [ROW["key"]]
    assert list(summary.bad_lines) == [2, 3, 4, 5, 6, 7, 9]
    assert summary.bad_lines[2] == "score is not the sum of the items: 5, [1, 1, 1, 0, 0]"
    assert summary.bad_lines[6] == f"key twice: {ROW['key']}"
    assert summary.accepted + sum(summary.discarded.values()) == summary.documents == 8


def test_an_import_without_one_good_line_is_refused_and_writes_nothing(tmp_path: Path) -> None:
    file = write(tmp_path / "in.jsonl", {**ROW, "score": 5}, TOXIC)
    with pytest.raises(ClassifierError, match=r"(?s)no annotation under the rubric `quality`.*line 1: score.*line 2: "):
        import_annotations(file, None, QUALITY, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_import_takes_the_documents_from_the_sample_and_reports_keys_it_lacks(tmp_path: Path) -> None:
    document = {
        "key": ROW["key"],
        "text": ROW["text"],
        "reason": "length.characters.min",
        "signals": {"a": 1},
        "host": "h",
    }
    sample = write(tmp_path / "sample.jsonl", document, {**document, "key": "b"})
    bare = {field: value for field, value in ROW.items() if field not in ("text", "source")}
    rows = [bare, {**bare, "key": "x"}, {**bare, "key": "b", "text": "別の文章"}]
    summary = import_annotations(write(tmp_path / "in.jsonl", *rows), sample, QUALITY, tmp_path / "out")
    (row,) = read_annotations(tmp_path / "out")
    assert list(row) == ["key", "text", "reason", "host", "items", "score", "genre", "why"]
    assert (row["reason"], row["why"]) == ("length.characters.min", "事実が短く並ぶ")
    assert summary.bad_lines == {2: "key not in the sample: x", 3: "text is not that of the sample: b"}


def test_another_file_is_not_imported_over_the_first(tmp_path: Path) -> None:
    import_annotations(write(tmp_path / "in.jsonl", ROW), None, QUALITY, tmp_path / "out")
    before = (tmp_path / "out/annotations.jsonl").read_bytes()
    with pytest.raises(ClassifierError, match="imported was"):
        import_annotations(write(tmp_path / "in.jsonl", {**ROW, "key": "b"}), None, QUALITY, tmp_path / "out")
    assert (tmp_path / "out/annotations.jsonl").read_bytes() == before


@pytest.mark.data
@pytest.mark.parametrize(("name", "documents"), [("quality", 1861), ("safety", 490)])
def test_the_shared_annotations_are_imported_without_loss(
    shared_data: Path, tmp_path: Path, name: str, documents: int
) -> None:
    file = shared_data / f"annotations/{name}.jsonl"
    summary = import_annotations(file, None, load_rubric(name), tmp_path / "out")
    assert (summary.documents, summary.accepted) == (documents, documents)
    levels = agreement(load_rubric(name), by_key(tmp_path / "out"), by_key(tmp_path / "out"))
    assert all(head.exact == 1 for head in levels.values())


def by_key(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in read_annotations(folder)}


def test_agreement_is_as_computed_by_hand_on_a_small_table() -> None:
    first, second = [0, 0, 1, 2, 3, 5, 5, 4], [0, 1, 1, 2, 3, 5, 4, 1]
    measured = levels_agreement(first, second)
    assert (measured.documents, measured.exact, measured.within_one) == (8, 0.625, 0.875)
    assert measured.quadratic_kappa == pytest.approx(1 - quadratic_disagreement(first, second), abs=1e-4)
    assert measured.spearman == pytest.approx(33.5 / (41 * 40) ** 0.5, abs=1e-4)  # of the average ranks


def quadratic_disagreement(first: list[int], second: list[int]) -> float:
    observed = sum((a - b) ** 2 for a, b in zip(first, second, strict=True)) / len(first)
    return observed / (sum((a - b) ** 2 for a in first for b in second) / len(first) ** 2)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=30))
def test_any_two_judgements_can_be_compared_and_the_order_of_judges_does_not_matter(
    pairs: list[tuple[int, int]],
) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    measured = levels_agreement(first, second)
    assert measured == levels_agreement(second, first)
    assert 0 <= measured.exact <= measured.within_one <= 1
    if len(set(first + second)) > 1:
        assert measured.quadratic_kappa == pytest.approx(1 - quadratic_disagreement(first, second), abs=1e-4)
    assert levels_agreement(first, first).exact == 1


def test_agreement_is_measured_on_what_both_have_judged() -> None:
    toxic = {"labels": {"harassment": 2}, "overall": "toxic"}
    topic = {"labels": {"harassment": 1}, "overall": "has_toxic_expression"}
    clean = {"labels": {}, "overall": "nontoxic"}
    heads = agreement(SAFETY, {"a": toxic, "b": clean, "c": clean}, {"a": topic, "b": clean, "d": toxic})
    assert list(heads) == [*load_rubric("safety").levels(clean)]
    assert heads["harassment"].documents == 2
    assert (heads["harassment"].exact, heads["harassment"].within_one) == (0.5, 1)
    assert (heads["crime"].exact, heads["crime"].quadratic_kappa) == (1, None)
    assert agreement(SAFETY, {"a": toxic}, {"b": toxic}) == {}


@settings(max_examples=100)
@given(st.dictionaries(st.text(), st.text(st.characters(exclude_categories=[]))))
def test_any_text_survives_a_line(record: dict[str, str]) -> None:
    line = to_line(record)
    line.decode("utf-8")
    assert line.count(b"\n") == 1
    assert read_line(line) == record
