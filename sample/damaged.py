"""What is broken in the sample: pages, archive members and JSON lines, each in its own way."""

import json
import zlib
from collections.abc import Iterator

from sample.articles import Article, written
from sample.pages import dress
from sample.records import Record

_NUL_TITLE = "NULの混じったページ"
_NUL_TEXT = (
    "古い掲示板の記録を写したところ、行の終わりごとに見えない文字が混じっていた。画面では気付かないが、道具によっては"
    "ここで文章が終わったと思いこみ、残りを捨ててしまう。",
    "調べると、昔の記録係が電報の区切りを、そのまま紙に打ちこんだらしい。区切りは言葉ではない。取りのぞいて読めば、"
    "雪の夜に汽車を押した人たちの名前が、きちんと最後まで残っている。",
    "名前は全部で三十一人分あった。三十二人目の欄には「ほか猫一匹」と書かれている。猫は押さなかったと思うが、乗っても"
    "いなかったので、数に入れることにした。記録を直すときは、消す前に写しを取ること。これは先輩の記録係の口ぐせだった。",
)


def pages() -> Iterator[Record]:
    """Yield pages whose bytes are not what they should be."""
    yield _with_nul()
    yield _undecodable()
    yield _no_text()


def _with_nul() -> Record:
    article = Article("nul", _NUL_TITLE, _NUL_TEXT)
    html = dress(article, 4, charset="UTF-8").replace("</p>", "\0</p>")
    return Record(
        purpose="nul_bytes",
        fate="kept",
        url="https://kirisaka.example/nul.html",
        title=article.title,
        text=article.text,
        page=html,
        encoding="utf-8",
        body=html.encode(),
        content_type="text/html; charset=UTF-8",
    )


def _undecodable() -> Record:
    """Sentences in Shift_JIS, EUC-JP and UTF-8 by turns, and bytes that are none of them."""
    encodings = ("cp932", "euc_jp", "utf-8")
    sentences = written()[0].text.replace("\n", "").split("。")
    body = b"".join(
        sentence.encode(encodings[number % len(encodings)]) + b"\xff\xa0\x80"
        for number, sentence in enumerate(sentences)
    )
    return Record(
        purpose="undecodable",
        fate="quarantined",
        url="https://kirisaka.example/undecodable.html",
        body=b"<html><body><p>" + body + b"</p></body></html>",
        content_type="text/html",
    )


def _no_text() -> Record:
    picture = b"\x89PNG\r\n\x1a\n" + zlib.compress(bytes(range(256)) * 64)
    return Record(
        purpose="no_text",
        fate="dropped:kana_gate",
        url="https://kirisaka.example/no-text.html",
        body=picture,
        content_type="text/html",
    )


def broken_member() -> Record:
    """Return a record whose gzip member gets 16 wrong bytes."""
    return _lost("gzip_damage", "gzip", written()[1])


def cut_member() -> Record:
    """Return a record whose gzip member is the shard's last and half of it missing."""
    return _lost("gzip_truncated", "truncated", written()[2])


def _lost(purpose: str, damage: str, article: Article) -> Record:
    html = dress(article, 0, charset="UTF-8")
    return Record(
        purpose=purpose,
        fate="quarantined",
        url=f"https://kirisaka.example/{purpose}.html",
        body=html.encode(),
        content_type="text/html; charset=UTF-8",
        damage=damage,
    )


def lines() -> list[Record]:
    """Return JSON lines that are no documents."""
    text = "霧は見えるものを隠し、聞こえるものを近くする。"
    good = json.dumps({"url": "https://keijiban.example/broken", "text": text}, ensure_ascii=False)
    bodies = {
        "shift_jis_line": good.encode("cp932"),
        "broken_json": good.encode()[:-2],
        "array_line": json.dumps([text], ensure_ascii=False).encode(),
        "no_text_field": json.dumps(
            {"url": "https://keijiban.example/empty", "honbun": text}, ensure_ascii=False
        ).encode(),
        "text_is_number": json.dumps({"url": "https://keijiban.example/number", "text": 108}).encode(),
        "lone_surrogate": json.dumps({"text": text + "\ud83d"}).encode(),
    }
    return [Record(purpose, "quarantined", body=body, damage=purpose) for purpose, body in bodies.items()]
