"""JSON Lines files: one object a line, UTF-8, in bytes that any text survives."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from classifiers.errors import ClassifierError


def to_line(record: Mapping[str, Any]) -> bytes:
    """Write one object as a line; a lone surrogate becomes its JSON escape, so the line is valid UTF-8."""
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def read_line(line: bytes) -> dict[str, Any]:
    """Read one object; NaN and infinities, which JSON does not know, become null. Raises ValueError for the rest."""
    try:
        record = json.loads(line.decode("utf-8"), parse_constant=lambda _: None)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(record, dict):
        raise ValueError(f"not a JSON object but {type(record).__name__}")
    return record


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Give every line that is not blank with its number, from 1. Raises ClassifierError where the file is missing."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ClassifierError(f"{path}: {error.strerror}") from None
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            yield number, line
