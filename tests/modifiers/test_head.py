import pytest

from pipeline.modifiers.head import find_date, find_title


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<title>今日の天気</title>", "今日の天気"),
        ("<TITLE lang=ja>\n 今日の\r\n　天気&amp;&#26376;\u200b </TITLE>", "今日の 天気&月"),
        ("<title>ﾃﾞｰﾀ<b></title>", "データ<b>"),
        ("<title>" + "長" * 400 + "</title>", "長" * 300),
        ("<title>閉じない題", "閉じない題"),
        ("<title>" + "&#26085;" * 400 + "</title>", "日" * 300),
        ("<title>題&#" + "1" * 10_000 + ";</title>", "題�"),
        ("<titles>違う</titles>", ""),
        ("<p>題がない</p>", ""),
    ],
)
def test_the_title_is_one_clean_line(html: str, expected: str) -> None:
    assert find_title(html) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<meta property="article:published_time" content="2024-03-01T09:00:00+09:00">', "2024-03-01T09:00:00+09:00"),
        ("<META CONTENT='2024-03-01' NAME='Date' />", "2024-03-01"),
        ("<meta itemprop=datePublished content=2024-03-01>", "2024-03-01"),
        (
            '<script type="application/ld+json">{"datePublished": "2023-12-31T00:00:00Z"}</script>',
            "2023-12-31T00:00:00Z",
        ),
        ('<time datetime="2022-01-02">一月二日</time><time datetime="2021-01-01">', "2022-01-02"),
        ('<time datetime="2022-01-02"><meta name="pubdate" content="2024-03-01">', "2024-03-01"),
        ('<meta name="date" content="2024-03-01"><meta name="dc.date.issued" content="2020-05-05">', "2020-05-05"),
        ('<meta name="date" content="令和六年"><time datetime="2022-01-02">', "2022-01-02"),
        ('<meta name="date" content="2024-02-30">', None),
        ('<meta name="date" content="2024-03-01" <b>', None),
        ('<meta <meta name = "date" content = "2024-03-01">', "2024-03-01"),
        ('<meta name="date" x="it"s content="2024-03-01">', "2024-03-01"),
        ('<meta name="date">', None),
        ("<time>二〇二二年</time>", None),
        ("", None),
    ],
)
def test_the_date_is_the_most_trusted_one_that_is_a_date(html: str, expected: str | None) -> None:
    assert find_date(html) == expected


@pytest.mark.parametrize(
    "html",
    [
        "<meta " + "a" * 1_000_000 + ">",
        '<meta content="it"s ' + "a" * 1_000_000 + '">',
        "<meta " + "a=\" b='" * 150_000 + ">",
        '<a b="' + "<title " * 143_000,
        "<time " * 160_000,
        "<meta " * 160_000,
        '"datePublished"' + " " * 1_000_000,
        "<title>" + "<" * 1_000_000,
    ],
)
@pytest.mark.timeout(20)
def test_a_hostile_head_is_read_once(html: str) -> None:
    """Any of these takes minutes where characters are read again from every start."""
    assert find_date(html) is None
    assert len(find_title(html)) <= 300
