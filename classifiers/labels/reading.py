"""Labelled documents as one table, whatever files they come from and however these say their labels."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from classifiers.annotation.annotations import ANNOTATIONS, SUMMARY
from classifiers.annotation.excerpts import is_unicode, key_of
from classifiers.config import Config, Labels, Target
from classifiers.errors import ClassifierError
from classifiers.jsonl import numbered_lines, read_line
from classifiers.labels.grouping import codes, connect, near_duplicates
from classifiers.labels.targets import Record, Values, values
from pipeline.suggest import did_you_mean
from pipeline.text.url import hosts

SHOWN_PROBLEMS = 5
BEGINNING = 100
"""Characters, white space aside, by which a text is known again."""
COLUMNS = {
    "key": pa.string(),
    "id": pa.string(),
    "text": pa.string(),
    "source": pa.string(),
    "group": pa.string(),
    "host": pa.string(),
    "cluster": pa.int64(),
    "genre": pa.string(),
    "weight": pa.float64(),
    "train_only": pa.bool_(),
}
"""Columns of every labelled table; behind them stands one of float32 for each head."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Labelled documents, sorted by key and text; each text stands once."""

    table: pa.Table
    """COLUMNS, then a float32 column per head, null where nothing is said. ``cluster`` is the number of the first
    near-duplicate, a document's own where it has none."""
    heads: tuple[str, ...]
    report: Mapping[str, Any] = field(default_factory=dict)
    """What was read, merged and left out; plain JSON."""

    @property
    def texts(self) -> pa.StringArray:
        """The n texts as one array."""
        return self.table["text"].combine_chunks()

    @property
    def targets(self) -> npt.NDArray[np.float32]:
        """Labels of shape (n, heads); NaN where nothing is said."""
        columns = [self.table[head].to_numpy() for head in self.heads]
        return np.stack(columns, axis=1).astype(np.float32, copy=False)

    @property
    def weights(self) -> npt.NDArray[np.float64]:
        """Weights of the n documents in training."""
        return self.table["weight"].to_numpy()

    @property
    def train_only(self) -> npt.NDArray[np.bool_]:
        """Which of the n documents are never held out."""
        return self.table["train_only"].to_numpy()

    @property
    def fingerprints(self) -> npt.NDArray[np.uint64]:
        """The beginnings of the n texts as 64 bits each, by which a model knows again what it was trained on, though it
        be cut or spaced otherwise."""
        return np.array([_fingerprint(text) for text in self.texts.to_pylist()], np.uint64)

    @property
    def hash(self) -> str:
        """sha256 of the table, row by row as JSON, so that it does not depend on how Arrow lays out bytes."""
        digest = hashlib.sha256()
        for row in self.table.to_pylist():
            digest.update(json.dumps(row, ensure_ascii=False, sort_keys=True).encode() + b"\n")
        return digest.hexdigest()

    def take(self, rows: npt.NDArray[np.integer[Any]]) -> "Labelled":
        """These rows, by their numbers, in this order."""
        return Labelled(self.table.take(pa.array(rows)), self.heads, self.report)


@dataclass(frozen=True, slots=True)
class _Document:
    key: str
    id: str | None
    text: str
    source: str
    group: str
    host: str | None
    url: str | None
    genre: str | None
    cluster: str | None
    weight: float
    train_only: bool
    values: Values


def read_labels(config: Config, data: Path, noncommercial: bool = False) -> Labelled:
    """Read the labels that a configuration names, files below ``data`` first, then beside the configuration.

    Sources under non-commercial terms are left out unless asked for. Texts that stand several times become one document
    of the first source: its level is the mean, a binary label what most say, and 1 where as many say 0. Raises
    ClassifierError for a missing file, for bad lines (naming file, line and problem), and where nothing is labelled.
    """
    taken = [labels for labels in config.labels if noncommercial or not labels.noncommercial]
    sources: list[dict[str, Any]] = []
    documents: list[_Document] = []
    for labels in taken:
        found, read = _read(labels, config, data)
        documents += found
        sources.append(read)
    merged, conflicts = _merge(documents, config.target)
    if not merged:
        left = "; ".join(f"{source['name']}: {_counted(source['left_out'])}" for source in sources)
        raise ClassifierError(f"{config.name}: no labelled document; left out: {left or 'every source'}")
    table = _table(merged, config.target)
    _count(sources, table, config.target)
    left_out = [_terms(labels) for labels in config.labels if labels not in taken]
    report = {"sources": sources, "noncommercial_left_out": left_out, "conflicting_copies": conflicts}
    return Labelled(table, config.target.heads, report | _summary(table, config.target))


def _read(labels: Labels, config: Config, data: Path) -> tuple[list[_Document], dict[str, Any]]:
    path = _file(labels.path, config, data)
    texts = _texts(_file(labels.texts, config, data)) if labels.texts else None
    documents: list[_Document] = []
    problems: dict[str, list[int]] = {}
    left_out: Counter[str] = Counter()
    lines = 0
    for number, line in numbered_lines(path):
        lines += 1
        try:
            document = _document(read_line(line), labels, config.target, texts)
        except ValueError as error:
            problems.setdefault(str(error), []).append(number)
        else:
            if isinstance(document, str):
                left_out[document] += 1
            else:
                documents.append(document)
    _refuse(path, problems)
    return documents, {**_terms(labels), "read": lines, "left_out": left_out} | _agreement(path, labels)


def _refuse(path: Path, problems: Mapping[str, Sequence[int]]) -> None:
    """Raise ClassifierError with every kind of problem once, at the first line that has it."""
    if not problems:
        return
    said = [
        f"{path}:{lines[0]}: {problem}" + (f" (and {len(lines) - 1} more lines)" if len(lines) > 1 else "")
        for problem, lines in problems.items()
    ]
    more = sum(len(lines) for lines in list(problems.values())[SHOWN_PROBLEMS:])
    raise ClassifierError("\n".join(said[:SHOWN_PROBLEMS]) + (f"\nand {more} more bad lines" if more else ""))


def _counted(left_out: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in left_out.items()) or "nothing, it is empty"


def _file(path: str, config: Config, data: Path) -> Path:
    tried = [data / path, config.folder / path]
    for candidate in tried:
        file = candidate / ANNOTATIONS if candidate.is_dir() else candidate
        if file.is_file():
            return file
    raise ClassifierError(f"{path}: no such file, nor a folder with {ANNOTATIONS}; sought {tried[0]} and {tried[1]}")


def _texts(path: Path) -> dict[str, str]:
    """Text of each id."""
    texts: dict[str, str] = {}
    problems: dict[str, list[int]] = {}
    for number, line in numbered_lines(path):
        try:
            record = read_line(line)
            texts[str(record["id"])] = _text(record, "text") or ""
        except KeyError as error:
            problems.setdefault(f"no field {error}", []).append(number)
        except ValueError as error:
            problems.setdefault(str(error), []).append(number)
    _refuse(path, problems)
    return texts


def _document(record: Record, labels: Labels, target: Target, texts: Mapping[str, str] | None) -> _Document | str:
    """Return the document of a record, or the reason why it is left out."""
    if unknown := [name for name in labels.only if name not in record]:
        raise ValueError(f"no field `{unknown[0]}`{did_you_mean(unknown[0], record)}")
    if any(record[name] not in allowed for name, allowed in labels.only.items()):
        return "other_part"
    text = _text(record, labels.text) if texts is None else _text_of(record, texts)
    if text is None or not text.strip():
        return "no_text"
    said = values(record, labels, target)
    if said is None:
        return "no_label"
    return _Document(
        key=_text(record, "key") or key_of(record.get("id"), text),
        id=_text(record, "id"),
        text=text,
        source=labels.name,
        group=_group(record, labels),
        host=_text(record, "host"),
        url=_text(record, "url"),
        genre=_text(record, "genre"),
        cluster=_text(record, "cluster"),
        weight=labels.weight,
        train_only=labels.train_only,
        values=said,
    )


def _group(record: Record, labels: Labels) -> str:
    if labels.group and labels.group not in record:
        raise ValueError(f"no field `{labels.group}`{did_you_mean(labels.group, record)}")
    value = _text(record, labels.group) if labels.group else None
    return (re.sub(labels.group_pattern, "", value) if value and labels.group_pattern else value) or labels.name


def _text(record: Record, name: str) -> str | None:
    """A field as text; numbers are written out. ValueError for what Arrow cannot hold or what is no text."""
    value = record.get(name)
    if value is None or isinstance(value, int | float):
        return None if value is None else str(value)
    if not isinstance(value, str):
        raise ValueError(f"`{name}` is {value!r:.60}, not text")
    if not is_unicode(value):
        raise ValueError(f"`{name}` holds half of a surrogate pair, which no encoding can carry")
    return value


def _text_of(record: Record, texts: Mapping[str, str]) -> str:
    identity = _text(record, "id")
    if identity is None or identity not in texts:
        raise ValueError(f"no text for id {identity!r:.80}")
    return texts[identity]


def _fingerprint(text: str) -> int:
    beginning = "".join(text[: 2 * BEGINNING].split())[:BEGINNING]
    return int.from_bytes(hashlib.blake2b(beginning.encode(), digest_size=8).digest(), "big")


def _merge(documents: Sequence[_Document], target: Target) -> tuple[list[tuple[_Document, Values]], int]:
    """Documents with a text each, and their labels; and how many texts have copies with different labels."""
    copies: dict[str, list[_Document]] = {}
    for document in documents:
        copies.setdefault(document.text, []).append(document)
    # A text that measures anywhere measures; the order of the sources decides which of its copies speaks for it.
    merged = [
        (min(same, key=lambda document: document.train_only), _consensus([copy.values for copy in same], target))
        for same in copies.values()
    ]
    conflicts = sum(len({copy.values for copy in same}) > 1 for same in copies.values())
    return sorted(merged, key=lambda pair: (pair[0].key, pair[0].text)), conflicts


def _consensus(said: Sequence[Values], target: Target) -> Values:
    heads = [[value for value in head if value is not None] for head in zip(*said, strict=True)]
    means = [sum(head) / len(head) if head else None for head in heads]
    if target.kind == "ordinal":
        return tuple(means)
    return tuple(None if mean is None else float(mean >= 0.5) for mean in means)  # noqa: PLR2004


def _table(merged: Sequence[tuple[_Document, Values]], target: Target) -> pa.Table:
    documents = [document for document, _ in merged]
    columns = {
        name: pa.array([getattr(document, name) for document in documents], kind)
        for name, kind in COLUMNS.items()
        if name != "cluster"
    }
    own = [document.host.lower() if document.host else None for document in documents]
    found = hosts(pa.array([document.url for document in documents], pa.string()))
    columns["host"] = pa.array([host or other for host, other in zip(own, found.to_pylist(), strict=True)], pa.string())
    known = [f"{document.source}\n{document.cluster}" if document.cluster else None for document in documents]
    columns["cluster"] = pa.array(connect([near_duplicates(columns["text"]), codes(pa.array(known, pa.string()))]))
    for place, head in enumerate(target.heads):
        columns[head] = pa.array([said[place] for _, said in merged], pa.float32())
    return pa.table({name: columns[name] for name in (*COLUMNS, *target.heads)})


def _terms(labels: Labels) -> dict[str, Any]:
    return {"name": labels.name, "licence": labels.licence, "noncommercial": labels.noncommercial}


def _agreement(path: Path, labels: Labels) -> dict[str, Any]:
    """Agreement of the annotators, head by head: what an annotation folder measured, or what the configuration says."""
    summary = path.with_name(SUMMARY)
    if path.name != ANNOTATIONS or not summary.is_file():
        agreement = {head: dict(figures) for head, figures in labels.agreement.items()}
        return {"agreement": agreement} if agreement else {}
    try:
        measured = json.loads(summary.read_bytes())["agreement"]
    except (ValueError, KeyError, TypeError) as error:
        raise ClassifierError(f"{summary}: no summary of annotations: {error!r}") from None
    return {"agreement": measured} if measured else {}


def _count(sources: Sequence[dict[str, Any]], table: pa.Table, target: Target) -> None:
    """Complete what is known of each source: its documents and their labels, and that every line is accounted for."""
    for source in sources:
        own = table.filter(pc.equal(table["source"], source["name"]))
        copies = source["read"] - sum(source["left_out"].values()) - own.num_rows
        source["left_out"] = {**dict(sorted(source["left_out"].items())), **({"copy": copies} if copies else {})}
        source["documents"] = own.num_rows
        source["labels"] = _distribution(own, target)


def _summary(table: pa.Table, target: Target) -> dict[str, Any]:
    cluster = table["cluster"].to_numpy()
    _, sizes = np.unique(cluster, return_counts=True)
    return {
        "documents": table.num_rows,
        "train_only": int(np.count_nonzero(table["train_only"].to_numpy())),
        "clusters": len(sizes),
        "near_duplicates": int(sizes[sizes > 1].sum()),
        "hosts": pc.count_distinct(table["host"]).as_py(),
        "groups": pc.count_distinct(table["group"]).as_py(),
        "labels": _distribution(table, target),
    }


def _distribution(table: pa.Table, target: Target) -> dict[str, dict[str, int]]:
    """Documents per head and rounded label."""
    found = {}
    for head in target.heads:
        known = table[head].combine_chunks().drop_null().to_numpy()
        levels, counts = np.unique(np.floor(known + 0.5).astype(int), return_counts=True)
        found[head] = {str(level): int(count) for level, count in zip(levels, counts, strict=True)}
    return found
