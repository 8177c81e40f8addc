import pyarrow as pa
import pytest

from pipeline.filters.words import Words
from pipeline.text.chars import CHAR_COUNTS, as_column, count_chars
from pipeline.text.words import fill

PROSE = (
    "祖母の家は海の近くにあって、夏になると毎年のように遊びに行った。\n朝は早く起きて、浜辺で貝を拾うのが好きだった。"
)
LAW = "第一条　運送人ハ貨物ヲ受取リタルトキハ遅滞ナク之ヲ荷受人ニ通知スヘシ"


def batch_of(*texts: str | None) -> pa.RecordBatch:
    column = pa.array(texts, pa.string())
    return pa.record_batch({"text": column, CHAR_COUNTS.name: as_column(count_chars(column))})


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (PROSE, []),
        (LAW, []),
        ("internationalization のとは misunderstanding", ["mean_word_length.max"]),
        (PROSE + " 10 20 30 40 50 60 70 80 90" * 4, ["alpha_words.min"]),
        ("昨日食べた朝ごはん\n今日食べた昼ごはん", ["stop_words.min"]),
        (PROSE.replace("、", "\n").replace("。", "\n\n\n\n") + "\n" * 20, ["newlines_per_word.max"]),
        ("東京 大阪 京都 愛知 福岡 長野 広島 岡山 仙台 新潟 静岡 奈良と熊本の水に", ["noun_share.max"]),
        ("", ["stop_words.min"]),
        (None, ["stop_words.min"]),
    ],
)
def test_texts_whose_words_are_not_those_of_prose_leave(verdicts, text, reasons):
    assert verdicts(Words(), text=[text]) == [reasons]


def test_the_signals_count_words_and_parts_of_speech():
    columns = Words().process(batch_of("犬と猫が、庭で遊ぶ。\n")).columns
    scores = {name: columns[f"words.{name}"][0].as_py() for name in Words.signals}
    assert scores["words"] == 7
    assert scores["mean_word_length"] == pytest.approx(8 / 7)
    assert scores["alpha_words"] == 1
    assert scores["stop_words"] == 3
    assert scores["newlines_per_word"] == pytest.approx(1 / 9)
    assert scores["noun_share"] == pytest.approx(3 / 7)


def test_segmented_documents_score_alike_wherever_they_lie_in_a_batch():
    batch = fill(batch_of(PROSE, "本を読む。", LAW))
    whole, part = Words().process(batch).columns, Words().process(batch.slice(1, 2)).columns
    assert {name: whole[name].slice(1, 2).to_pylist() for name in ("words.words", "words.noun_share")} == {
        name: part[name].to_pylist() for name in ("words.words", "words.noun_share")
    }
