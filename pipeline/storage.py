"""A run folder on any fsspec file system: files appear whole or not at all."""

import hashlib
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

TEMPORARY = ".tmp"


@dataclass(frozen=True, slots=True)
class Published:
    """What a finished file holds: size in bytes and sha256 in hex."""

    bytes: int
    sha256: str


class StorageError(OSError):
    """A place that cannot be reached: unknown protocol, no permission, no credentials, no space."""


@contextmanager
def reaching(place: str) -> Iterator[None]:
    """Turn whatever a file system raises about a place into a StorageError that names it."""
    try:
        yield
    except Exception as error:
        if type(error).__module__.startswith("pipeline."):
            raise
        raise StorageError(f"{place}: {type(error).__name__}: {error}") from error


class Store:
    """The files below one URI; every path is relative to it, with ``/`` between its parts."""

    def __init__(self, uri: str) -> None:
        with reaching(uri):
            self.fs, self.root = fsspec.core.url_to_fs(uri)
        self.is_local = isinstance(self.fs, LocalFileSystem)
        self.uri = self.root if self.is_local else uri.rstrip("/")

    def path(self, relative: str) -> str:
        """Path of a file on the file system itself."""
        return f"{self.root}/{relative}"

    def open(self, relative: str) -> IO[bytes]:
        """Open a file for reading, with ranged reads."""
        return self.fs.open(self.path(relative), "rb")

    def read(self, relative: str) -> bytes:
        """Return the whole content of a file."""
        return self.fs.cat_file(self.path(relative))

    def sha256(self, relative: str) -> str:
        """Hash a file."""
        digest = hashlib.sha256()
        with self.open(relative) as file:
            while block := file.read(2**20):
                digest.update(block)
        return digest.hexdigest()

    def read_many(self, relatives: list[str]) -> dict[str, bytes]:
        """Read many small files at once."""
        if not relatives:
            return {}
        paths = [self.path(name) for name in relatives]
        contents = self.fs.cat_ranges(paths, [None] * len(paths), [None] * len(paths), on_error="raise")
        return dict(zip(relatives, contents, strict=True))

    def sizes(self, folder: str) -> dict[str, int]:
        """Every file below a folder and its size in bytes."""
        self.fs.invalidate_cache()
        found: Mapping[str, Mapping[str, Any]] = (
            self.fs.find(self.path(folder), detail=True) if self.fs.exists(self.path(folder)) else {}
        )
        return {self._relative(path): int(info["size"]) for path, info in sorted(found.items())}

    def exists(self, relative: str) -> bool:
        """Tell whether a file is there."""
        return bool(self.fs.exists(self.path(relative)))

    def remove(self, relative: str) -> None:
        """Remove a file if it is there."""
        with suppress(FileNotFoundError):
            self.fs.rm_file(self.path(relative))

    def write(self, relative: str, content: bytes) -> Published:
        """Publish a small file."""
        temporary = self.temporary(relative)
        temporary.write_bytes(content)
        return self.publish(temporary, relative)

    def temporary(self, relative: str) -> Path:
        """Return a local path, unique to this attempt, to write what ``publish`` will put in place."""
        target = Path(self.path(relative))
        folder = target.parent if self.is_local else Path(tempfile.gettempdir())
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f".{target.name}.{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}{TEMPORARY}"

    def publish(self, temporary: Path, relative: str) -> Published:
        """Put a finished file in place at once: a rename after a sync, or one upload; the local path is gone then."""
        try:
            published = _digest(temporary)
            if self.is_local:
                _sync(temporary)
                temporary.replace(self.path(relative))
                _sync(Path(self.path(relative)).parent)
            else:
                self.fs.put_file(str(temporary), self.path(relative))
        finally:
            temporary.unlink(missing_ok=True)
        return published

    def link(self, other: "Store", relative: str) -> bool:
        """Share a file of another store by a hard link; False where that cannot be."""
        if not (self.is_local and other.is_local):
            return False
        temporary = self.temporary(relative)
        try:
            temporary.hardlink_to(other.path(relative))
        except OSError:
            return False
        temporary.replace(self.path(relative))
        temporary.unlink(missing_ok=True)  # of two links to one file, a rename leaves both
        return True

    def copy(self, other: "Store", relative: str) -> Published:
        """Publish a copy of a file of another store."""
        temporary = self.temporary(relative)
        with other.open(relative) as source, temporary.open("wb") as target:
            shutil.copyfileobj(source, target, 2**20)
        return self.publish(temporary, relative)

    def _relative(self, path: str) -> str:
        return path.removeprefix(self.root).lstrip("/")


def _digest(path: Path) -> Published:
    with path.open("rb") as file:
        return Published(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
