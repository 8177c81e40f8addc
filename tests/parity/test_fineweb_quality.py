"""``fineweb_quality`` against datatrove's FineWebQualityFilter on the same words."""

from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from datatrove.pipeline.filters import FineWebQualityFilter
from hypothesis import given, settings
from hypothesis import strategies as st
from parity.datatrove_peer import our_verdicts, their_verdict, with_words, words_of

from pipeline.filters.fineweb_quality import FinewebQuality

REASONS = {
    None: None,
    "empty": "lines.min",
    "line_punct_ratio": "line_punct_ratio.min",
    "short_line_ratio": "short_line_ratio.max",
    "char_dup_ratio": "char_dup_ratio.max",
    "list_ratio": "list_ratio.max",
}
Limits = tuple[dict[str, Any], dict[str, Any]]
FINEWEB_2: Limits = (
    {"short_line_thr": 999, "char_duplicates_ratio": 0.1, "line_punct_thr": 0.096, "new_line_ratio": 0.13},
    {},
)
FINEWEB: Limits = (
    {"line_punct_exclude_zero": True},
    {
        "line_punct_ratio": {"min": 0.12},
        "line_punct_exclude_zero": True,
        "short_line_ratio": {"max": 0.67},
        "char_dup_ratio": {"max": 0.01},
        "list_ratio": {"max": 0.3},
    },
)
TIGHT: Limits = (
    {"line_punct_thr": 0.5, "short_line_thr": 0.5, "short_line_length": 3, "char_duplicates_ratio": 0.2},
    {
        "line_punct_ratio": {"min": 0.5},
        "short_line_ratio": {"max": 0.5},
        "short_line_length": 3,
        "char_dup_ratio": {"max": 0.2},
        "list_ratio": {"max": 0.3},
    },
)
SNIPPETS = [
    "雨が降る。",
    "雨が降る。\n",
    "\n",
    "\n\n",
    "長い一行がここにある",
    "」",
    "　",
    "\r\n",
    " ",
    "？",
    "目次\n",
    "\u2028",
]


def verdicts(batch: pa.RecordBatch, limits: Limits) -> tuple[list[str | None], list[str | None]]:
    theirs, ours = limits
    block = FineWebQualityFilter(language=words_of(batch), **theirs)
    expected = [REASONS[their_verdict(block, text)[0]] for text in batch["text"].to_pylist()]
    return our_verdicts(FinewebQuality(**ours), batch), expected


@pytest.mark.data
@pytest.mark.parametrize("limits", [FINEWEB_2, FINEWEB], ids=["fineweb_2", "fineweb"])
def test_real_documents_get_the_same_first_reason(documents: pa.RecordBatch, limits: Limits) -> None:
    found, expected = verdicts(documents, limits)
    assert found == expected
    assert len(Counter(found)) > 3


@settings(deadline=None, max_examples=60)  # the first example loads the tagger
@given(st.lists(st.lists(st.sampled_from(SNIPPETS), max_size=9).map("".join), min_size=1, max_size=5))
def test_small_texts_get_the_same_first_reason(texts: list[str]) -> None:
    found, expected = verdicts(with_words(texts), TIGHT)
    assert found == expected


def test_lines_without_words_are_a_list_where_they_divide_by_zero() -> None:
    batch = with_words(["\0\n\0\0"])
    block = FineWebQualityFilter(language=words_of(batch), line_punct_thr=0, short_line_thr=1)
    assert their_verdict(block, "\0\n\0\0")[0] == "ZeroDivisionError"
    assert our_verdicts(FinewebQuality(line_punct_ratio={}), batch) == ["list_ratio.max"]
