"""What a run did, for people and programs: the funnel on the terminal, as JSON and as a self-contained page."""

import hashlib
import heapq
import html
import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

import pyarrow.parquet as pq
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.dedup.sources import by_source
from pipeline.funnel import FunnelRow, funnel
from pipeline.runfolder import RunFolder
from pipeline.stats import merge_steps, summary
from pipeline.suggest import did_you_mean


class ReportError(ValueError):
    """A question a run folder cannot answer."""


def report(uri: str) -> dict[str, Any]:
    """Return the ledger, the seconds per step and, for an unfinished run, how many parts are done."""
    folder = RunFolder(uri)
    description = folder.describe()
    folder.scan()
    store = folder.store
    ledger = folder.ledger()
    complete = ledger is not None
    if ledger is None:
        ledger = _so_far(folder, description)
    timing = json.loads(store.read("stats/timing.json")) if store.exists("stats/timing.json") else {}
    return {
        "run": store.uri,
        "migaki": description["migaki"],
        "recipe": description["recipe"]["name"],
        "settings": description["recipe"],
        "shards": len(description["inputs"]),
        "complete": complete,
        "ledger": ledger,
        "seconds": timing.get("steps", {}),
        "alarms": list(_alarms(folder, description["recipe"])) if complete else [],
    }


def rows(of: Mapping[str, Any]) -> list[FunnelRow]:
    """Return the funnel of a report."""
    return funnel(of["ledger"], of["seconds"])


def as_json(of: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report as plain data with derived figures in it."""
    table = [
        asdict(row) | {"kept_share": row.kept_share, "megabytes_per_second": row.megabytes_per_second}
        for row in rows(of)
    ]
    return {**of, "funnel": table}


def show(of: Mapping[str, Any], console: Console) -> None:
    """Print the funnel."""
    ledger = of["ledger"]
    if not of["complete"]:
        console.print("[yellow]This run is not finished; figures of the parts done so far.[/yellow]")
    table = Table(
        title=Text(harmless(f"{of['recipe']}: {of['run']}"), overflow="fold"), title_justify="left", box=SIMPLE
    )
    for heading in ("step", "in", "out", "kept", "chars", "tokens", "s", "MB/s"):
        table.add_column(heading, justify="left" if heading == "step" else "right", no_wrap=True)
    for row in rows(of):
        table.add_row(
            Text(row.step),
            f"{row.entered:,}",
            f"{row.stayed:,}",
            f"{row.kept_share:.1%}" if row.entered else "",
            _short(row.characters),
            _short(row.tokens),
            f"{row.seconds:.1f}",
            f"{row.megabytes_per_second:.1f}" if row.seconds else "",
        )
    console.print(table)
    for title, which in (("dropped", "drops"), ("failed (quarantine/)", "failures")):
        for row in rows(of):
            if reasons := getattr(row, which):
                console.print(Text(harmless(f"{title}: {_reasons(reasons)}")), soft_wrap=True)
    for alarm in of["alarms"]:
        console.print(Text(harmless(_alarming(alarm)), style="yellow"), soft_wrap=True)
    for row in rows(of):
        if row.spared:
            console.print(Text(harmless(f"spared: {row.step} {_spared(row)}")), soft_wrap=True)
    console.print(
        f"{ledger['records']:,} records read = {ledger['kept']:,} kept + {ledger['dropped']:,} dropped "
        f"+ {ledger['failed']:,} failed",
        soft_wrap=True,
    )


def inspect(uri: str, reason: str | None, limit: int) -> Iterator[dict[str, Any]]:
    """Yield dropped documents and quarantined records of a run, chosen by a hash of the id; all reasons if None."""
    folder = RunFolder(uri)
    folder.describe()
    known = {name for step in report(uri)["ledger"]["steps"] for name in (step["dropped"] | step["failed"])}
    if reason is not None and not any(_matches(name, reason) for name in known):
        raise ReportError(f"no document left for `{reason}`{did_you_mean(reason, sorted(known))}")
    matching = (row for row in _left(folder) if reason is None or _matches(row["reason"], reason))
    yield from heapq.nsmallest(limit, matching, key=lambda row: hashlib.sha256(row["id"].encode()).digest())


def _left(folder: RunFolder) -> Iterator[dict[str, Any]]:
    for side in ("excluded", "quarantine"):
        for path in folder.store.sizes(side):
            with folder.store.open(path) as file:
                yield from pq.read_table(file, use_threads=False, pre_buffer=False).to_pylist()


def has_page(uri: str) -> bool:
    """Tell whether a run folder has its ``report.html``; a run killed at its very end has none."""
    return RunFolder(uri).store.exists("report.html")


def write_page(uri: str) -> str:
    """Write ``report.html`` into a run folder; returns its path. Everything that came from outside is escaped."""
    of = report(uri)
    folder = RunFolder(uri)
    folder.store.write("report.html", _page(of).encode())
    return folder.store.path("report.html")


def _so_far(folder: RunFolder, description: Mapping[str, Any]) -> dict[str, Any]:
    merged = [
        merge_steps(
            stats
            for entry in description["inputs"]
            if (stats := folder.committed(f"stats/{name}/{entry['part']}.json"))
        )
        for name in description["passes"]
    ]
    return summary([step for steps in merged for step in steps], kept=None)


def _alarms(folder: RunFolder, recipe: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the sources that lost more than the `alarm` of a deduplication step."""
    limits = {
        name: options["alarm"] for step in recipe["steps"] for name, options in step.items() if "alarm" in options
    }
    for step, limit in limits.items():
        if limit is None:
            continue
        counts = []
        for path in folder.store.sizes(f"duplicates/{step}"):
            if PurePosixPath(path).name.startswith("sources-"):
                with folder.store.open(path) as file:
                    counts.append(pq.read_table(file, use_threads=False, pre_buffer=False))
        for source in by_source(counts).to_pylist():
            if source["share"] > limit:
                yield {"step": step, **source, "alarm": limit}


def _alarming(alarm: Mapping[str, Any]) -> str:
    return (
        f"alarm: {alarm['step']} removed {alarm['removed']:,} of {alarm['documents']:,} documents "
        f"({alarm['share']:.1%}) of source {alarm['source'] or 'without a name'}; the limit is {alarm['alarm']:.1%}"
    )


def harmless(text: str) -> str:
    """Replace what a terminal would obey instead of show."""
    return "".join(c if c == "\n" or unicodedata.category(c)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _short(count: int) -> str:
    """Three or four digits and a unit: 8.90M."""
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return str(count)


def _matches(name: str, wanted: str) -> bool:
    return name == wanted or name.startswith(wanted + ".")


def _spared(row: FunnelRow) -> str:
    return f"{row.spared:,} of {row.entered:,}: no need to look closer, no bound can be crossed"


def _reasons(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count:,}" for reason, count in counts.items())


STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;color:#1a1a1a}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{padding:.35rem .6rem;border-bottom:1px solid #ddd;text-align:right;vertical-align:top;white-space:nowrap}
th:first-child,td:first-child,td:last-child,th:last-child{text-align:left}
.bar{background:#d8e6f3;height:.6rem;min-width:6rem;margin-top:.45rem}
.bar i{display:block;height:100%;background:#2f6db3}
code,pre{font-size:.88em}pre{overflow-x:auto}.failed{color:#a33}.note{color:#555}
@media(prefers-color-scheme:dark){body{background:#16181c;color:#e8e8e8}th,td{border-color:#333}
.bar{background:#26323f}.note{color:#aaa}.failed{color:#e88}}
"""
NOTES = (
    "Characters and tokens are those of the documents that stayed; records have none before `extract` makes text of "
    "bytes, and tokens are estimated from character classes. Seconds are of one core and, in a first run, hold the "
    "compilation of the kernels."
)


def _page(of: Mapping[str, Any]) -> str:
    ledger, name = of["ledger"], html.escape(of["recipe"])
    total = max(1, ledger["records"])
    body = "".join(_page_row(row, total) for row in rows(of))
    heads = ("step", "in", "out", "kept", "characters", "tokens", "seconds", "MB/s", "of all records", "reasons")
    recipe = html.escape(json.dumps(of["settings"], ensure_ascii=False, indent=1))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Migaki: {name}</title><style>{STYLE}</style></head><body><h1>{name}</h1>"
        f"<p>{ledger['records']:,} records read = <b>{ledger['kept']:,} kept</b> + {ledger['dropped']:,} dropped "
        f"+ {ledger['failed']:,} failed.</p>"
        f"{''.join(f'<p class=failed>{html.escape(_alarming(alarm))}</p>' for alarm in of['alarms'])}"
        f'<p class="note">{html.escape(NOTES)}</p><div class="wide"><table>'
        f"<thead><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr></thead><tbody>{body}</tbody></table></div>"
        f"<h2>Recipe</h2><p>Migaki {html.escape(of['migaki'])}, {of['shards']:,} shards.</p><pre>{recipe}</pre>"
        "</body></html>\n"
    )


def _page_row(row: FunnelRow, total: int) -> str:
    reasons = [f"<code>{html.escape(reason)}</code> {count:,}" for reason, count in row.drops.items()]
    reasons += [
        f'<span class="failed"><code>{html.escape(reason)}</code> {count:,} failed</span>'
        for reason, count in row.failures.items()
    ]
    reasons += [f'<span class="note">{_spared(row)}</span>'] if row.spared else []
    cells = [
        f"<code>{html.escape(row.step)}</code>",
        f"{row.entered:,}",
        f"{row.stayed:,}",
        f"{row.kept_share:.1%}" if row.entered else "",
        f"{row.characters:,}",
        f"{row.tokens:,}",
        f"{row.seconds:.1f}",
        f"{row.megabytes_per_second:.1f}",
        f'<div class="bar"><i style="width:{100 * row.stayed / total:.1f}%"></i></div>',
        "<br>".join(reasons),
    ]
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
