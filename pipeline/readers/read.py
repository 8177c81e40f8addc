"""Reads one source, whatever its format, as chunks of records."""

from collections.abc import Iterator

from pipeline.readers.batches import chunks
from pipeline.readers.chunk import Chunk, Read, Source
from pipeline.readers.discover import format_of
from pipeline.readers.jsonl import read_jsonl
from pipeline.readers.parquet import read_parquet
from pipeline.readers.warc import read_warc


def read(source: Source, options: Read) -> Iterator[Chunk]:
    """Yield the records of a source in file order; boundaries depend on the source and the options alone.

    What cannot be read comes as Damage. Raises InputError where the options do not fit the file, OSError where the file
    cannot be reached.
    """
    kind = format_of(source.uri, options)
    if kind == "parquet":
        yield from read_parquet(source, options)
        return
    reader = read_jsonl if kind == "jsonl" else read_warc
    yield from chunks(reader(source, options), options)
