import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.boilerplate import (
    ANYWHERE,
    ARROWS,
    COVERED,
    CRUMBS,
    ENDERS,
    MARKUP,
    REACH,
    WIDEST,
    fold,
    phrases,
    trim,
)

SENTENCE = "昨日は雨が降っていたので、一日じゅう家で本を読んでいた。"
TABLED = st.characters(max_codepoint=0x1FFFF, exclude_categories=["Cs"])
FRAGMENT = st.sampled_from(
    [*sorted(phrases())[::40], "ホーム", "前の記事", "©2010", "2010年12月", " > ", "。", "！", "<a"]
)
LINE = st.lists(
    FRAGMENT | st.sampled_from(["\n", "\n\n", " ", "　", SENTENCE]) | st.text(TABLED, max_size=4), max_size=30
)


def cover(form: str) -> tuple[int, int]:
    anywhere = covered = at = 0
    while at < len(form):
        found = max((p for p in phrases() if form.startswith(p, at)), key=len, default="")
        covered += len(found)
        anywhere += len(found) * (phrases().get(found) == ANYWHERE)
        at += len(found) or 1
    return anywhere, covered


def judge(line: str) -> tuple[bool, bool]:
    """Whether a line is boilerplate, and whether it is a sentence."""
    marks = "".join(char for char in line if not char.isspace())
    special = ENDERS + ARROWS + MARKUP
    form = re.sub("0+", "0", "".join(fold(char) or "\0" if char not in special else "\0" for char in marks))
    form = form.replace("\0", "")
    ended = any(char in ENDERS for char in marks)
    if not form or sum(1 + (char >= "\x80") for char in marks) > WIDEST:
        return False, ended
    anywhere, covered = cover(form)
    arrows = re.findall(rf"(?<=\s)[{ARROWS}]", line)
    before = [place for place, char in enumerate(line) if char in ARROWS and place and line[place - 1].isspace()]
    crumbs = sum(any(fold(char) and char not in special for char in line[:place]) for place in before)
    assert crumbs <= len(arrows)
    trail = crumbs >= CRUMBS and not any(char in MARKUP for char in marks)
    found = covered == len(form) or (not ended and (anywhere > COVERED * len(form) or trail))
    return found, ended and not found


def twin(text: str) -> tuple[str, int, int]:
    groups: list[list[str]] = [[]]
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        if line.strip():
            groups.append([line])
        else:
            groups[-1].append(line)
    opening, *lines = ["".join(group) for group in groups]
    judged = [judge(line.split("\n")[0]) for line in lines]
    sentences = [place for place, (_, sentence) in enumerate(judged) if sentence]
    head = min([REACH, *sentences])
    tail = max(sentences[-1] + 1 if sentences else 0, len(lines) - REACH)
    gone = {place for place, (found, _) in enumerate(judged) if found and (place < head or place >= tail)}
    kept = opening + "".join(line for place, line in enumerate(lines) if place not in gone)
    if len(lines) - 1 in gone:
        kept = kept.rstrip("\n")
    characters = sum(len("".join(line.split())) for line, (found, _) in zip(lines, judged, strict=True) if found)
    return kept, characters, len(gone)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.none() | LINE.map("".join), max_size=4))
def test_the_kernel_trims_and_counts_like_its_twin(texts):
    trimmed, counts = trim(pa.array(texts, pa.string()))
    expected = [twin(text or "") for text in texts]
    assert trimmed.to_pylist() == [
        None if text is None else kept for text, (kept, _, _) in zip(texts, expected, strict=True)
    ]
    assert counts.tolist() == [[characters, taken] for _, characters, taken in expected]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(), max_size=4))
def test_any_text_loses_whole_lines_only(texts):
    trimmed, _ = trim(pa.array(texts, pa.string()))
    for before, after in zip(texts, trimmed.to_pylist(), strict=True):
        lines = iter(before.split("\n"))
        assert all(line in lines for line in after.split("\n")) or after == ""


@pytest.mark.parametrize(
    "line",
    [
        "ホーム",
        "ＨＯＭＥ　｜　会社概要　｜　お問い合わせ",
        "前の記事 ≪ ",
        "トップ > 製品情報 > テレビ",
        "続きを読む…",
        "Copyright © 2001-2010 Example Corporation. All Rights Reserved.",
        "このエントリーをはてなブックマークに追加",
        "この広告は90日以上更新のないブログに表示しています。",
        "コメント（１２）",
        "2009年4月 (31)",
        "日 月 火 水 木 金 土",
        "カートに入れる",
        "【送料無料】",
        "SOLD OUT!",
        "ＪＲ中野駅徒歩5分",
    ],
)
def test_what_pages_say_around_their_text_is_taken_from_its_ends(line):
    trimmed, counts = trim(pa.array([f"{line}\n\n{SENTENCE}\n{SENTENCE}\n{line}"]))
    assert trimmed.to_pylist() == [f"{SENTENCE}\n{SENTENCE}"]
    assert counts[0, 1] == 2


@pytest.mark.parametrize(
    "line",
    [
        "記事",
        "検索",
        "メニュー開発の裏側を聞く",
        "ホームでの最終戦を終えて",
        "お問い合わせは多かったのですが、すべてに答えることはできませんでした。",
        "if (a > b) { return b > c; }",
        ">>1 おつかれさま >>2 ありがとう",
        "2010年の夏休みに家族で出かけた",
        "-----",
        "会社概要をまとめるときに気をつけたい三つのことと、その理由についてくわしく述べたもの、ならびにその付録",
    ],
)
def test_text_that_only_resembles_boilerplate_stays(line):
    text = f"{line}\n{SENTENCE}\n{line}"
    assert trim(pa.array([text]))[0].to_pylist() == [text]


def test_boilerplate_between_sentences_stays_and_counts():
    text = f"{SENTENCE}\nコメント\n{SENTENCE}"
    trimmed, counts = trim(pa.array([text]))
    assert trimmed.to_pylist() == [text]
    assert counts.tolist() == [[4, 0]]


def test_no_more_than_ten_lines_go_at_either_end():
    text = "\n".join(["次へ"] * 12 + [SENTENCE] + ["前へ"] * 13)
    trimmed, counts = trim(pa.array([text]))
    assert trimmed.to_pylist() == ["\n".join(["次へ"] * 2 + [SENTENCE] + ["前へ"] * 3)]
    assert counts[0, 1] == 20


def test_a_slice_and_a_large_string_are_read_where_they_lie():
    texts = pa.array([SENTENCE, f"ホーム\n{SENTENCE}", None], pa.large_string()).slice(1)
    trimmed, _ = trim(texts)
    assert trimmed.type == pa.large_string()
    assert trimmed.to_pylist() == [SENTENCE, None]


def test_bytes_that_are_no_utf8_stay_as_they_are():
    content = pa.array([b"\xff\nhome\n\x00\xc0"])
    texts = pa.Array.from_buffers(pa.string(), 1, content.buffers())
    trimmed, counts = trim(texts)
    assert trimmed.cast(pa.binary()).to_pylist() == [b"\xff\n\x00\xc0"]
    assert counts[0, 1] == 1


def test_phrases_are_given_in_their_folded_form_and_generic_words_are_none():
    assert all(phrase == "".join(map(fold, phrase)) != "" for phrase in phrases())
    assert not {"記事", "検索", "その他", "サイト", "http"} & set(phrases())
    assert phrases()["プロフィール"] != ANYWHERE
