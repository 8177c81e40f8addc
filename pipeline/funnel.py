"""The funnel: per step what came in, what stayed and why the rest left, from a ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FunnelRow:
    """One step. Sizes are those of the documents that stayed; ``tokens`` are estimated (see ``text.chars``)."""

    step: str
    entered: int
    stayed: int
    dropped: int
    failed: int
    characters: int
    tokens: int
    entered_bytes: int
    drops: dict[str, int]
    """Reasons of drops, most frequent first."""
    failures: dict[str, int]
    """Reasons of failures, most frequent first."""
    seconds: float = 0.0
    spared: int = 0
    """Documents that stayed unscored, since their characters proved that no bound of the step is crossed."""

    @property
    def kept_share(self) -> float:
        """Share of the documents entering the step that stayed, 0 to 1; 1 when none entered."""
        return self.stayed / self.entered if self.entered else 1.0

    @property
    def megabytes_per_second(self) -> float:
        """Bytes that entered per second of work of one core, in 10^6."""
        return self.entered_bytes / self.seconds / 1e6 if self.seconds else 0.0


def funnel(ledger: Mapping[str, Any], seconds: Mapping[str, float] | None = None) -> list[FunnelRow]:
    """Turn a ledger into rows; ``seconds``: step, or step.phase of a barrier -> seconds of work."""
    spent = seconds or {}
    return [
        FunnelRow(
            step["name"],
            step["entered"]["rows"],
            step["stayed"]["rows"],
            sum(step["dropped"].values()),
            sum(step["failed"].values()),
            step["stayed"]["characters"],
            step["stayed"]["tokens"],
            step["entered"]["bytes"],
            _by_frequency(step["dropped"]),
            _by_frequency(step["failed"]),
            _of_step(spent, step["name"]),
            step["spared"],
        )
        for step in ledger["steps"]
    ]


def _by_frequency(reasons: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))


def _of_step(spent: Mapping[str, float], step: str) -> float:
    return sum(seconds for name, seconds in spent.items() if name == step or name.startswith(f"{step}."))
