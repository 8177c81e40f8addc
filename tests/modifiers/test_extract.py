import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.modifiers.extract import Extract, Extractor
from pipeline.stage import Outcome

MAIN: list[Extractor] = ["resiliparse", "trafilatura"]
ALL: list[Extractor] = [*MAIN, "full"]
BODY = (
    "秋の夕暮れに山道を歩いていると、遠くの寺から鐘の音が聞こえてきた。私は足を止めて、しばらくその音に耳を澄ませた。"
    "やがて日が沈み、辺りはすっかり暗くなったので、来た道を急いで戻ることにした。"
)
OTHER = "家に帰ると、母が温かいお茶を入れて待っていてくれた。今日の出来事を話しながら、ゆっくりと夜が更けていった。"


def page(body: str, head: str = "") -> str:
    article = f"<article><p>{BODY}</p>{body}<p>{OTHER}</p></article>"
    return f"<!DOCTYPE html><html><head>{head}</head><body>{article}</body></html>"


def extract(*rows: dict[str, Any], **options: Any) -> Outcome:
    kinds = [
        ("content", pa.binary()),
        ("content_type", pa.string()),
        ("charset", pa.string()),
        ("text", pa.string()),
        ("title", pa.string()),
        ("date", pa.string()),
    ]
    batch = pa.RecordBatch.from_pylist([{name: None for name, _ in kinds} | row for row in rows], pa.schema(kinds))
    return Extract(**options).process(batch)


def html(body: str, encoding: str = "utf-8", **more: Any) -> dict[str, Any]:
    return {"content": body.encode(encoding, "xmlcharrefreplace"), "content_type": "text/html", **more}


def text_of(body: str, extractor: Extractor = "resiliparse") -> str:
    outcome = extract(html(page(body)), extractor=extractor)
    assert not outcome.failures
    text: str = outcome.columns["text"][0].as_py()
    return text


def between(body: str, extractor: Extractor = "resiliparse") -> str:
    """Text that comes of what stands between two paragraphs."""
    text = text_of(body, extractor)
    assert text.startswith(BODY)
    assert text.endswith(OTHER)
    return text.removeprefix(BODY).removesuffix(OTHER).strip("\n")


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "euc_jp", "iso2022_jp", "ascii"])
@pytest.mark.parametrize("extractor", ALL)
def test_a_page_in_every_encoding_gives_its_text(encoding: str, extractor: Extractor) -> None:
    outcome = extract(html(page("", "<title>秋の山道</title>"), encoding), extractor=extractor)
    assert outcome.columns["text"][0].as_py().split() == [BODY, OTHER]
    assert outcome.columns["title"].to_pylist() == ["秋の山道"]
    assert outcome.columns["extract.replacements"].to_pylist() == [0]
    assert 0.5 < outcome.columns["extract.text_share"][0].as_py() < 1 or encoding == "ascii"


@pytest.mark.parametrize(
    ("ruby", "expected"),
    [
        ("<ruby>庇<rt>かば</rt></ruby>う", "庇う"),
        ("<ruby>庇<rp>（</rp><rt>かば</rt><rp>）</rp></ruby>う", "庇う"),
        ("<ruby>庇<rp>（<rt>かば<rp>）</ruby>う", "庇う"),
        ("<ruby><rb>漢字</rb><rp>(</rp><rt>かんじ</rt><rp>)</rp></ruby>を", "漢字を"),
        ("<ruby><rb>漢<rb>字<rtc><rt>かん<rt>じ</rtc></ruby>を", "漢字を"),
        ("<ruby>漢<rt>かん</rt>字<rt>じ</rt></ruby>を", "漢字を"),
        ("<RUBY><RUBY>東南<RT>とうなん</RUBY>の方角<RT>たつみ</RUBY>へ", "東南の方角へ"),
        ("<ruby>\n庇\n<rt>かば</rt>\n</ruby>\nう", "庇う"),
        ("<ruby>躊躇<rt>ちゅう<b>ちょ</b></rt></ruby>する", "躊躇する"),
    ],
)
@pytest.mark.parametrize("extractor", ALL)
def test_ruby_leaves_its_base_and_nothing_else(ruby: str, expected: str, extractor: Extractor) -> None:
    text = text_of(f"<p>その日、彼は{ruby}ことになった。</p>", extractor)
    assert f"その日、彼は{expected}ことになった。" in text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("彼は<b>庇</b>った。", "彼は庇った。"),
        ("<a href=x>日本</a>の<a href=y>首都</a>を訪ねた。", "日本の首都を訪ねた。"),
        ("<a href=x><b>字</b></a>を<i>&hearts;</i>した。", "字を♥した。"),
        ("左<b> 一 </b>右と書いた。", "左 一 右と書いた。"),
        ("終わり<b>。</b>", "終わり。"),
    ],
)
def test_a_character_alone_in_its_element_is_kept(source: str, expected: str) -> None:
    assert between(f"<p>{source}</p>") == expected


@pytest.mark.parametrize("extractor", ALL)
def test_wrapped_lines_join_without_a_space(extractor: Extractor) -> None:
    text = text_of("<p>文章は\n途中で<b>改行</b>\nされても、\r\n  つながる。\nEnglish text\nは別。</p>", extractor)
    assert "文章は途中で改行されても、つながる。 English text は別。" in text.replace("\n", " ")


@pytest.mark.parametrize("extractor", ["resiliparse", "full"])
def test_line_breaks_and_preformatted_text_stay(extractor: Extractor) -> None:
    assert between("<p>春は<br>あけぼの<br/>やうやう</p>", extractor) == "春は\nあけぼの\nやうやう"
    assert between("<pre>一  行\n    二行目\n\n三  行</pre>", extractor) == "一  行\n    二行目\n\n三  行"


@pytest.mark.parametrize("extractor", ALL)
def test_space_of_layout_becomes_one_ordinary_space(extractor: Extractor) -> None:
    text = text_of(
        "<p>&nbsp;&nbsp;表題&nbsp;&nbsp; 一&#160;文。 &nbsp;</p><p>&nbsp;</p><p>&nbsp;</p><p>　字下げ。</p>", extractor
    )
    lines = text.removeprefix(BODY).removesuffix(OTHER).split("\n")
    assert "表題 一 文。" in lines
    assert "\n\n\n" not in text
    assert extractor == "trafilatura" or "　字下げ。" in lines


@pytest.mark.parametrize("extractor", ALL)
def test_preformatted_text_keeps_its_spaces_and_its_neighbours_do_not(extractor: Extractor) -> None:
    source = "<p>&nbsp; 前の段落である。</p><pre>式  は\n    x&nbsp;&nbsp;=  1\n</pre><p>&nbsp; 後の段落である。</p>"
    lines = text_of(source, extractor).split("\n")
    assert [line for line in lines if line and line not in (BODY, OTHER)] == [
        "前の段落である。",
        "式  は",
        "    x  =  1",
        "後の段落である。",
    ]


def test_spaces_between_the_tags_of_preformatted_text_stay() -> None:
    assert between("<pre><i>int</i> <b>x</b>  <b>=</b> <pre>1 <b>;</b></pre></pre>").split("\n")[0] == "int x  ="


def test_white_space_of_a_text_that_was_no_html_stays() -> None:
    source = "前\u00a0後  続き \n\n\n    字下げ\t値"
    plain, record = (
        extract({"content": source.encode(), "content_type": "text/plain"}, {"text": source})
        .columns["text"]
        .to_pylist()
    )
    assert plain == record == source


def test_an_address_within_a_sentence_is_kept() -> None:
    """DocBook marks addresses with the class that share buttons have."""
    address = '<code class="email">&lt;<a class="email" href="mailto:a@example.org">a@example.org</a>&gt;</code>'
    button = '<div><a class="email" href="mailto:?">友達に送る</a></div>'
    assert between(f"<p>動かない時は、{address}に連絡する。</p>{button}") == "動かない時は、<a@example.org>に連絡する。"


@pytest.mark.parametrize("extractor", ALL)
def test_numeric_references_come_out_as_characters(extractor: Extractor) -> None:
    assert "日本語&<一>" in text_of(
        "<p>これは&#26085;&#x672C;\n&#35486;&amp;&#60;一&#62;という文章の例です。</p>", extractor
    )


def test_a_list_near_the_top_is_content_unless_it_is_links() -> None:
    content = "<ul><li>一つ目の項目は長めの説明である。</li><li>二つ目も<a href=x>同様</a>に説明である。</li></ul>"
    links = "<ul><li><a href=x>最近の記事</a></li><li><a href=y>過去の記事</a></li></ul>"
    text = extract(html(f"<body><p>{BODY}</p>{content}{links}<p>{OTHER}</p>")).columns["text"][0].as_py()
    assert "一つ目の項目は長めの説明である。" in text
    assert "二つ目も同様に説明である。" in text
    assert "記事" not in text


def test_navigation_leaves_in_main_content_and_stays_in_full_text() -> None:
    source = f"<nav><a href=x>会社案内</a></nav>{page('')}<footer>無断転載禁止</footer>"
    main = extract(html(source)).columns["text"][0].as_py()
    full = extract(html(source), extractor="full").columns["text"][0].as_py()
    assert main.split() == [BODY, OTHER]
    assert "会社案内" in full
    assert "無断転載禁止" in full


def test_text_of_a_record_is_cleaned_and_has_no_signals() -> None:
    outcome = extract({"text": "\ufeffﾃｷｽﾄ\r\n１０²\0\n", "title": "題\n名", "date": "2024-01-01"})
    row = {name: values[0].as_py() for name, values in outcome.columns.items()}
    assert row == {
        "text": "テキスト\n１０²",
        "title": "題 名",
        "date": "2024-01-01",
        "extract.encoding": None,
        "extract.replacements": None,
        "extract.text_share": None,
    }


def test_plain_text_is_decoded_and_keeps_its_markup_and_indentation() -> None:
    source = "　字下げの<b>文</b>\r\n改\n行。日本語の文章が続いていきます。"
    outcome = extract({"content": source.encode("cp932"), "content_type": "text/plain"})
    assert outcome.columns["text"].to_pylist() == [source.replace("\r\n", "\n")]
    assert outcome.columns["extract.encoding"].to_pylist() == ["cp932"]


def test_the_page_goes_before_the_record_and_the_record_before_nothing() -> None:
    stated = page("", "<title>頁の題</title><meta name=date content=2020-02-02>")
    outcome = extract(
        html(stated, title="別の題", date="2024-01-01"), html(page(""), title="別の題", date="2024-01-01T00:00:00Z")
    )
    assert outcome.columns["title"].to_pylist() == ["頁の題", "別の題"]
    assert outcome.columns["date"].to_pylist() == ["2020-02-02", "2024-01-01T00:00:00Z"]


def test_every_row_has_one_fate() -> None:
    outcome = extract(
        html(page("")),
        {"content": b"\x89PNG\r\n\x1a\n", "content_type": "image/png"},
        html("<body><img src=x></body>"),
        {"text": " \n　"},
        {"content": bytes(range(0x80, 0x100)) * 8, "content_type": "text/html"},
        html("<div>" * 100_000 + "深い"),
        html("<p>大きい" * 20_000),
        max_html_bytes=100_000 + 500_000,
    )
    assert outcome.drops["content_type"].tolist() == [False, True, False, False, False, False, False]
    assert outcome.drops["empty"].tolist() == [False, False, True, True, False, False, False]
    assert {row: error.split(":")[0] for row, error in outcome.failures.items()} == {
        4: "DecodeError",
        5: "HtmlLimitError",
    }
    assert outcome.columns["text"].is_null().to_pylist() == [False, True, False, False, True, True, False]


def test_a_page_over_the_size_limit_fails_by_name() -> None:
    outcome = extract(html(page("")), max_html_bytes=100)
    assert re.fullmatch(r"HtmlLimitError: \d+ bytes are more than max_html_bytes, 100", outcome.failures[0])


def test_trafilatura_gets_no_page_it_would_take_minutes_for() -> None:
    source = page("<ul><li>項目</ul>" * 20_000)
    assert not extract(html(source)).failures
    failures = extract(html(source), extractor="trafilatura").failures
    assert failures == {0: "HtmlLimitError: more than 20000 start tags"}


TAGS = (
    "<p>", "</p>", "<ruby>", "<rt>", "</ruby>", "<rb>", "<ul><li>", "</ul>", "<a href=x>", "</a>", "<table><tr><td>",
    "<pre>", "</pre>", "<script>", "<!--", "-->", "<![CDATA[", "<svg>", "<template>", "<title>",
    "<meta name=date content=", "<select>", "<frameset>",
    "</body>", "<br>", "&#", "&#x3042;", "\0", "\n", "あ", "漢字", "。", "\ud800",
)  # fmt: skip


@pytest.mark.parametrize("extractor", ALL)
@settings(max_examples=60, deadline=None)
@given(
    content=st.binary(max_size=300) | st.lists(st.sampled_from(TAGS)).map(lambda s: "".join(s).encode(errors="replace"))
)
def test_no_bytes_raise_and_none_are_lost(extractor: Extractor, content: bytes) -> None:
    outcome = extract({"content": content, "content_type": "text/html"}, extractor=extractor)
    text = outcome.columns["text"][0].as_py()
    assert (0 in outcome.failures) == (text is None)
    assert outcome.drops["empty"][0] == (text is not None and not text.strip())


@pytest.mark.data
@pytest.mark.parametrize(("extractor", "kept"), [("resiliparse", 0.9), ("full", 0.98)])
def test_real_pages_keep_their_kana(shared_data: Path, extractor: Extractor, kept: float) -> None:
    folder = shared_data / "a_html_egov_law" / "pages"
    contents = [path.read_bytes() for path in sorted(folder.iterdir())[:60]]
    whole, main = (
        extract(*({"content": content, "content_type": "text/html"} for content in contents), extractor=name)
        for name in ("full", extractor)
    )
    kana = [
        sum(len(re.findall("[ぁ-ヿ]", text)) for text in outcome.columns["text"].to_pylist())
        for outcome in (whole, main)
    ]
    assert not main.failures
    assert kana[0] > 10_000
    assert kana[1] >= kept * kana[0]
