from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.word_lists import build_trie, count_hits, digests, is_katakana, load

LETTERS = "アイーヴあ犬a🍵𠮷"
WORD = st.text(LETTERS, min_size=1, max_size=4)
TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.text(LETTERS, max_size=40)
MULTILINGUAL = ["カラス", "カラスミ", "からす", "ラス", "crow", "烏"]


def twin(text: str, words: Sequence[str], guard: bool) -> list[int]:
    hits, at = [], 0
    while at < len(text):
        fitting = [
            word
            for word in words
            if text.startswith(word, at)
            and not (
                guard
                and is_katakana(word)
                and (is_katakana(text[at - 1 : at]) or is_katakana(text[at + len(word) : at + len(word) + 1]))
            )
        ]
        if fitting:
            hits.append(max(fitting, key=len))
        at += len(hits[-1]) if fitting else 1
    return [len(hits), len(set(hits)), sum(map(len, hits))]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.none() | TEXT, max_size=4), st.lists(WORD, max_size=8), st.booleans())
def test_hits_are_counted_as_their_twin_does(texts: list[str | None], words: list[str], guard: bool) -> None:
    counts = count_hits(pa.array(texts, pa.string()), build_trie(words, guard))
    assert counts.tolist() == [twin(text or "", words, guard) for text in texts]


@pytest.mark.parametrize(
    ("text", "guard", "expected"),
    [
        ("カラスがカラスミを食べた。", False, [2, 2, 7]),
        ("カラスがカラスミを食べた。", True, [2, 2, 7]),
        ("ガラスのカラスー", False, [2, 2, 5]),
        ("ガラスのカラスー", True, [0, 0, 0]),
        ("烏と烏", True, [2, 1, 2]),
        ("crowd of crows", True, [2, 1, 8]),
        ("", True, [0, 0, 0]),
    ],
)
def test_the_longest_word_is_hit_and_katakana_guarded(text: str, guard: bool, expected: list[int]) -> None:
    assert count_hits(pa.array([text]), build_trie(MULTILINGUAL, guard)).tolist() == [expected]


def test_the_guard_lets_a_shorter_word_stand_where_the_longer_is_refused() -> None:
    trie = build_trie(["黒い", "黒いカラス"], katakana_guard=True)
    assert count_hits(pa.array(["黒いカラスミ"]), trie).tolist() == [[1, 1, 5]]
    trie = build_trie(["アリ", "アリガト", "リス"], katakana_guard=True)
    assert count_hits(pa.array(["アリガトウ", "アリ ガト"]), trie)[:, 0].tolist() == [0, 1]


def test_a_list_is_a_word_a_line_without_comments(tmp_path: Path) -> None:
    path = tmp_path / "birds.txt"
    path.write_bytes("\ufeff# 鳥\n  カラス \r\n\nすずめ\n".encode())
    assert load([str(path)]) == ("カラス", "すずめ")
    before = digests([str(path)])
    path.write_text("カラス\n", encoding="utf-8")
    assert digests([str(path)]) != before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.txt", "word list nowhere.txt: No such file"),
        ("hojichar:nothing_like_this", "word list hojichar:nothing_like_this: "),
    ],
)
def test_a_list_that_cannot_be_read_is_named(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load([name])


def test_a_list_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "sjis.txt"
    path.write_bytes("カラス\n".encode("cp932"))
    with pytest.raises(ValueError, match=r"sjis\.txt: not UTF-8 at byte 0"):
        load([str(path)])
