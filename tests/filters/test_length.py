import pytest

from pipeline.filters.length import Length
from pipeline.stage import Interval

SENTENCE = "昨日は友だちと川へ釣りに行き、夕方まで一匹も釣れなかった。"  # 27 kana and kanji, 2 marks


def test_a_short_text_leaves_and_a_long_one_stays(verdicts):
    assert verdicts(Length(), text=[SENTENCE, SENTENCE * 8]) == [["japanese_letters.min"], []]


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("あ" * 200, []),
        ("あ" * 199, ["japanese_letters.min"]),
        ("ー々" * 100, []),
        ("a1。 " * 500, ["japanese_letters.min"]),
        ("", ["japanese_letters.min"]),
        (None, ["japanese_letters.min"]),
    ],
)
def test_only_japanese_letters_count(verdicts, text, reasons):
    assert verdicts(Length(), text=[text]) == [reasons]


def test_characters_are_bounded_on_request(verdicts):
    stage = Length(characters=Interval(min=2, max=3), japanese_letters=Interval())
    assert verdicts(stage, text=["𠮷", "𠮷 ", "𠮷 a\n"]) == [["characters.min"], [], ["characters.max"]]
