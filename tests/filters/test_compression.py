import base64
import json
import random
import zlib

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from pipeline.filters.compression import Compression
from pipeline.stage import Interval
from pipeline.text.chars import count_chars, japanese_letters

STORY = (
    "港に着いた船から、最初に降りてきたのは一匹の三毛猫だった。船長はその後ろから、荷札を持って追いかけてくる。"
    "「待ってくれ、まだ検疫が済んでいないんだ」と叫ぶと、猫は振り返り、面倒くさそうに桟橋へ座りこんだ。"
    "税関の老人は眼鏡をずらし、帳面に「乗客、一」と書いてから、煮干しを一本、そっと荷札に結びつけてやった。"
)
NOISE = base64.b64encode(random.Random(7).randbytes(15_000)).decode()
LLMJP_V1 = Compression(codec="zlib", prefix=None, ratio=Interval(min=0.3, max=0.7))


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (STORY, []),
        (STORY * 2, []),
        (STORY * 12, ["ratio.min"]),
        ("ははは" * 400, ["ratio.min"]),
        (NOISE, ["ratio.max"]),
        ("", []),
        (None, []),
    ],
    ids=["story", "the story twice", "the same story again and again", "laughter", "noise", "empty", "null"],
)
def test_repetition_and_noise_leave_and_prose_stays(verdicts, text, reasons):
    assert verdicts(Compression(), text=[text]) == [reasons]


def test_only_the_beginning_counts(verdicts):
    text = [NOISE + "あ" * 100_000]
    assert verdicts(Compression(), text=text) == [["ratio.max"]]
    assert verdicts(Compression(prefix=None), text=text) == [["ratio.min"]]


@pytest.mark.parametrize("codec", ["lz4", "zlib", "zstd"])
def test_every_codec_tells_repetition_from_prose(codec):
    stage = Compression(codec=codec, ratio=Interval())
    texts = pa.array([STORY * 12, STORY, NOISE, "", None])
    *ratios, empty, null = stage.process(pa.record_batch({"text": texts})).columns["compression.ratio"].to_pylist()
    assert ratios == sorted(ratios)
    assert ratios[0] < 0.15
    assert (empty, null) == (None, None)


@pytest.mark.parametrize("text", [STORY, STORY * 2, STORY * 3, NOISE, STORY + "あ" * 30_000, "短い"])
def test_the_rule_of_llmjp_v1_is_zlib_9_over_the_whole_text(verdicts, text):
    ratio = len(zlib.compress(text.encode(), 9)) / len(text.encode())
    expected = ["ratio.min"] * (ratio < 0.3) + ["ratio.max"] * (ratio > 0.7)
    assert verdicts(LLMJP_V1, text=[text]) == [expected]


def test_another_codec_needs_limits_of_its_own():
    with pytest.raises(ValidationError, match="codec zlib needs limits of its own"):
        Compression(codec="zlib")


@pytest.mark.data
@pytest.mark.parametrize("source", ["livedoor_news", "wikipedia_leads", "jsquad", "aozora", "vimdoc"])
def test_clean_texts_stay(shared_data, source):
    files = sorted(shared_data.glob(f"c_text_{source}/*.jsonl"))
    lines = [line for file in files for line in file.read_text("utf-8").split("\n") if line]
    texts = pa.array([json.loads(line)["text"] for line in lines])
    texts = texts.filter(pa.array(japanese_letters(count_chars(texts)) >= 200))
    dropped = np.any(list(Compression().process(pa.record_batch({"text": texts})).drops.values()), axis=0)
    assert len(texts) > 5
    assert [text[:80] for text in texts.filter(pa.array(dropped)).to_pylist()] == []
