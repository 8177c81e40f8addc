"""Archives: every record is found or its loss is counted, wherever the damage lies and wherever the file is split."""

import bz2
import gzip
import io
import random
import tracemalloc
import zlib
from pathlib import Path

import brotli
import pytest
import zstandard
from fastwarc.stream_io import Lz4Writer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.readers.chunk import Source
from pipeline.readers.streams import PIECE, Window
from pipeline.readers.warc import _seek_member
from tests.readers.archives import HTML, Found, block, members, read_all, read_bytes, uuid, warc


def lz4(content: bytes, folder: Path) -> bytes:
    path = folder / "stream.lz4"
    writer = Lz4Writer(str(path))
    writer.write(content)
    writer.close()
    return path.read_bytes()


def flip(content: bytes, at: int, count: int = 16) -> bytes:
    return content[:at] + bytes(byte ^ 0x5A for byte in content[at : at + count]) + content[at + count :]


@pytest.mark.parametrize("codec", ["plain", "members", "whole", "zstd", "zstd_frames", "lz4", "bz2"])
def test_every_codec_gives_the_same_records(tmp_path: Path, codec: str) -> None:
    records = [warc(number) for number in range(5)]
    plain = b"".join(records)
    content, suffix = {
        "plain": (plain, ""),
        "members": (b"".join(map(gzip.compress, records)), ".gz"),
        "whole": (gzip.compress(plain), ".gz"),
        "zstd": (zstandard.compress(plain), ".zst"),
        "zstd_frames": (b"".join(map(zstandard.compress, records)), ".zst"),
        "lz4": (lz4(plain, tmp_path), ".lz4"),
        "bz2": (bz2.compress(plain), ".bz2"),
    }[codec]
    found = read_bytes(tmp_path, f"CC-MAIN-2024-10.warc{suffix}", content)
    assert found.ids == [uuid(number) for number in range(5)]
    assert not found.damaged
    row = found.records.to_pylist()[3]
    assert row["content"] == HTML.format(3).encode()
    assert row["text"] is None
    assert (row["url"], row["date"], row["dump"]) == ("http://example.jp/3", "2024-02-20T01:02:03Z", "CC-MAIN-2024-10")
    assert (row["status"], row["content_type"], row["charset"]) == (200, "text/html", "UTF-8")
    positions = found.records.column("position").to_pylist()
    assert positions[0] == 0
    assert positions == sorted(set(positions))


def test_a_zstd_archive_brings_its_own_dictionary(tmp_path: Path) -> None:
    dictionary = zstandard.ZstdCompressionDict(warc(99) * 4, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    data = dictionary.as_bytes()
    frames = [zstandard.ZstdCompressor(dict_data=dictionary).compress(warc(number)) for number in range(3)]
    head = b"\x5d\x2a\x4d\x18" + len(data).to_bytes(4, "little") + data
    found = read_bytes(tmp_path, "a.warc.zst", head + b"".join(frames))
    assert found.ids == [uuid(number) for number in range(3)]
    assert not found.damaged


@pytest.mark.parametrize("where", ["start", "header", "middle", "checksum", "length"])
def test_a_corrupt_member_costs_one_record(tmp_path: Path, where: str) -> None:
    parts = members(range(20))
    size = len(parts[7])
    at, count = {
        "start": (0, 3),
        "header": (10, 16),
        "middle": (size // 2, 16),
        "checksum": (size - 8, 4),
        "length": (size - 4, 4),
    }[where]
    position = sum(map(len, parts[:7]))
    parts[7] = flip(parts[7], at, count)
    found = read_bytes(tmp_path, "a.warc.gz", b"".join(parts))
    assert found.ids == [uuid(number) for number in range(20) if number != 7]
    assert found.kinds == ["gzip"]
    assert found.damaged[0].position == position
    assert found.damaged[0].content == parts[7]
    assert found.damaged[0].error


def test_the_last_member_with_a_broken_magic_is_counted(tmp_path: Path) -> None:
    parts = members(range(3))
    found = read_bytes(tmp_path, "a.warc.gz", parts[0] + parts[1] + flip(parts[2], 0, 3))
    assert found.ids == [uuid(0), uuid(1)]
    assert found.kinds == ["garbage"]


@pytest.mark.parametrize("gz", [True, False])
def test_a_cut_file_gives_the_whole_records_before_the_cut_and_one_damage(tmp_path: Path, gz: bool) -> None:
    parts = members(range(3)) if gz else [warc(number) for number in range(3)]
    content = b"".join(parts)
    blank = 0 if gz else 4  # the line ends behind a record may be missing
    for cut in range(len(parts[0]) + len(parts[1]) + 1, len(content) - blank):
        found = read_bytes(tmp_path, "a.warc.gz" if gz else "a.warc", content[:cut])
        assert found.ids == [uuid(0), uuid(1)], cut
        (damage,) = found.damaged
        assert damage.position == len(parts[0]) + len(parts[1])
        # of a magic number or first line that is cut it cannot be known that it is one
        assert damage.kind in ("truncated", "garbage", "header"), cut


@pytest.mark.parametrize("suffix", ["gz", "zst", "bz2"])
def test_a_cut_stream_of_many_records_gives_those_before_the_cut(tmp_path: Path, suffix: str) -> None:
    compress = {"gz": gzip.compress, "zst": zstandard.compress, "bz2": bz2.compress}[suffix]
    noise = "".join(map(chr, random.Random(0).choices(range(0x4E00, 0x9F00), k=200_000)))
    plain = b"".join(warc(n, block(n, body=noise[n * 9000 : n * 9000 + 9000].encode())) for n in range(20))
    content = compress(plain)
    found = read_bytes(tmp_path, f"a.warc.{suffix}", content[: len(content) * 3 // 4])
    assert found.ids == [uuid(number) for number in range(len(found.ids))]
    assert found.kinds == ["truncated"]
    assert suffix == "bz2" or len(found.ids) > 5


@pytest.mark.parametrize(
    ("record", "kind", "kept"),
    [
        (warc(1, length=""), "header", False),
        (warc(1, length=-5), "header", False),
        (warc(1, length="abc"), "header", False),
        (warc(1, length="9" * 40), "header", False),
        (warc(1, length=99_999_999_999), "length", False),
        (warc(1, length=150), "length", False),
        (warc(1, length=400), "length", False),
        (warc(1).replace(b"WARC/1.0", b"WXRC/1.0"), "garbage", False),
        (b"\0" * 5000, "garbage", False),
        (warc(1, b"junk\r\n\r\nbody"), "http_header", False),
        (warc(1) + "ごみ\r\nごみ\r\n".encode(), "garbage", True),
    ],
)
@pytest.mark.parametrize("gz", [True, False])
def test_a_malformed_record_is_one_damage_and_its_neighbours_live(
    tmp_path: Path, record: bytes, kind: str, kept: bool, gz: bool
) -> None:
    parts = [warc(0), record, warc(2), warc(3)]
    content = b"".join(map(gzip.compress, parts)) if gz else b"".join(parts)
    found = read_bytes(tmp_path, "a.warc.gz" if gz else "a.warc", content)
    assert found.ids == [uuid(n) for n in ([0, 1, 2, 3] if kept else [0, 2, 3])]
    assert len(found.kinds) == 1
    assert found.kinds[0] == kind or (gz and (found.kinds[0], kind) == ("truncated", "length"))


@pytest.mark.parametrize(
    "content", [b"<html>not an archive</html>" * 50, b"\0" * 3000, gzip.compress(b"junk" * 900, mtime=0)]
)
@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_a_file_that_is_no_archive_is_one_damage(tmp_path: Path, content: bytes, name: str) -> None:
    found = read_bytes(tmp_path, name, content)
    assert (found.records.num_rows, found.kinds) == (0, ["garbage"])


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz", "a.warc.zst", "a.warc.lz4", "a.warc.bz2"])
def test_an_empty_file_has_no_records(tmp_path: Path, name: str) -> None:
    assert read_bytes(tmp_path, name, b"").total == 0


def ranges(path: Path, size: int, cut: int) -> list[Source]:
    return [Source(str(path), 0, cut, size), Source(str(path), cut, size, size)]


@pytest.mark.parametrize("damage", [False, True])
@pytest.mark.parametrize("name", ["a.warc.gz", "whole.warc.gz"])
def test_no_split_loses_or_doubles_a_record(tmp_path: Path, name: str, damage: bool) -> None:
    parts = [warc(number) for number in range(4)]
    parts = [gzip.compress(part, mtime=0) for part in parts] if name == "a.warc.gz" else parts
    if damage:
        parts[1] = flip(parts[1], 40 if name == "a.warc.gz" else 0)
        parts[3] += b"garbage at the end"
    content = gzip.compress(b"".join(parts), mtime=0) if name.startswith("whole") else b"".join(parts)
    path = tmp_path / name
    path.write_bytes(content)
    whole = read_all([Source(str(path))])
    assert whole.ids == [uuid(n) for n in ([0, 2, 3] if damage else range(4))]
    assert len(whole.damaged) == (2 if damage else 0)
    for cut in range(1, len(content)):
        split = read_all(ranges(path, len(content), cut))
        assert split.records.equals(whole.records), cut
        assert split.damaged == whole.damaged, cut


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress, lambda b: zlib.compress(b)[2:-4], brotli.compress])
def test_content_codings_are_undone(tmp_path: Path, compress) -> None:  # type: ignore[no-untyped-def]
    coding = {gzip.compress: b"gzip", brotli.compress: b"br"}.get(compress, b"deflate")
    body = compress(HTML.format(1).encode())
    chunked = b"%x\r\n%b\r\n%x;x=y\r\n%b\r\n0\r\n\r\n" % (5, body[:5], len(body) - 5, body[5:])
    for content in (
        block(1, b"Content-Encoding: " + coding, body=body),
        block(1, b"Content-Encoding: " + coding, b"Transfer-Encoding: chunked", body=chunked),
    ):
        found = read_bytes(tmp_path, "a.warc", warc(1, content))
        assert found.records.column("content").to_pylist() == [HTML.format(1).encode()]


@pytest.mark.parametrize(
    ("header", "body", "kind"),
    [
        (b"Content-Encoding: gzip", flip(gzip.compress(HTML.encode(), mtime=0), 20), "content_encoding"),
        (b"Content-Encoding: gzip", gzip.compress(HTML.encode(), mtime=0)[:-12], "content_encoding"),
        (b"Content-Encoding: br", b"\xff\xff\xff", "content_encoding"),
        (b"Content-Encoding: gzip", gzip.compress(b"\0" * 3_000_000, mtime=0), "too_large"),
        (b"Content-Encoding: br", brotli.compress(b"\0" * 3_000_000), "too_large"),
        (b"Content-Encoding: zstd", zstandard.compress(b"\0" * 3_000_000), "too_large"),
        (b"Transfer-Encoding: chunked", b"5\r\nhello\r\nzz\r\n", "chunked"),
        (b"Transfer-Encoding: chunked", b"ffff\r\nhello", "chunked"),
    ],
)
def test_a_payload_that_cannot_be_decoded_is_damage(tmp_path: Path, header: bytes, body: bytes, kind: str) -> None:
    content = warc(0) + warc(1, block(1, header, body=body)) + warc(2)
    found = read_bytes(tmp_path, "a.warc", content, max_record_bytes=1_000_000)
    assert found.ids == [uuid(0), uuid(2)]
    assert found.kinds == [kind]
    assert found.damaged[0].position == len(warc(0))
    assert body[:20] in found.damaged[0].content


@pytest.mark.parametrize("header", [b"Content-Encoding: gzip", b"Content-Encoding: br", b"Transfer-Encoding: chunked"])
def test_a_body_its_writer_decoded_stays_as_it_is(tmp_path: Path, header: bytes) -> None:
    found = read_bytes(tmp_path, "a.warc", warc(1, block(1, header)))
    assert found.records.column("content").to_pylist() == [HTML.format(1).encode()]


def test_records_that_are_no_documents_are_counted_by_type(tmp_path: Path) -> None:
    kinds = ["warcinfo", "request", "metadata", "revisit", "continuation", "Response", "conversion", "resource"]
    found = read_bytes(tmp_path, "a.warc.wet", b"".join(warc(n, kind=kind) for n, kind in enumerate(kinds)))
    assert found.ids == [uuid(5), uuid(6)]
    assert found.skipped == dict.fromkeys(["warcinfo", "request", "metadata", "revisit", "continuation", "resource"], 1)
    assert found.records.column("content_type").to_pylist() == ["text/html", "text/plain"]
    assert found.records.column("charset").to_pylist() == ["UTF-8", "utf-8"]


def test_a_text_resource_is_a_document_without_status(tmp_path: Path) -> None:
    record = warc(1, HTML.encode(), "resource").replace(
        b"application/http; msgtype=response", b"text/html; charset=sjis"
    )
    row = read_bytes(tmp_path, "a.warc", record).records.to_pylist()[0]
    assert (row["status"], row["content_type"], row["charset"], row["content"]) == (
        None,
        "text/html",
        "sjis",
        HTML.encode(),
    )


def arc(number: int) -> bytes:
    content = block(number)
    return f"http://example.jp/{number} 192.0.2.1 20140216050221 text/html {len(content)}\n".encode() + content + b"\n"


@pytest.mark.parametrize("gz", [True, False])
def test_arc_records_get_their_date_and_an_id_from_their_place(tmp_path: Path, gz: bool) -> None:
    info = b"1 0 Migaki\nURL IP-address Archive-date Content-type Archive-length\n"
    head = b"filedesc://a.arc 192.0.2.1 20140216050221 text/plain %d\n%b\n" % (len(info), info)
    parts = [head, arc(1), b"damaged line\n" if not gz else b"\1", arc(2)]
    parts = list(map(gzip.compress, parts)) if gz else parts
    found = read_bytes(tmp_path, "a.arc.gz" if gz else "a.arc", b"".join(parts))
    key = Source(str(tmp_path / ("a.arc.gz" if gz else "a.arc"))).key
    assert found.ids == [f"{key}:{len(parts[0])}", f"{key}:{sum(map(len, parts[:3]))}"]
    assert found.records.column("date").to_pylist() == ["2014-02-16T05:02:21Z"] * 2
    assert (found.skipped, found.kinds) == ({"filedesc": 1}, ["garbage"])


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_a_bomb_is_refused_without_being_held(tmp_path: Path, suffix: str) -> None:
    size = 200_000_000
    head = warc(1, b"", length=size)[:-4]
    compressor = zlib.compressobj(wbits=31) if suffix == ".gz" else zstandard.ZstdCompressor().compressobj()
    pieces = [head, *[bytes(1_000_000)] * 200, b"\r\n\r\n"]
    bomb = b"".join(map(compressor.compress, pieces)) + compressor.flush() if suffix else b"".join(pieces)
    pack = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}[suffix]
    path = tmp_path / f"a.warc{suffix}"
    path.write_bytes(pack(warc(0)) + bomb + pack(warc(2)))
    del bomb, pieces
    tracemalloc.start()
    found = read_all([Source(str(path))], max_record_bytes=8_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.ids == [uuid(0), uuid(2)]
    assert found.kinds == ["too_large"]
    assert peak < 80_000_000


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300), st.integers(0, 600), st.booleans())
def test_bytes_put_anywhere_never_raise(tmp_path: Path, noise: bytes, at: int, gz: bool) -> None:
    content = b"".join(members(range(3))) if gz else b"".join(warc(n) for n in range(3))
    found = read_bytes(tmp_path, "a.warc.gz" if gz else "a.warc", content[:at] + noise + content[at:])
    assert found.total >= 1


def test_batches_keep_their_bounds(tmp_path: Path) -> None:
    found: Found = read_bytes(tmp_path, "a.warc", b"".join(warc(n) for n in range(10)), batch_records=3)
    assert [len(chunk) for chunk in found.records.to_batches()] == [3, 3, 3, 1]
    found = read_bytes(tmp_path, "a.warc", b"".join(warc(n) for n in range(10)), batch_bytes=400)
    assert [len(chunk) for chunk in found.records.to_batches()] == [2] * 5


def test_types_of_no_standard_are_one_kind(tmp_path: Path) -> None:
    content = b"".join(warc(number, kind=f"kind-{number}") for number in range(9))
    assert read_bytes(tmp_path, "a.warc", content).skipped == {"other": 9}


def test_endless_labels_are_cut(tmp_path: Path) -> None:
    for header in (b"text/html; charset=" + b"A" * 2**20, b"x" * 2**20 + b"; charset=B"):
        content = b"HTTP/1.1 200 OK\r\nContent-Type: " + header + b"\r\n\r\n<p>"
        row = read_bytes(tmp_path, "a.warc", warc(1, content)).records.to_pylist()[0]
        assert max(len(row["content_type"]), len(row["charset"] or "")) == 256


class CountingFile(io.BytesIO):
    """Bytes of a file that counts what is read of it."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self.count += len(content)
        return content


FAKES = {
    "bare magic": b"\x1f\x8b\x08",
    "endless name": gzip.compress(b"", mtime=0)[:3] + b"\x08" + bytes(6).replace(b"\0", b"\1"),
    "no content": b"\x1f\x8b\x08" + bytes(7) + b"\0\0\0\xff\xff" * 3,
    "other content": gzip.compress(b"no archive", mtime=0),
}


@pytest.mark.parametrize("fake", FAKES.values(), ids=FAKES)
def test_many_false_members_are_passed_in_one_reading(fake: bytes) -> None:
    content = fake * (3 * PIECE // len(fake))
    file = CountingFile(content + gzip.compress(warc(1)))
    window = Window(file, len(file.getvalue()))
    assert _seek_member(window)
    assert window.position == len(content)
    assert file.count < 2 * len(content)


@pytest.mark.parametrize("shift", range(5))
def test_a_member_across_two_pieces_is_found(shift: int) -> None:
    content = bytes(PIECE - shift)
    file = io.BytesIO(content + gzip.compress(warc(1)))
    window = Window(file, len(file.getvalue()))
    assert _seek_member(window)
    assert window.position == len(content)
