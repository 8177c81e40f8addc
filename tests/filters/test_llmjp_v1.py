import pytest

from pipeline.filters.llmjp_v1 import LlmjpV1
from pipeline.stage import Interval

TEXT = "雨が降っていた。" * 3


@pytest.mark.parametrize(
    ("url", "text", "reasons"),
    [
        ("https://example.co.jp/a", TEXT, []),
        ("https://example.xyz/", TEXT, []),
        ("https://example.ru/", TEXT, ["known_host.min"]),
        ("https://jp.example.de/", TEXT, ["known_host.min"]),
        ("https://ja.wikipedia.org/wiki/雨", TEXT, ["known_host.min"]),
        ("https://en.wikipedia.org/wiki/Rain", TEXT, []),
        ("http://192.0.2.1/", TEXT, ["known_host.min"]),
        ("http://jp/", TEXT, []),
        (None, TEXT, []),
        ("https://example.jp/", "東京都千代田区" * 8 + TEXT, ["kana_at_head.min"]),
        ("https://example.jp/", "カ" * 251, ["characters_per_kuten.max"]),
        ("https://example.jp/", "カ" * 249 + "。", []),
        ("https://example.jp/", "カ" * 250 + "。", ["characters_per_kuten.max"]),
        ("https://example.jp/", None, ["kana_at_head.min"]),
    ],
)
def test_pages_off_the_list_or_without_kana_or_kuten_leave(verdicts, url, text, reasons):
    assert verdicts(LlmjpV1(), url=[url], text=[text]) == [reasons]


def test_the_strict_variant_is_a_bound(verdicts):
    stage = LlmjpV1(characters_per_kuten=Interval(max=80))
    found = verdicts(stage, url=["https://example.jp/"] * 2, text=["カ" * 79 + "。", "カ" * 80 + "。"])
    assert found == [[], ["characters_per_kuten.max"]]
