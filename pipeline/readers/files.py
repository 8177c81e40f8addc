"""Input files on any fsspec file system: opened for reading from any offset, and identified."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from typing import IO, Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

_CHECKS = ("ETag", "etag", "md5Hash", "content_md5", "LastModified", "last_modified", "Last-Modified", "mtime")


def resolve(uri: str) -> tuple[Any, str]:
    """File system and path of a URI; what has no protocol is a local path, even with the ``::`` of chained URIs."""
    if "://" not in uri or uri.startswith("/"):
        local = LocalFileSystem()
        return local, local._strip_protocol(uri)
    fs, path = fsspec.core.url_to_fs(uri)
    return fs, path


def open_file(uri: str) -> IO[bytes]:
    """Open a file for reading with ``seek``; where a server cannot give ranges, its file is copied to a temporary one.

    Raises OSError as the file system does.
    """
    fs, path = resolve(uri)
    if isinstance(fs, LocalFileSystem):
        return open(path, "rb")  # noqa: PTH123 - the caller closes it
    file = fs.open(path, "rb")
    if file.seekable():
        return file
    with file:
        copy = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        shutil.copyfileobj(file, copy, 2**20)
    copy.seek(0)
    return copy


def size_of(file: IO[bytes]) -> int:
    """Size in bytes; leaves the file at its start."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size if size is not None else file.tell()


def identity(path: str, info: Mapping[str, Any], local: bool) -> str:
    """Text that changes when the file does: its size, and its modification time or what the store has for that."""
    if local:
        stat = os.stat(path)  # noqa: PTH116
        return f"{stat.st_size}-{stat.st_mtime_ns}"
    checks = [str(info[name]).strip('"') for name in _CHECKS if info.get(name)]
    return "-".join([str(info.get("size")), *checks[:1]])


def identity_of(uri: str) -> str:
    """Identity of a file as it is now."""
    fs, path = resolve(uri)
    fs.invalidate_cache()
    return identity(path, fs.info(path), isinstance(fs, LocalFileSystem))
