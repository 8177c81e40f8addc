"""One bad document costs that document; a step that fails on most of them is itself at fault."""

import pyarrow as pa
import pytest
from toy_steps import Raises

from pipeline.isolation import StageError, process, split_error


def batch(texts: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"text": texts})


@pytest.mark.parametrize("bad", [[0], [4], [9], [2, 3], [0, 5, 9]], ids=str)
def test_only_the_documents_that_raise_fail(bad: list[int]) -> None:
    texts = ["raise-here" if row in bad else "よい文書" for row in range(10)]
    outcome = process(Raises(), batch(texts))
    assert sorted(outcome.failures) == bad
    assert set(outcome.failures.values()) == {"ValueError: met 'raise-here'"}
    seen = outcome.columns["raises.seen"].to_pylist()
    assert seen == [None if row in bad else True for row in range(10)]


def test_a_step_that_fails_on_most_documents_is_at_fault() -> None:
    with pytest.raises(StageError, match=r"step `raises` raised on 200 of 200 documents, e\.g\. ValueError"):
        process(Raises(), batch(["raise-here"] * 200))


@pytest.mark.parametrize(
    ("message", "kind"), [("DecodeError: no", "DecodeError"), ("no colon", "error"), ("a b: c", "error")]
)
def test_the_kind_of_an_error_is_its_first_word(message: str, kind: str) -> None:
    assert split_error(message) == kind
