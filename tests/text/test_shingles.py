import re
import unicodedata
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.shingles import STRETCH, jaccard, normal_form, shingles

UNICODE = st.text(st.characters(exclude_categories=["Cs"]))
TRICKY = st.text(
    st.sampled_from(
        "かがはぱハバウﾊｶﾞﾟ゛゜\u3099\u309a\u0301\ufe0f\U000e0100 、。12３٤①½㍿㌘ﷺǅİΣAａ々〆ー〜・葛神Ⅻ²\0\U0001f363𠮷"
    )
)
ANY = UNICODE | TRICKY
STARTED = settings(deadline=None)  # the first example compiles the kernel

GOLDEN = 0x9E3779B97F4A7C15
WORD = (1 << 64) - 1


def norm(text: str) -> str:
    offsets, points = normal_form(pa.array([text], pa.string()))
    assert offsets.tolist() == [0, points.size]
    return "".join(map(chr, points))


def norm_twin(text: str) -> str:
    folded = "".join(low for char in text for wide in unicodedata.normalize("NFKC", char) for low in wide.lower())
    zeroed = re.sub(r"\d+", "0", folded)
    kept = "".join(char for char in zeroed if unicodedata.category(char)[0] in "LNM")
    visible = re.sub("[\ufe00-\ufe0f\U00040000-\U0010ffff]", "", kept)
    return re.sub("[ぁ-ヿ][\u3099\u309a]", lambda pair: unicodedata.normalize("NFC", pair[0]), visible)


def ngrams(text: str, size: int) -> set[str]:
    form = norm_twin(text)
    return {form[at : at + size] for at in range(max(len(form) - size, 0) + 1)} - {""}


def hash_twin(ngram: str) -> int:
    value = 0
    for char in ngram:
        value = (value * GOLDEN + ord(char)) & WORD
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & WORD
    value = (value ^ value >> 27) * 0x94D049BB133111EB & WORD
    return value ^ value >> 31


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("", ""),
        ("　、。，．「」！？…〜・\n\t\0", ""),
        ("昨日、雨が降った。", "昨日雨が降った"),
        ("昨日，雨が 降った．", "昨日雨が降った"),
        ("Ｐｙｔｈｏｎ　ＡＰＩ", "pythonapi"),
        ("２０２４年１２月３日", "0年0月0日"),
        ("1,234円と３．１４", "00円と00"),
        ("第12345回", "第0回"),
        ("①②½", "00"),
        ("かがハバパ", "かがハバパ"),
        ("か\u3099は\u309aウ\u3099ゝ\u3099", "がぱヴゞ"),
        ("ｶﾞｷﾞﾊﾟﾜｰﾄﾞ", "ガギパワード"),
        ("かﾞ、か゛", "がが"),
        ("あ\u3099か\u309a", "あ\u3099か\u309a"),
        ("か\u3099\u3099", "が\u3099"),
        ("\u3099か", "\u3099か"),
        ("㍿山田", "株式会社山田"),
        ("⼀⼆", "一二"),
        ("神\ufa19", "神神"),
        ("葛\U000e0100飾と葛\ufe00飾", "葛飾と葛飾"),
        ("❤\ufe0f", ""),
        ("髙﨑さん、〇一々", "髙﨑さん〇一々"),
        ("Ⅻ章", "xii章"),
        ("ΑΣ", "ασ"),
        ("İ", "i\u0307"),
        ("\ufdfa", "صلىاللهعليهوسلم"),
        ("𠮷野家\U0001f363", "𠮷野家"),
    ],
)
def test_normal_form_of_a_text(text: str, form: str) -> None:
    assert norm(text) == form


@STARTED
@given(ANY)
def test_normal_form_is_that_of_its_twin(text: str) -> None:
    assert norm(text) == norm_twin(text)


@pytest.mark.parametrize("before", range(STRETCH - 2, STRETCH + 2))
@pytest.mark.parametrize("text", ["1" * 2 * STRETCH, "か\u3099" * STRETCH, "\ufdfa" * STRETCH, "½" * STRETCH])
def test_stretches_leave_no_seam(before: int, text: str) -> None:
    assert norm("あ" * before + text) == norm_twin("あ" * before + text)


@STARTED
@given(st.lists(st.none() | ANY, min_size=1))
def test_each_text_has_its_own_form(texts: list[str | None]) -> None:
    array = pa.array(texts, pa.string())
    for view in (array, array.cast(pa.large_string()), pa.concat_arrays([array[:1], array])[1:]):
        offsets, points = normal_form(view)
        forms = ["".join(map(chr, points[start:stop])) for start, stop in pairwise(offsets)]
        assert forms == [norm_twin(text or "") for text in texts]


@STARTED
@given(st.lists(st.none() | ANY), st.integers(1, 9))
def test_shingles_are_the_hashes_of_the_set_of_ngrams(texts: list[str | None], size: int) -> None:
    offsets, hashes = shingles(pa.array(texts, pa.string()), size)
    found = [hashes[start:stop].tolist() for start, stop in pairwise(offsets)]
    assert found == [sorted(map(hash_twin, ngrams(text or "", size))) for text in texts]


@pytest.mark.parametrize(
    ("texts", "index"),
    [
        (("一二三四五六七", "一二三四五六七"), 1.0),
        (("一二三四五六七", "一二三四五六七八"), 0.0),
        (("一二三四五六七八", "一、二、三、四、五、六、七、八。"), 1.0),
        (("一二三四五六七八九", "一二三四五六七八"), 0.5),
        (("", ""), 0.0),
        (("。", "一"), 0.0),
    ],
)
def test_a_text_shorter_than_an_ngram_equals_only_itself(texts: tuple[str, str], index: float) -> None:
    offsets, hashes = shingles(pa.array(texts), 8)
    left, right = pa.array([0]).to_numpy(), pa.array([1]).to_numpy()
    assert jaccard(offsets, hashes, left, right).tolist() == [index]


@STARTED
@given(st.lists(st.text("かきがｶ1、", max_size=30), min_size=2, max_size=2), st.integers(1, 4))
def test_jaccard_is_that_of_the_sets(texts: list[str], size: int) -> None:
    offsets, hashes = shingles(pa.array(texts), size)
    left, right = (ngrams(text, size) for text in texts)
    expected = len(left & right) / len(left | right) if left | right else 0
    pair = pa.array([0]).to_numpy(), pa.array([1]).to_numpy()
    assert jaccard(offsets, hashes, *pair).tolist() == [expected]
