import re

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from classifiers.features.views import first, views
from pipeline.text.chars import Char, classify
from pipeline.text.shadow import shadow
from pipeline.text.words import segment

IN_LINKS = r"[!#$%&'*+,\-./0-9:;=?@a-z^_`{|}~]*"
TOKENS = re.compile(rf"(?P<link>https?://{IN_LINKS}|www\.(?=[0-9a-z]){IN_LINKS})|(?P<digits>[0-9]+)|(?P<white>[ \n]+)")
OUTLINES = {Char.KANJI: "漢", Char.KATAKANA: "カ", Char.ASCII_LETTER: "a", Char.LETTER: "a"}
TELLING = [
    *(
        "http://",
        "https:/",
        "HTTPS://",
        "www.",
        "ｗｗｗ",
        ".",
        "jp",
        "/",
        "h",
        "1",
        "２",
        "㊤",
        "①",
        " ",
        "　",
        "\n",
        "\r",
    ),
    *("漢", "々", "𠮷", "カ", "ｶﾞ", "ー", "ひ", "Ａ", "é", "Ж", "🔗", "😀", "\u3099", "\ufdfa", "。"),
]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.lists(
    st.sampled_from(TELLING), max_size=40
).map("".join)
ROUGH = settings(deadline=None, max_examples=60)


def plain_twin(text: str | None) -> str:
    (dark,) = shadow(pa.array([text or ""])).to_pylist()
    return TOKENS.sub(lambda found: symbol(found.lastgroup, found[0]), dark)


def symbol(kind: str | None, found: str) -> str:
    return {"link": "🔗", "digits": "0"}.get(str(kind), "\n" if "\n" in found else " ")


def outline_twin(text: str | None) -> str:
    out = before = ""
    for char in plain_twin(text):
        kind = OUTLINES.get(classify(char), "")
        if char == "ー" and before != "カ":
            kind = ""
        if not kind or kind != before:
            out += kind or char
        before = kind
    return out


def words_twin(text: str | None) -> str:
    plain = plain_twin(text)
    (words,) = segment(pa.array([plain])).to_pylist()
    return " ".join(plain.encode()[word["start"] : word["end"]].decode() for word in words)


def seen(look, *texts):
    (column,) = views(pa.array(texts, pa.string()), (look,))
    column.validate(full=True)
    return column.to_pylist()


@ROUGH
@given(st.lists(st.none() | TEXT, max_size=4))
@example(["http://www.example.jp/?q=1)ｗｗｗ。www.。https://", "wwwww.a", "1\u20002", "すごーーい、スゴーーイ"])
def test_views_equal_their_twins(texts):
    assert seen("characters", *texts) == [plain_twin(text) for text in texts]
    assert seen("outline", *texts) == [outline_twin(text) for text in texts]
    assert seen("words", *texts) == [words_twin(text) for text in texts]


@ROUGH
@given(st.lists(TEXT, max_size=3))
def test_a_slice_and_large_strings_look_the_same(texts):
    whole = pa.array(["先頭", *texts], pa.string())
    for column in (whole[1:], whole[1:].cast(pa.large_string())):
        (found,) = views(column, ("outline",))
        assert found.to_pylist() == seen("outline", *texts)


@ROUGH
@given(st.lists(st.none() | TEXT, max_size=4), st.integers(1, 40))
def test_the_first_characters_are_those_of_the_string(texts, count):
    found = first(pa.array(["先頭", *texts], pa.string())[1:], count)
    found.validate(full=True)
    assert found.to_pylist() == [(text or "")[:count] for text in texts]


@pytest.mark.parametrize(
    ("look", "expected"),
    [
        ("characters", "第0回は0年\n詳細はこちら → 🔗を参照!"),
        ("outline", "漢0漢は0漢\n漢はこちら → 🔗を漢!"),
        ("words", "第 0 回 は 0 年 詳細 は こちら → 🔗 を 参照 !"),
    ],
)
def test_numbers_links_and_white_space_name_no_site(look, expected):
    assert seen(look, "第１２回は2024年 \n\n　詳細はこちら　→  https://www.example.co.jp/a?b=1を参照！") == [expected]


def test_an_outline_holds_grammar_and_no_topic():
    one, other = seen("outline", "東京でラーメンを食べた。すごーい!", "大阪府でカレーを食べた。すごーい!")
    assert one == other == "漢でカを漢べた。すごーい!"


def test_laughter_is_no_link():
    assert seen("characters", "それはないｗｗｗ…", "草www.") == ["それはないwww...", "草www."]
