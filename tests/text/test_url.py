"""Parts of URLs."""

import pyarrow as pa
import pytest

from pipeline.text.url import hosts


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://User:Pass@Example.JP:8080/a?b", "example.jp"),
        ("http://example.jp.", "example.jp"),
        ("http://日本語.JP/", "xn--wgv71a119e.jp"),
        ("http://xn--wgv71a119e.jp/", "xn--wgv71a119e.jp"),
        ("http://" + "長" * 80 + ".jp/", "長" * 80 + ".jp"),
        ("http://192.0.2.7/", "192.0.2.7"),
        ("example.jp/a", None),
        (None, None),
    ],
)
def test_the_host_is_lower_case_punycode(url: str | None, host: str | None) -> None:
    assert hosts(pa.array([url], pa.string())).to_pylist() == [host]
