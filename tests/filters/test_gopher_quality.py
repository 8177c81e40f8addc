import math

import pyarrow as pa
import pytest

from pipeline.filters.gopher_quality import GopherQuality
from pipeline.stage import Interval
from pipeline.text.chars import CHAR_COUNTS, as_column, count_chars

PROSE = (
    "祖母の家は海の近くにあって、夏になると毎年のように遊びに行った。朝は早く起きて、浜辺で貝を拾い、"
    "昼には冷たい麦茶を飲みながら縁側で本を読んだ。夕方、漁から帰った船が港に並ぶのを見るのが好きだった。"
)
OPEN = {signal: Interval() for signal in GopherQuality.signals}


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (PROSE, []),
        ("雨が降った。", ["words.min"]),
        ("アイウエオカキクケコサシスセソのタチツテトナニヌネノハヒフヘホに" * 20, ["mean_word_length.max"]),
        (PROSE.replace("、", "##"), ["hash_ratio.max"]),
        (PROSE.replace("、", "…、"), []),
        (PROSE + "…。" * 30, ["ellipsis_ratio.max", "alpha_words.min"]),
        ("\n".join(f"- {PROSE}" for _ in range(3)), ["bullet_lines.max"]),
        (PROSE + "\n続きは…\nまた明日...", ["ellipsis_lines.max"]),
        (PROSE + " 1 2 3 4 5 6 7 8 9" * 4, ["alpha_words.min"]),
        ("会社概要 採用情報 店舗案内 " * 20, ["stop_words.min"]),
        ("", ["words.min", "stop_words.min"]),
        (None, ["words.min", "stop_words.min"]),
    ],
)
def test_texts_whose_words_are_not_those_of_prose_leave(verdicts, text, reasons):
    assert verdicts(GopherQuality(), text=[text]) == [reasons]


@pytest.mark.parametrize(
    ("signal", "bounds"),
    [
        ("words", Interval(max=10)),
        ("mean_word_length", Interval(min=3)),
        ("hash_ratio", Interval(min=0.01)),
        ("ellipsis_ratio", Interval(min=0.01)),
        ("bullet_lines", Interval(min=0.1)),
        ("ellipsis_lines", Interval(min=0.1)),
        ("alpha_words", Interval(min=0.99)),
        ("stop_words", Interval(min=16)),
    ],
)
def test_every_signal_can_be_bounded(verdicts, signal, bounds):
    side = "min" if bounds.min is not None else "max"
    assert verdicts(GopherQuality(**{**OPEN, signal: bounds}), text=[PROSE]) == [[f"{signal}.{side}"]]


def test_stop_words_are_those_of_the_recipe(verdicts):
    stage = GopherQuality(**{**OPEN, "stop_words": Interval(min=2)}, stop_word_list=("海", "山", "の"))
    assert verdicts(stage, text=["海の絵", "山の絵", "海の山", "絵"]) == [[], [], [], ["stop_words.min"]]


def test_a_text_without_words_has_no_ratios():
    texts = pa.array(["", None, "\n#\0", "\0"])
    batch = pa.record_batch({"text": texts})
    batch = batch.append_column(CHAR_COUNTS, as_column(count_chars(texts)))
    columns = GopherQuality().process(batch).columns
    assert columns["gopher_quality.words"].to_pylist()[:2] == [0, 0]
    assert all(math.isnan(value) for value in columns["gopher_quality.mean_word_length"].to_pylist())
    assert all(math.isnan(value) for value in columns["gopher_quality.bullet_lines"].to_pylist()[:2])
    assert math.isnan(columns["gopher_quality.hash_ratio"][3].as_py())
