import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dedup.numbering import Numbering

ROWS = st.lists(st.integers(0, 9), max_size=12)


@given(ROWS, st.integers(1, 20))
def test_blocks_are_runs_of_whole_parts_that_hold_all_documents_once(rows: list[int], block: int) -> None:
    numbering = Numbering(rows, block)
    blocks = range(numbering.blocks.size - 1)
    assert [part for number in blocks for part in numbering.parts(number)] == list(range(len(rows)))
    spans = [numbering.span(number) for number in blocks]
    assert [number for span in spans for number in range(*span)] == list(range(numbering.documents))
    for number, (start, stop) in zip(blocks, spans, strict=True):
        filled = sum(rows[part] > 0 for part in numbering.parts(number))
        assert stop - start <= block or filled == 1


@given(ROWS, st.integers(1, 20))
def test_every_document_knows_its_part_and_block(rows: list[int], block: int) -> None:
    numbering = Numbering(rows, block)
    parts = [part for part, count in enumerate(rows) for _ in range(count)]
    blocks = [number for number in range(numbering.blocks.size - 1) for _ in range(*numbering.span(number))]
    documents = np.arange(numbering.documents, dtype=np.uint64)
    assert numbering.part_of(documents).tolist() == parts
    assert numbering.block_of(documents).tolist() == blocks


@pytest.mark.parametrize(
    ("rows", "block", "blocks"),
    [
        ([], 5, [0, 0]),
        ([0, 0], 5, [0, 2]),
        ([5], 5, [0, 1]),
        ([2, 3], 5, [0, 2]),
        ([2, 3, 1], 5, [0, 2, 3]),
        ([2, 9, 1], 5, [0, 1, 2, 3]),
        ([9, 0, 1], 5, [0, 1, 3]),
    ],
)
def test_parts_are_gathered_while_they_fit(rows: list[int], block: int, blocks: list[int]) -> None:
    assert Numbering(rows, block).blocks.tolist() == blocks
