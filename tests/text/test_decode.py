import json
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.text import jis
from pipeline.text.charset import codec, declared
from pipeline.text.decode import DecodeError, decode

PAGE = """<html><head><meta http-equiv="Content-Type" content="text/html; charset={label}">
<title>今日の献立</title></head><body><p>きょうは寒いので、鍋にしました。白菜と豆腐、それから鱈を入れて、ゆっくり煮ます。</p>
<p>カレーもいいけれど、冬はやっぱり鍋が一番だと思います。</p>@@</body></html>
"""
SENTENCE = "春はあけぼの。やうやう白くなりゆく山ぎは、すこしあかりて、紫だちたる雲のほそくたなびきたる。"
FRENCH = "Le château près de la forêt est très élevé, mais personne n'y habite plus depuis des années. " * 3

# label, Python codec, bytes put for @@, the encoding we should name, text they should be
PROBE = {
    "utf-8": ("utf-8", "utf-8", b"", "utf-8", ""),
    "utf-8, 1 bad byte": ("utf-8", "utf-8", b"\xff", "utf-8", "\ufffd"),
    "utf-8, cut character": ("utf-8", "utf-8", "字".encode()[:2], "utf-8", "\ufffd"),
    "shift_jis": ("Shift_JIS", "shift_jis", b"", "cp932", ""),
    "cp932 with NEC and IBM characters": ("Shift_JIS", "cp932", "①㈱髙﨑".encode("cp932"), "cp932", "①㈱髙﨑"),
    "shift_jis, 1 bad byte": ("Shift_JIS", "shift_jis", b"\xff", "cp932", "\ufffd"),
    "shift_jis, 1 bad trail byte": ("Shift_JIS", "shift_jis", b"\x82\x20", "cp932", "\ufffd "),
    "shift_jis, unassigned pair": ("Shift_JIS", "shift_jis", b"\x85\xa0", "cp932", "\ufffd"),
    "euc-jp": ("EUC-JP", "euc_jp", b"", "euc_jp", ""),
    "euc-jp row 13": ("EUC-JP", "euc_jp", b"\xad\xa1\xad\xea", "euc_jp", "①㈱"),
    "euc-jp IBM rows": ("EUC-JP", "euc_jp", b"\xfc\xe2\xf9\xf5", "euc_jp", "髙﨑"),
    "euc-jp, 1 bad byte": ("EUC-JP", "euc_jp", b"\xff", "euc_jp", "\ufffd"),
    "euc-jp, unassigned JIS X 0212": ("EUC-JP", "euc_jp", b"\x8f\xfe\xfe", "euc_jp", "\ufffd"),
    "iso-2022-jp": ("ISO-2022-JP", "iso2022_jp", b"", "iso2022_jp", ""),
    "iso-2022-jp row 13": ("ISO-2022-JP", "iso2022_jp", b"\x1b$B-!-j\x1b(B", "iso2022_jp", "①㈱"),
    "iso-2022-jp, 1 bad byte": ("ISO-2022-JP", "iso2022_jp", b"\xff", "iso2022_jp", "\ufffd"),
    "utf-16": ("UTF-16", "utf-16", b"", "utf-16-le", ""),
}


@pytest.mark.parametrize("said", ["header and meta", "header", "meta", "nothing"])
@pytest.mark.parametrize(("label", "written", "put", "encoding", "text"), PROBE.values(), ids=PROBE)
def test_the_probe_is_decoded_whatever_is_said_about_it(label, written, put, encoding, text, said):
    page = PAGE.format(label=label if "meta" in said else "")
    content = page.encode(written).replace("@@".encode("utf-16-le") if written == "utf-16" else b"@@", put)
    decoded = decode(content, label if "header" in said else None, html=True)
    assert decoded.text == page.replace("@@", text)
    assert (decoded.encoding, decoded.replacements) == (encoding, text.count("\ufffd"))


@pytest.mark.parametrize("label", ["Shift_JIS", "ISO-8859-1", "EUC-JP", "utf-16", "gb2312", "no-such-charset", ""])
@pytest.mark.parametrize("damage", [b"", b"\xff", b"\xe3\x81"])
def test_a_wrong_label_does_not_turn_utf_8_to_mojibake(label, damage):
    content = PAGE.format(label=label).encode().replace(b"@@", damage)
    decoded = decode(content, label, html=True)
    assert decoded.text == PAGE.format(label=label).replace("@@", "\ufffd" if damage else "")
    assert decoded.encoding == "utf-8"


@pytest.mark.parametrize("label", ["iso-8859-1", "windows-1252", "us-ascii", "windows-1251", "euc-jp", "shift_jis"])
@pytest.mark.parametrize("written", ["cp932", "euc_jp"])
def test_a_wrong_label_does_not_turn_a_japanese_page_to_mojibake(label, written):
    page = PAGE.format(label=label)
    assert decode(page.encode(written), label, html=True).text == page


def test_a_latin_1_label_is_not_believed_over_a_few_kana_in_much_markup():
    page = "<td>&nbsp;</td>" * 200 + "<b>さくら日記</b>"
    assert decode(page.encode("cp932"), "ISO-8859-1", html=True).text == page


def test_a_latin_1_label_is_believed_over_french():
    decoded = decode(FRENCH.encode("cp1252"), "latin1", html=True)
    assert (decoded.text, decoded.encoding) == (FRENCH, "cp1252")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\x1b$B$3$l\x1b(B", "これ"),
        (b"\x1b$@$3$l\x1b(J \\~", "これ ¥‾"),
        (b"\x1b$B-!-j|b\x1b(B", "①㈱髙"),
        (b"\x1b$B$3\x1b(I1`\x1b(B", "こｱ\ufffd"),
        (b"\x1b$B$3$l\x1b$(DAA\x1b(B", "これ攟"),
        (b"\x1b$B$3$l\nplain $B", "これ\nplain $B"),
        (b"\x1b$B$3$l$\x1b(B!", "これ\ufffd!"),
        (b"\x1b$B$3$l\x1b[0m\x1b", "これ\x1b[0m\x1b"),
    ],
)
def test_iso_2022_jp_sets(content, text):
    decoded = decode(content + b"\x1b$B" + b"$3$l" * 20 + b"\x1b(B", None, html=False)
    assert decoded.text == text + "これ" * 20
    assert decoded.encoding == "iso2022_jp"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\x8e\xb1\x8e\xdf", "ｱﾟ"),
        (b"\x8f\xb0\xa1", "丂"),
        (b"\xad\xb5\xad\xdf\xad\xf8", "Ⅰ㍻∟"),
    ],
)
def test_euc_jp_sets(content, text):
    decoded = decode(SENTENCE.encode("euc_jp") + content, None, html=False)
    assert (decoded.text, decoded.encoding) == (SENTENCE + text, "euc_jp")


@pytest.mark.parametrize(("lead", "rows"), [(0x87, [13]), (0xED, [89, 90]), (0xEE, [91, 92])])
def test_rows_of_nec_and_ibm_hold_the_characters_of_cp932_in_its_order(lead, rows):
    trails = [trail for trail in range(0x40, 0xFD) if trail != 0x7F]
    expected = [bytes((lead, trail)).decode("cp932", "replace")[0] for trail in trails][: 94 * len(rows)]
    content = b"".join(bytes((row + 0xA0, cell + 0xA0)) for row in rows for cell in range(1, 95))
    found = content.decode("euc_jp", jis.EUC_HANDLER)
    assert found == "".join(expected)
    assert found.count("\ufffd") < 25  # cells that are empty in CP932 too


@pytest.mark.parametrize("codec_name", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_known_by_its_first_character_or_the_header(codec_name):
    assert decode(("<p>" + SENTENCE).encode(codec_name), None, html=True).text == "<p>" + SENTENCE
    assert decode(("p\n" + SENTENCE).encode(codec_name), codec_name, html=False).text == "p\n" + SENTENCE


@pytest.mark.parametrize("said", [None, "utf-8", "shift_jis"])
def test_bytes_of_no_encoding_are_refused_with_what_was_tried(said):
    noise = np.random.default_rng(0).bytes(20_000)
    with pytest.raises(DecodeError, match=r"20000 bytes fit none of utf-8, .*euc_jp"):
        decode(noise, said, html=True)


def test_utf_8_damaged_beyond_the_budget_is_refused_and_not_taken_for_something_else():
    content = b"\xff".join(SENTENCE[at : at + 30].encode() for at in range(0, len(SENTENCE), 30)) * 100
    with pytest.raises(DecodeError, match="utf-8"):
        decode(content, "utf-8", html=True)


def test_replacement_characters_of_the_page_itself_are_no_damage():
    text = SENTENCE + "\ufffd" * 50
    assert decode(text.encode() + b"\xff", None, html=False).replacements == 1
    assert decode(text.encode(), None, html=False).replacements == 0


@pytest.mark.parametrize("content", [b"", b"\0", b"plain &#12354; \\u3042", b"a\0b"])
def test_ascii_comes_out_as_it_is(content):
    decoded = decode(content, "shift_jis", html=False)
    assert (decoded.text, decoded.encoding, decoded.replacements) == (content.decode(), "utf-8", 0)


@settings(deadline=None, max_examples=400)
@given(
    st.binary() | st.text().map(lambda text: text.encode("cp932", "ignore")),
    st.none() | st.text() | st.sampled_from(["utf-8", "sjis", "utf-16", "big5", "hz-gb-2312", "iso-2022-jp"]),
    st.booleans(),
    st.sampled_from([b"", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1b$B", b"<meta charset=euc-jp>", "かな".encode("cp932")]),
)
@example(b"\xff", None, True, b"")
def test_any_bytes_give_valid_text_or_a_decode_error(content, header, html, start):
    try:
        decoded = decode(start + content, header, html=html)
    except DecodeError:
        return
    decoded.text.encode("utf-8")
    assert decoded.replacements <= decoded.text.count("\ufffd")


@settings(deadline=None)
@given(st.text(min_size=1), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
@example("\ufeff", "utf-8-sig")
@example("\ufeff一", "utf-8")
def test_unicode_comes_back_whole(text, written):
    """But for a byte order mark in front, which is the encoding's, once."""
    try:
        content = text.encode(written)
    except UnicodeEncodeError:
        return
    if b"\x1b$" not in content and not content.startswith((b"<\0", b"\0<", b"\xff\xfe", b"\xfe\xff")):
        whole = text.removeprefix("\ufeff") if written == "utf-8" else text
        assert decode(content, None, html=False).text == whole


SETS = {"(B": "ascii", "(J": "roman", "(I": "kana", "$@": "double", "$B": "double", "$(D": "triple"}


def twin(content: bytes) -> bytes:
    """ISO-2022-JP to EUC-JP, one character at a time."""
    euc, mode, at = b"", "ascii", 0
    while at < len(content):
        escape = re.compile(rb"\x1b(\([BJI]|\$[@B]|\$\(D)").match(content, at)
        pair = re.compile(rb"[!-~]{2}").match(content, at)
        byte = content[at : at + 1]
        if escape:
            mode, at = SETS[escape[1].decode()], escape.end()
            continue
        if byte in b"\x1b\n":
            mode = "ascii"
        if mode in ("double", "triple") and pair:
            euc += b"\x8f" * (mode == "triple") + bytes(value | 0x80 for value in pair[0])
            at = pair.end()
            continue
        printable = b" " < byte < b"\x7f"
        if byte > b"\x7f" or (printable and (mode in ("double", "triple") or (mode == "kana" and byte >= b"`"))):
            euc += b"\xff"
        elif mode == "roman" and byte in b"\\~":
            euc += b"\x80" + byte
        elif mode == "kana" and printable:
            euc += b"\x8e" + bytes([byte[0] | 0x80])
        else:
            euc += byte
        at += 1
    return euc


ESCAPES = [b"\x1b(B", b"\x1b(J", b"\x1b(I", b"\x1b$@", b"\x1b$B", b"\x1b$(D", b"\x1b$", b"\x1b(", b"\x1b"]


@settings(deadline=None)
@given(st.lists(st.sampled_from([*ESCAPES, b"\n", b"$", b"\\", b"~", b"\xff"]) | st.binary(max_size=4)).map(b"".join))
def test_the_iso_2022_jp_kernel_equals_its_twin(content):
    assert jis.euc_from_iso_2022_jp(content) == twin(content)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Shift_JIS", "cp932"),
        ("x-sjis", "cp932"),
        ("windows-31j", "cp932"),
        ("MS_Kanji", "cp932"),
        ("cp932", "cp932"),
        (' "EUC-JP"; ', "euc_jp"),
        ("x-euc-jp", "euc_jp"),
        ("eucjp", "euc_jp"),
        ("csISO2022JP", "iso2022_jp"),
        ("latin1", "cp1252"),
        ("us-ascii", "cp1252"),
        ("gb2312", "gb18030"),
        ("big5", "big5hkscs"),
        ("ks_c_5601-1987", "cp949"),
        ("utf8", "utf-8"),
        ("UTF-16", "utf-16-le"),
        ("windows-874", "cp874"),
        ("none", None),
        ("日本語", None),
        ("\ud800", None),
        ("", None),
        (None, None),
    ],
)
def test_labels_are_those_of_the_encoding_standard(label, name):
    assert codec(label) == name


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"<meta charset=euc-jp>", "euc_jp"),
        (b"<META CHARSET='x-sjis' />", "cp932"),
        (b'<meta http-equiv="content-type"\n content="text/html;charset= Shift_JIS">', "cp932"),
        (b'<?xml version="1.0" encoding="EUC-JP"?><html>', "euc_jp"),
        (b'<?xml version="1.0"?><meta charset="utf-16">', "utf-8"),
        (b'<meta charset=unknown><meta charset="sjis">', "cp932"),
        (b"<!-- <meta charset=euc-jp> --><meta charset=sjis>", "cp932"),
        (b"<!-- <meta charset=euc-jp>", None),
        (b" " * 4096 + b"<meta charset=euc-jp>", None),
        (b"<p>charset=euc-jp", None),
    ],
)
def test_the_first_known_declaration_counts(content, name):
    assert declared(content) == name


def test_a_declaration_is_looked_for_in_html_only():
    content = b"<meta charset=big5>" + "中文網頁的內容在這裡。".encode("big5") * 5
    assert decode(content, None, html=True).encoding == "big5hkscs"
    assert decode(content, "big5", html=False).encoding == "big5hkscs"


@pytest.mark.data
@pytest.mark.parametrize(
    ("folders", "encodings"),
    [
        ("a_html_*", {"utf-8": 528, "cp932": 740, "euc_jp": 46, "iso2022_jp": 107}),
        ("g_langid_charsets", {"cp932": 1, "euc_jp": 1, "iso2022_jp": 1}),
    ],
)
def test_real_japanese_files_decode_to_the_encoding_of_the_manifest(shared_data, folders, encodings):
    checked, wrong = Counter(), []
    for manifest in sorted(shared_data.glob(f"{folders}/manifest.jsonl")):
        for row in map(json.loads, manifest.read_text("utf-8").splitlines()):
            encoding = codec(row.get("enc") or row.get("expected_encoding"))
            if row["lang"] != "ja" or encoding is None:  # ascii and latin-1 with character references
                continue
            decoded = decode((manifest.parent / row["file"]).read_bytes(), None, html=True)
            checked[encoding] += 1
            if (decoded.encoding, decoded.replacements) != (encoding, 0):
                wrong.append((row["file"], encoding, decoded.encoding, decoded.replacements))
    assert wrong == []
    assert checked >= Counter(encodings)
