"""The built-in sample holds what it says: the same bytes always, every record findable, every intention true."""

import codecs
import gzip
import html
import json
import os
import re
import subprocess
import sys
import unicodedata
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sample import articles
from sample.encodings import encode
from sample.make_sample import shards, write
from sample.records import Record

ROOT = Path(__file__).resolve().parents[1]

Entry = dict[str, Any]
RECORDS = [record for records in shards().values() for record in records]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample")
    write(path)
    return path


@pytest.fixture(scope="module")
def manifest(folder: Path) -> list[Entry]:
    entries: list[Entry] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return entries


def norm(text: str) -> str:
    folded = re.sub(r"\d+", "0", unicodedata.normalize("NFKC", text).lower())
    return "".join(character for character in folded if unicodedata.category(character)[0] in "LNM")


def grams(text: str) -> set[str]:
    folded = norm(text)
    return {folded[at : at + 8] for at in range(len(folded) - 7)}


def jaccard(left: set[str], right: set[str]) -> float:
    return len(left & right) / len(left | right)


def from_nec(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    row, cell = (byte - 0xA0 for byte in error.object[error.start : error.start + 2])
    lead = (row + 1) // 2 + (0x80 if row < 63 else 0xC0)
    trail = cell + 0x9E if row % 2 == 0 else cell + 0x3F + (cell > 63)
    return bytes((lead, trail)).decode("cp932"), error.start + 2


codecs.register_error("nec", from_nec)


def decode(content: bytes, encoding: str) -> str:
    if encoding == "ncr":
        return html.unescape(content.decode("ascii"))
    if encoding == "iso2022_jp":
        double = re.sub(rb"\x1b\$B(.*?)\x1b\(B", lambda run: bytes(b | 0x80 for b in run[1]), content, flags=re.DOTALL)
        return double.decode("euc_jp", "nec")
    return content.decode(encoding, "nec" if encoding == "euc_jp" else "strict")


def stored(folder: Path, entry: Entry) -> bytes:
    """The bytes of a record at the place its line of the manifest gives."""
    content = (folder / str(entry["file"])).read_bytes()
    position = int(entry["position"])
    if ".jsonl" in entry["file"]:
        lines = gzip.decompress(content) if entry["file"].endswith(".gz") else content
        return lines[position:].split(b"\n", 1)[0]
    if entry["file"].endswith(".gz"):
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(content[position:])
    return content[position:]


def readable(manifest: list[Entry]) -> Iterator[tuple[Entry, Record]]:
    return ((entry, record) for entry, record in zip(manifest, RECORDS, strict=True) if not record.damage)


def test_two_runs_write_the_same_bytes_whatever_the_hash_seed(tmp_path: Path) -> None:
    for seed in ("1", "2"):
        command = [sys.executable, "-m", "sample.make_sample", str(tmp_path / seed)]
        subprocess.run(command, check=True, cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True)
    first, second = ({path.name: path.read_bytes() for path in (tmp_path / seed).iterdir()} for seed in "12")
    assert first == second
    assert len(first) == 8


def test_every_record_lies_where_the_manifest_says(folder: Path, manifest: list[Entry]) -> None:
    for entry, record in readable(manifest):
        found = stored(folder, entry)
        if ".jsonl" in entry["file"]:
            assert json.loads(found)["id"] == entry["id"]
            assert json.loads(found)["text"] == record.text
        else:
            header = found.partition(b"\r\n\r\n")[0].decode()
            assert f"WARC-Record-ID: {entry['id']}" in header
            assert header.startswith("WARC/1.0\r\n")


def test_ids_are_unique(manifest: list[Entry]) -> None:
    ids = [entry["id"] for entry in manifest if entry["id"]]
    assert len(ids) == len(set(ids))


def test_every_page_decodes_in_its_encoding_to_the_intended_text(folder: Path, manifest: list[Entry]) -> None:
    pages = [(entry, record) for entry, record in readable(manifest) if record.kind == "response" and record.page]
    for entry, record in pages:
        message = stored(folder, entry).split(b"\r\n\r\n", 1)[1]
        length = int(re.search(rb"Content-Length: (\d+)", message)[1])  # type: ignore[index]
        body = message.split(b"\r\n\r\n", 1)[1][:length]
        intended = html.unescape(record.page) if record.encoding == "ncr" else record.page
        text = decode(body, record.encoding)
        assert text.removeprefix("\ufeff") == intended, entry["url"]
    used = {record.encoding for _, record in pages}
    assert used >= {"utf-8", "cp932", "euc_jp", "iso2022_jp", "utf-16", "ncr"}


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("euc_jp", b"\xb2\xc4\xad\xa1\xad\xea\xfc\xe2"),
        ("iso2022_jp", b"\x1b$B\x32\x44\x2d\x21\x2d\x6a\x7c\x62\x1b(B"),
        ("cp932", b"\x89\xc2\x87\x40\x87\x8a\xee\xe0"),
        ("ncr", b"&#21487;&#9312;&#12849;&#39641;"),
    ],
)
def test_characters_beyond_the_textbook_are_encoded_as_browsers_read_them(encoding: str, expected: bytes) -> None:
    assert encode("可①㈱髙", encoding) == expected


def test_gzip_members_are_records_and_one_damaged_member_costs_only_itself(folder: Path, manifest: list[Entry]) -> None:
    packed = [entry for entry in manifest if entry["file"].endswith(("warc.gz", "wet.gz"))]
    broken = set()
    for entry in packed:
        stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
        content = (folder / entry["file"]).read_bytes()[entry["position"] :]
        try:
            whole = stream.decompress(content)
        except zlib.error:
            broken.add(entry["purpose"])
            continue
        if not stream.eof:
            broken.add(entry["purpose"])
            continue
        assert whole.startswith(b"WARC/1.0\r\n")
        assert whole.count(b"WARC-Record-ID: ") == 1
    assert broken == {"gzip_damage", "gzip_truncated"}


def test_the_counts_and_fates_are_those_documented(manifest: list[Entry]) -> None:
    table = (ROOT / "sample" / "EXPECTED.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| (\d+) \| (.+?) \| [^|]+ \|$", table, flags=re.MULTILINE)
    documented = {purpose: (int(count), set(fates.replace("\\|", "|").split(", "))) for purpose, count, fates in rows}
    counts = Counter(entry["purpose"] for entry in manifest)
    fates: dict[str, set[str]] = defaultdict(set)
    for entry in manifest:
        fates[entry["purpose"]].add(entry["fate"])
    assert documented == {purpose: (count, fates[purpose]) for purpose, count in counts.items()}


def test_one_record_of_every_cluster_is_kept() -> None:
    clusters: dict[str, list[str]] = defaultdict(list)
    for record in RECORDS:
        if record.cluster:
            clusters[record.cluster].append(record.fate)
    assert len(clusters) == 25
    for fates in clusters.values():
        assert fates.count("kept") == 1
        assert fates.count("duplicate") == len(fates) - 1 > 0


def test_duplicates_resemble_what_they_copy() -> None:
    originals = {record.cluster: record.text for record in RECORDS if record.purpose == "article"}
    copies = [record for record in RECORDS if record.purpose in ("exact_duplicate", "near_duplicate")]
    least = {"exact_duplicate": 1.0, "near_duplicate": 0.75}
    for record in copies:
        assert jaccard(grams(originals[record.cluster]), grams(record.text)) >= least[record.purpose], record.url
    assert any(record.text != originals[record.cluster] for record in copies)
    assert {record.kind for record in copies} == {"response", "conversion"}


@pytest.mark.parametrize("name", articles.ALTERATIONS)
def test_every_alteration_changes_the_text(name: str) -> None:
    article = articles.written()[0]
    assert articles.ALTERATIONS[name](article).text != article.text


def test_what_is_not_meant_to_be_merged_is_far_apart() -> None:
    distinct = [*articles.written(), *articles.composed(), *articles.series()]
    shingles = [grams(article.text) for article in distinct]
    assert max(jaccard(*pair) for pair in combinations(shingles, 2)) <= 0.4
    one_series = [grams(article.text) for article in articles.series()[:4]]
    assert min(jaccard(*pair) for pair in combinations(one_series, 2)) >= 0.1


def test_wanted_texts_are_long_enough_and_all_different() -> None:
    kept = {record.text for record in RECORDS if record.fate == "kept" and not record.cluster}
    assert all(250 <= len(text) <= 2000 for text in kept)
    assert len({article.text for article in [*articles.written(), *articles.composed(), *articles.series()]}) == 87


def test_readings_stand_in_markup_and_not_in_the_main_text() -> None:
    story = next(record for record in RECORDS if record.url.endswith("/umbrella-story.html"))
    assert "<ruby>主人<rp>（</rp><rt>あるじ</rt><rp>）</rp></ruby>" in story.page
    assert "店の主人は無口な老人で" in story.text


@pytest.mark.parametrize("encoding", ["euc_jp", "iso2022_jp"])
def test_ascii_stays_ascii(encoding: str) -> None:
    ascii_text = "".join(map(chr, range(0x20, 0x7F)))
    assert encode(ascii_text, encoding) == ascii_text.encode()


def test_hosts_are_reserved_names() -> None:
    hosts = {urlsplit(record.url).hostname or "" for record in RECORDS if record.url}
    assert all(host.endswith(".example") for host in hosts)


def test_blocked_words_come_in_two_encodings() -> None:
    urls = [record.url for record in RECORDS if record.purpose == "blocked_url"]
    assert sum("%E3%82%A2%E3%83%80%E3%83%AB%E3%83%88" in url for url in urls) == 4
    assert sum("%83A%83_%83%8B%83g" in url for url in urls) == 2


@pytest.mark.parametrize(
    ("purpose", "error"),
    [
        ("shift_jis_line", UnicodeDecodeError),
        ("broken_json", json.JSONDecodeError),
        ("array_line", TypeError),
        ("no_text_field", KeyError),
        ("text_is_number", AttributeError),
        ("lone_surrogate", UnicodeEncodeError),
    ],
)
def test_damaged_lines_fail_as_their_purpose_says(
    folder: Path, manifest: list[Entry], purpose: str, error: type[Exception]
) -> None:
    line = stored(folder, next(entry for entry in manifest if entry["purpose"] == purpose))
    with pytest.raises(error):
        json.loads(line.decode())["text"].encode()


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "euc_jp"])
def test_the_undecodable_page_fits_no_encoding(encoding: str) -> None:
    body = next(record.body for record in RECORDS if record.purpose == "undecodable")
    with pytest.raises(UnicodeDecodeError):
        body.decode(encoding)
    assert body.decode(encoding, "replace").count("\ufffd") > 0.005 * len(body)
