"""Labelled tables: what is read, merged and left out, and that nothing goes missing in between."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifiers.annotation.excerpts import key_of
from classifiers.config import Config
from classifiers.errors import ClassifierError
from classifiers.labels.reading import Labelled, read_labels

SENTENCE = "江戸時代の旅人は東海道を歩いて京都へ向かい、宿場町ごとに名物の餅や団子を食べて足を休めた。"
OTHER = "この関数は引数に渡した配列を昇順に並べ替え、新しい配列として返します。元の配列は変わりません。"
SOLD = ("弁当", "蕎麦", "寿司", "饅頭", "煎餅", "羊羹")
LONG = "".join(
    f"{place}番目の駅では{food}が売られ、旅人は発車を待つ間に買って食べた。" for place, food in enumerate(SOLD)
)


def config(*labels: dict[str, Any], kind: str = "ordinal", **target: Any) -> Config:
    defaults: dict[str, Any] = {"path": "labels.jsonl", "licence": "CC0-1.0"}
    if kind == "ordinal":
        defaults["score"] = "score"
    named = [{"name": f"source{place}", **defaults, **label} for place, label in enumerate(labels or [{}])]
    return Config.model_validate(
        {"name": "test", "labels": named, "target": {"kind": kind, **target}, "backend": "linear"}
    )


def write(path: Path, *records: Any) -> None:
    lines = [record if isinstance(record, str) else json.dumps(record, ensure_ascii=False) for record in records]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read(folder: Path, *records: Any, noncommercial: bool = False, **options: Any) -> Labelled:
    write(folder / "labels.jsonl", *records)
    return read_labels(config(options), folder, noncommercial)


def test_an_annotation_folder_and_a_hand_made_file_give_the_same_columns(tmp_path: Path) -> None:
    annotation = {"key": "b", "id": "1", "text": SENTENCE, "score": 4, "genre": "encyclopedic", "host": "A.example.jp"}
    write(tmp_path / "folder" / "annotations.jsonl", annotation)
    write(tmp_path / "hand.jsonl", {"text": OTHER, "score": 2, "url": "https://B.example.jp:80/manual"})
    labelled = read_labels(config({"path": "folder"}, {"path": "hand.jsonl"}), tmp_path)
    rows = {row["key"]: row for row in labelled.table.to_pylist()}
    assert rows["b"]["genre"] == "encyclopedic"
    assert (rows["b"]["host"], rows[key_of(None, OTHER)]["host"]) == ("a.example.jp", "b.example.jp")
    assert [rows["b"]["score"], rows[key_of(None, OTHER)]["score"]] == [4, 2]
    assert labelled.table.column_names[-1] == "score"


def test_the_table_and_its_hash_do_not_depend_on_the_order_of_lines(tmp_path: Path) -> None:
    records = [{"key": f"{place:02}", "text": f"{SENTENCE}{place}", "score": place % 6} for place in range(20)]
    first = read(tmp_path, *records)
    random.Random(0).shuffle(records)
    second = read(tmp_path, *records)
    assert first.table.equals(second.table)
    assert first.hash == second.hash
    changed = [{**record, "score": 5} for record in records]
    assert read(tmp_path, *changed).hash != first.hash


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"text": "日本語", "score": ', "Expecting value"),
        ('["日本語", 3]', "not a JSON object"),
        ('{"text": "日本語"}', "no field `score`"),
        ('{"text": "日本語", "scores": 3}', "did you mean `scores`?"),
        ('{"text": "日本語", "score": 6}', "`score` is 6, not a number from 0 to 5"),
        ('{"text": "日本語", "score": "3"}', "`score` is '3', not a number"),
        ('{"text": "日本語", "score": true}', "`score` is True, not a number"),
        ('{"text": ["日本語"], "score": 3}', "`text` is ['日本語'], not text"),
        ('{"text": "\\ud83d", "score": 3}', "half of a surrogate pair"),
        ("[" * 100_000, "nested"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_bad_line_is_named_with_its_file_and_number(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(ClassifierError) as error:
        read(tmp_path, {"text": SENTENCE, "score": 1}, "", line)
    assert str(error.value).startswith(f"{tmp_path / 'labels.jsonl'}:3: ")
    assert said in str(error.value)


def test_all_bad_lines_are_counted_and_each_problem_is_named_once(tmp_path: Path) -> None:
    bad = [{"text": SENTENCE, "score": -level} for level in (1, 1, 2, 3, 4, 5, 6)]
    with pytest.raises(ClassifierError) as error:
        read(tmp_path, {"text": SENTENCE, "score": 1}, *bad)
    first, second, *_, last = str(error.value).splitlines()
    assert first.endswith("labels.jsonl:2: `score` is -1, not a number from 0 to 5 (and 1 more lines)")
    assert second.endswith("labels.jsonl:4: `score` is -2, not a number from 0 to 5")
    assert last == "and 1 more bad lines"


def test_every_line_is_a_document_or_left_out_for_a_reason(tmp_path: Path) -> None:
    labelled = read(
        tmp_path,
        {"text": SENTENCE, "score": 3, "part": "a"},
        {"text": SENTENCE, "score": 4, "part": "a"},
        {"text": OTHER, "score": None, "part": "a"},
        {"text": " \n", "score": 3, "part": "a"},
        {"text": OTHER, "score": 3, "part": "b"},
        only={"part": ["a"]},
    )
    (source,) = labelled.report["sources"]
    assert source["left_out"] == {"copy": 1, "no_label": 1, "no_text": 1, "other_part": 1}
    assert source["documents"] + sum(source["left_out"].values()) == source["read"] == 5


def test_copies_of_a_text_become_one_document_with_their_mean_level(tmp_path: Path) -> None:
    labelled = read(tmp_path, *[{"key": key, "text": SENTENCE, "score": score} for key, score in [("b", 3), ("a", 4)]])
    assert labelled.targets.tolist() == [[3.5]]
    assert labelled.report["conflicting_copies"] == 1


def test_a_copy_that_measures_speaks_for_one_that_only_teaches(tmp_path: Path) -> None:
    write(tmp_path / "labels.jsonl", {"text": SENTENCE, "score": 3})
    labelled = read_labels(config({"train_only": True}, {"path": "labels.jsonl", "name": "measuring"}), tmp_path)
    assert labelled.table["source"].to_pylist() == ["measuring"]
    assert not labelled.train_only.any()


def test_near_duplicates_are_one_cluster_and_other_texts_are_not(tmp_path: Path) -> None:
    texts = [LONG, LONG.replace("蕎麦", "うどん"), SENTENCE, OTHER, "！？", "。。。"]
    labelled = read(tmp_path, *[{"key": str(place), "text": text, "score": 1} for place, text in enumerate(texts)])
    assert labelled.table["cluster"].to_pylist() == [0, 0, 2, 3, 4, 5]
    assert labelled.report["near_duplicates"] == 2


def test_clusters_of_a_run_are_kept_together_whatever_their_texts(tmp_path: Path) -> None:
    records = [
        {"key": "0", "text": SENTENCE, "score": 1, "cluster": "9f"},
        {"key": "1", "text": OTHER, "score": 1, "cluster": "9f"},
        {"key": "2", "text": LONG, "score": 1, "cluster": None},
    ]
    assert read(tmp_path, *records).table["cluster"].to_pylist() == [0, 0, 2]


def test_a_pattern_makes_two_extractions_of_a_site_one_group(tmp_path: Path) -> None:
    records = [
        {"key": "0", "text": SENTENCE, "score": 1, "site": "law_main"},
        {"key": "1", "text": OTHER, "score": 1, "site": "law_full"},
        {"key": "2", "text": LONG, "score": 1, "site": None},
    ]
    labelled = read(tmp_path, *records, group="site", group_pattern="_(main|full)$")
    assert labelled.table["group"].to_pylist() == ["law", "law", "source0"]


def test_noncommercial_sources_are_left_out_by_name_unless_asked_for(tmp_path: Path) -> None:
    write(tmp_path / "free.jsonl", {"text": SENTENCE, "score": 1})
    write(tmp_path / "bound.jsonl", {"text": OTHER, "score": 1})
    sources = config(
        {"path": "free.jsonl"},
        {"path": "bound.jsonl", "name": "court", "licence": "CC BY-NC 4.0", "noncommercial": True},
    )
    without = read_labels(sources, tmp_path)
    assert without.texts.to_pylist() == [SENTENCE]
    assert [source["name"] for source in without.report["noncommercial_left_out"]] == ["court"]
    assert read_labels(sources, tmp_path, noncommercial=True).table.num_rows == 2


def test_labels_take_their_texts_from_another_file_by_id(tmp_path: Path) -> None:
    write(tmp_path / "texts.jsonl", {"id": "x", "text": SENTENCE})
    assert read(tmp_path, {"id": "x", "score": 2}, texts="texts.jsonl").texts.to_pylist() == [SENTENCE]
    with pytest.raises(ClassifierError, match=r"labels.jsonl:1: no text for id 'y'"):
        read(tmp_path, {"id": "y", "score": 2}, texts="texts.jsonl")


BINARY = {"toxic": {"overall": {"toxic": 1, "nontoxic": 0}, "label": {1: 1, 0: 0}}}


@pytest.mark.parametrize(
    ("record", "options", "expected"),
    [
        ({"overall": "toxic", "label": 0}, BINARY, [1, None]),
        ({"overall": "nontoxic", "label": 0}, BINARY, [0, 0]),
        ({"overall": "nontoxic", "label": 1}, BINARY, [1, None]),
        ({}, {"toxic": 0}, [0, 0]),
        ({}, {"toxic": 1}, [1, None]),
        ({"labels": {"hate": 1}}, {"categories": "labels"}, [0, 0]),
        ({"labels": {"harassment": 2}}, {"categories": "labels"}, [1, 1]),
        ({"labels": {"sexual": 2}}, {"categories": "labels"}, [1, 0]),
        ({"labels": None}, {"categories": "labels", "toxic": 0}, [0, 0]),
    ],
)
def test_binary_heads_say_one_zero_or_nothing(
    tmp_path: Path, record: dict[str, Any], options: dict[str, Any], expected: list[float | None]
) -> None:
    write(tmp_path / "labels.jsonl", {"text": SENTENCE, **record})
    target = config(options, kind="binary", categories={"abuse": ["hate", "harassment"]})
    labelled = read_labels(target, tmp_path)
    assert labelled.heads == ("toxic", "abuse")
    assert [labelled.table[head][0].as_py() for head in labelled.heads] == expected


def test_a_verdict_without_a_meaning_leaves_its_document_out(tmp_path: Path) -> None:
    records = [
        {"text": text, "label": label} for text, label in [(SENTENCE, "unsure"), (OTHER, "bad"), (LONG, ["bad"])]
    ]
    write(tmp_path / "labels.jsonl", *records)
    labelled = read_labels(config({"toxic": {"label": {"bad": 1}}}, kind="binary"), tmp_path)
    assert labelled.texts.to_pylist() == [OTHER]
    assert labelled.report["sources"][0]["left_out"] == {"no_label": 2}


def test_a_severity_beyond_the_scale_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "labels.jsonl", {"text": SENTENCE, "labels": {"hate": 3}})
    with pytest.raises(ClassifierError, match="severity of `hate` is 3, not 0, 1 or 2"):
        read_labels(config({"categories": "labels"}, kind="binary"), tmp_path)


def test_copies_that_disagree_follow_the_majority_and_are_toxic_when_even(tmp_path: Path) -> None:
    said = [(SENTENCE, 1), (SENTENCE, 0), (OTHER, 0), (OTHER, 0), (OTHER, 1)]
    write(tmp_path / "labels.jsonl", *[{"text": text, "label": label} for text, label in said])
    labelled = read_labels(config({"toxic": {"label": {0: 0, 1: 1}}}, kind="binary"), tmp_path)
    assert dict(zip(labelled.texts.to_pylist(), labelled.targets[:, 0], strict=True)) == {SENTENCE: 1, OTHER: 0}


def test_agreement_that_an_annotation_folder_measured_is_the_ceiling(tmp_path: Path) -> None:
    write(tmp_path / "folder" / "annotations.jsonl", {"text": SENTENCE, "score": 4})
    (tmp_path / "folder" / "summary.json").write_text(json.dumps({"agreement": {"score": {"spearman": 0.9}}}))
    labelled = read_labels(config({"path": "folder"}), tmp_path)
    assert labelled.report["sources"][0]["agreement"] == {"score": {"spearman": 0.9}}
    stated = read(tmp_path, {"text": OTHER, "score": 1}, agreement={"score": {"quadratic_kappa": 0.8}})
    assert stated.report["sources"][0]["agreement"] == {"score": {"quadratic_kappa": 0.8}}


@pytest.mark.parametrize("options", [{"group": "sorce"}, {"only": {"sorce": ("a",)}}])
def test_a_misspelt_field_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    write(tmp_path / "labels.jsonl", {"text": SENTENCE, "score": 1, "source": "a"})
    with pytest.raises(ClassifierError, match=r"labels.jsonl:1: no field `sorce`; did you mean `source`"):
        read_labels(config({"path": "labels.jsonl", **options}), tmp_path)


def test_files_that_are_missing_or_hold_no_label_are_named(tmp_path: Path) -> None:
    with pytest.raises(ClassifierError, match=r"nothing.jsonl: no such file"):
        read_labels(config({"path": "nothing.jsonl"}), tmp_path)
    with pytest.raises(ClassifierError, match=r"no labelled document; left out: \w+: no_label 1"):
        read(tmp_path, {"text": SENTENCE, "score": None})


def test_fingerprints_tell_texts_apart_and_stay(tmp_path: Path) -> None:
    labelled = read(tmp_path, {"key": "1", "text": SENTENCE, "score": 1}, {"key": "2", "text": OTHER, "score": 1})
    assert np.unique(labelled.fingerprints).size == 2
    assert labelled.take(np.array([1])).fingerprints[0] == labelled.fingerprints[1]


@pytest.mark.data
def test_the_annotated_set_is_read_whole(shared_data: Path) -> None:
    source = {"path": "annotations/quality.jsonl", "group": "source", "group_pattern": "_(main|full)$"}
    labelled = read_labels(config(source), shared_data)
    assert labelled.report["documents"] == labelled.report["sources"][0]["read"]
    assert set(np.unique(labelled.targets)) == {0, 1, 2, 3, 4, 5}
    assert 0 < labelled.report["near_duplicates"] < 100
