"""A run folder: what it was made from, which parts are done, and the tidying at its end."""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from pipeline.stats import PartStats
from pipeline.storage import Store, reaching
from pipeline.suggest import nearest

MARK = "run.json"
LEDGER = "stats/ledger.json"
COMPLETE = (LEDGER, "corpus/manifest.json", "report.html")
FOLDERS = ("passes", "signals", "excluded", "quarantine", "duplicates", "stats", "corpus", "logs")


class RunFolderError(ValueError):
    """A folder that cannot be used as, or is not, a run folder."""


class RunFolder:
    """The files of one run. A part is done when its commit record has the right fingerprint and its files are there."""

    def __init__(self, uri: str) -> None:
        self.store = Store(uri)
        self._sizes: dict[str, int] = {}
        self._committed: dict[str, PartStats] = {}

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep a second run out of a local folder while this one works; a killed run leaves no lock."""
        if not self.store.is_local:
            yield
            return
        with reaching(self.store.uri):
            Path(self.store.root).mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.store.root, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise RunFolderError(f"{self.store.uri}: another run is at work in this folder") from None
        finally:
            os.close(descriptor)

    def claim(self, description: Mapping[str, Any]) -> list[str]:
        """Take the folder for a run; returns what its owner should know. Refuses one that holds other things."""
        known = self._known()
        if known is None and self.store.sizes(""):
            raise RunFolderError(f"{self.store.uri}: not empty and not a run folder of Migaki; choose another --output")
        if known == description:
            return []
        notes = _changes(known, description, self.store.uri) if known else []
        self.reopen()
        self._forget_passes(description["passes"])
        self.store.write(MARK, _pretty(description))
        return notes

    def _forget_passes(self, passes: Iterable[str]) -> None:
        """Remove the commit records of passes that this run has not: their corpus files are about to be replaced."""
        for path in self.store.sizes("stats"):
            folder = path.split("/")[1]
            if fnmatch(path, "stats/*/*.json") and folder not in passes:
                self.store.remove(path)

    def _known(self) -> dict[str, Any] | None:
        """Return ``run.json``, {} if it cannot be read, None if it is not there."""
        if not self.store.exists(MARK):
            return None
        try:
            known: dict[str, Any] = json.loads(self.store.read(MARK))
        except ValueError:
            return {}
        return known

    def reopen(self) -> None:
        """Take the marks of a complete run away; called before anything in it changes."""
        for path in COMPLETE:
            self.store.remove(path)

    def describe(self) -> dict[str, Any]:
        """Return ``run.json``."""
        try:
            description: dict[str, Any] = json.loads(self.store.read(MARK))
        except FileNotFoundError:
            near = nearest(Path(self.store.root).name, _runs_beside(self.store))
            raise RunFolderError(f"{self.store.uri}: not a run folder (no {MARK}){near}") from None
        except ValueError:
            raise RunFolderError(f"{self.store.uri}: {MARK} is broken; the next `migaki run` writes it anew") from None
        return description

    def ledger(self) -> dict[str, Any] | None:
        """Return the ledger of a complete run; None if the run is not complete or the ledger cannot be read."""
        if not self.store.exists(LEDGER):
            return None
        try:
            ledger: dict[str, Any] = json.loads(self.store.read(LEDGER))
        except ValueError:
            return None
        return ledger

    def file_sizes(self) -> dict[str, int]:
        """Every file of the run and its size in bytes, as they are now."""
        return {path: size for folder in FOLDERS for path, size in self.store.sizes(folder).items()}

    def scan(self) -> None:
        """Look at what is there: every file's size, every commit record."""
        self._sizes = self.file_sizes()
        records = [path for path in self._sizes if fnmatch(path, "stats/*/*.json")]
        for path, content in self.store.read_many(records).items():
            with suppress(ValueError, KeyError, TypeError):  # a broken record commits nothing: its part is done again
                self._committed[path] = PartStats.from_json(json.loads(content))

    def committed(self, path: str, fingerprint: str | None = None) -> PartStats | None:
        """Return a commit record that holds: the fingerprint fits and all files it names are whole."""
        stats = self._committed.get(path)
        if stats is None or (fingerprint is not None and stats.fingerprint != fingerprint):
            return None
        whole = all(self._sizes.get(name) == output["bytes"] for name, output in stats.outputs.items())
        return stats if whole else None

    def adopt(self, other: "RunFolder", record: str, stats: PartStats) -> bool:
        """Take a part of another run over, files first and its commit record last.

        False if a file is not as it was committed. Files of a run are replaced, never written to, so a local one may
        be shared by a hard link.
        """
        for path, output in stats.outputs.items():
            linked = self.store.link(other.store, path)
            found = self.store.sha256(path) if linked else self.store.copy(other.store, path).sha256
            if found != output["sha256"]:
                self.store.remove(path)
                return False
        self.store.write(record, other.store.read(record))
        return True

    def forget(self, record: str, stats: PartStats) -> None:
        """Take back a commit, and then the files that it names."""
        for path in (record, *stats.outputs):
            self.store.remove(path)

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


def _runs_beside(store: Store) -> list[str]:
    """Names of the run folders in the same local folder."""
    return [mark.parent.name for mark in Path(store.root).parent.glob(f"*/{MARK}")] if store.is_local else []


def _changes(known: Mapping[str, Any], description: Mapping[str, Any], uri: str) -> list[str]:
    """What differs from the run that the folder holds; another recipe's run is left alone."""
    before, now = known["recipe"], description["recipe"]
    if before["name"] != now["name"]:
        raise RunFolderError(
            f"{uri}: holds a run of recipe `{before['name']}`; choose another --output for `{now['name']}`"
        )
    gone = {entry["uri"] for entry in known["inputs"]} - {entry["uri"] for entry in description["inputs"]}
    if gone and len(gone) == len({entry["uri"] for entry in known["inputs"]}):
        raise RunFolderError(f"{uri}: holds a run over other inputs, e.g. {min(gone)}; choose another --output")
    notes = [f"{len(gone)} input files of the run before are not given now; their parts are removed"] if gone else []
    if before != now:
        notes.append("the recipe has changed since the run before; what depends on the change is done again")
    return notes


def _pretty(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()
