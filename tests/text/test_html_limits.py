import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text import html_limits
from pipeline.text.html_limits import NEVER_OPEN, HtmlLimitError, check, pack

NAME = re.compile(rb"</?([A-Za-z][^\x00-\x20/>]*)")
QUOTED = re.compile(rb"=[\x00-\x20/]*(\"[^\"]*(?:\"|\Z)|'[^']*(?:'|\Z))")


def twin(html: bytes, limits: tuple[int, int, int]) -> int:
    """Walk tag by tag with regular expressions and a list of open elements."""
    opened: list[int] = []
    tags = depths = at = 0
    while match := NAME.search(html, at):
        at = match.end()
        name = pack(match[1].decode("latin-1").lower()) if match[1].isascii() else pack_bytes(match[1])
        if match[0].startswith(b"</"):
            if name in opened:
                del opened[len(opened) - 1 - opened[::-1].index(name) :]
            continue
        attributes, at = count_attributes(html, at)
        tags, depths = tags + 1, depths + len(opened)
        for code, (value, limit) in enumerate(zip((tags, depths, attributes), limits, strict=True), 1):
            if value > limit:
                return code
        if name not in NEVER_OPEN.tolist():
            opened.append(name)
    return 0


def pack_bytes(name: bytes) -> int:
    return int.from_bytes(name.lower()[: html_limits.NAME_BYTES], "big")


def count_attributes(html: bytes, at: int) -> tuple[int, int]:
    words: list[str] = []
    while at < len(html) and (char := html[at : at + 1]) != b">":
        if words and words[-1] == "=" and char in b"\"'":
            end = html.find(char, at + 1)
            at = len(html) if end < 0 else end
            words += ["value", " "]
        elif char <= b" " or char == b"/":
            words += [" "] if words and words[-1] not in "= " else []
        elif char == b"=" and "name" in words:
            words.append("=")
        elif not words or words[-1] in " =":
            words.append("value" if words and words[-1] == "=" else "name")
        at += 1
    return words.count("name"), at + 1


SOUP = st.lists(
    st.sampled_from(
        ["<div>", "</div>", "<p>", "<b", " a", "=", "'", '"', ">", "/", "<", "あ", "<LI>", "</x>", "<é>", " "]
    )
).map("".join)


@settings(deadline=None)  # the first call compiles
@given(SOUP | st.text(), st.tuples(st.integers(0, 6), st.integers(0, 8), st.integers(0, 3)))
def test_the_kernel_and_its_twin_agree(html: str, limits: tuple[int, int, int]) -> None:
    source = html.encode("utf-8", "surrogatepass")
    kernel = html_limits._excess(np.frombuffer(source, np.uint8), NEVER_OPEN, *limits)
    assert kernel == twin(source, limits)


@pytest.mark.parametrize(
    ("html", "message"),
    [
        ("<p>" * 500_001, "more than 500000 start tags"),
        ("<div>" * 100_000, "depths sum to more than 20000000"),
        ("<div></x>" * 100_000, "depths sum to more than 20000000"),
        ("<DIV CLASS='>'>" * 10_000, "depths sum to more than 20000000"),
        ("<p " + "a " * 1_001 + ">", "more than 1000 attributes"),
        ("<p " + "a=1 " * 1_001, "more than 1000 attributes"),
        ("<p " + "a='1'b=\"2\"" * 501 + ">", "more than 1000 attributes"),
    ],
)
def test_a_page_beyond_a_limit_is_refused_by_name(html: str, message: str) -> None:
    with pytest.raises(HtmlLimitError, match=message):
        check(html)


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<",
        "</",
        "a < b && c <1",
        "<p>段落" * 100_000,
        "<tr><td>升<br>" * 50_000,
        "<div>深い</div>" * 100_000,
        "<svg>" + "<path d='M0 0'/>" * 20_000 + "</svg>",
        "<p title='" + "a b " * 10_000 + "'>",
        '<p title = "' + "a b " * 10_000 + '">',
        "本文" * 1_000_000,
    ],
)
def test_long_pages_of_ordinary_shape_pass(html: str) -> None:
    check(html)
