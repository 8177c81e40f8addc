import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.chars import Char, classify
from pipeline.text.kana_lines import count_kana_lines

KANA = {Char.HIRAGANA, Char.KATAKANA}
TEXT = st.lists(st.sampled_from(["あ", "ー", "漢", "。", " ", "　", "\n", "a=1;"]) | st.text(max_size=3), max_size=20)


def twin(text: str) -> list[int]:
    lines = [[classify(char) for char in line] for line in text.split("\n")]
    inside = [kind for line in lines if KANA & {*line} for kind in line if kind != Char.SPACE]
    return [len(inside), sum(kind in {*KANA, Char.KANJI, Char.JAPANESE_PUNCTUATION} for kind in inside)]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.none() | TEXT.map("".join), max_size=4))
def test_the_kernel_counts_like_its_twin(texts):
    assert count_kana_lines(pa.array(texts, pa.string())).tolist() == [twin(text or "") for text in texts]


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("x = 1\nこれは x です。\n中文\n", [7, 6]),
        ("カ a\n\nb", [2, 1]),
        ("中文 only", [0, 0]),
        ("", [0, 0]),
    ],
)
def test_only_lines_with_kana_count(text, counts):
    assert count_kana_lines(pa.array([text])).tolist() == [counts]
