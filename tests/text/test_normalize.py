import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.text.normalize import clean, keep_spaces, layout

TRICKY = st.text(
    st.sampled_from("\r\n\t 　\0\x1b\x85\xad\ufeff\u200b\u200e\u202e\u2066かカハﾊﾞﾟｶｰ｡゛\u3099\u309aが\ud800漢a")
)


@pytest.mark.parametrize(
    ("dirty", "expected"),
    [
        ("一行\r\n二行\r三行\n", "一行\n二行\n三行\n"),
        ("無\0視\x07され\x1bる\x7f\x85字\tと", "無視される字\tと"),
        ("\ufeff先頭", "先頭"),
        ("見え\u200bない\u200c字\u200d、\u2060向\u200eき\u202e指\u2066定\u2069", "見えない字、向き指定"),
        ("折れ\u00ad目", "折れ目"),
        ("ｶﾞｷﾞﾊﾟﾝ｡｢ｰ･､｣", "ガギパン。「ー・、」"),
        ("半角ｶﾀｶﾅと①", "半角カタカナと①"),
        ("か\u3099き\u3099は\u309aウ\u3099ゝ\u3099", "がぎぱヴゞ"),
        ("かﾞ", "が"),
        ("ｶ\u200bﾞ", "ガ"),
        ("e\u0301か\u3099", "e\u0301が"),
        ("上\n\n\n\n\n下", "上\n\n下"),
        ("上\n \n　\n\t\n\n下", "上\n\n下"),
        ("破\ud83d片", "破\ufffd片"),
    ],
)
def test_what_no_reader_sees_goes(dirty: str, expected: str) -> None:
    assert clean(dirty) == expected


@pytest.mark.parametrize(
    "text",
    [
        "10² ①⑴㈱㍿㋿㎡№℃…‥：（）！？　～〜゛￣",
        "１２３ＡＢＣ",
        "\ufa19\ufa10\uf9dc﨑﨎⾏",
        "上\n\n\n\n下",
        "あ\u3099漢\u3099",
        "前\u00a0後",
        "é e\u0301 Å",
    ],
)
def test_what_readers_see_stays(text: str) -> None:
    assert clean(text) == text


@given(st.text(st.characters()) | TRICKY)
@example("ﾞ\u3099か")
@example("\r\u200b\n")
@example("\n\u200b\n\n\n\n\n")
def test_cleaning_is_idempotent_and_gives_what_a_file_can_hold(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert "\r" not in once
    once.encode()


@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Mn"])))
def test_cleaning_keeps_every_visible_character_but_half_width_kana(text: str) -> None:
    kept = "".join(unicodedata.normalize("NFKC", c) if "｡" <= c <= "ﾟ" else c for c in text if not c.isspace())
    got = "".join(c for c in clean(text) if not c.isspace())
    assert unicodedata.normalize("NFC", got) == unicodedata.normalize("NFC", kept)


@pytest.mark.parametrize(
    ("extracted", "expected"),
    [
        ("日本\u00a0\u00a0の \u00a0 空白", "日本 の 空白"),
        ("品名 \t\t 値段\t\u00a0\t数 ", "品名\t値段\t数"),
        (" \t\u00a0本文 \u3000\n\u00a0\u3000字下げ\u3000", "本文\n\u3000字下げ"),
        ("上\n\u3000\n \n\n下\n\n続き", "上\n\n下\n\n続き"),
        (keep_spaces("def f():\n    x =  1\n\ty\u00a0= 2 \n"), "def f():\n    x =  1\n\ty = 2\n"),
    ],
)
def test_white_space_that_says_nothing_in_html_goes(extracted: str, expected: str) -> None:
    assert layout(extracted) == expected


@given(st.text(st.sampled_from(" \t\u00a0\u3000\u2003\n\u2028あa。\ufdd0\ufdd1")))
def test_layout_touches_white_space_alone_and_leaves_none_at_line_ends(text: str) -> None:
    got = layout(text)
    assert "".join(got.split()) == "".join(re.sub("[\ufdd0\ufdd1]", " ", text).split())
    assert not re.search(r"[^\S\n]+$|\u00a0|\n{3}", got, re.MULTILINE)
    assert layout(keep_spaces(got)) == got


@given(st.text(st.sampled_from(" \t\u00a0\u3000\nあ")))
def test_lines_that_are_not_preformatted_start_and_space_out_plainly(text: str) -> None:
    assert not re.search(r"^[ \t]|  | \t|\t |\t\t", layout(text), re.MULTILINE)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "run", [" ", "\u00a0", "\t", "\u3000", " \t", "\u3000 ", "\n", " \n", "\u3000\n", keep_spaces(" ")]
)
def test_long_white_space_is_read_once(run: str) -> None:
    assert "".join(layout(clean(f"あ{run * 1_000_000}い")).split()) == "あい"
