"""Which of several copies is preferred: keys of the recipe, the sidecar columns they need and the order they give."""

from collections.abc import Mapping
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AfterValidator, Field

from pipeline.schema import RECORD

Ranks = npt.NDArray[np.float64]

OWN = {"length": "characters", "date": "date", "id": "id"}
"""Keys with a meaning of their own, and the sidecar columns behind them."""
BASE = {"id": pa.string(), "characters": pa.int32(), "date": pa.string()}
"""Sidecar columns that every deduplication signs."""
NUMBER, STRING = "number.", "string."
"""Prefixes of the sidecar columns that hold a document's column as a float64 or as a string."""


def _known_number(name: str) -> str:
    index = RECORD.get_field_index(name)
    if name in OWN or index < 0 or pa.types.is_integer(RECORD.field(index).type):
        return name
    kind = RECORD.field(index).type
    raise ValueError(f"`{name}` holds {kind}, not numbers; say which values come first: {{{name}: [...]}}")


Priorities = Annotated[dict[str, tuple[str, ...]], Field(min_length=1, max_length=1)]
Key = Annotated[str, AfterValidator(_known_number)] | Priorities


def documents_column(key: Key) -> str | None:
    """Column of the documents that a key names; None for a key with a meaning of its own."""
    if isinstance(key, str):
        return None if key in OWN else key
    return next(iter(key))


def sidecar_column(key: Key) -> str:
    """Column of the sidecar behind a key."""
    if isinstance(key, str):
        return OWN.get(key, NUMBER + key)
    return STRING + next(iter(key))


def as_signed(column: str, batch: pa.RecordBatch) -> pa.Array:
    """Sidecar column of a batch of documents; TypeError where numbers are asked of a column that holds none."""
    if column.startswith(STRING):
        return batch.column(column.removeprefix(STRING)).cast(pa.string())
    values = batch.column(column.removeprefix(NUMBER))
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type) or pa.types.is_boolean(values.type)):
        raise TypeError(f"keep: column `{column.removeprefix(NUMBER)}` holds {values.type}, not numbers")
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.uint8())
    return values.cast(pa.float64(), safe=False)


def ranks(key: Key, facts: Mapping[str, pa.Array]) -> Ranks:
    """Rank n documents by a key: the least is preferred, equal ranks are ties, missing values come last."""
    values = facts[sidecar_column(key)]
    if not isinstance(key, str):
        order = pa.array(dict.fromkeys(next(iter(key.values()))), pa.string())
        found = pc.index_in(values, order).to_numpy(zero_copy_only=False).astype(np.float64)
        return np.where(np.isnan(found), len(order), found)
    if pa.types.is_string(values.type):
        places = pc.rank(values, sort_keys="ascending", tiebreaker="dense")
        return places.to_numpy().astype(np.float64)
    numbers = -values.to_numpy(zero_copy_only=False).astype(np.float64)
    return np.where(np.isnan(numbers), np.inf, numbers)
