import json

import numpy as np
import pyarrow as pa
import pytest

from pipeline.filters import language
from pipeline.filters.language import Language
from pipeline.stage import Interval

MANUAL = "まず設定画面を開き、名前を入れてから保存ボタンを押します。" * 20


def identified(texts):
    outcome = Language().process(pa.record_batch({"text": pa.array(texts, pa.string())}))
    return list(zip(*(column.to_pylist() for column in outcome.columns.values()), strict=True))


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("朝ごはんに納豆と味噌汁を食べた。", []),
        ("朝ごはんに\n納豆と\n\n味噌汁を食べた。", []),
        ("商品名: USB Type-C Cable 2m Black\n在庫あり。すぐに送ります。", []),
        ("I had natto and miso soup for breakfast this morning.", ["language"]),
        ("本公司成立於一九九八年，主要從事電子產品的研發與銷售。", ["language"]),
        ("会社概要 採用情報", ["language"]),
        ("오늘 아침에는 밥과 된장국을 먹었습니다.", ["language"]),
        ("12:00 - 13:00 ★★★", ["language"]),
        ("", ["language"]),
        (None, []),
    ],
)
def test_texts_that_are_not_japanese_leave(verdicts, text, reasons):
    found = verdicts(Language(), text=[text])[0]
    assert [reason for reason in found if reason == "language"] == reasons
    assert reasons or not found


def test_kana_decide_without_the_model():
    assert identified(["これは日本語です。", None]) == [("ja", 1.0, "Jpan"), (None, None, None)]


def test_a_long_japanese_part_decides_for_a_text_in_two_languages():
    english = "First open the settings, enter a name, and press the save button. " * 20
    assert identified([MANUAL + english])[0][:2] == ("ja", 1.0)
    assert identified([MANUAL[:58] + english])[0][0] == "en"


def test_kanji_alone_are_of_no_determined_language():
    assert identified(["東京特許許可局", "刑事", "旅行"]) == [("und", 0.0, "Hani")] * 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Доброе утро, как дела?", ("ru", "Cyrl")),
        ("오늘은 날씨가 좋습니다", ("ko", "Hang")),
        ("今天天气很好，我们去公园吧。", ("zh", "Hani")),
        ("สวัสดีตอนเช้า", ("th", "Thai")),
        ("Ｇｏｏｄ ｍｏｒｎｉｎｇ．", (None, "Latn")),
        ("123", ("und", "Zyyy")),
    ],
)
def test_language_and_script_follow_the_letters(text, expected):
    found, _, script = identified([text])[0]
    assert script == expected[1]
    assert expected[0] in (None, found)


def test_unclear_texts_leave_by_their_score(verdicts):
    stage = Language(languages=("ja", "en", "und"), language_score=Interval(min=0.99))
    assert verdicts(stage, text=["これは日本語です。", "Japanese (Osaka)"]) == [[], ["language_score.min"]]


def test_verdicts_follow_from_the_stored_columns_alone():
    columns = {"language": pa.array(["ja", "en", None]), "language_score": pa.array([0.65, 0.9, None], pa.float32())}
    drops = Language().verdict(columns)
    assert {reason: mask.tolist() for reason, mask in drops.items()} == {
        "language": [False, True, False],
        "language_score.min": [False, False, False],
    }


def test_hostile_texts_are_identified_too():
    texts = ["\x00" * 9, "\n" * 9000, "h" * 200_000, "http://a.jp/" + "%" * 9000, "\ufffd" * 9, "\u2028あ\x0b\x0c\r"]
    assert len(identified(texts)) == len(texts)


def test_a_batch_gives_what_its_rows_give_alone():
    texts = ["これは日本語です。", "Good morning to you all", "", "本公司成立於一九九八年", None, "東京"]
    assert identified(texts) == [identified([text])[0] for text in texts]
    assert identified([]) == []


def test_an_unknown_model_is_refused(monkeypatch):
    monkeypatch.setattr(language, "MODEL_SHA256", "0" * 64)
    with pytest.raises(RuntimeError, match="not the known language model"):
        language.model.__wrapped__()


@pytest.mark.data
@pytest.mark.parametrize(
    ("label", "kept"), [("ja", (0.99, 1)), ("zh", (0, 0.001)), ("ko", (0, 0.001)), ("en", (0, 0.001))]
)
def test_words_and_sentences_of_other_languages_do_not_pass_as_japanese(shared_data, label, kept):
    path = shared_data / "g_langid_lingua" / "lingua_testdata.jsonl"
    rows = map(json.loads, path.read_text("utf-8").splitlines())
    texts = [row["text"] for row in rows if row["label"] == label]
    drops = Language().process(pa.record_batch({"text": pa.array(texts)})).drops
    assert kept[0] <= 1 - np.any(list(drops.values()), axis=0).mean() <= kept[1]
