import math
from collections import Counter
from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.rising_ngrams import FIRST, Repeat, rising_chars, rising_words
from pipeline.text.words import segment

LONGEST = 6
TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.text("あいう🍵", max_size=60)


def twin(items: Sequence[str] | str, longest: int = LONGEST) -> list[list[int]]:
    rows = []
    for n in range(FIRST, longest + 1):
        counts = Counter(tuple(items[at : at + n]) for at in range(len(items) - n + 1))
        repeated = sorted((count for count in counts.values() if count > 1), reverse=True)
        row = {
            Repeat.TOTAL: counts.total(),
            Repeat.TYPES: len(counts),
            Repeat.REPEATED: len(repeated),
            Repeat.OCCURRENCES: sum(repeated),
            Repeat.TOP: max(counts.values(), default=0),
            Repeat.FREQUENT: sum(repeated[: math.isqrt(len(counts))]) if n == longest else 0,
        }
        rows.append([row[kind] for kind in Repeat])
    return rows


@settings(deadline=None, max_examples=60)
@given(st.lists(st.none() | TEXT, max_size=5))
def test_character_ngrams_are_counted_as_their_twin_does(texts: list[str | None]) -> None:
    counts = rising_chars(pa.array(texts, pa.string()), LONGEST)
    assert counts.tolist() == [twin(text or "") for text in texts]


@settings(deadline=None, max_examples=20)
@given(
    st.lists(
        st.lists(st.sampled_from(["雨が", "降る。", "犬も", "歩く。", "\n", "🍵"]), max_size=30).map("".join),
        max_size=4,
    )
)
def test_word_ngrams_are_counted_as_their_twin_does(texts: list[str]) -> None:
    column = pa.array(texts, pa.string())
    words = segment(column)
    surfaces = [
        [text.encode()[word["start"] : word["end"]].decode() for word in row]
        for text, row in zip(texts, words.to_pylist(), strict=True)
    ]
    assert rising_words(column, words, LONGEST).tolist() == [twin(row) for row in surfaces]


def test_a_slice_of_a_column_is_counted_by_its_own_rows() -> None:
    column = pa.array(["ああああ", "いろは", None, "ははは"])
    assert rising_chars(column.slice(1), 3).tolist() == [twin(text, 3) for text in ("いろは", "", "ははは")]


@pytest.mark.parametrize("text", ["あ" * 100_000, "".join(map(chr, range(0x4E00, 0x9FFF))) * 4])
def test_long_repetitive_texts_are_counted_exactly(text: str) -> None:
    assert rising_chars(pa.array([text]), 3).tolist() == [twin(text, 3)]
