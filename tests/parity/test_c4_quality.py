"""``c4_quality`` and ``c4_paragraphs`` against datatrove's filters."""

from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from datatrove.pipeline.filters import C4ParagraphFilter, C4QualityFilter
from hypothesis import given, settings
from hypothesis import strategies as st
from parity.datatrove_peer import Words, first_reasons, our_verdicts, their_verdict

from pipeline.filters.c4_paragraphs import C4Paragraphs
from pipeline.modifiers.c4_quality import C4Quality

DATATROVE = {"filter_no_terminal_punct": True, "min_words_per_line": 3, "max_word_length": 1000}
SETTINGS = {
    "datatrove": DATATROVE,
    "ours": {"min_words_per_line": 1},
    "sentences": {"split_paragraph": False, "remove_citations": False, "max_word_length": 300},
    "lenient": {"min_num_sentences": 3, "min_words_per_line": 2, "filter_curly_bracket": False},
}
SNIPPETS = [
    "雨が降る。",
    "It rains.",
    " ",
    "\n",
    "[1]",
    "[edit]",
    "{",
    "Lorem Ipsum",
    "JavaScript",
    "Cookie policy",
    '"',
    "...",
    "？！",
    "　",
    "あ" * 301,
]


def both(texts: list[str], options: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """First reason and text that is left of each text: ours, theirs."""
    batch = pa.record_batch({"text": pa.array(texts, pa.string())})
    outcome = C4Quality(**options).process(batch)
    ours = zip(first_reasons(outcome, len(texts)), outcome.columns["text"].to_pylist(), strict=True)
    block = C4QualityFilter(language=Words({}), **C4Quality().model_dump() | {"max_word_length": -1} | options)
    return list(ours), [their_verdict(block, text) for text in texts]


@pytest.mark.data
@pytest.mark.parametrize("options", SETTINGS.values(), ids=SETTINGS)
def test_real_documents_get_the_same_text_and_first_reason(documents: pa.RecordBatch, options: dict[str, Any]) -> None:
    texts = documents["text"].to_pylist()
    ours, theirs = both(texts, options)
    assert ours == theirs
    assert sum(left != text for (_, left), text in zip(ours, texts, strict=True)) > 10
    assert len(Counter(reason for reason, _ in ours)) > 1


@settings(deadline=None, max_examples=100)  # the first example compiles the kernel
@given(
    st.lists(st.lists(st.sampled_from(SNIPPETS), max_size=14).map("".join), min_size=1, max_size=4),
    st.sampled_from(list(SETTINGS.values())),
)
def test_small_texts_get_the_same_text_and_first_reason(texts: list[str], options: dict[str, Any]) -> None:
    ours, theirs = both(texts, {"min_num_sentences": 2, **options})
    assert ours == theirs


@pytest.mark.parametrize(
    ("text", "our_reason", "their_reason"),
    [
        ("雨。\n\n風。", "too_few_sentences", None),  # an empty line is a sentence to them
        ("雨。風。use coo\u212aies。", None, "too_few_sentences"),  # the Kelvin sign is a k to them
    ],
    ids=["empty lines", "Kelvin sign"],
)
def test_known_differences(text: str, our_reason: str | None, their_reason: str | None) -> None:
    ours, theirs = both([text], {"min_num_sentences": 3})
    assert (ours[0][0], theirs[0][0]) == (our_reason, their_reason)


@pytest.mark.data
def test_real_documents_have_the_same_long_paragraphs(documents: pa.RecordBatch) -> None:
    block = C4ParagraphFilter()
    theirs = [their_verdict(block, text)[0] for text in documents["text"].to_pylist()]
    ours = our_verdicts(C4Paragraphs(), documents)
    assert [reason is None for reason in ours] == [reason is None for reason in theirs]
    assert {*ours} == {None, "third_longest_line.min"}
