import pyarrow as pa
import pytest

from pipeline.modifiers.llmjp_v1_lines import LlmjpV1Lines


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("雨が降る。\n風が吹く。", "雨が降る。\n風が吹く。"),
        ("東京\n雨が降る。\n\nCopyright 2020\n風が吹く。\n", "雨が降る。\n風が吹く。"),
        ("ー\n平成元年\nラーメン", "ー\nラーメン"),
        ("詳しくはhttps://example.jp/a?b=1をご覧ください。", "詳しくはをご覧ください。"),
        ("コード " + "x" * 99 + "です", "コードです"),
        ("コード" + "x" * 99 + "です", "コード" + "x" * 99 + "です"),
        ("あ" + "a" * 60 + "\n" + "b" * 60 + "い", "あ" + "a" * 60 + "\n" + "b" * 60 + "い"),
        ("no Japanese here\n", ""),
        ("", ""),
        (None, None),
    ],
)
def test_only_lines_with_kana_stay_without_urls_and_long_ascii(before, after):
    outcome = LlmjpV1Lines().process(pa.record_batch({"text": pa.array([before], pa.string())}))
    assert outcome.columns["text"].to_pylist() == [after]
