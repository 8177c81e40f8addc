"""``gopher_quality`` against datatrove's GopherQualityFilter on the same words."""

from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from datatrove.pipeline.filters import GopherQualityFilter
from hypothesis import given, settings
from hypothesis import strategies as st
from parity.datatrove_peer import our_verdicts, their_verdict, with_words, words_of

from pipeline.filters.gopher_quality import GopherQuality

REASONS = {
    None: None,
    "gopher_short_doc": "words.min",
    "gopher_long_doc": "words.max",
    "gopher_below_avg_threshold": "mean_word_length.min",
    "gopher_above_avg_threshold": "mean_word_length.max",
    "gopher_too_many_hashes": "hash_ratio.max",
    "gopher_too_many_ellipsis": "ellipsis_ratio.max",
    "gopher_too_many_bullets": "bullet_lines.max",
    "gopher_too_many_end_ellipsis": "ellipsis_lines.max",
    "gopher_below_alpha_threshold": "alpha_words.min",
    "gopher_enough_stop_words": "stop_words.min",
}
STOP_WORDS = GopherQuality().stop_word_list

Limits = tuple[dict[str, Any], dict[str, Any]]
FINEWEB_2: Limits = (
    {
        "min_avg_word_length": 1,
        "max_avg_word_length": 6,
        "max_non_alpha_words_ratio": 0.759,
        "stop_words": list(STOP_WORDS),
    },
    {},
)
ENGLISH: Limits = (
    {},
    {
        "mean_word_length": {"min": 3, "max": 10},
        "alpha_words": {"min": 0.8},
        "stop_word_list": ["the", "be", "to", "of", "and", "that", "have", "with"],
    },
)
TIGHT: Limits = (
    {
        "min_doc_words": 2,
        "max_doc_words": 12,
        "min_avg_word_length": 1.5,
        "max_avg_word_length": 3,
        "max_symbol_word_ratio": 0.05,
        "max_bullet_lines_ratio": 0.4,
        "max_ellipsis_lines_ratio": 0.2,
        "max_non_alpha_words_ratio": 0.7,
        "min_stop_words": 1,
        "stop_words": list(STOP_WORDS),
    },
    {
        "words": {"min": 2, "max": 12},
        "mean_word_length": {"min": 1.5, "max": 3},
        "hash_ratio": {"max": 0.05},
        "ellipsis_ratio": {"max": 0.05},
        "bullet_lines": {"max": 0.4},
        "ellipsis_lines": {"max": 0.2},
        "alpha_words": {"min": 0.7},
        "stop_words": {"min": 1},
    },
)
SNIPPETS = [
    "雨が降る。",
    "の",
    "スーパーマーケット",
    "1 2 3",
    "#",
    "…",
    "...\n",
    "\n- ",
    "\n•",
    "\n",
    "★",
    "『』",
    "、",
    "\r",
    "\u2028",
]


def verdicts(batch: pa.RecordBatch, limits: Limits) -> tuple[list[str | None], list[str | None]]:
    theirs, ours = limits
    block = GopherQualityFilter(language=words_of(batch), **theirs)
    expected = [REASONS[their_verdict(block, text)[0]] for text in batch["text"].to_pylist()]
    return our_verdicts(GopherQuality(**ours), batch), expected


@pytest.mark.data
@pytest.mark.parametrize("limits", [FINEWEB_2, ENGLISH, TIGHT], ids=["fineweb_2", "english", "tight"])
def test_real_documents_get_the_same_first_reason(documents: pa.RecordBatch, limits: Limits) -> None:
    found, expected = verdicts(documents, limits)
    assert found == expected
    assert len(Counter(found)) > 3


@settings(deadline=None, max_examples=60)  # the first example loads the tagger
@given(st.lists(st.lists(st.sampled_from(SNIPPETS), min_size=1, max_size=9).map("".join), min_size=1, max_size=5))
def test_small_texts_get_the_same_first_reason(texts: list[str]) -> None:
    found, expected = verdicts(with_words(texts), TIGHT)
    assert found == expected


THEIR_RULES_OFF = dict.fromkeys(
    (
        *("min_doc_words", "max_doc_words", "min_avg_word_length", "max_avg_word_length", "max_symbol_word_ratio"),
        *("max_bullet_lines_ratio", "max_ellipsis_lines_ratio", "max_non_alpha_words_ratio", "min_stop_words"),
    )
)
OUR_RULES_OFF: dict[str, Any] = {signal: {} for signal in GopherQuality.signals}


@pytest.mark.filterwarnings("ignore:(Mean of empty slice|invalid value encountered):RuntimeWarning")
@pytest.mark.parametrize(
    ("text", "theirs", "their_reason", "ours", "our_reason"),
    [
        # they divide by no words
        ("", {"max_symbol_word_ratio": 0.1}, "ZeroDivisionError", {"hash_ratio": {"max": 0.1}}, None),
        # 0 switches a rule of theirs off
        ("#", {"max_symbol_word_ratio": 0}, None, {"hash_ratio": {"max": 0}}, "hash_ratio.max"),
        # unassigned characters of planes 2 and 3 are letters to us
        (
            "\U0002fffd",
            {"max_non_alpha_words_ratio": 0.5},
            "gopher_below_alpha_threshold",
            {"alpha_words": {"min": 0.5}},
            None,
        ),
    ],
    ids=["no words", "bounds of 0", "unassigned characters"],
)
def test_known_differences(
    text: str, theirs: dict[str, Any], their_reason: str | None, ours: dict[str, Any], our_reason: str | None
) -> None:
    batch = with_words([text])
    block = GopherQualityFilter(language=words_of(batch), **THEIR_RULES_OFF | theirs)
    assert their_verdict(block, text)[0] == their_reason
    assert our_verdicts(GopherQuality(**OUR_RULES_OFF | ours), batch) == [our_reason]
