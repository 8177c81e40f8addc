import base64
import random

import pytest

from pipeline.filters.compression import Compression

STORY = (
    "港に着いた船から、最初に降りてきたのは一匹の三毛猫だった。船長はその後ろから、荷札を持って追いかけてくる。"
    "「待ってくれ、まだ検疫が済んでいないんだ」と叫ぶと、猫は振り返り、面倒くさそうに桟橋へ座りこんだ。"
    "税関の老人は眼鏡をずらし、帳面に「乗客、一」と書いてから、煮干しを一本、そっと荷札に結びつけてやった。"
)
NOISE = base64.b64encode(random.Random(7).randbytes(15_000)).decode()


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (STORY, []),
        (STORY * 12, ["ratio.min"]),
        ("ははは" * 400, ["ratio.min"]),
        (NOISE, ["ratio.max"]),
        ("", []),
        (None, []),
    ],
    ids=["story", "the same story again and again", "laughter", "noise", "empty", "null"],
)
def test_repetition_and_noise_leave_and_prose_stays(verdicts, text, reasons):
    assert verdicts(Compression(), text=[text]) == [reasons]


def test_only_the_beginning_counts(verdicts):
    assert verdicts(Compression(), text=[NOISE + "あ" * 100_000]) == [["ratio.max"]]
