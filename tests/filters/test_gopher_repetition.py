import pytest

from pipeline.filters.gopher_repetition import GopherRepetition
from pipeline.stage import Interval

PROSE = (
    "朝早く家を出て、駅まで自転車を走らせた。川沿いの道には霧がかかり、対岸の工場はぼんやりとしか見えない。"
    "踏切で待っていると、同じ組の佐藤が追いついてきて、昨日の試合の話を始めた。結局ふたりとも遅刻した。"
)
NOTICE = "本日の受付は終了いたしました。"
LISTING = "特価 限定 特価 限定 特価 限定 再入荷 未定"


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (PROSE, []),
        (f"{PROSE}\n\n{NOTICE}", []),
        ("", ["characters.min"]),
        (None, ["characters.min"]),
        (f"{PROSE}\n続く。\n続く。\n続く。", ["dup_line_frac.max"]),
        ("日本語です。", ["top_2_gram.max", "top_3_gram.max", "top_4_gram.max"]),  # too short for these rules
        (f"{PROSE}\n{NOTICE}\n{LISTING}", []),
        (LISTING, ["top_2_gram.max", "top_3_gram.max", "top_4_gram.max"]),
        (PROSE * 2, [f"dup_{size}_gram.max" for size in range(5, 11)]),
    ],
)
def test_texts_that_repeat_themselves_leave(verdicts, text, reasons):
    assert verdicts(GopherRepetition(), text=[text]) == [reasons]


def test_the_rules_that_fineweb2_switched_off_can_be_bounded(verdicts):
    stage = GopherRepetition(
        dup_para_frac=Interval(max=0.3), dup_para_char_frac=Interval(max=0.2), dup_line_char_frac=Interval(max=0.2)
    )
    repeated = f"{PROSE}\n\n{NOTICE * 9}\n\n{PROSE}\n\n{PROSE}"
    assert verdicts(stage, text=[repeated])[0][:4] == [
        *("dup_para_frac.max", "dup_para_char_frac.max"),
        *("dup_line_frac.max", "dup_line_char_frac.max"),
    ]


def test_a_share_that_meets_its_bound_stays(verdicts):
    text = "雨が降る。\n雪が降る。\n雨が降る。\n風が吹く。"
    unbounded = {name: Interval() for name in GopherRepetition.signals if name.startswith(("top", "dup"))}
    assert verdicts(GopherRepetition(**unbounded | {"dup_line_frac": Interval(max=0.25)}), text=[text]) == [[]]
    assert verdicts(GopherRepetition(**unbounded | {"dup_line_frac": Interval(max=0.24)}), text=[text]) == [
        ["dup_line_frac.max"]
    ]
