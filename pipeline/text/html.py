"""Repairs of HTML source before any parser sees it, so that every extractor gives the characters a reader would see."""

import re
import sys
import unicodedata
from functools import lru_cache

WIDE = (
    "\u2e80-\u303f\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f"
    "\uff01-\uff60\uffe0-\uffe6\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
"""Characters of East Asian Width W or F as Japanese uses them; U+3000 is in, Hangul is not."""
FIRST_PLAIN = 0xA0
"""References below are markup, ASCII or windows-1252 in disguise, and a parser's business."""

_INLINE = (
    "a|abbr|acronym|b|bdi|bdo|big|cite|code|data|del|dfn|em|font|i|ins|kbd|label|mark|nobr|q|rb|ruby|s|samp|small|span"
    "|strike|strong|sub|sup|time|tt|u|var|wbr"
)
_TAG = rf"</?(?i:{_INLINE})(?=[\s/>])[^<>]*+>"
_INLINE_TAG = re.compile(_TAG)
_WRAP = re.compile(rf"[{WIDE}](?:[ \t]|{_TAG})*+\n(?:[ \t\n]|{_TAG})*+(?=[{WIDE}])")
_STOP_SPACE = re.compile(rf"([、。]) (?=[{WIDE}])")
_VERBATIM = re.compile(r"(<(pre|textarea|script|style|xmp|listing)\b.*?(?:</\2\s*>|\Z))", re.IGNORECASE | re.DOTALL)
_REFERENCE = re.compile(r"&#(?:[xX]([0-9a-fA-F]{2,6})(?![0-9a-fA-F])|([0-9]{3,7})(?![0-9]));?")


def expand_references(html: str) -> str:
    """Replace numeric character references from U+00A0 on by their characters, where they have one.

    ``&#12354;`` becomes あ, ``&#60;`` stays: the result is the same document.
    """
    return _REFERENCE.sub(_character, html) if "&#" in html else html


def join_wrapped(html: str) -> str:
    """Remove the line breaks of HTML source that stand between two wide characters, across inline tags too.

    They are an editor's wrapping, and an extractor makes a space of each. The rule is the segment break transformation
    of CSS Text Module Level 3, 4.1.3; a lone CR is a line break too, as in the HTML Standard. A space that was
    typed stays (東京 大阪), but for one after 、 or 。, where a formatter left it of a line break. Preformatted text is
    not touched.
    """
    pieces = _VERBATIM.split(html.replace("\r\n", "\n").replace("\r", "\n"))
    pieces[::3] = [_STOP_SPACE.sub(r"\1", _WRAP.sub(_without_white_space, piece)) for piece in pieces[::3]]
    del pieces[2::3]
    return "".join(pieces)


def _character(reference: re.Match[str]) -> str:
    return _expanded(*reference.group(0, 1, 2))


@lru_cache(maxsize=2**14)
def _expanded(reference: str, hexadecimal: str | None, decimal: str | None) -> str:
    code = int(hexadecimal, 16) if hexadecimal else int(decimal or 0)
    if code < FIRST_PLAIN or code > sys.maxunicode or unicodedata.category(chr(code)) in ("Cn", "Cs"):
        return reference
    return chr(code)


def _without_white_space(wrap: re.Match[str]) -> str:
    return wrap[0][0] + "".join(_INLINE_TAG.findall(wrap[0]))
