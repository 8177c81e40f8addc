"""A run folder: what it was made from, which parts are done, and the tidying at its end."""

import json
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from typing import Any

from pipeline.stats import PartStats
from pipeline.storage import Store

MARK = "run.json"
COMPLETE = ("stats/ledger.json", "corpus/manifest.json", "report.html")
FOLDERS = ("passes", "signals", "excluded", "quarantine", "duplicates", "stats", "corpus", "logs")


class RunFolderError(ValueError):
    """A folder that cannot be used as, or is not, a run folder."""


class RunFolder:
    """The files of one run. A part is done when its commit record has the right fingerprint and its files are there."""

    def __init__(self, uri: str) -> None:
        self.store = Store(uri)
        self._sizes: dict[str, int] = {}
        self._committed: dict[str, PartStats] = {}

    def claim(self, description: Mapping[str, Any]) -> None:
        """Take the folder for a run; refuses one that holds other things."""
        known = self.store.read(MARK) if self.store.exists(MARK) else None
        if known is None and self.store.sizes(""):
            raise RunFolderError(f"{self.store.uri}: not empty and not a run folder of Migaki; choose another --output")
        if known != _pretty(description):
            self.reopen()
            self.store.write(MARK, _pretty(description))

    def reopen(self) -> None:
        """Take the marks of a complete run away; called before anything in it changes."""
        for path in COMPLETE:
            self.store.remove(path)

    def describe(self) -> dict[str, Any]:
        """Return ``run.json``."""
        try:
            description: dict[str, Any] = json.loads(self.store.read(MARK))
        except FileNotFoundError:
            raise RunFolderError(f"{self.store.uri}: not a run folder (no {MARK})") from None
        return description

    def scan(self) -> None:
        """Look at what is there: every file's size, every commit record."""
        self._sizes = {path: size for folder in FOLDERS for path, size in self.store.sizes(folder).items()}
        records = [path for path in self._sizes if fnmatch(path, "stats/*/*.json")]
        for path, content in self.store.read_many(records).items():
            self._committed[path] = PartStats.from_json(json.loads(content))

    def committed(self, path: str, fingerprint: str | None = None) -> PartStats | None:
        """Return a commit record that holds: the fingerprint fits and all files it names are whole."""
        stats = self._committed.get(path)
        if stats is None or (fingerprint is not None and stats.fingerprint != fingerprint):
            return None
        whole = all(self._sizes.get(name) == output["bytes"] for name, output in stats.outputs.items())
        return stats if whole else None

    def sweep(self, valid: Iterable[str]) -> None:
        """Remove files that belong to no part of this run: leftovers of killed workers and of other inputs."""
        keep = set(valid)
        for folder in FOLDERS:
            for path in self.store.sizes(folder):
                if path not in keep:
                    self.store.remove(path)

    def write_json(self, path: str, content: Mapping[str, Any]) -> None:
        """Publish a JSON file for people and programs."""
        self.store.write(path, _pretty(content))

    def log(self, name: str, text: str) -> None:
        """Keep the traceback of a failed part."""
        self.store.write(f"logs/{name}.txt", text.encode())


def _pretty(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()
