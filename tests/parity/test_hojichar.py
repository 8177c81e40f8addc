"""HojiChar's filters against the package itself, where it is installed."""

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.filters.hojichar import Hojichar, HojicharWords
from pipeline.filters.word_list import WordList
from pipeline.stage import Filter, Interval
from pipeline.text.chars import CHAR_COUNTS, as_column, count_chars

FILES = (
    "c_text_livedoor_news/livedoor.jsonl",
    "c_text_blog_danmaq/danmaq_blog.jsonl",
    "c_text_open2ch/open2ch_threads.jsonl",
    "c_text_aozora/aozora_sample.jsonl",
    "c_text_vimdoc/vimdoc_ja.jsonl",
)
OTHER_WORDS = re.compile("[\u3000!-/:-@\\[-`{-~]")
"""Ideographic spaces, words to HojiChar alone, and ASCII symbols, unknown words whose part of speech differs."""
EACH = 80
LONGEST = 20_000


@pytest.fixture(scope="module")
def texts(shared_data: Path) -> list[str]:
    found: list[str] = []
    for file in FILES:
        lines = (shared_data / file).read_text("utf-8").splitlines()[:EACH]
        found += [json.loads(line)["text"][:LONGEST] for line in lines]
    return found


@pytest.fixture(scope="module")
def peer() -> Any:
    pytest.importorskip("hojichar", reason="the peer is not installed: pip install hojichar")
    from hojichar.filters import document_filters  # noqa: PLC0415

    return document_filters


def dropped(stage: Filter, texts: list[str]) -> dict[str, list[bool]]:
    batch = pa.record_batch({"text": pa.array(texts)})
    outcome = stage.process(batch.append_column(CHAR_COUNTS, as_column(count_chars(batch["text"]))))
    return {reason: mask.tolist() for reason, mask in outcome.drops.items()}


def rejected(block: Any, texts: list[str]) -> list[bool]:
    from hojichar.core.models import Document  # noqa: PLC0415

    return [block.apply(Document(text)).is_rejected for text in texts]


@pytest.mark.data
@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("AcceptJapanese", "kana_at_head.min"),
        ("DiscardRareKuten", "characters_per_kuten.max"),
        ("DiscardBBSComments", "board_marks.max"),
        ("CharRepetitionRatioFilter", "char_repetition.max"),
        ("SingleCharacterRepetitionFilter", "longest_run.max"),
        ("DiscardTooManyEndingEllipsis", "ending_ellipses.max"),
        ("DiscardTooShortLines", "short_lines.max"),
    ],
)
def test_character_rules_reject_the_same_documents(peer: Any, texts: list[str], block: str, reason: str) -> None:
    assert dropped(Hojichar(), texts)[reason] == rejected(getattr(peer, block)(), texts)


@pytest.mark.data
def test_special_characters_are_those_of_its_list_and_more(peer: Any, texts: list[str]) -> None:
    if find_spec("emoji") is None:
        pytest.skip("the peer's filter needs the package emoji")
    assert dropped(Hojichar(), texts)["special_characters.max"] == rejected(peer.DiscardTooManySpecialToken(), texts)
    ours = dropped(Hojichar(special_characters=Interval(max=0.1)), texts)["special_characters.max"]
    theirs = rejected(peer.DiscardTooManySpecialToken(threshold=0.1), texts)
    assert any(theirs)
    assert all(our >= their for our, their in zip(ours, theirs, strict=True))


@pytest.mark.data
@pytest.mark.parametrize(
    ("block", "options", "stage"),
    [
        ("DiscardAdultContentJa", {"ignore_confused": True}, WordList(hits=Interval(max=0))),
        ("DiscardDiscriminationContentJa", {"ignore_confused": True}, WordList(hits=Interval(max=0))),
        ("DiscardViolenceContentJa", {"ignore_confused": True}, WordList(hits=Interval(max=0))),
        ("DiscardViolenceContentJa", {}, WordList(hits=Interval(max=0), katakana_guard=False)),
        ("DiscardAds", {}, WordList(hits=Interval(max=14), katakana_guard=False)),
    ],
)
def test_word_lists_reject_the_same_documents(
    peer: Any, texts: list[str], block: str, options: dict[str, bool], stage: WordList
) -> None:
    lists = {"Adult": "adult", "Discrimination": "discrimination", "Violence": "violence", "Ads": "advertisement"}
    (name,) = (name for part, name in lists.items() if part in block)
    stage = WordList.model_validate(stage.model_dump() | {"words": [f"hojichar:{name}_keywords_ja"]})
    assert dropped(stage, texts)["hits.max"] == rejected(getattr(peer, block)(**options), texts)


@pytest.mark.data
@pytest.mark.parametrize(
    ("block", "signal", "threshold"),
    [
        ("DiscardTooManyNouns", "noun_share", 0.8),
        ("DiscardTooManyNouns", "noun_share", 0.4),
        ("WordRepetitionRatioFilter", "word_repetition", 0.4),
        ("WordRepetitionRatioFilter", "word_repetition", 0.1),
    ],
)
def test_word_rules_reject_the_same_documents_where_words_are_the_same(
    peer: Any, texts: list[str], block: str, signal: str, threshold: float
) -> None:
    if not peer.is_loaded_extras:
        pytest.skip("the peer's filters need the packages fugashi and emoji")
    texts = [OTHER_WORDS.sub("", text) for text in texts[::4]]
    ours = dropped(HojicharWords.model_validate({signal: {"max": threshold - 1e-7}}), texts)[f"{signal}.max"]
    assert ours == rejected(getattr(peer, block)(threshold=threshold), texts)
