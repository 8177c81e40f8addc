import pyarrow as pa
import pytest

from pipeline.text.chars import count_chars
from pipeline.text.orthography import in_katakana, in_sentences

LAW = "第一条　運送人ハ貨物ヲ受取リタルトキハ遅滞ナク之ヲ荷受人ニ通知スヘシ"
READER = "タロウハ　ウミデ　カニヲ　ミツケテ、オオヨロコビデ　カゴニ　イレマシタ。"
MODERN = "サーバーを再起動して、ログイン画面のパスワードを入力してください。"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (LAW, True),
        (READER, True),
        (LAW + MODERN * 2, True),
        (MODERN, False),
        (MODERN * 10 + "ヲタク", False),
        ("ブランド バッグ コピー セール", False),
        ("", False),
        (None, False),
    ],
)
def test_the_object_marker_tells_katakana_that_do_the_work_of_hiragana(text, found):
    texts = pa.array([text], pa.string())
    assert in_katakana(texts, count_chars(texts)).tolist() == [found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ひかりのなかを\nひとりで歩いていくと\n遠い海のおとがして\nわたしはそっと目をとじる", True),
        (LAW, True),
        ("よくあるご質問\nお品書き\nご予約のしかた\nお店までの道", False),
        ("予約を確認\n注文を変更\n商品を検索\n会員を登録", False),
        ("", False),
        (None, False),
    ],
)
def test_a_text_that_flows_in_hiragana_and_marks_its_objects_is_made_of_sentences(text, found):
    texts = pa.array([text], pa.string())
    assert in_sentences(texts, count_chars(texts)).tolist() == [found]
