"""The answer of ``migaki refilter`` on the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.effects import MEASURES
from pipeline.report import harmless

SHOWN = 12


def show(of: Mapping[str, Any], console: Console) -> None:
    """Print what changes, why, on which hosts, and what cannot be told."""
    for change in of["changes"]:
        _say(console, f"{change['option']}: {_value(change['before'])} -> {_value(change['after'])}")
    if not of["changes"]:
        _say(console, "The recipe is that of the run.")
    names = ("before", "after", "gained", "lost", "undecided")
    totals = [(name, *(f"{of[name][measure]:,}" for measure in MEASURES)) for name in names]
    _table(console, f"{of['recipe']}: {of['run']}", ("", *MEASURES), totals)
    changed = {change["option"] for change in of["changes"]}
    order = sorted(of["reasons"], key=lambda entry: (entry["reason"] not in changed, not _moving(entry)))
    heads = ("reason", "before", "alone", "after", "alone", "gained", "tokens", "lost", "tokens")
    _table(console, "documents by reason", heads, [_reason(entry) for entry in order[:SHOWN]])
    if len(order) > SHOWN:
        _say(console, f"and {len(order) - SHOWN} more reasons; --json has all")
    hosts = of["hosts"]
    if hosts["changed"]:
        title = f"{'at least ' if hosts['at_least'] else ''}{hosts['changed']:,} hosts change"
        _table(
            console,
            title,
            ("host", *heads[5:]),
            [(row["host"] or "(none)", *_moves(row)) for row in hosts["first"][:SHOWN]],
        )
    for cause in of["undecidable"]:
        _say(console, _doubt(cause))
    _say(console, _undecoded(of["without_signals"]))


def _table(console: Console, title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(title=Text(harmless(title), overflow="fold"), title_justify="left", box=SIMPLE)
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(harmless(cell)) for cell in row))
    console.print(table)


def _reason(entry: Mapping[str, Any]) -> tuple[str, ...]:
    counts = (f"{entry[name]:,}" for name in ("before", "before_alone", "after", "after_alone"))
    return (entry["reason"], *counts, *_moves(entry))


def _moving(entry: Mapping[str, Any]) -> bool:
    return bool(entry["gained"]["documents"] or entry["lost"]["documents"])


def _moves(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{entry[way][measure]:,}" for way in ("gained", "lost") for measure in ("documents", "tokens"))


def _doubt(cause: Mapping[str, Any]) -> str:
    told = f"undecidable at {cause['step']}: {cause['documents']:,} documents ({cause['cause']})"
    audited = cause["audited"]
    if cause["arriving_documents"]:
        least, most = cause["arriving_documents"]
        return (
            f"{told}; {least:,} to {most:,} of them would come to {cause['barrier']} (95 %; "
            f"{audited['arriving']:,} of {audited['documents']:,} in the audit sample)"
        )
    if cause["kept_share"] is None:
        return f"{told}; the audit sample cannot tell"
    (low, high), (least, most) = cause["kept_share"], cause["kept_documents"]
    open_ = f", {audited['undecidable']:,} undecidable too" if audited["undecidable"] else ""
    return (
        f"{told}; {least:,} to {most:,} of them would stay ({low:.1%} to {high:.1%}, 95 %; "
        f"{audited['kept']:,} of {audited['documents']:,} in the audit sample{open_})"
    )


def _undecoded(without: Mapping[str, Any]) -> str:
    open_ = f", {without['undecidable']:,} of them undecidable now" if without["undecidable"] else " and leave again"
    failed = f"; {without['failed']:,} records failed and stay in quarantine" if without["failed"] else ""
    return f"without signals: {without['dropped']:,} records left before they were decoded{open_}{failed}"


def _value(value: object) -> str:
    return "none" if value is None else str(value)


def _say(console: Console, text: str) -> None:
    console.print(Text(harmless(text)), soft_wrap=True)
