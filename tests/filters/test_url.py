import re

import pyarrow as pa
import pytest
from datatrove.pipeline.filters.url_filter import normalize, normalizer
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.filters.url import Url, decoded, word_list

NO_LISTS = {"blocklists": (), "words": ()}
PARENT, LISTED = "0-1avsex.com", "https://shinyakushiji.or.jp/british-intercourse-porn-and-adult-dating-5-ways-2"


@pytest.mark.parametrize(
    ("url", "reasons"),
    [
        ("https://example.co.jp/blog/2024/04/01/entry.html?page=2#top", []),
        ("https://ja.example.org/wiki/%E5%AF%BF%E5%8F%B8", []),
        ("http://classic.example.jp/essex/cocktail/massage.html", []),
        (None, []),
        ("", []),
        ("news/index.html", []),
        (f"https://{PARENT}/", ["domain"]),
        (f"HTTP://USER@WWW.{PARENT.upper()}.:8080/index.html", ["domain"]),
        (f"https://not-{PARENT}/", []),
        ("https://anything.xxx/", ["domain", "word"]),
        (LISTED, ["url", "word"]),
        (LISTED.replace("//", "//www.") + "/#top", ["url", "word"]),
        ("https://example.jp/Hentai/1.html", ["word"]),
        ("https://example.jp/my_hentai_page", ["word"]),
        ("https://example.jp/sexy/photo.html", []),
        ("https://example.jp/sexy/sexy.html", []),
        ("https://example.jp/sexy/nude.html", ["soft_word"]),
        ("https://example.jp/phone/sex", ["subword"]),
        ("https://example.jp/phone写真sex", []),
        ("https://example.jp/エロ動画/1", ["word"]),
        ("https://example.jp/%E3%82%A8%E3%83%AD%E5%8B%95%E7%94%BB/1", ["word"]),
        ("https://example.jp/%83G%83%8D%93%AE%89%E6/1", ["word"]),
        ("https://example.jp/%A5%A8%A5%ED%C6%B0%B2%E8/1", ["word"]),
        ("https://xn--icktho51ho02a.jp/", ["word"]),
        ("https://example.jp/%FF%FE/%", []),
        ("https://xn--a.xn--%E3.jp/xn--" + "z" * 99, []),
    ],
)
def test_reasons_of_a_url(verdicts, url, reasons):
    assert verdicts(Url(), url=[url]) == [reasons]


@pytest.mark.parametrize(
    ("url", "reasons"),
    [
        ("https://blocked.example/", ["domain"]),
        ("https://www.blocked.example/", ["domain"]),
        ("https://unblocked.example/", []),
        ("https://xn--wgv71a119e.jp/", ["domain"]),
        ("https://example.jp/%E3%82%AB%E3%82%B8%E3%83%8E", ["word"]),
        (f"https://{PARENT}/hentai", []),
    ],
)
def test_own_hosts_and_words_need_no_list(verdicts, url, reasons):
    stage = Url(blocklists=(), domains=("Blocked.example", "日本語.jp"), words=("カジノ",))
    assert verdicts(stage, url=[url]) == [reasons]


def test_nothing_is_dropped_without_lists(verdicts):
    assert verdicts(Url(**NO_LISTS), url=[LISTED, f"https://{PARENT}/hentai/sexy/nude/phonesex"]) == [[], []]


def test_more_soft_words_can_be_asked_for(verdicts):
    urls = ["https://example.jp/sexy-nude", "https://example.jp/sexy-nude-panty"]
    assert verdicts(Url(soft_words=3), url=urls) == [[], ["soft_word"]]


def test_an_empty_word_which_would_match_every_url_is_refused():
    with pytest.raises(ValidationError, match="at least 1 character"):
        Url(words=("",))


@pytest.mark.parametrize("name", ["words", "soft_words", "subwords"])
def test_word_lists_are_those_of_datatrove_without_the_empty_word(name):
    assert "" not in word_list(name)
    assert all(word == normalize(word) for word in word_list(name))
    assert len(word_list(name)) > 80


def test_escapes_that_are_no_text_stay_as_they_are():
    urls = pa.array(["http://a.jp/%81", "http://a.jp/100%", None])
    assert decoded(urls).to_pylist() == urls.to_pylist()


PIECES = st.sampled_from(
    [*word_list("words"), *word_list("soft_words"), *word_list("subwords"), "phone", "Sex", "2024"]
)
SEPARATORS = st.sampled_from(["", "-", "_", "/", ".", "=", "&", "写"])
PATHS = st.lists(st.tuples(SEPARATORS, PIECES), max_size=6).map(lambda pairs: "".join(map("".join, pairs)))


def words_and_subwords_as_datatrove_finds_them(url):
    words = set(normalizer.split(url.lower()))
    joined = re.sub(r"(?a:[\W_])+", lambda gap: "".join(char for char in gap[0] if ord(char) > 127), url.lower())
    found = {
        "word": bool(words & set(word_list("words"))),
        "soft_word": len(words & set(word_list("soft_words"))) >= 2,
        "subword": any(word in joined for word in word_list("subwords")),
    }
    return [reason for reason, hit in found.items() if hit]


@settings(deadline=None)  # the first example loads the lists
@given(st.lists(PATHS))
def test_words_are_found_as_datatrove_finds_them(verdicts, paths):
    urls = [f"https://example.jp/{path}" for path in paths]
    stage = Url(words=(), blocklists=("words", "soft_words", "subwords"))
    assert verdicts(stage, url=urls) == [words_and_subwords_as_datatrove_finds_them(url) for url in urls]


def test_hostile_urls_are_read_in_linear_time_and_stay(verdicts):
    urls = ["http://xn--" + "a" * 1_000_000, "http://" + "長" * 300_000, "http://" + "@." * 500_000, "%\x00" * 9, "//["]
    assert verdicts(Url(), url=urls) == [[]] * len(urls)
