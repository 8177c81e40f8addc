import pyarrow as pa
import pytest

from pipeline.filters.japanese import Japanese
from pipeline.text.chars import CHAR_COUNTS, as_column, count_chars

PROSE = "この店の蕎麦は、毎朝ひいた粉で打つので香りがよい。\n　昼どきには行列ができる。"
MANUAL = "次のように設定します。変更したあとは、サービスを再起動してください。\n"
CODE = "for (int i = 0; i < count; i++) { total += values[i]; }\n"
MIXED = "設定ファイルは config.yaml です。See the manual for all of its options."
COMPANY = "ドルフィン・エンターテインメントは、カリフォルニア州サンノゼに本社を置くアメリカのメディア企業である。"
LAW = "第一条　運送人ハ貨物ヲ受取リタルトキハ遅滞ナク之ヲ荷受人ニ通知スヘシ"
READER = "タロウハ　ウミデ　カニヲ　ミツケテ、オオヨロコビデ　カゴニ　イレマシタ。"


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (PROSE, []),
        ("サーバーを再起動して、ログインしてください。", []),
        (COMPANY, []),
        (LAW, []),
        (READER, []),
        (MANUAL + CODE * 3, []),
        (MANUAL + CODE * 20, ["japanese_share.min"]),
        (MIXED, ["kana_line_share.min"]),
        ("The quick brown fox。", ["japanese_share.min", "hiragana_share.min"]),
        ("本公司成立於一九九八年，主要從事電子產品的研發。", ["hiragana_share.min"]),
        ("東京都 大阪府 京都府 神奈川県 愛知県 福岡県", ["hiragana_share.min"]),
        ("レディース バッグ ブランド コピー のみ", ["katakana_share.max"]),
        ("", ["japanese_share.min", "hiragana_share.min"]),
        (None, ["japanese_share.min", "hiragana_share.min"]),
    ],
)
def test_texts_unlike_japanese_prose_leave(verdicts, text, reasons):
    found = verdicts(Japanese(), text=[text])
    assert found == [reasons]


def test_white_space_does_not_count(verdicts):
    assert verdicts(Japanese(), text=["　\n \t" * 1000 + PROSE]) == [[]]


def test_the_katakana_of_an_old_law_are_its_hiragana():
    text = pa.array([LAW])
    batch = pa.record_batch({"text": text, CHAR_COUNTS.name: as_column(count_chars(text))})
    columns = Japanese().process(batch).columns
    assert columns["japanese.hiragana_share"].to_pylist() == [pytest.approx(15 / 33)]
    assert columns["japanese.katakana_share"].to_pylist() == [0]
