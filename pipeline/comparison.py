"""The figures of a comparison of recipes, and how they are shown on the terminal and as plain data."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.report import harmless
from pipeline.stats import Tally

REASONS_SHOWN = 8


@dataclass(slots=True)
class Side:
    """One recipe: what it keeps of the documents read, and what it does with the rest."""

    name: str
    passed_over: tuple[str, ...]
    """Names of its steps that a comparison does not carry out."""
    kept: Tally = field(default_factory=Tally)
    dropped: Counter[str] = field(default_factory=Counter)
    """First reason -> documents."""
    failed: Counter[str] = field(default_factory=Counter)
    """Reason -> documents that a run would send to quarantine."""
    errors: dict[str, str] = field(default_factory=dict)
    """Reason of a failure -> the first message."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A document that one of two recipes keeps."""

    id: str
    url: str | None
    file_path: str
    position: int
    reasons: Mapping[str, str | None]
    """Recipe -> why the document leaves it, None where it is kept; for all recipes."""
    snippet: str
    """How its text begins, in the recipe that keeps it."""


Rank = tuple[int, int]
"""Hash of the id, number of the document."""
Sample = dict[Rank, Disagreement]


@dataclass(slots=True)
class Pair:
    """Two recipes: documents that both keep, the first alone, the second alone, and samples of the latter two."""

    names: tuple[str, str]
    both: int = 0
    only: tuple[int, int] = (0, 0)
    samples: tuple[Sample, Sample] = field(default_factory=lambda: ({}, {}))
    """Documents that the first keeps alone, and those that the second keeps alone: those of the lowest ranks."""

    def wants(self, side: int, rank: Rank, size: int) -> bool:
        """Tell whether a document of this rank belongs to a sample of this size."""
        sample = self.samples[side]
        return len(sample) < size or (size > 0 and rank < max(sample))

    def offer(self, side: int, rank: Rank, disagreement: Disagreement, size: int) -> None:
        """Take a document into a sample, in the place of the one that ranks last."""
        sample = self.samples[side]
        sample[rank] = disagreement
        if len(sample) > size:
            del sample[max(sample)]

    @property
    def disagreements(self) -> list[Disagreement]:
        """Both samples, each in order of rank."""
        return [sample[rank] for sample in self.samples for rank in sorted(sample)]


@dataclass(slots=True)
class Comparison:
    """Recipes over the same documents. Records read = ``documents`` + ``skipped`` + ``damaged``."""

    sides: list[Side]
    pairs: list[Pair]
    documents: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    """Records that are no documents: kind -> count."""
    damaged: Counter[str] = field(default_factory=Counter)
    """Records that could not be read: kind -> count."""
    limited: bool = False
    """Whether reading ended at the limit."""


def as_json(of: Comparison) -> dict[str, Any]:
    """Return a comparison as plain data."""
    return {
        "records": of.documents + of.skipped.total() + of.damaged.total(),
        "documents": of.documents,
        "skipped": dict(of.skipped),
        "damaged": dict(of.damaged),
        "limited": of.limited,
        "recipes": [_side(side, of.documents) for side in of.sides],
        "pairs": [_pair(pair, of.documents) for pair in of.pairs],
    }


def show(of: Comparison, console: Console) -> None:
    """Print what the recipes keep, how far they agree, why documents leave, and documents they disagree on."""
    _show_sides(of, console)
    _show_pairs(of, console)
    for side in of.sides:
        for title, reasons in (("dropped", side.dropped), ("failed", side.failed)):
            if reasons:
                _line(console, f"{side.name}: {title}: {_reasons(reasons)}")
        for reason, error in side.errors.items():
            _line(console, f"{side.name}: {reason}, e.g. {error}")
    for pair in of.pairs:
        for disagreement in pair.disagreements:
            console.print(_disagreement(pair, disagreement), soft_wrap=True)
    left = [f"{count:,} {kind}" for kind, count in (of.skipped + of.damaged).items()]
    others = f", besides {', '.join(left)}" if left else ""
    _line(console, f"{of.documents:,} documents{others}" + ("; the limit is reached" if of.limited else ""))


def _show_sides(of: Comparison, console: Console) -> None:
    table = _table("recipe", "in", "kept", "share", "chars", "tokens", "dropped", "failed")
    for side in of.sides:
        share = f"{side.kept.rows / of.documents:.1%}" if of.documents else ""
        sizes = (side.kept.characters, side.kept.tokens, side.dropped.total(), side.failed.total())
        figures = (f"{of.documents:,}", f"{side.kept.rows:,}", share, *(f"{size:,}" for size in sizes))
        table.add_row(Text(harmless(side.name)), *figures)
    console.print(table)


def _show_pairs(of: Comparison, console: Console) -> None:
    table = _table("A", "B", "both", "only A", "only B", "neither", "agree")
    for pair in of.pairs:
        figures = _pair(pair, of.documents)
        counts = (f"{figures[key]:,}" for key in ("both", "only_first", "only_second", "neither"))
        agree = f"{figures['agreement']:.1%}" if of.documents else ""
        table.add_row(*(Text(harmless(name)) for name in pair.names), *counts, agree)
    console.print(table)


def _table(*headings: str) -> Table:
    table = Table(box=SIMPLE)
    for heading in headings:
        table.add_column(heading, justify="left" if heading in ("recipe", "A", "B") else "right", overflow="fold")
    return table


def _disagreement(pair: Pair, of: Disagreement) -> Text:
    verdicts = [f"{name}: {of.reasons[name] or 'kept'}" for name in pair.names]
    place = of.url or f"{of.file_path}:{of.position}"
    head = harmless(f"{of.id}  {place}\n")
    return Text.assemble(
        "\n", (head, "bold"), harmless("\n".join(verdicts)), "\n", harmless(" ".join(of.snippet.split()))
    )


def _line(console: Console, text: str) -> None:
    console.print(Text(harmless(text)), soft_wrap=True)


def _reasons(reasons: Counter[str]) -> str:
    counts = list(_sorted(reasons).items())
    shown = [f"{reason} {count:,}" for reason, count in counts[:REASONS_SHOWN]]
    if rest := counts[REASONS_SHOWN:]:
        shown.append(f"{len(rest)} other reasons {sum(count for _, count in rest):,}")
    return ", ".join(shown)


def _sorted(reasons: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))


def _side(side: Side, documents: int) -> dict[str, Any]:
    return {
        "name": side.name,
        "passed_over": list(side.passed_over),
        "kept": asdict(side.kept),
        "kept_share": side.kept.rows / documents if documents else None,
        "dropped": _sorted(side.dropped),
        "failed": _sorted(side.failed),
        "errors": dict(side.errors),
    }


def _pair(pair: Pair, documents: int) -> dict[str, Any]:
    return {
        "recipes": list(pair.names),
        "both": pair.both,
        "only_first": pair.only[0],
        "only_second": pair.only[1],
        "neither": documents - pair.both - sum(pair.only),
        "agreement": 1 - sum(pair.only) / documents if documents else None,
        "disagreements": [asdict(disagreement) for disagreement in pair.disagreements],
    }
