from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.scripts import HAN, JAPANESE_KANA, KANA_LETTER, NAMES, NOTHING, dominant_scripts, script

LETTERS = st.text(st.sampled_from("あア漢字aZéЖδعא한ㄅกक𝔸𐐀1。 \n") | st.characters(exclude_categories=["Cs"]))


def twin(text: str | None) -> str:
    counts = Counter(script(char) for char in text or "")
    japanese = counts[KANA_LETTER] > JAPANESE_KANA * (counts[KANA_LETTER] + counts[HAN])
    together = counts.pop(KANA_LETTER, 0) + counts.pop(HAN, 0)
    counts[KANA_LETTER if japanese else HAN] = together
    counts[NOTHING] = 0
    return NAMES[max(range(len(NAMES)), key=lambda index: counts[index])]


@settings(deadline=None)  # the first example compiles the kernel
@given(st.lists(st.none() | LETTERS))
def test_kernel_names_the_script_its_twin_does(texts: list[str | None]) -> None:
    assert dominant_scripts(pa.array(texts, pa.string())).to_pylist() == [twin(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("吾輩は猫である", "Jpan"),
        ("ｶﾀｶﾅ", "Jpan"),
        ("東京都千代田区", "Hani"),
        ("漢" * 96 + "あ" * 4, "Hani"),
        ("漢" * 94 + "あ" * 6, "Jpan"),
        ("Ｆｕｌｌ width Latin", "Latn"),
        ("日本 Привет", "Cyrl"),
        ("안녕", "Hang"),
        ("مرحبا", "Arab"),
        ("ᚠᚢᚦ", "Zzzz"),
        ("123 。★", "Zyyy"),
        ("", "Zyyy"),
    ],
)
def test_script_of_most_letters(text: str, code: str) -> None:
    assert dominant_scripts(pa.array([text])).to_pylist() == [code]
