"""The same file gives the same records from disk, from a web server without ranges, and from an object store."""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest

from pipeline.readers.chunk import Read
from pipeline.readers.discover import discover
from tests.readers.archives import members, read_all

LINES = "".join(f'{{"text": "{number}番目の文", "id": "{number}"}}\n' for number in range(50)).encode()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    parts = members(range(6))
    parts[2] = parts[2][:40] + b"\xff" * 20 + parts[2][60:]
    (tmp_path / "CC-MAIN-2024-10.warc.gz").write_bytes(b"".join(parts))
    (tmp_path / "a.jsonl").write_bytes(LINES)
    return tmp_path


@pytest.fixture
def web(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def bucket(folder: Path, object_store: str) -> str:
    fsspec.filesystem("s3").put(f"{folder}/*", f"{object_store}/")
    return object_store


@pytest.mark.parametrize("name", ["CC-MAIN-2024-10.warc.gz", "a.jsonl"])
@pytest.mark.parametrize("place", ["web", "bucket"])
def test_a_remote_file_reads_like_a_local_one(
    folder: Path, name: str, place: str, request: pytest.FixtureRequest
) -> None:
    uri = f"{request.getfixturevalue(place)}/{name}"
    local = read_all(discover([str(folder / name)], Read()).shards)
    for options in (Read(), Read(split_bytes=300)):
        sources = discover([uri], options).shards
        remote = read_all(sources)
        assert {source.uri for source in sources} == {uri}
        assert (len(sources) > 1) == (options.split_bytes == 300)
        assert all(str(source.size) in source.identity and "-" in source.identity for source in sources)
        assert remote.records.drop(["file_path"]).equals(local.records.drop(["file_path"]))
        assert remote.damaged == local.damaged


def test_folders_and_globs_of_a_bucket_are_found(bucket: str) -> None:
    expected = [f"{bucket}/CC-MAIN-2024-10.warc.gz", f"{bucket}/a.jsonl"]
    assert [source.uri for source in discover([bucket], Read()).shards] == expected
    assert [source.uri for source in discover([f"{bucket}/*.jsonl"], Read()).shards] == expected[1:]
