"""The journal of an annotation: every request and its answer, appended and synced before the next step."""

import fcntl
import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal, Self

from pydantic import ValidationError

from classifiers.errors import ClassifierError
from classifiers.jsonl import numbered_lines, read_line, to_line
from pipeline.stage import Options

JOURNAL = "answers.jsonl"
Outcome = Literal["accepted", "refused", "discarded", "failed", "retry"]


class Entry(Options):
    """One request."""

    key: str
    """Document of the sample."""
    turn: int
    """Pass: 1, or 2 for the independent second one."""
    attempt: int
    """Number of the request for this document and pass, from 1."""
    outcome: Outcome
    """`retry` where another request follows; `failed` where a later call of annotate asks again."""
    reason: str | None = None
    """Why it was not accepted: the kind, then after a colon what is particular."""
    answer: str | None = None
    """The raw answer."""
    finish: str | None = None
    """Why the answer ended, as the endpoint says."""
    served_by: str | None = None
    """Model that the endpoint says has answered."""
    model: str
    """Model that was asked."""
    form: str
    """How the answer was asked for: `json_schema`, `json_object` or `text`."""
    rubric: str
    """Name of the rubric."""
    rubric_version: int | str
    """Version of the rubric."""
    rubric_hash: str
    """Sha256 of the rubric."""
    seconds: float
    """Seconds until the answer."""
    tokens_in: int | None = None
    """Tokens of the prompt, as the endpoint counts; null where it does not say."""
    tokens_out: int | None = None
    """Tokens of the answer."""
    cost: float = 0.0
    """By the prices of the settings."""
    estimated: bool = False
    """True where the endpoint counted no tokens though it may bill them: the cost is the most it can be."""


class History:
    """What a journal says so far."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.final: dict[tuple[int, str], Entry] = {}
        self.unfit: Counter[tuple[int, str]] = Counter()
        self.attempts: Counter[tuple[int, str]] = Counter()
        self.outcomes: Counter[tuple[int, Outcome]] = Counter()
        self.retries: Counter[str] = Counter()
        self.served_by: set[str] = set()
        self.seconds: list[float] = []
        self.tokens_in = self.tokens_out = self.counted = self.estimated = 0
        self.cost = 0.0
        for entry in entries:
            self.note(entry)

    def note(self, entry: Entry) -> None:
        """Take in one entry."""
        place = entry.turn, entry.key
        self.attempts[place] += 1
        self.seconds.append(entry.seconds)
        self.tokens_in += entry.tokens_in or 0
        self.tokens_out += entry.tokens_out or 0
        self.cost += entry.cost
        self.estimated += entry.estimated
        if entry.served_by:
            self.served_by.add(entry.served_by)
        self.counted += entry.tokens_in is not None
        if entry.outcome != "retry":
            if before := self.final_outcome(*place):
                self.outcomes[entry.turn, before] -= 1
            self.outcomes[entry.turn, entry.outcome] += 1
            self.final[place] = entry
            return
        self.retries[kind_of(entry.reason)] += 1
        self.unfit[place] += entry.answer is not None

    def is_done(self, turn: int, key: str) -> bool:
        """Tell whether a document needs no further request in this pass."""
        return self.final_outcome(turn, key) not in (None, "failed")

    def final_outcome(self, turn: int, key: str) -> Outcome | None:
        """Return how the last round of requests for a document ended; None where none has."""
        entry = self.final.get((turn, key))
        return entry.outcome if entry else None


class Journal:
    """The open journal of a folder, for one process at a time. ``unreadable``: lines torn, damaged or unfit."""

    def __init__(self, folder: Path, fits: Callable[[Entry], bool] = lambda entry: True) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / JOURNAL
        self._file = path.open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise ClassifierError(f"{folder}: another process is annotating into this folder") from None
        entries, self.unreadable = read_journal(path, fits)
        self.history = History(entries)
        if path.stat().st_size and not path.read_bytes().endswith(b"\n"):
            self._file.write(b"\n")  # a line that was torn by a kill stays on its own

    def append(self, entry: Entry) -> None:
        """Add an entry; it is on the disk when this returns."""
        self._file.write(to_line(entry.model_dump(mode="json")))
        self._file.flush()
        os.fsync(self._file.fileno())
        self.history.note(entry)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.close()


def read_journal(path: Path, fits: Callable[[Entry], bool] = lambda entry: True) -> tuple[list[Entry], list[int]]:
    """Return all entries of a journal and the numbers of lines that hold none."""
    entries, unreadable = [], []
    for number, line in numbered_lines(path):
        try:
            entry = Entry.model_validate(read_line(line))
        except (ValueError, ValidationError):
            unreadable.append(number)
            continue
        if fits(entry):
            entries.append(entry)
        else:
            unreadable.append(number)
    return entries, unreadable


def kind_of(reason: str | None) -> str:
    """Return the part of a reason that is counted."""
    return (reason or "").partition(":")[0]
