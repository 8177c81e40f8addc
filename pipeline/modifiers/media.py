"""Which payloads are text, by what the server says, and by their first bytes where it says nothing useful."""

import re
from enum import Enum


class Media(Enum):
    """How a payload is turned into text."""

    HTML = "html"
    PLAIN = "plain"
    OTHER = "other"  # no text: leaves


HTML_TYPES = frozenset({"text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml"})
PLAIN_TYPES = frozenset({"text/plain", "text/markdown", "text/x-markdown"})
XML_TYPES = frozenset({"text/xml", "application/xml"})
UNKNOWN_TYPES = frozenset({"", "application/octet-stream", "unknown/unknown", "application/unknown", "*/*"})
"""Types that say nothing: those of WHATWG MIME Sniffing 7, and what servers send for files they do not know."""

RESOURCE_HEADER = 1445
"""Bytes that WHATWG MIME Sniffing looks at."""
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?"
    rb"<(?:!--|!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|meta)[\s>-]",
    re.IGNORECASE,
)
_XHTML = re.compile(rb"<html[\s>]", re.IGNORECASE)
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]|\A(?:%PDF-|%!PS)")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def media_of(content_type: str | None, content: bytes) -> Media:
    """Say how to read a payload whose media type, lower case without parameters, is ``content_type``."""
    kind = content_type or ""
    if kind in HTML_TYPES:
        return Media.HTML
    if kind in PLAIN_TYPES:
        return Media.PLAIN
    if kind in XML_TYPES:
        return Media.HTML if _XHTML.search(content[:RESOURCE_HEADER]) else Media.OTHER
    return sniff(content[:RESOURCE_HEADER]) if kind in UNKNOWN_TYPES else Media.OTHER


def sniff(header: bytes) -> Media:
    """Tell HTML, plain text and binary data apart by WHATWG MIME Sniffing, 7.1; ESC is text, as in ISO-2022-JP."""
    if header.startswith(_UTF_16):
        header = header[2:].replace(b"\0", b"")
    if _HTML.match(header.removeprefix(_BYTE_ORDER_MARK)):
        return Media.HTML
    return Media.OTHER if _BINARY.search(header) else Media.PLAIN
