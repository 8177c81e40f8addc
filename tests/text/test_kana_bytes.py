import re

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.text.kana_bytes import ENOUGH, kana_evidence, legacy_kana

SENTENCE = "これはペンです。明日は雨がふるでしょう。"
FRAGMENTS = [
    *(kana.encode(codec) for kana in ("か", "ナ", "、漢") for codec in ("utf-8", "cp932", "euc_jp", "iso2022_jp")),
    *(b"\x1b$B", b"\x1b$@", b"\x1b(B", b"$", b"%", b"&#12354;", b"&#x3042;", b"&#X30ff;", b"&#x303f;", b"&#"),
    *(
        b"\xe3",
        b"\x82",
        b"\x83",
        b"\xa4",
        b"\xa5",
        b"\xfe\xff",
        b"\xff\xfe",
        b"<\0",
        b"\0<",
        b"\x300",
        b" ",
        b"a" * 250,
    ),
]
SHIFT_JIS = rb"(?:\x82[\x9f-\xf1]|\x83[\x40-\x7e\x80-\x96])"
EUC_JP = rb"[\xa4\xa5]([\xa1-\xf6])"
REFERENCE = rb"&#(?:[xX]([0-9a-fA-F]{1,6})|([0-9]{1,7}));"

hostile = st.binary() | st.lists(st.sampled_from(FRAGMENTS), max_size=300).map(b"".join)


def twin(content: bytes) -> int:
    """The rules as regular expressions over the whole content."""
    for start, codec in ((b"\xfe\xff", "be"), (b"\0<", "be"), (b"\xff\xfe", "le"), (b"<\0", "le")):
        if content.startswith(start):
            text = content[: len(content) & ~1].decode(f"utf-16-{codec}", "surrogatepass")
            return min(ENOUGH, len(re.findall("(?=[\u3040-\u30ff]{2})", text)))
    count = len(re.findall(rb"(?=(?:\xe3[\x81-\x83][\x80-\xbf]){2})", content))
    count += len(re.findall(rb"(?=%b{3})" % SHIFT_JIS, content))
    count += sum(len(set(found)) > 1 for found in re.findall(rb"(?=%b%b%b)" % (EUC_JP, EUC_JP, EUC_JP), content))
    count += sum(0x3040 <= int(h or d, 16 if h else 10) <= 0x30FF for h, d in re.findall(REFERENCE, content))
    for section in re.findall(rb"(?s)\x1b\$[@B]((?:[!-\xff]{2})*)", content):
        kana = [bool(re.match(rb"[$%][!-v]", section[at : at + 2])) for at in range(0, len(section), 2)]
        count += sum(map(bool.__and__, kana, kana[1:]))
    return min(ENOUGH, count)


def evidence(*contents: bytes | None) -> list[int]:
    return kana_evidence(pa.array(contents, pa.binary())).tolist()


@settings(deadline=None)
@given(st.lists(hostile, max_size=4))
@example([b"a" * 253 + "かな".encode() + b"a" * 300])
@example([b"\x1b$B!" * 9])
def test_the_kernel_equals_its_twin(contents):
    assert evidence(*contents) == [twin(content) for content in contents]


@settings(deadline=None)
@given(hostile)
def test_legacy_kana_is_the_evidence_of_shift_jis_and_euc_jp_alone(content):
    euc_jp = re.findall(rb"(?=%b%b%b)" % (EUC_JP, EUC_JP, EUC_JP), content)
    expected = any(len(set(found)) > 1 for found in euc_jp) or re.search(rb"%b{3}" % SHIFT_JIS, content)
    assert legacy_kana(content) == bool(expected)


@pytest.mark.parametrize("codec", ["utf-8", "cp932", "euc_jp", "iso2022_jp", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("before", [0, 1, 250, 255, 256, 4093])
def test_a_japanese_sentence_is_found_in_every_encoding_at_every_place(codec, before):
    assert evidence(("a" * before + SENTENCE).encode(codec))[0] >= 3


@pytest.mark.parametrize("page", ["<p>" + SENTENCE, "<html>" + SENTENCE])
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_known_by_its_first_character(page, codec):
    assert evidence(page.encode(codec))[0] >= 3


@pytest.mark.parametrize("codec", ["ascii", "iso2022_jp"])
def test_character_references_are_evidence_in_any_bytes(codec):
    assert evidence(SENTENCE.encode(codec, "xmlcharrefreplace"))[0] >= 3


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("The quick brown fox costs $B100 &amp; jumps &#8212; over A&#38;B.", "ascii"),
        ("Съешь же ещё этих мягких французских булок. ТТТ УУУ ХХХ", "utf-8"),
        ("Съешь же ещё этих мягких французских булок. ТТТ УУУ ХХХ", "cp1251"),
        ("Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. ΤΥΤΥ", "utf-8"),
        ("这是一个中文句子，里面没有任何假名。", "utf-8"),
        ("这是一个中文句子，里面没有任何假名。", "gb18030"),
        ("這是一個中文句子，裡面沒有任何假名。", "utf-8"),
        ("이것은 한국어 문장입니다 ㅋㅋㅋㅋㅋ ㅎㅎㅎㅎ ㅠㅠㅠㅠ", "utf-8"),
        ("이것은 한국어 문장입니다 ㅋㅋㅋㅋㅋ ㅎㅎㅎㅎ ㅠㅠㅠㅠ", "cp949"),
        ("นี่คือประโยคภาษาไทย", "utf-8"),
        ("Où est-ce que l’été s’achève, “ici” ?", "cp1252"),
    ],
)
def test_other_languages_give_no_evidence(text, codec):
    assert evidence(text.encode(codec) * 20) == [0]


def test_rows_do_not_touch_each_other_and_nulls_count_nothing():
    kana = "かな".encode()
    contents = pa.array([b"skipped", kana[:3], kana[3:], None, b"", kana * 200], pa.binary())[1:]
    assert kana_evidence(contents).tolist() == [0, 0, 0, 0, ENOUGH]
