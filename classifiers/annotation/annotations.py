"""The annotation folder: accepted annotations as JSON Lines, with what they come from and a summary of how it went."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from classifiers.annotation.agreement import Agreement
from classifiers.annotation.answers import UnfitAnswerError
from classifiers.annotation.excerpts import Excerpt, Sample, file_sha256, read_sample, to_excerpt
from classifiers.annotation.journal import kind_of
from classifiers.annotation.rubric import Rubric, Verdict
from classifiers.errors import ClassifierError
from classifiers.jsonl import numbered_lines, read_line, to_line
from pipeline.stage import Options
from pipeline.storage import Store

ANNOTATIONS, SETTINGS, SUMMARY = "annotations.jsonl", "annotate.json", "summary.json"
NAMED_LINES = 10
"""Lines that an error names one by one."""


class Summary(Options):
    """What became of every document of a sample, or of every line of an import."""

    documents: int
    """All of them: the sum of the next five."""
    accepted: int
    """Documents with an annotation."""
    refused: int = 0
    """The judge, or a filter before it, would not answer."""
    discarded: Mapping[str, int] = {}
    """Answers that cannot be used, by kind."""
    failed: Mapping[str, int] = {}
    """No answer after all attempts, by kind; the next call asks again."""
    pending: int = 0
    """Not asked yet, since the budget was used up or annotate was stopped."""
    stopped: str | None = None
    """Why annotate ended before all documents were judged."""
    rubric: str
    """Name of the rubric."""
    rubric_version: int | str
    """Version of the rubric."""
    rubric_hash: str
    """Sha256 of the rubric."""
    annotations_sha256: str
    """Sha256 of the annotations."""
    model: str | None = None
    """Model that was asked; null for an import."""
    served_by: tuple[str, ...] = ()
    """Models that the endpoint says have answered."""
    requests: int = 0
    """Requests of all passes and calls."""
    retries: Mapping[str, int] = {}
    """Requests that were followed by another for the same document, by kind."""
    tokens_in: int = 0
    """Tokens of all prompts."""
    tokens_out: int = 0
    """Tokens of all answers."""
    cost: float = 0.0
    """By the prices of the settings."""
    estimated: int = 0
    """Requests whose tokens the endpoint did not count; their cost is the most it can be."""
    median_seconds: float | None = None
    """Median time until an answer."""
    second_pass: int = 0
    """Documents judged a second time."""
    agreement: Mapping[str, Agreement] = {}
    """Agreement of the judge with itself by head."""
    unreadable_lines: tuple[int, ...] = ()
    """Lines of the journal that a kill tore; their requests count as never made."""
    replaced_fields: tuple[str, ...] = ()
    """Fields of the sample that the annotations lack, since the judge's fields have the same names."""
    bad_lines: Mapping[int, str] = {}
    """Lines of an imported file that were discarded, and why."""


def read_annotations(path: Path) -> list[dict[str, Any]]:
    """Read an annotation folder, or a file like those in it. Raises ClassifierError, naming the line."""
    file = path / ANNOTATIONS if path.is_dir() else path
    annotations = []
    for number, line in numbered_lines(file):
        try:
            annotations.append(read_line(line))
        except ValueError as error:
            raise ClassifierError(f"{file}, line {number}: {error}") from None
    return annotations


def write_annotations(folder: Path, annotations: Iterable[Mapping[str, Any]]) -> str:
    """Write annotations in the order given, at once or not at all; returns the sha256."""
    content = b"".join(map(to_line, annotations))
    return Store(str(folder)).write(ANNOTATIONS, content).sha256


def write_summary(folder: Path, summary: Summary) -> None:
    """Write the summary of a folder."""
    Store(str(folder)).write(SUMMARY, as_json(summary.model_dump(mode="json")))


def annotation(excerpt: Excerpt, verdict: Verdict) -> dict[str, Any]:
    """Join a document with its verdict: the key, the fields of the sample but its signals, then those of the judge."""
    ours = {field: value for field, value in excerpt.fields.items() if field not in ("key", "signals", *verdict)}
    return {"key": excerpt.key, **ours, **verdict}


def claim(folder: Path, identity: Mapping[str, object], rest: Mapping[str, Any]) -> None:
    """Make a folder the place of annotations with this identity, stored with the rest of the settings.

    Raises ClassifierError, saying what differs, where the folder holds annotations of another identity.
    """
    file = folder / SETTINGS
    folder.mkdir(parents=True, exist_ok=True)
    if file.exists():
        try:
            before = dict(json.loads(file.read_bytes())["identity"])
        except (ValueError, TypeError, KeyError):
            raise ClassifierError(f"{file}: cannot be read; restore it, or choose another folder") from None
        differing = [name for name in {**before, **identity} if before.get(name) != identity.get(name)]
        if differing:
            said = ", ".join(f"{name} was {before.get(name)}, now {identity.get(name)}" for name in differing)
            raise ClassifierError(f"{folder} holds other annotations: {said}; choose another folder")
    Store(str(folder)).write(SETTINGS, as_json({"identity": dict(identity), **rest}))


def import_annotations(file: Path, sample: Path | None, rubric: Rubric, to: Path) -> Summary:
    """Take annotations made elsewhere into a folder, checked against the rubric.

    A line is a JSON object with the fields of a sample (``text``, ``key`` ...) or, where ``sample`` is given, just its
    ``key``, and with the judge's fields: ``items`` (list, or object by name), ``score``, ``genre`` and ``reason`` or
    ``why``; or ``labels``, ``overall`` and ``evidence``. Lines that break form or rules are discarded, and named by
    number in the summary; ClassifierError is raised where no line can be used.
    """
    known = read_sample(sample) if sample else None
    taken, bad = _checked_lines(file, known, rubric)
    if not taken:
        named = "".join(f"\n  line {number}: {reason}" for number, reason in list(bad.items())[:NAMED_LINES])
        raise ClassifierError(f"{file}: no annotation under the rubric `{rubric.name}`{named}")
    identity = {"rubric": rubric.hash, "imported": file_sha256(file), "sample": known.sha256 if known else None}
    claim(to, identity, {"rubric": rubric.resolved(), "imported": file.name})
    summary = Summary(
        documents=len(taken) + len(bad),
        accepted=len(taken),
        discarded=dict(sorted(Counter(map(kind_of, bad.values())).items())),
        rubric=rubric.name,
        rubric_version=rubric.version,
        rubric_hash=rubric.hash,
        annotations_sha256=write_annotations(to, [taken[key] for key in sorted(taken)]),
        bad_lines=bad,
    )
    write_summary(to, summary)
    return summary


def as_json(content: Mapping[str, Any]) -> bytes:
    """Write a small file for people and programs."""
    return json.dumps(content, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace") + b"\n"


def _checked_lines(
    file: Path, known: Sample | None, rubric: Rubric
) -> tuple[dict[str, dict[str, Any]], dict[int, str]]:
    """Annotations by key, and what is wrong with every other line by its number."""
    by_key = {excerpt.key: excerpt for excerpt in known.excerpts} if known else None
    taken: dict[str, dict[str, Any]] = {}
    bad: dict[int, str] = {}
    for number, line in numbered_lines(file):
        try:
            record = read_line(line)
            excerpt = _own_excerpt(record) if by_key is None else _excerpt_of(record, by_key)
            verdict = rubric.imported(record)
            if excerpt.key in taken:
                raise UnfitAnswerError(f"key twice: {excerpt.key}")
        except ValueError as error:
            bad[number] = str(error)
        else:
            taken[excerpt.key] = annotation(excerpt, verdict)
    return taken, bad


def _own_excerpt(record: dict[str, Any]) -> Excerpt:
    """Take the document from the annotation itself; the judge's ``reason`` moves to ``why``."""
    excerpt = to_excerpt(record)
    if "why" in record or "reason" not in record:
        return excerpt
    rest = {field: value for field, value in record.items() if field != "reason"}
    return replace(excerpt, fields={**rest, "why": record["reason"]})


def _excerpt_of(record: Mapping[str, Any], by_key: Mapping[str, Excerpt]) -> Excerpt:
    """Take the document from the sample. Raises UnfitAnswerError for another key, or another text under the key."""
    key = record.get("key")
    if not isinstance(key, str) or key not in by_key:
        raise UnfitAnswerError(f"key not in the sample: {key}")
    if record.get("text", by_key[key].text) != by_key[key].text:
        raise UnfitAnswerError(f"text is not that of the sample: {key}")
    return by_key[key]
