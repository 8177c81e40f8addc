"""What is counted while a part is processed, and the ledger: records read = kept + dropped + failed, or an error."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any


class LedgerError(RuntimeError):
    """Records that are neither kept, nor dropped for a reason, nor in quarantine."""


@dataclass(slots=True)
class Tally:
    """Rows and their size: characters, estimated tokens and bytes of text; before there is text, bytes of content."""

    rows: int = 0
    characters: int = 0
    bytes: int = 0
    tokens: int = 0

    def add(self, other: "Tally") -> None:
        """Add another tally to this one."""
        self.rows += other.rows
        self.characters += other.characters
        self.bytes += other.bytes
        self.tokens += other.tokens


@dataclass(slots=True)
class StepStats:
    """One step of a pass: what entered alive, what stayed, and where the rest went."""

    name: str
    entered: Tally = field(default_factory=Tally)
    stayed: Tally = field(default_factory=Tally)
    dropped: dict[str, int] = field(default_factory=dict)
    """Full reason -> documents for which it was the first."""
    failed: dict[str, int] = field(default_factory=dict)
    """Full reason -> documents in quarantine."""
    spared: int = 0
    """Documents that stayed without being scored, since it was proven that no bound could be crossed."""

    def drop(self, reason: str, rows: int) -> None:
        """Count rows that leave for a reason."""
        if rows:
            self.dropped[reason] = self.dropped.get(reason, 0) + rows

    def fail(self, reason: str, rows: int = 1) -> None:
        """Count rows that went to quarantine."""
        if rows:
            self.failed[reason] = self.failed.get(reason, 0) + rows

    def check(self) -> None:
        """Raise LedgerError unless what entered is what stayed and left."""
        left = sum(self.dropped.values()) + sum(self.failed.values())
        if self.entered.rows != self.stayed.rows + left:
            raise LedgerError(
                f"step `{self.name}`: {self.entered.rows} documents entered, "
                f"{self.stayed.rows} stayed and {left} left with a reason"
            )

    def add(self, other: "StepStats") -> None:
        """Add the same step of another part."""
        self.entered.add(other.entered)
        self.stayed.add(other.stayed)
        self.spared += other.spared
        for reason, rows in other.dropped.items():
            self.drop(reason, rows)
        for reason, rows in other.failed.items():
            self.fail(reason, rows)


@dataclass(slots=True)
class PartStats:
    """The commit record of a part: present with the right fingerprint means done."""

    part: str
    fingerprint: str
    steps: list[StepStats] = field(default_factory=list)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Path in the run folder -> {rows, bytes, sha256}."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Step -> seconds of work; the only figures that differ from run to run."""

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "PartStats":
        """Rebuild from plain data."""
        steps = [_step_from_json(step) for step in data["steps"]]
        return cls(data["part"], data["fingerprint"], steps, dict(data["outputs"]), dict(data["seconds"]))

    def check(self, *, survivors: int, quarantined: int) -> None:
        """Compare the steps with each other and with the rows that were really written; LedgerError names the gap."""
        _check_chain(self.steps)
        if self.steps and self.steps[-1].stayed.rows != survivors:
            raise LedgerError(f"{self.part}: {self.steps[-1].stayed.rows} documents stayed, {survivors} were written")
        failed = sum(sum(step.failed.values()) for step in self.steps)
        if failed != quarantined:
            raise LedgerError(f"{self.part}: {failed} records failed, {quarantined} were quarantined")


def merge_steps(parts: Iterable[PartStats]) -> list[StepStats]:
    """Sum the steps of the parts of one pass."""
    merged: dict[str, StepStats] = {}
    for part in parts:
        for step in part.steps:
            merged.setdefault(step.name, StepStats(step.name)).add(step)
    return list(merged.values())


def ledger(passes: list[list[StepStats]], corpus_rows: int) -> dict[str, Any]:
    """Merge the passes of a run into its ledger; LedgerError unless it balances.

    ``passes``: merged steps of each pass, in order. ``corpus_rows``: rows counted in the corpus files themselves.
    """
    steps = [step for steps in passes for step in steps]
    _check_chain(steps)
    balance = summary(steps, kept=corpus_rows)
    if balance["records"] != balance["kept"] + balance["dropped"] + balance["failed"]:
        raise LedgerError("{records} records read, {kept} kept, {dropped} dropped, {failed} failed".format_map(balance))
    return balance


def summary(steps: list[StepStats], *, kept: int | None) -> dict[str, Any]:
    """Return steps with their totals; ``kept`` is what the last step let through if it was not counted elsewhere."""
    return {
        "records": steps[0].entered.rows if steps else 0,
        "kept": (steps[-1].stayed.rows if steps else 0) if kept is None else kept,
        "dropped": sum(sum(step.dropped.values()) for step in steps),
        "failed": sum(sum(step.failed.values()) for step in steps),
        "steps": [_sorted_reasons(step) for step in steps],
    }


def _check_chain(steps: list[StepStats]) -> None:
    for step in steps:
        step.check()
    for before, after in pairwise(steps):
        if before.stayed.rows != after.entered.rows:
            raise LedgerError(
                f"{before.stayed.rows} documents stayed in `{before.name}`, {after.entered.rows} entered `{after.name}`"
            )


def _sorted_reasons(step: StepStats) -> dict[str, Any]:
    plain = asdict(step)
    return plain | {key: dict(sorted(plain[key].items())) for key in ("dropped", "failed")}


def _step_from_json(data: Mapping[str, Any]) -> StepStats:
    tallies = {key: Tally(**data[key]) for key in ("entered", "stayed")}
    return StepStats(
        data["name"], **tallies, dropped=dict(data["dropped"]), failed=dict(data["failed"]), spared=data["spared"]
    )
