"""Writes the sample: three WARC shards, a plain one, a WET and two JSONL shards, and a manifest of what is meant.

Run ``python -m sample.make_sample [FOLDER]`` at the top of the repository; the bytes are the same on every run.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from sample import articles, damaged, pages, unwanted
from sample.articles import HERE, Article
from sample.encodings import encode
from sample.records import Record, date, jsonl, member, record_id, warc

ARCHIVES = ("machi-00.warc.gz", "machi-01.warc.gz", "machi-02.warc.gz", "kiroku-00.warc")
TEXTS = ("machi-03.warc.wet.gz", "toukou-00.jsonl", "toukou-01.jsonl.gz")

DRESSES = (
    ("utf-8", "UTF-8", "text/html; charset=UTF-8"),
    ("cp932", "Shift_JIS", "text/html"),
    ("euc_jp", "EUC-JP", "text/html"),
    ("utf-8", "", "text/html; charset=utf-8"),
    ("iso2022_jp", "ISO-2022-JP", "text/html"),
    ("cp932", "", "text/html; charset=ISO-8859-1"),
    ("utf-8", "Shift_JIS", "text/html"),
    ("euc_jp", "", "text/html; charset=EUC-JP"),
    ("utf-8", "utf-8", "text/html"),
    ("cp932", "x-sjis", "text/html; charset=Windows-31J"),
    ("euc_jp", "UTF-8", "text/html"),
    ("utf-8", "", None),
    ("iso2022_jp", "", "text/html; charset=iso-2022-jp"),
)
"""Encoding, what the page declares (nothing, the truth or a lie), Content-Type header (none, the truth or a lie)."""

SINGLE_DRESSES = (("utf-16", "", "text/html; charset=UTF-16"), ("ncr", "", "text/html"))
"""One page each in UTF-16 and in numeric character references alone."""

NOT_ADULT = (
    "https://notadult.example/1.html",
    "https://kirisaka.example/books/%E3%82%A2%E3%83%80%E3%83%97%E3%83%88.html",
)
"""URLs close to blocked ones: another host with the same ending, another word with the same beginning."""


def page(article: Article, number: int, url: str, purpose: str, **fields: str) -> Record:
    """Dress an article in the ``number``-th encoding and make of site."""
    return _dressed(article, number, url, purpose, DRESSES[number % len(DRESSES)], **fields)


def _dressed(
    article: Article, number: int, url: str, purpose: str, dress: tuple[str, str, str | None], **fields: str
) -> Record:
    encoding, charset, content_type = dress
    html = pages.dress(article, number, charset=charset)
    return Record(
        purpose=purpose,
        fate=fields.get("fate", "kept"),
        url=url,
        title=article.title,
        text=article.text,
        page=html,
        encoding=encoding,
        body=encode(html, encoding),
        content_type=content_type,
        cluster=fields.get("cluster", ""),
    )


def plain(article: Article, url: str, purpose: str, fate: str = "kept", cluster: str = "") -> Record:
    """Make a record of a text shard."""
    text = article.text
    body = text.encode()
    return Record(purpose, fate, url, article.title, text, text, "utf-8", body, cluster=cluster, kind="conversion")


def _url(article: Article, host: str = "kirisaka.example") -> str:
    return f"https://{host}/{article.slug}.html"


def _wanted_pages() -> Iterator[Record]:
    written, composed = articles.written(), articles.composed()
    for number, article in enumerate(written):
        yield page(article, number, _url(article), "article", cluster=article.slug)
    single = zip(SINGLE_DRESSES, composed, strict=False)
    yield from (_dressed(article, 0, _url(article), "composed", dress) for dress, article in single)
    for number, article in enumerate(composed[2:10]):
        yield page(article, number, _url(article), "composed")
    yield from (
        page(article, 3 * number, _url(article), "series") for number, article in enumerate(articles.series()[:4])
    )
    near = zip(NOT_ADULT, composed[10:12], strict=True)
    yield from (page(article, 3, url, "near_miss_url") for url, article in near)


def _wanted_texts() -> Iterator[Record]:
    yield from (plain(article, _url(article, "note.example"), "composed") for article in articles.composed()[12:])
    yield from (plain(article, _url(article, "note.example"), "series") for article in articles.series()[4:])


def _copied_pages() -> Iterator[Record]:
    written = articles.written()
    for number, article in enumerate(written[:4]):
        url = f"{_url(article)}?utm_source=share"
        yield page(article, number, url, "exact_duplicate", cluster=article.slug)
    for number, article in enumerate(written[4:8], 4):
        yield page(article, number + 1, _url(article, "mirror.example"), "exact_duplicate", cluster=article.slug)
    for number, (_, article) in enumerate(_altered()):
        if number % 2 == 0:
            yield page(article, number, _url(article, "copy.example"), "near_duplicate", cluster=article.slug)


def _copied_texts() -> Iterator[Record]:
    for article in articles.written()[8:12]:
        yield plain(article, _url(article, "matome.example"), "exact_duplicate", cluster=article.slug)
    for number, (_, article) in enumerate(_altered()):
        if number % 2 == 1:
            yield plain(article, _url(article, "copy.example"), "near_duplicate", cluster=article.slug)


def _altered() -> Iterator[tuple[str, Article]]:
    """Alter the longest of the articles that have no exact copy, up to three in each way."""
    candidates = sorted(articles.written()[12:], key=lambda article: (-len(article.text), article.slug))
    divisible = [article for article in candidates if _loses_little(article)][:3]
    rest = [article for article in candidates if article not in divisible]
    for name, alter in articles.ALTERATIONS.items():
        chosen, rest = (divisible, rest) if name == "paragraph" else (rest[:3], rest[3:])
        yield from ((name, alter(article)) for article in chosen)


def _loses_little(article: Article) -> bool:
    """Tell whether the shortest paragraph is a real one and under an eleventh of the text."""
    shortest = min(map(len, article.blocks))
    return len(article.text) / 20 < shortest < len(article.text) / 11


def _unwanted_pages() -> Iterator[Record]:
    for number, item in enumerate(unwanted.junk()):
        if number % 2 == 0:
            url = _url(item.article, "zakka.example")
            yield _dressed(item.article, number, url, item.purpose, DRESSES[0], fate=f"dropped:{item.stages}")
    for foreign in unwanted.foreign():
        yield _foreign(foreign)
    yield from (
        page(article, number, url, "blocked_url", fate="dropped:url")
        for number, (article, url) in enumerate(zip(unwanted.filler(12), unwanted.blocked_urls(), strict=True))
    )
    for number, article in enumerate(articles.parse(HERE / "lessons.txt")):
        yield _dressed(
            article, number, _url(article, "ko.sangol.example"), "lesson", DRESSES[0], fate="dropped:language"
        )
    yield from _failed_responses()


def _unwanted_texts() -> Iterator[Record]:
    for number, item in enumerate(unwanted.junk()):
        if number % 2 == 1:
            yield plain(item.article, _url(item.article, "keijiban.example"), item.purpose, f"dropped:{item.stages}")
    for foreign in list(unwanted.foreign())[::10]:
        stages = "dropped:kana_gate|length|japanese|language"
        yield plain(foreign.article, _url(foreign.article, "news." + foreign.host), "foreign_text", stages)


def _foreign(item: unwanted.Foreign) -> Record:
    """Dress a foreign page; every other one links to a Japanese edition, which the gate on bytes lets pass."""
    paragraphs = "\n".join(f"<p>{block}</p>" for block in item.article.blocks)
    linked = item.encoding == "utf-8" and item.article.slug.endswith(("1", "3"))
    link = (
        '<p><a hreflang="ja" href="/ja/">にほんごのページはこちらからどうぞ、おまちしています</a></p>' if linked else ""
    )
    html = pages.wrap(
        item.article.title, f"<h1>{item.article.title}</h1>\n{paragraphs}\n{link}", language=item.language
    )
    fate = "dropped:length|japanese|language" if linked else "dropped:kana_gate"
    return Record(
        purpose="foreign_with_japanese_link" if linked else "foreign",
        fate=fate,
        url=_url(item.article, item.host),
        title=item.article.title,
        text=item.article.text,
        page=html,
        encoding=item.encoding,
        body=encode(html, item.encoding),
        content_type=f"text/html; charset={item.encoding}",
    )


def _failed_responses() -> Iterator[Record]:
    for number, (status, article) in enumerate(
        zip((404,) * 5 + (500,) * 3 + (301,) * 3 + (302,) * 2, unwanted.filler(13), strict=True)
    ):
        url = _url(article, "old.example")
        yield replace(page(article, number, url, "http_status", fate="dropped:http"), status=status)
    kinds = (
        "image/png",
        "image/png",
        "image/jpeg",
        "application/pdf",
        "application/pdf",
        "text/css",
        "application/json",
    )
    for number, kind in enumerate(kinds):
        article = unwanted.filler(len(kinds))[number]
        url = f"https://kirisaka.example/files/{number}"
        yield Record(
            "content_type",
            "dropped:http",
            url,
            page=article.text,
            encoding="utf-8",
            body=article.text.encode(),
            content_type=kind,
        )


def _attendants(record: Record) -> Iterator[Record]:
    """Yield what crawlers write beside a response: the request and a metadata record."""
    host, _, path = record.url.removeprefix("https://").partition("/")
    request = f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: kiribot\r\n\r\n".encode()
    yield Record("request", "skipped", record.url, kind="request", body=request)
    yield record
    yield Record("metadata", "skipped", record.url, kind="metadata", body=b"fetchTimeMs: 108\r\n")


def _archive(records: Sequence[Record]) -> Iterator[Record]:
    """Yield a WARC shard's records, with those that are no documents."""
    yield Record("warcinfo", "skipped", kind="warcinfo", body=b"software: sample\r\nformat: WARC File Format 1.0\r\n")
    for record in records[:3]:
        yield from _attendants(record)
    yield from records[3:20]
    for record in records[:2]:
        headers = {"WARC-Profile": "http://netpreserve.org/warc/1.0/revisit/identical-payload-digest"}
        yield Record("revisit", "skipped", record.url, kind="revisit", headers=headers)
    yield from records[20:]


def shards() -> dict[str, list[Record]]:
    """Lay out every shard: file name -> records in file order, with their fates settled."""
    responses = [*_wanted_pages(), *_copied_pages(), *_unwanted_pages(), *damaged.pages()]
    texts = [*_wanted_texts(), *_copied_texts(), *_unwanted_texts()]
    dealt: dict[str, list[Record]] = {}
    for at, name in enumerate(ARCHIVES):
        dealt[name] = list(_archive(responses[at :: len(ARCHIVES)]))
    for at, name in enumerate(TEXTS):
        dealt[name] = texts[at :: len(TEXTS)]
    dealt["machi-01.warc.gz"].insert(9, damaged.broken_member())
    dealt["machi-02.warc.gz"].append(damaged.cut_member())
    dealt["toukou-00.jsonl"][5:5] = damaged.lines()
    info = Record("warcinfo", "skipped", kind="warcinfo", body=b"software: sample\r\n")
    dealt["machi-03.warc.wet.gz"].insert(0, info)
    return _settled(dealt)


def _settled(dealt: dict[str, list[Record]]) -> dict[str, list[Record]]:
    """Name the copy of each cluster that stays: the longest main text, then the first."""
    clusters: dict[str, list[Record]] = defaultdict(list)
    for record in (record for records in dealt.values() for record in records if record.cluster):
        clusters[record.cluster].append(record)
    best = {name: max(copies, key=lambda record: len(record.text)) for name, copies in clusters.items()}
    single = {name for name, copies in clusters.items() if len(copies) == 1}

    def settle(record: Record) -> Record:
        if record.cluster in single:
            return replace(record, cluster="")
        loses = record.cluster and record is not best[record.cluster]
        return replace(record, fate="duplicate") if loses else record

    return {name: [settle(record) for record in records] for name, records in dealt.items()}


def _stored(record: Record, name: str, number: int, when: str) -> tuple[str, bytes]:
    """Return the id and the bytes of a record, not compressed."""
    if ".jsonl" in name:
        identity = f"{name.partition('.')[0]}-{number:04d}"
        return identity, jsonl(record, identity, when)
    identity = record_id(name, number)
    return identity, warc(record, identity, when)


def _write_shard(path: Path, records: Sequence[Record], first: int) -> Iterator[dict[str, object]]:
    """Write one shard and yield its lines of the manifest; ``position`` as in the column of that name."""
    content, position = [], 0
    by_member = path.name.endswith(".gz") and ".jsonl" not in path.name
    for number, record in enumerate(records):
        identity, stored = _stored(record, path.name, number, date(first + number))
        stored = member(stored, record.damage) if by_member else stored
        yield {
            "file": path.name,
            "position": position,
            "id": None if record.damage else identity,
            "url": record.url,
            "purpose": record.purpose,
            "fate": record.fate,
            "cluster": record.cluster or None,
            "encoding": record.encoding or None,
        }
        content.append(stored)
        position += len(stored)
    whole = b"".join(content)
    path.write_bytes(member(whole) if path.name.endswith(".jsonl.gz") else whole)


def write(folder: Path) -> list[dict[str, object]]:
    """Write all shards and ``manifest.json`` into a folder; returns the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest: list[dict[str, object]] = []
    for name, records in shards().items():
        manifest.extend(_write_shard(folder / name, records, first=len(manifest)))
    content = json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
    (folder / "manifest.json").write_text(content, encoding="utf-8", newline="\n")
    return manifest


def main() -> None:
    """Write the sample beside this file, or into the folder that is given."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "shards"
    print(f"{len(write(folder))} records in {folder}")


if __name__ == "__main__":
    main()
