"""What a page says about its encoding and what its bytes look like, as names of Python codecs."""

import re

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

PRESCAN_BYTES = 4096
"""How far a declaration is looked for; four times the 1,024 bytes of the WHATWG HTML standard, as old pages need."""

WIDENED = {
    "shift_jis": "cp932",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "iso8859-11": "cp874",
}
"""Codecs that lack what the WHATWG Encoding standard puts under the same label, and those that have it."""

NOT_IN_STANDARD = {"cp932": "cp932", "windows-932": "cp932", "eucjp": "euc_jp", "euc_jp": "euc_jp"}
"""Labels that Japanese servers send although the WHATWG Encoding standard does not list them."""

DOUBLE_BYTE = frozenset({"cp932", "euc_jp", "iso2022_jp", "gb18030", "big5hkscs", "cp949"})

_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_DECLARATION = re.compile(
    rb"""\A\s*<\?xml\s[^<>]*?encoding\s*=\s*["']([^"'<>]{1,40})["']"""
    rb"""|<meta\s[^<>]*?charset\s*=\s*["']?\s*([^\s"'/;<>]{1,40})""",
    re.IGNORECASE,
)


def codec(label: str | None) -> str | None:
    """Find the Python codec of a label by the table of the WHATWG Encoding standard; None for an unknown one."""
    name = (label or "").strip(" \t\r\n\f\"';,").lower()
    if not name.isascii():
        return None
    known = NOT_IN_STANDARD.get(name) or map_encoding_to_html5(name, fallback_utf8=False)
    return WIDENED.get(known, known) if known else None


def declared(content: bytes) -> str | None:
    """Find the codec that a ``<meta>`` or an XML declaration names in the first PRESCAN_BYTES.

    A declaration that could be read as ASCII is not in UTF-16, whatever it says: UTF-8, as in the HTML standard.
    """
    for found in _DECLARATION.finditer(_COMMENT.sub(b"", content[:PRESCAN_BYTES])):
        if name := codec((found[1] or found[2]).decode("latin-1")):
            return "utf-8" if name.startswith("utf-16") else name
    return None


def detect(content: bytes) -> str:
    """Guess the codec from the bytes alone (uchardet, through Resiliparse)."""
    return codec(detect_encoding(content)) or "utf-8"
