"""Probes that peers lose records on, through a whole run: charsets, damaged archives, broken lines."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest
from toys import carry_out, rows, write_toy_recipe

LETTER = (
    "拝啓、秋も深まりました。①先日お送りした㈱石川商会の見積書は、髙橋様と﨑山様のお手元に届きましたでしょうか。"
    "なお、次の打ち合わせは十一月三日の午後を予定しております。会場は駅前の公民館の二階で、履き物を脱いで上がっていただく"
    "和室です。当日は温かいほうじ茶と、近所の和菓子屋が朝に蒸した栗まんじゅうを用意しておきます。雨の場合は、前の晩の八時"
    "までに私から皆さまへ電話でお知らせします。お車でお越しの方は、裏手の空き地をお使いください。"
    "どうぞよろしくお願いいたします。"
)
PLAIN = LETTER.replace("①", "一、").replace("㈱", "株式会社").replace("髙", "高").replace("﨑", "崎")
ROW_13 = PLAIN.replace("一、", "①").replace("株式会社", "㈱")


def euc_row_13(text: str) -> bytes:
    """Encode in EUC-JP, with ①㈱ in row 13 as Windows browsers send them."""
    return b"".join({"①": b"\xad\xa1", "㈱": b"\xad\xea"}.get(char) or char.encode("euc_jp") for char in text)


def with_a_bad_byte(content: bytes) -> bytes:
    """Put one byte that no encoding allows behind the last sentence but one."""
    at = content.rindex("。".encode("utf-8" if "拝啓".encode() in content else "cp932"), 0, len(content) - 8)
    return content[:at] + b"\xff" + content[at:]


CHARSETS = {
    "utf-8": ("utf-8", PLAIN, PLAIN.encode()),
    "utf-8, one bad byte": ("utf-8", PLAIN, with_a_bad_byte(PLAIN.encode())),
    "shift_jis": ("Shift_JIS", PLAIN, PLAIN.encode("cp932")),
    "shift_jis with NEC and IBM characters": ("Shift_JIS", LETTER, LETTER.encode("cp932")),
    "shift_jis, one bad byte": ("Shift_JIS", PLAIN, with_a_bad_byte(PLAIN.encode("cp932"))),
    "euc-jp": ("EUC-JP", PLAIN, PLAIN.encode("euc_jp")),
    "euc-jp with row 13": ("EUC-JP", ROW_13, euc_row_13(ROW_13)),
    "iso-2022-jp": ("ISO-2022-JP", PLAIN, PLAIN.encode("iso2022_jp")),
    "utf-16": ("UTF-16", PLAIN, PLAIN.encode("utf-16-le")),
}


def page(charset: str, body: bytes) -> bytes:
    """Wrap an encoded text as a page with a truthful meta element and HTTP header."""
    wide = charset == "UTF-16"
    coded = "utf-16-le" if wide else "ascii"
    head = f'<html><head><meta charset="{charset}"><title>t</title></head><body><p>'.encode(coded)
    html = (b"\xff\xfe" if wide else b"") + head + body + "</p></body></html>".encode(coded)
    return f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset={charset}\r\n\r\n".encode() + html


def record(number: int, http: bytes) -> bytes:
    head = (
        "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: https://shop.example/{n}\r\n"
        "WARC-Date: 2024-01-01T00:00:00Z\r\nWARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-{n:012d}>\r\n"
        "Content-Type: application/http; msgtype=response\r\nContent-Length: {length}\r\n\r\n"
    )
    return head.format(n=number, length=len(http)).encode() + http + b"\r\n\r\n"


def carried_out(tmp_path: Path, shard: Path, steps: list[object]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Run these steps on one shard; returns corpus and quarantine."""
    recipe = write_toy_recipe(tmp_path / "recipe.yaml", steps)
    carry_out(recipe, shard, tmp_path / "run")
    return rows(tmp_path / "run", "corpus"), rows(tmp_path / "run", "quarantine")


@pytest.mark.parametrize("packed", [True, False], ids=["gzip", "plain"])
def test_nine_charsets_come_out_as_the_text_that_went_in(tmp_path: Path, packed: bool) -> None:
    records = [record(n, page(charset, body)) for n, (charset, _, body) in enumerate(CHARSETS.values())]
    shard = tmp_path / ("nine.warc.gz" if packed else "nine.warc")
    shard.write_bytes(b"".join(gzip.compress(one, mtime=0) if packed else one for one in records))
    corpus, quarantine = carried_out(tmp_path, shard, ["http", "kana_gate", "extract", "mojibake", "language"])
    assert not quarantine
    found = {int(row["url"].rpartition("/")[2]): row["text"] for row in corpus}
    for number, (name, (_, text, _)) in enumerate(CHARSETS.items()):
        assert found[number].replace("\N{REPLACEMENT CHARACTER}", "") == text, name
        assert found[number].count("\N{REPLACEMENT CHARACTER}") == ("bad byte" in name), name


@pytest.mark.parametrize("seed", range(5))
def test_a_corrupted_member_costs_one_record_of_twenty(tmp_path: Path, seed: int) -> None:
    members = [gzip.compress(record(n, page("utf-8", f"{PLAIN}第{n}号。".encode())), mtime=0) for n in range(1, 21)]
    chance = random.Random(seed)
    at = chance.randrange(20, len(members[7]) - 40)
    members[7] = members[7][:at] + chance.randbytes(16) + members[7][at + 16 :]
    shard = tmp_path / "twenty.warc.gz"
    shard.write_bytes(b"".join(members))
    corpus, quarantine = carried_out(tmp_path, shard, ["http", "extract"])
    assert sorted(int(row["url"].rpartition("/")[2]) for row in corpus) == [n for n in range(1, 21) if n != 8]
    (lost,) = quarantine
    assert lost["reason"] == "read.gzip"
    assert lost["position"] == sum(map(len, members[:7]))
    assert lost["content"] == members[7]


def test_a_shift_jis_line_costs_one_line_of_a_hundred_and_one(tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"{PLAIN}第{n}号。"}, ensure_ascii=False).encode() for n in range(100)]
    lines.insert(11, json.dumps({"text": PLAIN}, ensure_ascii=False).encode("cp932"))
    shard = tmp_path / "lines.jsonl"
    shard.write_bytes(b"\n".join(lines) + b"\n")
    corpus, quarantine = carried_out(tmp_path, shard, ["extract"])
    assert len(corpus) == 100
    (lost,) = quarantine
    assert (lost["reason"], lost["content"]) == ("read.utf8", lines[11])
    assert len({row["id"] for row in corpus}) == 100


def test_an_archive_cut_short_gives_all_whole_records(tmp_path: Path) -> None:
    members = [gzip.compress(record(n, page("utf-8", PLAIN.encode())), mtime=0) for n in range(5)]
    shard = tmp_path / "cut.warc.gz"
    shard.write_bytes(b"".join(members)[:-30])
    corpus, quarantine = carried_out(tmp_path, shard, ["http", "extract"])
    assert len(corpus) == 4
    assert [row["reason"] for row in quarantine] == ["read.truncated"]
