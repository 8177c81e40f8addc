import re
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.text.normalize import INVISIBLE
from pipeline.text.shadow import LIMIT, shadow

FOLDS = str.maketrans("~∼−–—‐―∥", "〜〜-----‖")
TELLING = [
    *("1", "９", "①", "ー", "ｰ", "\u3099", "ﾞ", "ﾟ", "か", "が", "ﾊ", "ゝ", "カ", "㌔", "㍻", "\ufdfa", "\u200b"),
    *(
        "\n",
        "\r",
        "\t",
        "　",
        "\x85",
        "\U000e0100",
        "\ufe0f",
        "𠮷",
        "\U0002f800",
        "😀",
        "\U0003134a",
        "\U0010ffff",
        "İ",
    ),
]
TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(st.sampled_from(TELLING), max_size=60).map("".join)


def twin(text: str | None) -> str | None:
    if text is None:
        return None
    text = re.sub(r"[^\S\n]", " ", text)
    text = re.sub(f"[{INVISIBLE}\ufe00-\ufe0f\U000e0100-\U000e01ef]", "", text)
    text = "".join(unicodedata.normalize("NFKC", char) for char in text)
    text = "".join(char.lower() for char in text).translate(FOLDS)
    text = re.sub("[ぁ-ヿ][\u3099\u309a]", lambda pair: unicodedata.normalize("NFC", pair[0]), text)
    return re.sub("(?<=[0-9])ー(?=[0-9])", "-", text)


def shadows(*texts: str | None) -> list[str | None]:
    column = shadow(pa.array(texts, pa.string()))
    column.validate(full=True)
    assert column.type == pa.string()
    return column.to_pylist()


@settings(deadline=None)  # the first example compiles the kernel
@given(st.lists(st.none() | TEXT, max_size=4))
@example(["\ufdfa" * 3000, "1ー", "2か", "\u3099"])
def test_the_kernel_equals_its_twin(texts):
    assert shadows(*texts) == [twin(text) for text in texts]


def test_every_code_point_has_the_shadow_of_its_twin():
    chars = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    assert shadows("\n".join(chars)) == [twin("\n".join(chars))]


@settings(deadline=None)
@given(st.lists(TEXT, max_size=3))
def test_a_slice_and_large_strings_have_the_same_shadows(texts):
    whole = pa.array([None, *texts], pa.string())
    assert shadow(whole[1:]).to_pylist() == shadow(whole).to_pylist()[1:]
    assert shadow(whole.cast(pa.large_string())).to_pylist() == shadow(whole).to_pylist()


@settings(deadline=None)
@given(TEXT)
def test_lines_stay_in_their_places(text):
    lines = text.split("\n")
    assert "\n".join(shadows(*lines)) == shadows(text)[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ＡＢＣ１２３", "abc123"),
        ("①㈱㌔", "1(株)キロ"),
        ("ﾊﾞｽとﾊﾟﾝとｳﾞｧ", "バスとパンとヴァ"),
        ("か\u3099は\u309aあ\u3099", "がぱあ\u3099"),
        ("10〜20、10～20、10~20", "10〜20、10〜20、10〜20"),
        ("０３ー１２３４ｰ5678、03−1234–5678", "03-1234-5678、03-1234-5678"),
        ("1ー\u200b2、ラーメン1ー、1ーー2", "1-2、ラーメン1ー、1ーー2"),
        ("神﨑〇○塚", "神﨑〇○塚"),
        ("葛\U000e0100飾\ufe00", "葛飾"),
        ("一行目\r\n　二行目\t終わり", "一行目 \n 二行目 終わり"),
        ("やば！？…", "やば!?..."),
    ],
)
def test_shadow_of_japanese_text(text, expected):
    assert shadows(text) == [expected]


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=4))
def test_bytes_that_are_no_utf8_give_valid_shadows_and_never_leave_their_row(payloads):
    found = shadow(pa.array(payloads, pa.binary()))
    found.validate(full=True)
    assert found.to_pylist() == [shadow(pa.array([payload], pa.binary()))[0].as_py() for payload in payloads]


@pytest.mark.parametrize("payload", [b"\xff", b"\x80", b"\xe3\x81", b"\xed\xa0\x80"])
def test_a_broken_sequence_becomes_a_replacement_character(payload):
    assert set(shadow(pa.array([payload], pa.binary()))[0].as_py()) == {"\ufffd"}


def test_shadows_that_no_string_array_can_hold_are_refused(monkeypatch):
    assert LIMIT == 2**31 - 1
    monkeypatch.setattr("pipeline.text.shadow.LIMIT", 5)
    with pytest.raises(OverflowError, match="6 bytes"):
        shadow(pa.array(["かき"]))
