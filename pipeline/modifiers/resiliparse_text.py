"""Text of HTML by Resiliparse, with repairs where its rules, made for alphabets, cut Japanese.

Its tree serves ruby annotations for all extractors: it follows the HTML Standard, under which most tags of ruby may
be left out.
"""

import re
from typing import Any

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree, NodeType

from pipeline.text.normalize import KEPT_SPACE, KEPT_TAB, keep_spaces

RUBY_HINTS = ("<ruby", "<rt", "<rb")
ANNOTATIONS = "rp, rt, rtc"
NAVIGATION_LINKS = 0.5
"""Share of link text from which a list near the top of the tree is taken for navigation."""
SHALLOW_LISTS = "body > ul, body > * > ul, body > * > * > ul"
SHALLOW = 3
MADE_TWO = "\u200b"
"""Invisible, and removed with all such: with it a text node of one character is none of one character."""
PREFORMATTED = "pre:not(pre pre)"
PROSE_ADDRESSES = "p .email, dd .email"

_RUBY_TAG = re.compile(r"</?(?:ruby|rb|rbc)(?=[\s/>])[^<>]*>", re.IGNORECASE)
_LONE_CHARACTER = re.compile(r"(?<=>)(\s*(?:[^\s\x00-\x7f]|&#?\w{1,32};))(?=\s*<)")


def strip_ruby(html: str) -> str:
    """Remove ruby annotations and keep their bases: ``<ruby>庇<rt>かば</ruby>う`` becomes 庇う."""
    lower = html.lower()
    if not any(hint in lower for hint in RUBY_HINTS):
        return html
    document: Any = HTMLTree.parse(html).document
    for annotation in reversed(_select(document, ANNOTATIONS)):
        annotation.decompose()
    return _RUBY_TAG.sub("", document.html)


def main_text(html: str) -> str:
    """Extract the main content; "" if there is none.

    Resiliparse 2.0 drops every text node of one Japanese character (日本<b>国</b>, and the の between two links), every
    ``ul`` less than three elements below ``body``, which on hand-written pages are the content, and every element of
    class ``email``, for it a button to share the page, in DocBook an address.
    """
    tree: Any = HTMLTree.parse(_LONE_CHARACTER.sub(rf"\1{MADE_TWO}", html))
    for element in _select(tree.document, SHALLOW_LISTS):
        if _link_share(element) < NAVIGATION_LINKS:
            _wrap(tree, element)
    for element in _select(tree.document, PROSE_ADDRESSES):
        element.class_name = ""
    return _text(tree, main_content=True)


def full_text(html: str) -> str:
    """Extract all visible text, navigation too."""
    return _text(HTMLTree.parse(html), main_content=False)


def _text(tree: Any, *, main_content: bool) -> str:
    """Extract text with the white space of ``pre`` guarded for ``layout``."""
    for element in _select(tree.document, PREFORMATTED):
        for node in [node for node in element if node.type == NodeType.TEXT]:
            kept = keep_spaces(node.value)
            node.value = kept + MADE_TWO if kept in (KEPT_SPACE, KEPT_TAB) else kept
    text: str = extract_plain_text(tree, main_content=main_content, alt_texts=False)
    return text


def _select(node: Any, selector: str) -> list[Any]:
    found: list[Any] = node.query_selector_all(selector)[:]  # a slice is linear, iteration quadratic
    return found


def _link_share(element: Any) -> float:
    size = len(element.text)
    return sum(len(link.text) for link in _select(element, "a")) / size if size else 1.0


def _wrap(tree: Any, element: Any) -> None:
    """Move an element SHALLOW levels down."""
    outer = inner = tree.create_element("div")
    element.parent.replace_child(outer, element)
    for _ in range(SHALLOW - 1):
        inner = inner.append_child(tree.create_element("div"))
    inner.append_child(element)
