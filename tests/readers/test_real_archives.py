"""Archives of other projects, damaged ones too: the count of records agrees with FastWARC and warcio, or says why."""

from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator
from warcio.archiveiterator import ArchiveIterator as WarcioIterator
from warcio.exceptions import ArchiveLoadFailed

from pipeline.readers.chunk import Read
from pipeline.readers.discover import discover
from tests.readers.archives import read_all


def count_fastwarc(path: Path) -> int:
    count = 0
    try:
        for record in ArchiveIterator(str(path), parse_http=False):
            record.reader.read()
            count += 1
    except OSError:
        return count
    return count


def count_warcio(path: Path) -> int:
    count = 0
    with path.open("rb") as file:
        try:
            for record in WarcioIterator(file):
                record.raw_stream.read()
                count += 1
        except ArchiveLoadFailed:
            return count
    return count


LF_ONLY = "FastWARC stops, without an error, behind the first record of a file whose lines end with LF"
NO_ARC = "FastWARC reads no ARC"
NO_CODEC = "warcio reads gzip alone"
ONE_MEMBER = "warcio refuses several records in one gzip member"
WRONG_LENGTH = "Content-Length is wrong: the others give a page that is cut, or hide what follows it"

DIFFERENT: dict[str, tuple[tuple[int, int, int, int], str]] = {
    "cbeams+warc/multi-with-garbage-on-last-line.warc": (
        (3, 1, 3, 3),
        "garbage behind the last record ends the others",
    ),
    "cbeams+warc/multi-with-malformed-record.warc": ((2, 1, 1, 1), "a stray line between records ends the others"),
    "chatnoir-eu+chatnoir-resiliparse/block-sized-records.warc.lz4": ((3, 0, 3, 0), NO_CODEC),
    "chatnoir-eu+chatnoir-resiliparse/clipped.warc.gz": (
        (0, 1, 1, 1),
        "the member is cut: the others give what there is of the page",
    ),
    "chatnoir-eu+chatnoir-resiliparse/warcfile.warc.lz4": ((50, 0, 50, 0), NO_CODEC),
    "chfoo+warcat/bad_http_chunked_content.warc": ((0, 1, 1, 1), "the body is cut within a chunk"),
    "oduwsdl+ipwb/1memento.warc": ((4, 0, 1, 4), LF_ONLY),
    "oduwsdl+ipwb/1memento_noContentType.warc": ((2, 0, 1, 2), LF_ONLY),
    "oduwsdl+ipwb/2mementos.warc": ((5, 0, 1, 5), LF_ONLY),
    "oduwsdl+ipwb/2mementos_htmlXhtml.warc": ((3, 0, 1, 3), LF_ONLY),
    "oduwsdl+ipwb/2mementos_queryString.warc": ((3, 0, 1, 3), LF_ONLY),
    "oduwsdl+ipwb/3mementos.warc": ((6, 0, 1, 6), LF_ONLY),
    "oduwsdl+ipwb/4mementos.warc": ((7, 0, 1, 7), LF_ONLY),
    "oduwsdl+ipwb/5mementos.warc": ((8, 0, 1, 8), LF_ONLY),
    "oduwsdl+ipwb/5mementosAndFroggie.warc": ((9, 0, 1, 9), LF_ONLY),
    "oduwsdl+ipwb/HTTP204.warc": ((1, 2, 1, 3), WRONG_LENGTH),
    "oduwsdl+ipwb/broken.warc": ((5, 1, 6, 6), WRONG_LENGTH),
    "oduwsdl+ipwb/redirect.warc": ((1, 1, 1, 2), WRONG_LENGTH),
    "oduwsdl+ipwb/redirectRelative.warc": ((2, 0, 1, 2), LF_ONLY),
    "oduwsdl+ipwb/slash.warc": ((2, 0, 1, 2), LF_ONLY),
    "oduwsdl+ipwb/variableSizedDates.warc": ((5, 0, 1, 5), LF_ONLY),
    "slyrz+warc/bench.warc.bz2": (
        (21, 2, 0, 0),
        "the others read no bz2; two records are larger than max_record_bytes",
    ),
    "slyrz+warc/test.warc.bz2": ((10, 0, 0, 0), "the others read no bz2"),
    "slyrz+warc/test.warc.gz": ((10, 0, 10, 1), ONE_MEMBER),
    "webrecorder+warcio/bad.arc": (
        (1, 2, 0, 4),
        "FastWARC reads no ARC; warcio guesses the lengths of two records without one",
    ),
    "webrecorder+warcio/example-bad-non-chunked.warc.gz": ((6, 0, 6, 1), ONE_MEMBER),
    "webrecorder+warcio/example-space-in-url.arc": ((1, 1, 0, 2), "FastWARC reads no ARC; the file is cut"),
    "webrecorder+warcio/example-trunc.warc": ((3, 1, 3, 4), WRONG_LENGTH),
    "webrecorder+warcio/example-wrong-chunks.warc.gz": ((1, 2, 2, 1), WRONG_LENGTH),
    "webrecorder+warcio/example.arc": ((2, 0, 0, 2), NO_ARC),
    "webrecorder+warcio/example.arc.gz": ((2, 0, 0, 2), NO_ARC),
}
"""Folder and file -> records, damages, FastWARC's count, warcio's count, and why they are not all the same."""


@pytest.mark.data
def test_every_record_of_every_archive_is_counted(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = (shared_data / "b_warc").resolve()
    seen: dict[str, tuple[int, int, int, int]] = {}
    for source in discover([f"{folder}/*/*"], Read()).shards:
        path = Path(source.uri)
        found = read_all([source])
        counts = (found.total - len(found.damaged), len(found.damaged), count_fastwarc(path), count_warcio(path))
        if counts[1] or len({counts[0], *counts[2:]}) > 1:
            seen[str(path.relative_to(folder))] = counts
    capsys.readouterr()  # warcio prints what it finds odd
    assert seen == {name: counts for name, (counts, _) in DIFFERENT.items()}
