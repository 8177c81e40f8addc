"""Has a judge read a sample under a rubric, into a folder that a later call can go on with.

The journal holds every answer; annotations and summary are computed from sample and journal alone.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from classifiers.annotation.agreement import agreement
from classifiers.annotation.annotations import Summary, annotation, claim, write_annotations, write_summary
from classifiers.annotation.answers import UnfitAnswerError
from classifiers.annotation.excerpts import Excerpt, Sample, read_sample
from classifiers.annotation.journal import Entry, History, Journal, kind_of
from classifiers.annotation.judging import FIRST, SECOND, Progress, Session, Settings, read_verdict
from classifiers.annotation.rubric import Rubric, Verdict


def annotate(
    sample: Path, rubric: Rubric, to: Path, settings: Settings, progress: Progress = lambda status: None
) -> Summary:
    """Judge every document of a sample that the folder has no answer for, and write what is accepted.

    Returns early, saying why in ``Summary.stopped``, when the budget is used up or on SIGINT; requests under way are
    waited for (a second SIGINT ends at once). Raises ClassifierError for a sample, folder or endpoint that cannot be
    used; what was answered before is kept, and a later call goes on from there.
    """
    documents = read_sample(sample)
    identity = {
        "rubric": rubric.hash,
        "sample": documents.sha256,
        "model": settings.model,
        "temperature": settings.temperature,
        "seed": settings.seed,
    }
    about = {"file": sample.name, "documents": len(documents.excerpts)}
    rest = {"settings": settings.model_dump(mode="json"), "sample": about}
    claim(to, identity, {**rest, "rubric": rubric.resolved(), "schema": rubric.schema_of_answer})
    pages = {excerpt.key: excerpt.text for excerpt in documents.excerpts}

    def fits(entry: Entry) -> bool:
        if entry.outcome != "accepted" or entry.key not in pages:
            return True
        try:
            read_verdict(rubric, entry.answer or "", entry.finish, pages[entry.key])
        except UnfitAnswerError:
            return False
        return True

    with Journal(to, fits) as journal:
        session = Session(documents, rubric, settings, journal, progress)
        asyncio.run(session.run())
        summary = _write(to, documents, rubric, settings, journal, session.stopped)
    if session.broken:
        raise session.broken
    return summary


def _write(
    to: Path, sample: Sample, rubric: Rubric, settings: Settings, journal: Journal, stopped: str | None
) -> Summary:
    history = journal.history
    verdicts = {turn: _verdicts(sample, rubric, history, turn) for turn in (FIRST, SECOND)}
    accepted = [excerpt for excerpt in sample.excerpts if excerpt.key in verdicts[FIRST]]
    sha256 = write_annotations(to, (annotation(excerpt, verdicts[FIRST][excerpt.key]) for excerpt in accepted))
    reasons = {outcome: _reasons(sample, history, outcome) for outcome in ("refused", "discarded", "failed")}
    counted = len(accepted) + sum(counts.total() for counts in reasons.values())
    summary = Summary(
        documents=len(sample.excerpts),
        accepted=len(accepted),
        refused=reasons["refused"].total(),
        discarded=dict(sorted(reasons["discarded"].items())),
        failed=dict(sorted(reasons["failed"].items())),
        pending=len(sample.excerpts) - counted,
        stopped=stopped,
        rubric=rubric.name,
        rubric_version=rubric.version,
        rubric_hash=rubric.hash,
        annotations_sha256=sha256,
        model=settings.model,
        served_by=tuple(sorted(history.served_by)),
        requests=len(history.seconds),
        retries=dict(sorted(history.retries.items())),
        tokens_in=history.tokens_in,
        tokens_out=history.tokens_out,
        cost=round(history.cost, 6),
        estimated=history.estimated,
        median_seconds=median(history.seconds) if history.seconds else None,
        second_pass=len(verdicts[SECOND]),
        agreement=agreement(rubric, verdicts[FIRST], verdicts[SECOND]),
        unreadable_lines=tuple(journal.unreadable),
        replaced_fields=_replaced(accepted, verdicts[FIRST]),
    )
    write_summary(to, summary)
    return summary


def _verdicts(sample: Sample, rubric: Rubric, history: History, turn: int) -> dict[str, Verdict]:
    """Every accepted verdict of a pass, read from the raw answers again."""
    return {
        excerpt.key: read_verdict(rubric, entry.answer or "", entry.finish, excerpt.text)
        for excerpt in sample.excerpts
        if (entry := history.final.get((turn, excerpt.key))) and entry.outcome == "accepted"
    }


def _reasons(sample: Sample, history: History, outcome: str) -> Counter[str]:
    entries = (history.final.get((FIRST, excerpt.key)) for excerpt in sample.excerpts)
    return Counter(kind_of(entry.reason) for entry in entries if entry and entry.outcome == outcome)


def _replaced(excerpts: list[Excerpt], verdicts: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted({field for excerpt in excerpts for field in excerpt.fields.keys() & verdicts[excerpt.key]}))
