import pytest

from pipeline.filters.fineweb_quality import FinewebQuality
from pipeline.stage import Interval

PROSE = "朝から雨が降っている。\n今日は休みにしよう、と父は言った。\nそう言って、また布団にもぐった。"
FICTION = "「今日は休みにしよう」\n「学校はどうするの」\n「行くさ……」\n「傘は」"


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (PROSE, []),
        (PROSE.replace("\n", "\n\n"), ["list_ratio.max"]),
        (FICTION, ["line_punct_ratio.min"]),
        (PROSE + "\n" + PROSE, ["char_dup_ratio.max"]),
        ("赤。\n青。\n黄。\n緑。", ["list_ratio.max"]),
        ("会社概要\n会社概要", ["line_punct_ratio.min", "char_dup_ratio.max", "list_ratio.max"]),
        ("", ["lines.min"]),
        (" \u3000", ["lines.min"]),
        ("\n \n", ["lines.min", "list_ratio.max"]),
        (None, ["lines.min"]),
        ("\0\n\0", ["line_punct_ratio.min", "char_dup_ratio.max", "list_ratio.max"]),
    ],
)
def test_texts_whose_lines_are_not_those_of_prose_leave(verdicts, text, reasons):
    assert verdicts(FinewebQuality(), text=[text]) == [reasons]


def test_short_lines_are_bounded_when_asked(verdicts):
    stage = FinewebQuality(short_line_ratio=Interval(max=0.67), short_line_length=15)
    assert verdicts(stage, text=[PROSE, PROSE.replace("、", "。\n")]) == [
        [],
        ["short_line_ratio.max", "list_ratio.max"],
    ]


def test_texts_without_any_line_end_can_be_spared(verdicts):
    stage = FinewebQuality(line_punct_exclude_zero=True)
    some = FICTION + "\n「鞄」" * 10 + "\n降る。"
    found = verdicts(stage, text=[FICTION, some])
    assert "line_punct_ratio.min" not in found[0]
    assert "line_punct_ratio.min" in found[1]
