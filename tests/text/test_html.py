import html as standard

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.text.html import expand_references, join_wrapped


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("&#26085;&#x672c;&#X672C;&#35486;", "日本本語"),
        ("&#12354&#12356 ", "あい "),
        ("&#x20BB7;野家", "𠮷野家"),
        ("&#60;b&#62;&#x3c;&#128;&lt;&hearts;", "&#60;b&#62;&#x3c;&#128;&lt;&hearts;"),
        ("&#55357;&#xD83D;&#9999999;&#123456789;", "&#55357;&#xD83D;&#9999999;&#123456789;"),
    ],
)
def test_numeric_references_become_characters_but_for_markup(html: str, expected: str) -> None:
    assert expand_references(html) == expected


@given(st.text(st.sampled_from("&#x;0123456789aFg<あ")))
@example("&#1114111;")
@example("&#1114112;")
def test_expanding_references_never_changes_the_document(html: str) -> None:
    assert standard.unescape(expand_references(html)) == standard.unescape(html)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("文章は\n途中で", "文章は途中で"),
        ("文章は\r\n\t  途中で", "文章は途中で"),
        ("文章は\r途中で", "文章は途中で"),
        ("文章は\r  <b>\r途中で</b>", "文章は<b>途中で</b>"),
        ("終わり。\n　次の段", "終わり。　次の段"),
        ("<b>第一条</b>\n　本則\n", "<b>第一条</b>　本則\n"),
        ("しかし、 次の文。 終わり", "しかし、次の文。終わり"),
        ("終わり。\n「次」", "終わり。「次」"),
        ("途中で<b>改行</b>\nされる", "途中で<b>改行</b>される"),
        ("途中で\n<A HREF='x'>改行</A>される", "途中で<A HREF='x'>改行</A>される"),
        ("<span>途中で\n</span>\n改行", "<span>途中で</span>改行"),
    ],
)
def test_wrapped_japanese_is_joined(html: str, expected: str) -> None:
    assert join_wrapped(html) == expected


@pytest.mark.parametrize(
    "html",
    [
        "東京 大阪",
        "終わり。  二字あき",
        "日本語\nEnglish",
        "English\n日本語",
        "文<br>\n文",
        "文</p>\n<p>文",
        "文<blink>\n</blink>文",
        "한국\n어",
        "<pre>一\n二</pre>",
        "<PRE class=x>一\n二\n</PRE >三",
        "<pre>閉じない\n行",
        "<script>'あ\nい'</script>",
    ],
)
def test_other_white_space_stays(html: str) -> None:
    assert join_wrapped(html) == html


def test_text_after_preformatted_text_is_joined() -> None:
    assert join_wrapped("あ\nい<pre>う\nえ</pre>お\nか<pre>き\n</pre>") == "あい<pre>う\nえ</pre>おか<pre>き\n</pre>"


@given(st.text(st.sampled_from("あ。\n \r\t<>/abpre ")))
def test_joining_removes_only_white_space(html: str) -> None:
    assert "".join(join_wrapped(html).split()) == "".join(html.split())
