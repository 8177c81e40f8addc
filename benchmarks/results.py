"""The form that the figures of every benchmark have: a table to read, and JSON that says what they depend on."""

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks" / "results"
DIGITS = 4
"""Significant digits of a figure; more would be noise."""


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of ours, and a peer's for the same work in the same run; None where no peer did it."""

    name: str
    ours: float
    peer: float | None
    unit: str

    @property
    def ratio(self) -> float | None:
        """How many times the peer's figure ours is."""
        return self.ours / self.peer if self.peer else None


def write(path: Path, rows: Sequence[Row], libraries: Iterable[str], notes: Sequence[str] = ()) -> None:
    """Write rows with commit, machine and versions; no date, so that equal figures give equal files."""
    content = {
        "commit": commit(),
        "machine": machine(),
        "versions": {"python": platform.python_version()} | {name: installed(name) for name in sorted(libraries)},
        "notes": list(notes),
        "rows": [plain(row) for row in rows],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def show(title: str, rows: Iterable[Row], console: Console) -> None:
    """Print rows as a table."""
    table = Table("name", title=title, title_justify="left")
    for heading in ("ours", "peer", "unit", "ratio"):
        table.add_column(heading, justify="left" if heading == "unit" else "right", no_wrap=True)
    for row in rows:
        ratio = "" if row.ratio is None else f"{readable(row.ratio)}x"
        table.add_row(row.name, readable(row.ours), "" if row.peer is None else readable(row.peer), row.unit, ratio)
    console.print(table)


def plain(row: Row) -> dict[str, Any]:
    """One row as it stands in the file."""
    return {
        "name": row.name,
        "ours": rounded(row.ours),
        "peer": rounded(row.peer),
        "unit": row.unit,
        "ratio": rounded(row.ratio),
    }


def rounded(figure: float | None) -> float | None:
    """Keep the significant digits."""
    return None if figure is None else float(f"{figure:.{DIGITS}g}")


def readable(figure: float) -> str:
    """Three significant digits, never an exponent."""
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.3g}"


def machine() -> dict[str, str | int | None]:
    """Processor, cores and system."""
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def cpu_model() -> str:
    """Name of the processor, from Linux's own list where there is one."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def installed(distribution: str) -> str | None:
    """Version of a library, None if it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def commit() -> str | None:
    """Hash of the code that was measured, with ``-modified`` if it differs from the commit; None outside of git."""
    if not (ROOT / ".git").exists():
        return None
    changes = _git("status", "--porcelain", "--", ".", f":!{FOLDER.relative_to(ROOT)}")
    return _git("rev-parse", "HEAD") + ("-modified" if changes else "")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
