"""Turns the inputs of a recipe (URIs, globs, folders) into the list of shards to read."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from pipeline.readers.chunk import Read, Source
from pipeline.readers.files import identity, open_file, resolve, size_of
from pipeline.readers.formats import KNOWN, LONGEST_START, InputError, by_content, by_name
from pipeline.readers.parquet import row_group_bounds
from pipeline.readers.streams import BrokenStreamError, Window, codec_of, pieces
from pipeline.readers.tape import Tape

_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Found:
    """The shards of all inputs, and what folders and globs hold beside: files of unknown type, links to nothing."""

    shards: list[Source]
    ignored: list[str]


def discover(inputs: Sequence[str], options: Read) -> Found:
    """Find the shards of all inputs, sorted, each once; large files are split where records start within.

    An input is a URI of any fsspec file system or a local path: a file, a glob (``*``, ``**``, ``?``, ``[]``) or a
    folder, searched for files with a known suffix; names that begin with a dot or underscore are passed over, as
    everywhere in Hadoop's world. A local file given by several names or links is read once. Raises InputError for an
    input without a file, and for a named file of unknown type.
    """
    files: dict[str, Source] = {}
    ignored: set[str] = set()
    for text in inputs:
        for file, source in _files(text, ignored):
            files[file] = min(source, files.get(file, source), key=_preference)
    sources = sorted(files.values())
    shards = [shard for source in sources for shard in _split(source, options)]
    return Found(shards, sorted(ignored - {source.uri for source in sources}))


def format_of(uri: str, options: Read) -> str:
    """Return ``warc``, ``wet``, ``jsonl`` or ``parquet``: by the option, then by file name, then by content.

    Raises InputError where neither tells.
    """
    if options.format != "auto":
        return options.format
    named = by_name(uri)
    found = named.format if named else by_content(_head(uri))
    if found is None:
        raise InputError(f"{uri}: unknown file type; known are {KNOWN}. Set read.format if it is one of them")
    return found


def _preference(source: Source) -> tuple[bool, str]:
    """Of the names of one file, the one that tells its format, and of those the first."""
    return by_name(source.uri) is None, source.uri


def _files(text: str, ignored: set[str]) -> Iterator[tuple[str, Source]]:
    """Sources of an input, each with what tells whether two are the same file."""
    fs, path = _resolve(text)
    local = isinstance(fs, LocalFileSystem)
    found = _matches(fs, path, ignored)
    if not found:
        raise InputError(f"{text}: {_why_nothing(fs, path)}")
    for name, info in found.items():
        uri = _place(name) if local else fs.unstrip_protocol(name)
        source = Source(uri, size=int(info.get("size") or 0), identity=identity(name, info, local))
        yield os.path.realpath(name) if local else uri, source


def _resolve(text: str) -> tuple[Any, str]:
    try:
        text.encode(errors="surrogateescape")
    except UnicodeEncodeError as error:
        raise InputError(f"{text!r}: not a file name: {error}") from error
    return resolve(text)


def _place(path: str) -> str:
    """Path of a local file without links in its folder; its own name stays, for that may tell its format."""
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)  # noqa: PTH118 - as bytes of the path are


def _why_nothing(fs: Any, path: str) -> str:
    if _GLOB.search(path):
        return "matches no file"
    return f"holds no file of a known type ({KNOWN})" if fs.isdir(path) else "no such file"


def _matches(fs: Any, path: str, ignored: set[str]) -> Mapping[str, Mapping[str, Any]]:
    if fs.isfile(path):
        return {path: fs.info(path)}
    if fs.isdir(path):
        found = {name: info for name, info in fs.find(path, detail=True).items() if not _is_hidden(name, path)}
        wanted = {name for name in found if by_name(name) and _is_readable(fs, name)}
    elif _GLOB.search(path):
        found = {name: info for name, info in fs.glob(path, detail=True).items() if info["type"] != "directory"}
        wanted = {name for name in found if _is_readable(fs, name)}
    else:
        return {}
    ignored |= set(found) - wanted
    return {name: info for name, info in found.items() if name in wanted}


def _is_readable(fs: Any, name: str) -> bool:
    """Tell whether a name found is that of a file: no link to nothing, no pipe, no URI that reads as a chain."""
    return os.path.isfile(name) if isinstance(fs, LocalFileSystem) else "::" not in name  # noqa: PTH113


def _is_hidden(name: str, folder: str) -> bool:
    return any(part.startswith((".", "_")) for part in PurePosixPath(name.removeprefix(folder)).parts)


def _codec(uri: str) -> str:
    with open_file(uri) as file:
        head = file.read(LONGEST_START)
        return codec_of(uri, head, by_content(head) is not None)


def _head(uri: str) -> bytes:
    with open_file(uri) as file:
        window = Window(file, size_of(file))
        codec = codec_of(uri, window.peek(8), looks_plain=False)
        try:
            return Tape(pieces(window, codec)).glance(LONGEST_START)
        except BrokenStreamError:
            return b""


def _split(source: Source, options: Read) -> Iterator[Source]:
    kind = format_of(source.uri, options)
    named = by_name(source.uri)
    if source.size <= options.split_bytes or named is None or named.format != kind:
        yield source
    elif kind == "parquet":
        yield from _ranges(source, row_group_bounds(source.uri, options.split_bytes))
    elif named.splittable and _codec(source.uri) == ("plain" if kind == "jsonl" else "gzip"):
        count = -(-source.size // options.split_bytes)
        yield from _ranges(source, [part * source.size // count for part in range(count + 1)])
    else:
        yield source


def _ranges(source: Source, bounds: Sequence[int]) -> Iterable[Source]:
    if len(bounds) <= 2:  # noqa: PLR2004 - one range
        return [source]
    return [Source(source.uri, start, end, source.size, source.identity) for start, end in pairwise(bounds)]
