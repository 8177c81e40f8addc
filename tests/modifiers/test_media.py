import pytest

from pipeline.modifiers.media import Media, media_of


@pytest.mark.parametrize(
    ("content_type", "content", "expected"),
    [
        ("text/html", b"anything", Media.HTML),
        ("application/xhtml+xml", b"", Media.HTML),
        ("text/plain", b"<html>", Media.PLAIN),
        ("text/xml", b'<?xml version="1.0"?><!DOCTYPE html><html xmlns="">', Media.HTML),
        ("text/xml", b'<?xml version="1.0"?><rss><title>', Media.OTHER),
        ("application/octet-stream", b"\xef\xbb\xbf\r\n<!DOCTYPE HTML>", Media.HTML),
        (None, b"  <HtMl lang=ja>", Media.HTML),
        (None, "<html>".encode("utf-16"), Media.HTML),
        ("", "日本語の文章".encode("iso-2022-jp"), Media.PLAIN),
        ("", "日本語の文章".encode("cp932"), Media.PLAIN),
        (None, b"%PDF-1.7\n", Media.OTHER),
        (None, b"\x89PNG\r\n\x1a\n\0\0", Media.OTHER),
        ("*/*", b"PK\x03\x04", Media.OTHER),
        ("unknown/unknown", b"<paragraph>", Media.PLAIN),
    ],
)
def test_the_payload_decides_where_the_type_does_not(content_type: str | None, content: bytes, expected: Media) -> None:
    assert media_of(content_type, content) is expected


@pytest.mark.parametrize(
    "content_type",
    ["image/png", "application/pdf", "application/json", "text/css", "application/javascript", "application/zip"],
)
def test_types_that_are_no_text_leave_whatever_they_hold(content_type: str) -> None:
    assert media_of(content_type, b"<html>") is Media.OTHER
