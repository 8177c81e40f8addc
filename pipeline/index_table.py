"""What an index holds and what is like a text, on the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.report import harmless
from pipeline.similar import Neighbour

DUMPS_SHOWN = 3


def show(of: Mapping[str, Any], console: Console) -> None:
    """Print what an index holds."""
    table = Table(title=Text(harmless(of["index"]), overflow="fold"), title_justify="left", box=SIMPLE)
    for heading in ("addition", "documents", "kept", "MB", "dumps", "dates", "run"):
        table.add_column(heading, justify="right" if heading in ("documents", "kept", "MB") else "left")
    for addition in of["additions"]:
        table.add_row(
            Text(harmless(addition["name"])),
            f"{addition['documents']:,}",
            f"{addition['kept']:,}",
            f"{addition['bytes'] / 1e6:,.1f}",
            Text(harmless(_some(addition["dumps"]))),
            Text(harmless(_dates(addition))),
            Text(harmless(addition["run"]), overflow="fold"),
        )
    console.print(table)
    parameters = ", ".join(f"{name} {value}" for name, value in of["parameters"].items())
    console.print(Text(harmless(f"{of['documents']:,} documents; {parameters}")), soft_wrap=True)


def show_neighbours(neighbours: Sequence[Neighbour], threshold: float, console: Console) -> None:
    """Print the documents that are like a text."""
    if not neighbours:
        console.print(
            f"No document is similar to {threshold:g} or more; --threshold asks for less. A sentence is a small "
            "part of any document: ask with a paragraph or a whole text.",
            soft_wrap=True,
        )
        return
    for neighbour in neighbours:
        fate = "kept" if neighbour.kept_id is None else f"duplicate of {neighbour.kept_id}"
        where = f"  {neighbour.url}" if neighbour.url else ""
        console.print(
            Text(harmless(f"{neighbour.similarity:.3f}  {neighbour.id}  {fate}{where}  ({neighbour.part})")),
            soft_wrap=True,
        )


def _some(dumps: Sequence[str]) -> str:
    more = f", {len(dumps) - DUMPS_SHOWN} more" if len(dumps) > DUMPS_SHOWN else ""
    return ", ".join(dumps[:DUMPS_SHOWN]) + more


def _dates(addition: Mapping[str, Any]) -> str:
    dates = [date[:10] for date in (addition["first_date"], addition["last_date"]) if date]
    return " - ".join(dict.fromkeys(dates))
