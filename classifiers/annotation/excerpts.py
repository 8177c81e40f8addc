"""The sample that a judge reads: excerpts with their keys, in the order of the keys."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifiers.errors import ClassifierError
from classifiers.jsonl import numbered_lines, read_line


@dataclass(frozen=True, slots=True)
class Excerpt:
    """One document of a sample: its key, the exact text to judge, and all fields of its line."""

    key: str
    text: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """Excerpts in the order of their keys, with the sha256 of the file."""

    excerpts: tuple[Excerpt, ...]
    sha256: str


def read_sample(path: Path) -> Sample:
    """Read a sample: a JSONL file with at least ``text``, or the folder that holds one as ``sample.jsonl``.

    Raises ClassifierError, naming the lines, for a file without excerpts, a line without a text, or a key that two
    lines share.
    """
    file = path / "sample.jsonl" if path.is_dir() else path
    lines: dict[str, int] = {}
    excerpts = []
    for number, line in numbered_lines(file):
        try:
            excerpt = to_excerpt(read_line(line))
        except ValueError as error:
            raise ClassifierError(f"{file}, line {number}: {error}") from None
        if (first := lines.setdefault(excerpt.key, number)) != number:
            raise ClassifierError(f"{file}: lines {first} and {number} are one document (key {excerpt.key})")
        excerpts.append(excerpt)
    if not excerpts:
        raise ClassifierError(f"{file}: no documents")
    return Sample(tuple(sorted(excerpts, key=lambda excerpt: excerpt.key)), file_sha256(file))


def to_excerpt(record: dict[str, Any]) -> Excerpt:
    """Check one object of a sample; without ``key`` its key is the hash of ``id`` and text. Raises ValueError."""
    text = record.get("text")
    if not isinstance(text, str) or not text:
        raise ValueError("`text` must be a text that is not empty")
    if not is_unicode(text):
        raise ValueError("`text` holds half of a surrogate pair, which no encoding can carry")
    key = record.get("key", key_of(record.get("id"), text))
    if not isinstance(key, str) or not key or not is_unicode(key):
        raise ValueError("`key` must be a text that is not empty")
    return Excerpt(key, text, record)


def key_of(*parts: object) -> str:
    """Hash what identifies a document to 16 hex digits."""
    content = "\x1f".join(str(part) for part in parts).encode("utf-8", "backslashreplace")
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def is_unicode(text: str) -> bool:
    """Tell whether a text can be written as UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def file_sha256(path: Path) -> str:
    """Hash a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
