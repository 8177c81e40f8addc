"""What makes a folder of Parquet files a data set: a manifest with hashes and a card with the funnel."""

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import yaml

from pipeline.funnel import funnel
from pipeline.storage import Store


def write_manifest(store: Store, files: Mapping[str, Mapping[str, Any]]) -> None:
    """Write ``corpus/manifest.json``; ``files``: path in the run folder -> {rows, bytes, sha256}."""
    listed = [{"file": PurePosixPath(path).name, **files[path]} for path in sorted(files)]
    manifest = {
        "rows": sum(entry["rows"] for entry in listed),
        "bytes": sum(entry["bytes"] for entry in listed),
        "files": listed,
    }
    store.write("corpus/manifest.json", (json.dumps(manifest, indent=1) + "\n").encode())


def write_card(store: Store, recipe: Mapping[str, Any], columns: list[str], ledger: Mapping[str, Any]) -> None:
    """Write ``corpus/README.md``: the YAML header that `datasets` and the Hugging Face Hub read, then the funnel."""
    header = {
        "language": ["ja"],
        "pretty_name": recipe["name"],
        "task_categories": ["text-generation"],
        "size_categories": [_size_category(ledger["kept"])],
        "configs": [{"config_name": "default", "data_files": "part-*.parquet"}],
    }
    parts = [
        "---\n" + yaml.safe_dump(header, allow_unicode=True, sort_keys=False) + "---\n",
        f"# {_plain(recipe['name'])}\n",
        _plain(recipe["description"]) + "\n" if recipe["description"] else "",
        f"{ledger['kept']:,} documents kept of {ledger['records']:,} records read; {ledger['dropped']:,} dropped and "
        f"{ledger['failed']:,} failed, each with a recorded reason. Made with Migaki.\n",
        "## Funnel\n",
        _funnel_table(ledger),
        "Tokens are estimated from character classes.\n",
        "## Columns\n",
        "".join(f"- `{column}`\n" for column in columns),
        "## Recipe\n",
        _fenced(yaml.safe_dump(dict(recipe), allow_unicode=True, sort_keys=False)),
    ]
    store.write("corpus/README.md", "\n".join(part for part in parts if part).encode())


def _funnel_table(ledger: Mapping[str, Any]) -> str:
    lines = ["| step | in | out | kept | characters | tokens | reasons |", "|---|--:|--:|--:|--:|--:|---|"]
    for row in funnel(ledger):
        reasons = ", ".join(f"`{_in_table(reason)}` {count:,}" for reason, count in (row.drops | row.failures).items())
        lines.append(
            f"| {row.step} | {row.entered:,} | {row.stayed:,} | {row.kept_share:.1%} | "
            f"{row.characters:,} | {row.tokens:,} | {reasons} |"
        )
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """One line of text that Markdown shows as it is."""
    return re.sub(r"[\\`*_\[\]<>#|!]", lambda mark: f"&#{ord(mark[0])};", " ".join(text.split()))


def _in_table(code: str) -> str:
    """Text inside a code span of a table."""
    return re.sub(r"[`|\\\s]", " ", code)


def _fenced(text: str) -> str:
    """A code block that its content cannot end."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}yaml\n{text}{fence}\n"


def _size_category(rows: int) -> str:
    """Name of the Hub's size category."""
    edges = [(10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M")]
    edges += [(10**8, "10M<n<100M"), (10**9, "100M<n<1B"), (10**10, "1B<n<10B"), (10**11, "10B<n<100B")]
    return next((name for edge, name in edges if rows < edge), "100B<n<1T")
