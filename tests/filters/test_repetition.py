import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.filters.repetition import Repetition
from pipeline.modifiers.extract import Extract
from pipeline.schema import RECORD
from pipeline.stage import Interval
from pipeline.text.chars import count_chars, japanese_letters

PROSE = (
    "古い地図を頼りに峠を越えると、急に視界が開けて小さな村が現れた。畑では老人がひとり、黙々と大根を抜いている。"
    "声をかけると、手を休めて日本酒を勧めてくれた。村には宿がないので、今夜は寺に泊めてもらうことになりそうだ。"
)
OTHER = (
    "寺の住職は話し好きで、夜が更けるまで昔の飢饉のことや、川に住むという河童のことを語って聞かせた。"
    "翌朝は雪だった。誰も歩いていない真っ白な道に、狐の足跡だけが点々と続いていた。"
)
STATUTE = "\n".join(
    f"第{number}条　法第{number}条第一項の規定による許可の申請は、{subject}に対し、次に掲げる事項を記載した書面でする。"
    for number, subject in enumerate(["都道府県知事", "道路管理者", "主務大臣", "市町村長"], 3)
)
BOTH = ["char_5_gram.max", "char_10_gram.max"]


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (PROSE + OTHER, []),
        (f"{PROSE}\n{OTHER}\n{PROSE[:30]}", []),
        ("第一条　この法律は、公布の日から施行する。\n" + PROSE, []),
        (f"{PROSE}\n{PROSE}", BOTH),
        (f"{PROSE}\n{OTHER}\n{PROSE}", ["char_10_gram.max"]),
        ("送料無料！今すぐ注文！" * 30, BOTH),
        ("あ" * 5000, BOTH),
        (STATUTE, []),
        ("", []),
        (None, []),
    ],
)
def test_texts_that_say_most_things_twice_leave(verdicts, text, reasons):
    assert verdicts(Repetition(), text=[text]) == [reasons]


def test_bounds_move_the_verdict(verdicts):
    swallow = Repetition(char_5_gram=Interval(max=0.15), char_10_gram=Interval(max=0.1))
    assert verdicts(swallow, text=[STATUTE, PROSE]) == [BOTH, []]


def news(folder: Path) -> list[str]:
    return texts(folder / "c_text_livedoor_news" / "livedoor.jsonl")


def literature(folder: Path) -> list[str]:
    return texts(folder / "c_text_aozora" / "aozora_sample.jsonl")


def blogs(folder: Path) -> list[str]:
    return texts(folder / "c_text_blog_danmaq" / "danmaq_blog.jsonl")


def statutes(folder: Path) -> list[str | None]:
    pages = sorted((folder / "a_html_egov_law" / "pages").iterdir())
    rows = [{"content": page.read_bytes(), "content_type": "text/html"} for page in pages]
    found: list[str | None] = Extract().process(pa.RecordBatch.from_pylist(rows, RECORD)).columns["text"].to_pylist()
    return found


def texts(path: Path) -> list[str]:
    return [json.loads(line)["text"] for line in path.read_text("utf-8").splitlines()]


@pytest.mark.data
@pytest.mark.parametrize("source", [news, literature, blogs, statutes])
def test_no_clean_text_leaves(shared_data: Path, source: Callable[[Path], list[str | None]]) -> None:
    column = pa.array(source(shared_data), pa.string())
    column = column.filter(pa.array(japanese_letters(count_chars(column)) >= 200))
    drops = Repetition().process(pa.record_batch({"text": column})).drops
    assert len(column) > 50
    assert not np.any(list(drops.values()))
