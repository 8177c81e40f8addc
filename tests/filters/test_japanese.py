import pytest

from pipeline.filters.japanese import Japanese

PROSE = "この店の蕎麦は、毎朝ひいた粉で打つので香りがよい。\n　昼どきには行列ができる。"
MIXED = "設定ファイルは config.yaml です。See https://example.com/manual/en/settings.html for all of the options."


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (PROSE, []),
        ("サーバーを再起動して、ログインしてください。", []),
        (MIXED, ["japanese_share.min"]),
        ("The quick brown fox。", ["japanese_share.min", "hiragana_share.min"]),
        ("本公司成立於一九九八年，主要從事電子產品的研發。", ["hiragana_share.min"]),
        ("東京都 大阪府 京都府 神奈川県 愛知県 福岡県", ["hiragana_share.min"]),
        ("レディース バッグ ブランド コピー のみ", ["katakana_share.max"]),
        ("", ["japanese_share.min", "hiragana_share.min"]),
    ],
)
def test_texts_unlike_japanese_prose_leave(verdicts, text, reasons):
    found = verdicts(Japanese(), text=[text])
    assert found == [reasons]


def test_white_space_does_not_count(verdicts):
    assert verdicts(Japanese(), text=["　\n \t" * 1000 + PROSE]) == [[]]
