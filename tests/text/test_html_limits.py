import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.text import html_limits
from pipeline.text.decode import decode
from pipeline.text.html_limits import NEVER_OPEN, HtmlLimitError, check, pack

NAME = re.compile(rb"</?([A-Za-z][^\x00-\x20/>]*)")
COMMENT = re.compile(rb"<!--(?:-?>|.*?(?:--!?>|\Z))|(?:<[!?]|</(?![A-Za-z]))[^>]*>?", re.DOTALL)
QUOTED = re.compile(rb"=[\x00-\x20/]*(\"[^\"]*(?:\"|\Z)|'[^']*(?:'|\Z))")


def twin(html: bytes, limits: tuple[int, int, int, int]) -> int:
    """Walk tag by tag with regular expressions and a list of open elements."""
    opened: list[int] = []
    tags = depths = options = at = 0
    while (at := html.find(b"<", at)) >= 0:
        if match := COMMENT.match(html, at):
            at = match.end()
            continue
        match = NAME.match(html, at)
        if not match:
            at += 1
            continue
        at = match.end()
        name = pack(match[1].decode("latin-1").lower()) if match[1].isascii() else pack_bytes(match[1])
        if match[0].startswith(b"</"):
            _, at = count_attributes(html, at)
            if name in opened:
                del opened[len(opened) - 1 - opened[::-1].index(name) :]
            continue
        attributes, at = count_attributes(html, at)
        tags, depths = tags + 1, depths + len(opened)
        options += name == pack("option")
        for code, (value, limit) in enumerate(zip((tags, depths, attributes, options), limits, strict=True), 1):
            if value > limit:
                return code
        if name in RAW and pack("select") not in opened:
            ends = (m.start() for m in NAME.finditer(html, at) if m[0][1:2] == b"/" and pack_bytes(m[1]) == name)
            at = next(ends, len(html))
        elif name not in NEVER_OPEN.tolist():
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
        [
            "<div>",
            "</div>",
            "<p>",
            "<b",
            " a",
            "=",
            "'",
            '"',
            ">",
            "/",
            "<",
            "あ",
            "<LI>",
            "</x>",
            "<é>",
            " ",
            "<Option>",
        ]
    )
).map("".join)


@settings(deadline=None)  # the first call compiles
@given(SOUP | st.text(), st.tuples(st.integers(0, 6), st.integers(0, 8), st.integers(0, 3), st.integers(0, 2)))
def test_the_kernel_and_its_twin_agree(html: str, limits: tuple[int, int, int]) -> None:
    source = html.encode("utf-8", "surrogatepass")
    kernel = html_limits._excess(
        np.frombuffer(source, np.uint8), (NEVER_OPEN, html_limits.RAW, html_limits.UNLIKE), *limits
    )
    assert kernel == twin(source, limits)


FORMATTING, SCOPES, RAW = (
    [pack(name) for name in names.split()]
    for names in (
        "b big code em font i nobr s small strike strong tt u",
        "applet marquee object select table template",
        "iframe noembed noframes script style textarea title xmp",
    )
)
TOKEN = re.compile(rb"</?[A-Za-z][^\x00-\x20/>]*|<!--|-->|--!>")


def formatting_twin(html: bytes) -> int:
    """Sum the open formatting elements at start tags, with lists of them for every scope."""
    scopes: list[tuple[int, list[tuple[int, bytes]]]] = [(0, [])]
    quiet, total, at = 0, 0, 0
    while match := TOKEN.search(html, at):
        start, at = match.span()
        if match[0][:1] != b"<" or match[0] == b"<!--":
            at = start + 2  # the hyphens of <!--> may be of its end too
            if match[0] == b"<!--":
                quiet = quiet or -1
            else:
                at = match.end()
                quiet = 0 if quiet == -1 else quiet
            continue
        name = pack_bytes(match[0].strip(b"</"))
        if match[0].startswith(b"</"):
            quiet = 0 if quiet == name else quiet
            if not quiet:
                _, at = count_attributes(html, at)
                close(scopes, name)
            continue
        _, at = count_attributes(html, at)
        total += sum(len(opened) for _, opened in scopes)
        tag = html[start + 1 : at]
        if name in RAW:
            quiet = quiet or name
        elif name in SCOPES:
            scopes.append((name, []))
        elif name in FORMATTING and [print_ for _, opened in scopes for _, print_ in opened].count(tag) < 3:
            scopes[-1][1].append((name, tag))
    return total


def close(scopes: list[tuple[int, list[tuple[int, bytes]]]], name: int) -> None:
    inner, opened = scopes[-1]
    if inner == name:
        scopes.pop()
        scopes[-1][1].extend(opened)
    names = [element for element, _ in opened]
    if name in names:
        del opened[len(names) - 1 - names[::-1].index(name)]


FORMATTED = st.lists(
    st.sampled_from(
        ["<b>", "<B id=1>", "<i>", "</b>", "</i>", "<p>", "<table>", "</table>", "<select>", "</select>", "<title>",
         "</title>", "<!--", "-->", "--!>", "<!-->", "<!", ">", "-", "<b ", "あ"]
    )
).map("".join)  # fmt: skip


def open_formatting(html: bytes) -> int:
    """Find the smallest limit that the kernel does not exceed."""
    arguments = np.frombuffer(html, np.uint8), html_limits.FORMATTING, html_limits.SCOPES, html_limits.RAW
    return next(limit for limit in range(10_000) if not html_limits._reopens(*arguments, limit))


@settings(deadline=None)
@given(FORMATTED)
@example("<!--><b></b><p>")
@example("<!--<b></b>--!></b><p>")
@example("<b><b><b><b><p></b><p>")
@example("<b><table></b><i></table></b></i><p>")
@example("<b><title><!--</b></title></b><p>")
def test_open_formatting_elements_are_summed_as_by_its_twin(html: str) -> None:
    assert open_formatting(html.encode()) == formatting_twin(html.encode())


NAMED = "".join(f"<b id={i}>" for i in range(1_000))
PARAGRAPHS = "<p>あ</p>" * 3_000


@pytest.mark.parametrize(
    "html",
    [
        f"<div>{NAMED}</div>{PARAGRAPHS}",
        f"<title><!--</title>{NAMED}{PARAGRAPHS}",
        NAMED.replace(">", "><!--</b>-->") + PARAGRAPHS,
        NAMED.replace(">", "><style></b></style>") + PARAGRAPHS,
        f"{NAMED}<table><td>{'</b>' * 1_000}</table>{PARAGRAPHS}",
        NAMED.replace(">", "></x y='</b>'>") + PARAGRAPHS,
        f"{NAMED}<select>{'</b>' * 1_000}</select>{PARAGRAPHS}",
    ],
)
def test_formatting_that_a_parser_opens_again_in_every_block_is_refused(html: str) -> None:
    with pytest.raises(HtmlLimitError, match="formatting elements open at start tags sum to more than 500000"):
        check(html)


@pytest.mark.data
def test_no_real_page_is_refused(shared_data: Path) -> None:
    pages = [page.read_bytes() for page in sorted(shared_data.glob("a_html_*/pages/*"))]
    assert len(pages) > 1_000
    for page in pages:
        check(decode(page, None, html=True).text)


@pytest.mark.parametrize(
    ("html", "message"),
    [
        ("<p>" * 500_001, "more than 500000 start tags"),
        ("<div>" * 100_000, "depths sum to more than 20000000"),
        ("<div></x>" * 100_000, "depths sum to more than 20000000"),
        ("<div><!--</div>-->" * 10_000, "depths sum to more than 20000000"),
        ("<div><!</div>" * 10_000, "depths sum to more than 20000000"),
        ("<div></ </div>" * 10_000, "depths sum to more than 20000000"),
        ("<div></x y='</div>'>" * 10_000, "depths sum to more than 20000000"),
        ("<div><style></div></style>" * 10_000, "depths sum to more than 20000000"),
        ("<svg><title></svg><div></title>" * 10_000, "depths sum to more than 20000000"),
        ("<DIV CLASS='>'>" * 10_000, "depths sum to more than 20000000"),
        ("<select>" + "<option>あ" * 10_001, "more than 10000 options"),
        ("<select><OPTION></select>" * 10_001, "more than 10000 options"),
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
        "<script>'<div>'</script><!-- <div> --><style>i::after{content: '<div>'}</style>" * 20_000,
        "<svg>" + "<path d='M0 0'/>" * 20_000 + "</svg>",
        "<p title='" + "a b " * 10_000 + "'>",
        '<p title = "' + "a b " * 10_000 + '">',
        "本文" * 1_000_000,
        "<select>" + "<option>県</option>" * 9_000 + "</select>",
        "<p><b>太字</b>と<i>斜体</i></p>" * 50_000,
        "<p><b>閉じない</p>" * 4_000,
        "<table><tr><td><font size=2><font color=red>升</table>" * 15_000,
    ],
)
def test_long_pages_of_ordinary_shape_pass(html: str) -> None:
    check(html)
