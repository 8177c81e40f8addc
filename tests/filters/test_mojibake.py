import json

import numpy as np
import pyarrow as pa
import pytest

from pipeline.filters.mojibake import Mojibake
from pipeline.stage import Interval

SENTENCE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所で泣いていた。"

MISTAKES = {
    "cp932.max": lambda text: text.encode().decode("cp932", "replace"),
    "half_width_kana.max": lambda text: text.encode("euc_jp", "ignore").decode("cp932", "replace"),
    "replacement.max": lambda text: text.encode("cp932", "ignore").decode("utf-8", "replace"),
    "latin1.max": lambda text: text.encode().decode("latin-1"),
    "raw_jis.max": lambda text: text.encode("iso2022_jp", "ignore").decode("ascii"),
    "escapes.max": json.dumps,
    "private_use.max": lambda text: text + "\ue63e" * (len(text) // 50),
}


def reasons(texts: list[str], stage: Mojibake | None = None) -> dict[str, np.ndarray]:
    outcome = (stage or Mojibake()).process(pa.record_batch({"text": pa.array(texts, pa.string())}))
    return dict(outcome.drops)


def dropped(texts: list[str]) -> np.ndarray:
    return np.any(list(reasons(texts).values()), axis=0)


@pytest.mark.parametrize(("reason", "mistake"), MISTAKES.items())
def test_each_mistake_is_dropped_for_its_reason(reason, mistake):
    found = reasons([mistake(SENTENCE), SENTENCE])
    assert found[reason].tolist() == [True, False]
    assert set(found) == set(MISTAKES)


def test_a_bound_is_inclusive_and_an_option():
    text = ["あ" * 99 + "\ufffd"]
    assert reasons(text)["replacement.max"].tolist() == [True]
    assert reasons(text, Mojibake(replacement=Interval(max=0.02)))["replacement.max"].tolist() == [False]


def real_texts(shared_data) -> list[str]:
    files = [file.read_text("utf-8") for file in sorted(shared_data.glob("c_text_*/*.jsonl"))]
    rows = [json.loads(line) for file in files for line in file.split("\n") if line]
    return [row["text"] for row in rows if isinstance(row.get("text"), str)]


@pytest.mark.data
def test_no_clean_real_text_is_dropped(shared_data):
    texts = real_texts(shared_data)
    assert len(texts) > 5000
    assert [text[:80] for text, gone in zip(texts, dropped(texts), strict=True) if gone] == []


@pytest.mark.data
@pytest.mark.parametrize("reason", [reason for reason in MISTAKES if reason != "private_use.max"])
def test_real_text_broken_by_a_mistake_is_dropped(shared_data, reason):
    broken = [MISTAKES[reason](text) for text in real_texts(shared_data) if len(text) >= 100]
    assert dropped(broken).mean() > 0.998
    assert reasons(broken)[reason].mean() > 0.97
