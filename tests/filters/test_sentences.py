import json

import numpy as np
import pyarrow as pa
import pytest

from pipeline.filters.sentences import Sentences
from pipeline.stage import Interval
from pipeline.text.chars import count_chars, japanese_letters

PROSE = "朝から雨が降っている。「今日は休みにしよう。それがいい」と父は言って、また布団にもぐった。"
WALL = "新着順に並べた商品の名前を区切りもなく書き連ねただけの文字の壁が続いて" * 30


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (PROSE, []),
        ("第一条　この規則は、別に定める日から施行する。\n附則\n目次", []),
        ("日\n月\n火\n水\n木\n金\n土", ["mean_length.min"]),
        (WALL, ["mean_length.max"]),
        (WALL + PROSE, []),
        ("", []),
        (" \n", []),
        (None, []),
    ],
)
def test_texts_without_sentences_leave(verdicts, text, reasons):
    assert verdicts(Sentences(), text=[text]) == [reasons]


def test_every_signal_can_be_bounded(verdicts):
    stage = Sentences(
        sentences=Interval(min=3),
        median_length=Interval(max=10),
        longest=Interval(max=30),
        long_characters=Interval(max=0.5),
    )
    assert verdicts(stage, text=[PROSE, "あ" * 250 + "。"]) == [
        ["sentences.min", "median_length.max", "longest.max"],
        ["sentences.min", "median_length.max", "longest.max", "long_characters.max"],
    ]


def test_a_text_without_sentences_has_no_mean():
    column = Sentences().process(pa.record_batch({"text": pa.array(["", "雨が降る。"])})).columns
    assert column["sentences.mean_length"].to_pylist() == [None, 5]


@pytest.mark.data
@pytest.mark.parametrize("source", ["livedoor_news", "wikipedia_leads", "jsquad", "aozora", "vimdoc"])
def test_clean_texts_stay(shared_data, source):
    files = sorted(shared_data.glob(f"c_text_{source}/*.jsonl"))
    lines = [line for file in files for line in file.read_text("utf-8").split("\n") if line]
    texts = pa.array([json.loads(line)["text"] for line in lines])
    texts = texts.filter(pa.array(japanese_letters(count_chars(texts)) >= 200))
    dropped = np.any(list(Sentences().process(pa.record_batch({"text": texts})).drops.values()), axis=0)
    assert len(texts) > 5
    assert [text[:80] for text in texts.filter(pa.array(dropped)).to_pylist()] == []
