"""Swallow Corpus v1's rules, against a plain Python twin of its published formulae."""

import itertools
import json
import re
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.filters.swallow_v1 import SwallowV1
from pipeline.stage import Interval

SENTENCE = re.compile("[^。．！？!?]+[。．！？!?]?")
KANJI = re.compile("[々〇〻\u3400-\u9fff\uf900-\ufaff]")

PIECE = st.sampled_from(
    [*"。．！？!?、，・… \n\nー々🍵𠮷", "雨だ。", "カナ", "ひらがなの文", "雨だ。\n", "abc", "もう一度。もう一度。"]
)
TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(PIECE, max_size=40).map("".join)


def later_copies(items: list[str]) -> tuple[int, int]:
    counts = Counter(items)
    return sum(n - 1 for n in counts.values()), sum(len(item) * (n - 1) for item, n in counts.items())


def ngrams(text: str, n: int) -> Counter[str]:
    return Counter(text[at : at + n] for at in range(len(text) - n + 1))


def part(some: float, whole: float) -> float:
    return some / whole if whole else 0.0


def twin(text: str | None) -> dict[str, float]:
    text = text or ""
    lines = [SENTENCE.findall(line) for line in text.split("\n")]
    paragraphs, sentences = ["".join(line) for line in lines], list(itertools.chain(*lines))
    hiragana = sum("\u3041" <= char <= "\u3096" for char in text)
    katakana = sum("\u30a1" <= char <= "\u30fa" for char in text)
    japanese = hiragana + katakana + len(KANJI.findall(text)) + sum(char in "。．！？、，" for char in text)
    letters = sum(map(len, sentences))
    copied_paragraphs, copied_paragraph_letters = later_copies(paragraphs)
    copied_sentences, copied_sentence_letters = later_copies(sentences)
    values = {
        "num_letters": len(text),
        "num_japanese_letters": japanese,
        "hiragana_fraction": part(hiragana, japanese),
        "katakana_fraction": part(katakana, japanese),
        "japanese_fraction": part(japanese, len(text)),
        "avg_sentence_length": part(letters, len(sentences)),
        "max_sentence_length": max(map(len, sentences), default=0),
        "ellipsis_fraction": part(sum(s.strip().endswith(("・", "…")) for s in sentences), len(sentences)),
        "duplicate_paragraph_fraction": part(copied_paragraphs, len(paragraphs)),
        "duplicate_sentence_fraction": part(copied_sentences, len(sentences)),
        "duplicate_paragraph_characters": part(copied_paragraph_letters, letters),
        "duplicate_sentence_characters": part(copied_sentence_letters, letters),
    }
    for n in (2, 3, 4):
        counts = ngrams(text, n)
        values[f"top_{n}_gram"] = part(max(counts.values(), default=0), counts.total())
    for n in range(5, 11):
        counts = ngrams(text, n)
        values[f"duplicate_{n}_gram"] = part(sum(n > 1 for n in counts.values()), len(counts))
    return values


def stays(values: dict[str, float]) -> bool:
    """The published limits, written as comparisons of the exact values."""
    return (
        values["num_letters"] >= 400
        and values["num_japanese_letters"] >= 400
        and values["hiragana_fraction"] >= 0.2
        and values["katakana_fraction"] <= 0.5
        and values["japanese_fraction"] >= 0.5
        and 20 <= values["avg_sentence_length"] <= 90
        and values["max_sentence_length"] <= 200
        and values["ellipsis_fraction"] <= 0.2
        and all(values[f"duplicate_{unit}_fraction"] <= 0.3 for unit in ("paragraph", "sentence"))
        and all(values[f"duplicate_{unit}_characters"] <= 0.2 for unit in ("paragraph", "sentence"))
        and all(values[f"top_{n}_gram"] <= limit for n, limit in ((2, 0.2), (3, 0.18), (4, 0.16)))
        and all(values[f"duplicate_{n}_gram"] <= (20 - n) / 100 for n in range(5, 11))
    )


def check(texts: list[str | None]) -> list[bool]:
    """Compare every signal and verdict of texts with the twin's; returns which of them stay."""
    stage = SwallowV1()
    outcome = stage.process(pa.record_batch({"text": pa.array(texts, pa.string())}))
    expected = [twin(text) for text in texts]
    for signal in expected[0] if texts else ():
        found = outcome.columns[f"swallow_v1.{signal}"].to_pylist()
        assert found == pytest.approx([values[signal] for values in expected], rel=1e-6), signal
    verdicts = [not any(mask[row] for mask in outcome.drops.values()) for row in range(len(texts))]
    assert verdicts == [stays(values) for values in expected]
    return verdicts


@settings(deadline=None, max_examples=60)
@given(st.lists(st.none() | TEXT, max_size=5))
def test_signals_are_those_of_the_published_formulae(texts: list[str | None]) -> None:
    check(texts)


@pytest.mark.data
@pytest.mark.parametrize(
    "file",
    [
        "c_text_livedoor_news/livedoor.jsonl",
        "c_text_aozora/aozora_sample.jsonl",
        "c_text_blog_danmaq/danmaq_blog.jsonl",
    ],
)
def test_verdicts_on_real_documents_are_those_of_the_published_rules(shared_data: Path, file: str) -> None:
    lines = (shared_data / file).read_text("utf-8").splitlines()[:150]
    verdicts = check([json.loads(line)["text"][:20_000] for line in lines])
    assert any(verdicts)
    assert not all(verdicts)


def test_a_limit_itself_stays_but_for_ng_words() -> None:
    assert SwallowV1().top_2_gram.outside(pa.array([0.2, 0.2000001], pa.float32()))["max"].tolist() == [False, True]
    assert SwallowV1().ng_fraction.outside(pa.array([0.0499999, 0.05], pa.float32()))["max"].tolist() == [False, True]
    assert SwallowV1().hiragana_fraction == Interval(min=0.2)
