"""Which fields of a record become which columns, and their values as text."""

import base64
import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.readers.chunk import Read

_DEEPEST = 200  # well below what the stack bears, so that the limit is the same wherever it is called
_DUMP = re.compile(r"CC-MAIN-\d{4}-\d{2}")


def dump_of(uri: str, options: Read) -> str | None:
    """Name of the crawl: the option, or what the path says."""
    found = _DUMP.search(uri)
    return options.dump or (found[0] if found else None)


def metadata_names(names: Iterable[str], options: Read) -> list[str]:
    """Those of ``names`` that travel as metadata: the ones asked for, or with ``*`` all but the record's own."""
    if "*" not in options.metadata:
        return [name for name in names if name in options.metadata]
    own = {options.text, options.id, options.url, options.date, options.title}
    return [name for name in names if name not in own]


def as_text(value: object) -> str | None:
    """Return a string as it is, a number or date as text, and null for everything else (bool, list, object)."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool | bytes | list | dict):
        return None
    return str(value)


def as_json(values: Mapping[str, Any]) -> str:
    """One JSON object with sorted keys: bytes in base64, dates and decimals as text, NaN and infinities null.

    Raises ValueError for values nested deeper than 200 levels (RFC 8259, section 9, allows a limit).
    """
    return json.dumps(_plain(values, 0), ensure_ascii=False, sort_keys=True, default=_other)


def _plain(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise ValueError(f"nested deeper than {_DEEPEST} levels")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value]
    return value


def _other(value: object) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
