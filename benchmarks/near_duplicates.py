"""Real documents among which near-duplicates are found or made: editions, revisions, encodings, mirrors and edits."""

import json
import random
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from benchmarks.edits import EDITS, on_template
from benchmarks.real_shards import html_pages, loose_pages, text_lines
from pipeline.isolation import process
from pipeline.modifiers.extract import Extract
from pipeline.schema import RECORD
from pipeline.text.decode import decode

SEED = 4
AOZORA_MARKUP = re.compile("《.*?》|［＃.*?］|｜")
CHARSETS = {"utf-8": "utf-8", "shift_jis": "cp932", "euc-jp": "euc_jp", "iso-2022-jp": "iso2022_jp"}
"""What a page declares, and Python's name for it."""
DECLARED = re.compile(r"(?i)((?:charset|encoding)\s*=\s*[\"']?)[\w-]+")
ENCODED = 15
"""Pages of each folder that are written in every charset."""
CHARACTERS = range(600, 3000)
"""Length of the texts that are edited."""
TEMPLATES = {"template of 60 %": (0.4, 0.4), "template of 70 to 95 %": (0.05, 0.3)}
TEMPLATED = 150
"""Pages of each template."""
CROWD = 600


class Document(NamedTuple):
    """A text and the set it belongs to."""

    set: str
    text: str


def near_duplicates(data: Path) -> list[Document]:
    """All documents, in an order that looks random and is always the same."""
    documents = [*editions(data), *revisions(data), *web_pages(data), *captions(data), *made(list(plain_texts(data)))]
    random.Random(SEED).shuffle(documents)
    return documents


def editions(data: Path) -> Iterator[Document]:
    """Works of literature that exist in several editions, without their markup."""
    for text in _texts(data / "f_neardup_aozora" / "docs.jsonl"):
        yield Document("editions", AOZORA_MARKUP.sub("", text))


def revisions(data: Path) -> Iterator[Document]:
    """Statutes as they stood at two dates, and related ones; pages of a manual from three eras and charsets."""
    statutes, manual = data / "f_neardup_egov", data / "a_html_apache_docs"
    yield from _extracted("revised statutes", (page for _, page in loose_pages(statutes)))
    yield from _extracted("revised manual pages", (page for _, page in html_pages(manual)))


def web_pages(data: Path) -> Iterator[Document]:
    """All other pages, with the mirrors among them; and some of them in every charset."""
    for folder in sorted(set(data.glob("a_html_*")) - {data / "a_html_apache_docs"}):
        pages = [page for _, page in html_pages(folder)]
        yield from _extracted("web pages", pages)
        written = islice(filter(None, map(in_every_charset, pages)), ENCODED)
        yield from _extracted("one page in four charsets", chain.from_iterable(written))


def captions(data: Path) -> Iterator[Document]:
    """Sentences that say nearly the same in other words: no duplicates."""
    for line in text_lines(data / "f_neardup_jsts" / "jsts.jsonl"):
        pair = json.loads(line)
        yield Document("captions", pair["text"])
        yield Document("captions", pair["text_b"])


def plain_texts(data: Path) -> Iterator[str]:
    """Articles, posts and encyclopedia texts long enough to be edited."""
    for file in sorted(data.glob("c_text_*/*.jsonl")):
        yield from (text for text in _texts(file) if len(text) in CHARACTERS)


def made(texts: list[str]) -> Iterator[Document]:
    """Every text and an edited copy of it, the kinds of edit in turn; and pages of templates around some of them."""
    chance = random.Random(SEED)
    texts = chance.sample(texts, len(texts))
    for (name, own), template in zip(TEMPLATES.items(), reversed(texts), strict=False):
        yield from (Document(name, page) for page in on_template(template, texts[:TEMPLATED], own, chance))
    for place, (name, edit) in enumerate(EDITS.items()):
        for text in texts[place :: len(EDITS)]:
            yield from (Document(name, text), Document(name, edit(text, chance)))


def one_template(data: Path) -> list[Document]:
    """Far more pages of one template than a bucket compares with each other."""
    chance = random.Random(SEED)
    template, *texts = plain_texts(data)
    pages = on_template(template, texts[:CROWD], TEMPLATES["template of 70 to 95 %"], chance)
    return [Document(f"{CROWD} pages of one template", page) for page in pages]


def in_every_charset(page: bytes) -> list[bytes]:
    """Write a page in each of CHARSETS, and declare it; empty if one of them lacks a character of it."""
    text = decode(page, None, html=True).text
    try:
        return [DECLARED.sub(rf"\g<1>{name}", text).encode(codec) for name, codec in CHARSETS.items()]
    except UnicodeEncodeError:
        return []


def _texts(file: Path) -> Iterator[str]:
    for line in text_lines(file):
        yield json.loads(line)["text"]


def _extracted(name: str, pages: Iterable[bytes]) -> Iterator[Document]:
    """Run the pages that have a text through the ``extract`` step."""
    rows = [{"content": page, "content_type": "text/html"} for page in pages]
    texts = process(Extract(), pa.RecordBatch.from_pylist(rows, RECORD)).columns["text"]
    return (Document(name, text) for text in texts.to_pylist() if text)
