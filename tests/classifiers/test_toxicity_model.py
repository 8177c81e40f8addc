"""The toxicity model that ships: its configuration, its own examples, and what it says of plain cases."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from classifiers.config import Config, load_config
from classifiers.model import load
from classifiers.serving.toxicity import Toxicity
from classifiers.serving.windows import windows
from pipeline.recipe import load as load_recipe

STEP = next(step for step in load_recipe("ja_web").steps if isinstance(step, Toxicity))
CUT, WINDOW = STEP.toxic.max, STEP.window


@pytest.fixture(scope="module")
def config() -> Config:
    return load_config("toxicity_ja")


def lines(config: Config, name: str) -> list[dict[str, object]]:
    path: Path = config.folder / name
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def toxic(text: str) -> float:
    return float(load("toxicity_ja").predict(pa.array([text]))["toxic"][0])


def test_no_example_stands_on_both_sides(config: Config) -> None:
    texts = [row["text"] for row in lines(config, "toxicity_ja.examples.jsonl")]
    assert len(set(texts)) == len(texts)


def test_labels_of_boards_come_without_texts(config: Config) -> None:
    assert {tuple(sorted(row)) for row in lines(config, "toxicity_ja.boards.jsonl")} == {
        ("id", "labels", "overall", "read", "source")
    }


def test_sources_under_noncommercial_terms_did_not_take_part(config: Config) -> None:
    marked = {labels.name for labels in config.labels if labels.noncommercial}
    assert marked == {"court", "court_labels", "xsafety"}
    assert not load("toxicity_ja").about.noncommercial


@pytest.mark.parametrize(
    "text",
    [
        "お前みたいな無能なゴミはさっさと死ねよ、キモいんだよ。",
        "在日は日本から出ていけ。あいつらは全員犯罪者だ。",
        "素人のハメ撮り動画を無修正で配信中。中出しセックスの連続。",
    ],
)
def test_attacks_and_explicit_text_are_above_the_shipped_cut(text: str) -> None:
    assert toxic(text) > CUT


@pytest.mark.parametrize(
    "text",
    [
        "自殺を考えている人のための相談窓口を、厚生労働省がまとめた。",
        "強姦罪の構成要件は、二〇一七年の刑法改正で見直され、名称も強制性交等罪に改められた。",
        "同性愛者の権利をめぐる裁判で、東京高裁は国の責任を認める判決を言い渡した。",
        "乳がん検診では、乳房のしこりや乳首からの分泌物を医師が確かめる。",
        "在日韓国人の歴史を学ぶ展示が、大阪の博物館で始まった。",
        "パチンコ店の前でマイクロソフトの社員がマラソンの話をしていた。",
    ],
)
def test_text_that_only_speaks_of_such_things_is_below_it(text: str) -> None:
    assert toxic(text) < CUT


def test_a_window_finds_abuse_that_a_long_page_hides() -> None:
    clean = "梅雨は、北海道と小笠原諸島を除く日本で五月から七月にかけて続く、曇りや雨の多い期間である。" * 10
    page = clean + "お前みたいな無能なゴミはさっさと死ねよ、キモいんだよ。" * 5 + clean
    parts, _ = windows(pa.array([page]), WINDOW)
    assert toxic(page) < CUT < np.max(load("toxicity_ja").predict(parts)["toxic"])
