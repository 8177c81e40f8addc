"""From payload to text: decode, take the main content of HTML, clean lightly."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import PositiveInt
from resiliparse.parse.html import HTMLParserException

from pipeline.modifiers.head import find_date, find_title, one_line
from pipeline.modifiers.media import Media, media_of
from pipeline.modifiers.resiliparse_text import full_text, main_text, strip_ruby
from pipeline.modifiers.trafilatura_text import trafilatura_text
from pipeline.stage import Cost, Outcome, Stage
from pipeline.text.decode import DecodeError, decode
from pipeline.text.html import expand_references, join_wrapped
from pipeline.text.html_limits import HtmlLimitError, check
from pipeline.text.normalize import clean, layout

Extractor = Literal["resiliparse", "trafilatura", "trafilatura_precise", "full"]

EXTRACTORS: Mapping[Extractor, Callable[[str], str]] = {
    "resiliparse": main_text,
    "trafilatura": trafilatura_text,
    "trafilatura_precise": partial(trafilatura_text, precise=True),
    "full": full_text,
}


@dataclass(frozen=True, slots=True)
class Document:
    """One row of the columns that ``Extract`` adds; without text it leaves for ``drop``, or fails with ``error``."""

    text: str | None = None
    title: str | None = None
    date: str | None = None
    encoding: str | None = None
    replacements: int | None = None
    text_share: float | None = None
    drop: str | None = None
    error: str | None = None


class Extract(Stage):
    """Payloads become text, and all text is cleaned for storage.

    Drops: ``content_type`` (an image, a PDF, a stylesheet), ``empty`` (no text). Failures: DecodeError,
    HtmlLimitError, and the errors of the extractor. A record that came as text is only cleaned.
    """

    cost = Cost.CHARS
    reads = ("content", "content_type", "charset", "text", "title", "date")
    adds: ClassVar[Mapping[str, pa.DataType]] = {
        "text": pa.string(),
        "title": pa.string(),
        "date": pa.string(),
        "extract.encoding": pa.string(),
        "extract.replacements": pa.int32(),
        "extract.text_share": pa.float32(),
    }
    libraries = ("resiliparse", "trafilatura", "lxml")

    extractor: Extractor = "resiliparse"
    """Main content by ``resiliparse`` or, far slower, ``trafilatura`` (``trafilatura_precise``: with its
    favor_precision, as FineWeb); ``full`` for all visible text."""
    max_html_bytes: PositiveInt = 16 * 2**20
    """Larger HTML payloads fail. Common Crawl cuts at 1 MiB (5 MiB since 2025)."""

    def process(self, batch: pa.RecordBatch) -> Outcome:
        """Extract every row of a batch."""
        columns = [batch.column(name).to_pylist() for name in self.reads]
        documents = [self._document(*row) for row in zip(*columns, strict=True)]
        fields = ("text", "title", "date", "encoding", "replacements", "text_share")
        return Outcome(
            columns={
                column: pa.array([getattr(document, field) for document in documents], kind)
                for field, (column, kind) in zip(fields, self.adds.items(), strict=True)
            },
            drops={
                reason: np.array([document.drop == reason for document in documents], np.bool_)
                for reason in ("content_type", "empty")
            },
            failures={row: document.error for row, document in enumerate(documents) if document.error},
        )

    def _document(
        self,
        content: bytes | None,
        content_type: str | None,
        charset: str | None,
        text: str | None,
        title: str | None,
        date: str | None,
    ) -> Document:
        known = Document(title=None if title is None else one_line(title), date=date)
        if content is None:
            return _cleaned(known, text or "")
        media = media_of(content_type, content)
        if media is Media.OTHER:
            return replace(known, drop="content_type")
        try:
            return self._read(content, charset, media, known)
        except (DecodeError, HtmlLimitError, HTMLParserException) as error:
            return replace(known, error=f"{type(error).__name__}: {error}")

    def _read(self, content: bytes, charset: str | None, media: Media, known: Document) -> Document:
        html = media is Media.HTML
        if html and len(content) > self.max_html_bytes:
            raise HtmlLimitError(f"{len(content)} bytes are more than max_html_bytes, {self.max_html_bytes}")
        decoded = decode(content, charset, html=html)
        known = replace(known, encoding=decoded.encoding, replacements=decoded.replacements)
        return self._page(decoded.text, known) if html else _cleaned(known, decoded.text)

    def _page(self, html: str, known: Document) -> Document:
        """Take a page apart; what it says of itself goes before what the record says."""
        check(html)
        known = replace(known, title=find_title(html) or known.title, date=find_date(html) or known.date)
        source = join_wrapped(strip_ruby(expand_references(html)))
        document = _kept(known, layout(clean(EXTRACTORS[self.extractor](source))))
        return replace(document, text_share=len(document.text or "") / len(html) if html else 0.0)


def _cleaned(known: Document, text: str) -> Document:
    return _kept(known, clean(text))


def _kept(known: Document, text: str) -> Document:
    return replace(known, text=text.rstrip().lstrip(" \t\n"), drop=None if text.strip() else "empty")
