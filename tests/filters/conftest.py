"""What tests of filters share."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline.schema import HOST, RECORD
from pipeline.stage import Stage
from pipeline.text.chars import CHAR_COUNTS, as_column, count_chars
from pipeline.text.url import hosts
from pipeline.text.words import WORDS


@pytest.fixture(scope="session")
def verdicts() -> Callable[..., list[list[str]]]:
    """Run a stage over columns of records; the reasons for which each row leaves."""

    def run(stage: Stage, **columns: list[Any]) -> list[list[str]]:
        fields = [RECORD.field(name) for name in columns]
        batch = pa.RecordBatch.from_pydict(columns, pa.schema(fields))
        if "host" in stage.reads:
            batch = batch.append_column(HOST, hosts(batch["url"]))
        if "text" in columns:
            batch = batch.append_column(CHAR_COUNTS, as_column(count_chars(batch["text"])))
        outcome = stage.process(batch)
        added = {name: column.type for name, column in outcome.columns.items() if name != WORDS.name}
        assert added == stage.adds
        assert all(mask.dtype == np.bool_ and len(mask) == len(batch) for mask in outcome.drops.values())
        return [[reason for reason, mask in outcome.drops.items() if mask[row]] for row in range(len(batch))]

    return run
