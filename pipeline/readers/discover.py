"""Turns the inputs of a recipe (URIs, globs, folders) into the list of shards to read."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from pipeline.readers.chunk import Read, Source
from pipeline.readers.files import identity, open_file, resolve, size_of
from pipeline.readers.formats import FORMATS, KNOWN, LONGEST_START, InputError, by_content, by_name
from pipeline.readers.streams import BrokenStreamError, Window, codec_of, pieces
from pipeline.readers.tape import Tape

_GLOB = re.compile(r"[*?\[]")


def discover(inputs: Sequence[str], options: Read) -> list[Source]:
    """Shards of all inputs, sorted, each once; large files are split where records can be found from within.

    An input is a URI of any fsspec file system or a local path: a file, a glob (``*``, ``**``, ``?``, ``[]``) or a
    folder, searched for files with a known suffix. Raises InputError for an input without a file, and for a file of
    unknown type.
    """
    files: dict[str, Source] = {}
    for text in inputs:
        for source in _files(text):
            files[source.uri] = source
    return [shard for _, source in sorted(files.items()) for shard in _split(source, options)]


def format_of(uri: str, options: Read) -> str:
    """Return ``warc``, ``wet``, ``jsonl`` or ``parquet``: by the option, then by file name, then by content.

    Raises InputError where none of them tells.
    """
    if options.format != "auto":
        if options.format not in FORMATS:
            raise InputError(f"format: {options.format!r} is unknown; known are auto, {', '.join(FORMATS)}")
        return options.format
    named = by_name(uri)
    found = named.format if named else by_content(_head(uri))
    if found is None:
        raise InputError(f"{uri}: unknown file type; known are {KNOWN}. Set read.format if it is one of them")
    return found


def _files(text: str) -> Iterator[Source]:
    fs, path = resolve(text)
    local = isinstance(fs, LocalFileSystem)
    found = _matches(fs, path)
    if not found:
        raise InputError(f"{text}: no such file" if not _GLOB.search(text) else f"{text}: matches no file")
    for name, info in found.items():
        uri = name if local else fs.unstrip_protocol(name)
        yield Source(uri, size=int(info.get("size") or 0), identity=identity(name, info, local))


def _matches(fs: Any, path: str) -> Mapping[str, Mapping[str, Any]]:
    if fs.isfile(path):
        return {path: fs.info(path)}
    if fs.isdir(path):
        found = fs.find(path, detail=True)
        return {name: info for name, info in found.items() if by_name(name)}
    if _GLOB.search(path):
        return {name: info for name, info in fs.glob(path, detail=True).items() if info["type"] == "file"}
    return {}


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
        yield from _ranges(source, _row_group_bounds(source.uri, options.split_bytes))
    elif named.splittable:
        count = -(-source.size // options.split_bytes)
        yield from _ranges(source, [part * source.size // count for part in range(count + 1)])
    else:
        yield source


def _ranges(source: Source, bounds: Sequence[int]) -> Iterable[Source]:
    if len(bounds) <= 2:  # noqa: PLR2004 - one range
        return [source]
    return [Source(source.uri, start, end, source.size, source.identity) for start, end in pairwise(bounds)]


def _row_group_bounds(uri: str, split_bytes: int) -> list[int]:
    """First row group of each shard, and their number; a file with a broken footer is left whole for the reader."""
    with open_file(uri) as file:
        try:
            footer = pq.ParquetFile(file).metadata
        except pa.ArrowInvalid:
            return []
    bounds, held = [0], 0
    for group in range(footer.num_row_groups):
        columns = footer.row_group(group)
        size = sum(columns.column(at).total_compressed_size for at in range(columns.num_columns))
        if held and held + size > split_bytes:
            bounds.append(group)
            held = 0
        held += size
    return [*bounds, footer.num_row_groups]
