"""One form for all URLs of a page."""

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.canonical_url import canonical_urls, escaped


def canonical(*urls: str | None) -> list[str | None]:
    found: list[str | None] = canonical_urls(pa.array(urls, pa.string())).to_pylist()
    return found


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("http://example.jp", "example.jp"),
        ("HTTPS://User:pass@EXAMPLE.jp.:443/", "example.jp"),
        ("http://example.jp:8080/", "example.jp:8080"),
        ("http://example.jp:/a", "example.jp/a"),
        ("http://[2001:DB8::1]:80/a", "[2001:db8::1]/a"),
        ("https://日本語.JP/駅/", "xn--wgv71a119e.jp/%E9%A7%85"),
        ("https://xn--wgv71a119e.jp/%e9%a7%85", "xn--wgv71a119e.jp/%E9%A7%85"),
        ("https://example.jp/a#節", "example.jp/a"),
        ("https://example.jp/a#", "example.jp/a"),
        ("https://example.jp/#!/本", "example.jp#!/%E6%9C%AC"),
        ("https://example.jp/?q=1#!a#b", "example.jp?q=1#!a#b"),
        ("https://example.jp/a/index.html#top", "example.jp/a"),
        ("https://example.jp/index.htm", "example.jp"),
        ("https://example.jp/my-index.html", "example.jp/my-index.html"),
        ("https://example.jp/A//", "example.jp/A"),
        ("https://example.jp/a/./b/../../c", "example.jp/c"),
        ("https://example.jp/a/%2E%2e/b", "example.jp/b"),
        ("https://example.jp/../..", "example.jp"),
        ("https://example.jp/%7Etaro/%2f%3F", "example.jp/~taro/%2F%3F"),
        ("https://example.jp/100%/%zz%", "example.jp/100%25/%25zz%25"),
        ("https://example.jp/a b", "example.jp/a%20b"),
        ("https://example.jp/?b=2&a=1&&a=0", "example.jp?a=1&a=0&b=2"),
        ("https://example.jp/a?", "example.jp/a"),
        ("https://example.jp?q=猫", "example.jp?q=%E7%8C%AB"),
        ("https://example.jp/?utm_source=x&id=3&UTM_Medium=y&fbclid=z&gclid&yclid=1", "example.jp?id=3"),
        ("https://example.jp/?utm=1&myutm_source=2&q=gclid", "example.jp?myutm_source=2&q=gclid&utm=1"),
        ("https://example.jp/?u=http://a.jp/?x=1&b=%26", "example.jp?b=%26&u=http://a.jp/?x=1"),
        ("  https://example.jp/a\n", "example.jp/a"),
        ("https://example.jp/a\nb", "example.jp/a%0Ab"),
    ],
)
def test_urls_of_a_page_have_one_form(url: str, form: str) -> None:
    assert canonical(url) == [form]


@pytest.mark.parametrize("url", [None, "", "example.jp/a", "ftp://example.jp/a", "mailto:a@example.jp", "http:///a"])
def test_what_is_no_url_of_the_web_has_no_form(url: str | None) -> None:
    assert canonical(url) == [None]


def test_bytes_that_are_no_text_do_no_harm() -> None:
    bad = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\x0c\0\0\0"), pa.py_buffer(b"http://a.jp\xff")]
    )
    assert canonical_urls(bad).to_pylist() == [None]


def test_rows_do_not_touch_each_other() -> None:
    urls = ["https://a.jp/?b&a", None, "https://b.jp/%", "https://c.jp/1/../2?z=1", "nowhere", "https://d.jp"]
    expected = ["a.jp?a&b", None, "b.jp/%25", "c.jp/2?z=1", None, "d.jp"]
    assert canonical(*urls) == expected
    assert canonical_urls(pa.array(urls).slice(2)).to_pylist() == expected[2:]
    assert canonical() == []


def escaped_twin(text: str) -> str:
    """Plain twin."""

    def one(match: re.Match[bytes]) -> bytes:
        byte = bytes.fromhex(match[1].decode()) if match[1] else match[0]
        if re.fullmatch(rb"[A-Za-z0-9._~-]", byte) or (not match[1] and byte in b":/?#[]@!$&'()*+,;="):
            return byte
        return b"%%%02X" % byte[0]

    return re.sub(rb"(?s)%([0-9A-Fa-f]{2})|.", one, text.encode()).decode()


@settings(deadline=None, max_examples=200)
@given(st.lists(st.none() | st.text() | st.text("%0aAfF/é&"), max_size=5))
def test_escapes_are_those_of_a_plain_loop(texts: list[str | None]) -> None:
    found = escaped(pa.array(texts, pa.string()))
    found.validate(full=True)
    assert found.to_pylist() == [None if text is None else escaped_twin(text) for text in texts]


@settings(deadline=None, max_examples=200)
@given(st.from_regex(r"https?://[a-z]{1,4}\.jp(:[0-9]{1,3})?(/[^?#]*)?(\?[^#]*)?(#.*)?", fullmatch=True))
def test_a_form_is_its_own_form(url: str) -> None:
    (form,) = canonical(url)
    assert form is not None
    assert canonical("http://" + form) == [form]
