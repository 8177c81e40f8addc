"""Title and date that an HTML page states about itself, found without a parser."""

import html as references
import re
from collections.abc import Iterator
from datetime import datetime

from pipeline.text.normalize import clean

MAX_TITLE = 300
"""Characters."""
MAX_TITLE_SOURCE = 4_000
"""Characters of source that a title is read from; below the 4,300 digits from which Python refuses a number."""
PUBLISHED = (
    "article:published_time",
    "og:article:published_time",
    "og:published_time",
    "datepublished",
    "dc.date.issued",
    "dcterms.issued",
    "pubdate",
    "date",
)
"""Names, in order of trust, under which pages state when they were published: Open Graph, schema.org, Dublin Core."""

# A tag ends at the next "<" at the latest and a name has one start, so that no character is read twice.
_TITLE = re.compile(
    rf"<title(?=[\s>])[^<>]*+>((?:[^<]|<(?!/title)){{0,{MAX_TITLE_SOURCE}}}+)",
    re.IGNORECASE,
)
_META = re.compile(r"<meta(?=[\s/])[^<>]*+>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""(?<![\w:-])([\w:-]++)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))""")
_JSON_LD = re.compile(r'"datePublished"\s*+:\s*+"([^"]{8,40}+)"')
_TIME = re.compile(r"<time(?=\s)[^<>]*+>", re.IGNORECASE)


def find_title(html: str) -> str:
    """Title of a page: one line of at most MAX_TITLE characters, "" where it has none."""
    title = _TITLE.search(html)
    return one_line(references.unescape(title[1])) if title else ""


def one_line(title: str) -> str:
    """Clean a title, its white space as single spaces."""
    return " ".join(clean(title).split())[:MAX_TITLE].rstrip()


def find_date(html: str) -> str | None:
    """Publication date a page states, as it states it, if that is ISO 8601.

    Looked for in ``meta`` elements, JSON-LD and the first ``time`` element, in this order.
    """
    return next((date for date in _dates(html) if _is_date(date)), None)


def _dates(html: str) -> Iterator[str]:
    stated: dict[str, str] = {}
    for meta in _META.finditer(html):
        attributes = _attributes(meta[0])
        name = attributes.get("property") or attributes.get("name") or attributes.get("itemprop") or ""
        stated.setdefault(name.lower(), attributes.get("content", ""))
    yield from (stated[name] for name in PUBLISHED if name in stated)
    yield from (match[1] for match in _JSON_LD.finditer(html))
    time = _TIME.search(html)
    if time:
        yield _attributes(time[0]).get("datetime", "")


def _attributes(tag: str) -> dict[str, str]:
    return {name.lower(): (double or single or bare).strip() for name, double, single, bare in _ATTRIBUTE.findall(tag)}


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
