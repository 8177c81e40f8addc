import json

import numpy as np
import pyarrow as pa
import pytest

from pipeline.filters.lines import Lines
from pipeline.stage import Interval
from pipeline.text.chars import CHAR_COUNTS, as_column, count_chars

PROSE = "朝から雨が降っている。\n「今日は休みにしよう」\n父はそう言って、\nまた布団にもぐった。"
POEM = "ひかりのなかを\nひとりで歩いていくと\n遠い海のおとが\nかすかに聞こえてきて\nわたしはそっと目をとじる"
LAW = "第一条　運送人ハ貨物ヲ受取リタルトキハ之ヲ荷受人ニ通知スヘシ\n第二条　本令ハ公布ノ日ヨリ之ヲ施行ス"
MENU = "ホーム\n会社概要\n採用情報\nお問い合わせ\nサイトマップ\nプライバシーポリシー"


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (PROSE, []),
        (PROSE.replace("\n", "\n\n"), []),
        ("長い日記の最後は笑いで終わる。昔からそうだし、これからもきっとそうだろう（笑）", []),
        ("「はい。」\n" * 3 + PROSE, []),
        (MENU, ["ended_characters.min"]),
        ("・安い。\n●早い。\n① うまい。\n(2) 近い。", ["bullets.max"]),
        ("新製品が発表された。\n今年の冬は寒くなるら...\n首相は昨日の会見で…\n続きを読む", ["ellipses.max"]),
        ("\n".join([PROSE] * 2), ["duplicate_lines.max", "duplicate_characters.max"]),
        (PROSE + "\nこの記事をシェアする\nこの記事をシェアする", []),
        (PROSE + "\nこの記事をシェアする" * 3, ["duplicate_characters.max"]),
        (POEM, []),
        (LAW, []),
        ("", ["ended_characters.min"]),
        (None, ["ended_characters.min"]),
    ],
)
def test_texts_made_of_other_lines_than_prose_leave(verdicts, text, reasons):
    assert verdicts(Lines(), text=[text]) == [reasons]


def test_every_signal_can_be_bounded(verdicts):
    stage = Lines(lines=Interval(min=5), longest_line=Interval(max=10), short_lines=Interval(max=0.5))
    found = verdicts(stage, text=[PROSE + "\n短い\n短め\nです。\nはい。"])
    assert found == [["longest_line.max", "short_lines.max"]]


@pytest.mark.data
def test_clean_news_articles_stay(shared_data):
    path = shared_data / "c_text_livedoor_news" / "livedoor.jsonl"
    texts = [json.loads(line)["text"] for line in path.read_text("utf-8").splitlines()]
    column = pa.array(texts)
    batch = pa.record_batch({"text": column, CHAR_COUNTS.name: as_column(count_chars(column))})
    outcome = Lines().process(batch)
    dropped = np.any(list(outcome.drops.values()), axis=0)
    assert dropped.mean() < 0.01
