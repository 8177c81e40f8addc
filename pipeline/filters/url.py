"""Drops pages by their URL: datatrove's blocklists of hosts, URLs and words, and Japanese words in decoded URLs."""

import contextlib
import re
import tarfile
from collections.abc import Iterator
from functools import cache, partial
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import IO, Annotated, Literal
from urllib.parse import unquote_to_bytes

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from pydantic import Field

from pipeline.stage import Cost, Mask, Outcome, Stage
from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.hashing import FNV_OFFSET, FNV_PRIME, hash64
from pipeline.text.url import punycode

Hashes = npt.NDArray[np.uint64]
Blocklist = Literal["domains", "urls", "words", "soft_words", "subwords"]
Word = Annotated[str, Field(min_length=1)]

BLOCK = 4 * 2**20
DOT = 0x2E
NEWLINE = 0x0A
ESCAPED = r"%[0-9A-Fa-f]{2}|(?i:xn--)"
PUNYCODE_LABEL = re.compile(r"\bxn--[a-z0-9-]{1,59}(?![a-z0-9-])", re.ASCII | re.IGNORECASE)
URL_CHARSETS = ("utf-8", "euc_jp", "cp932")
"""In the order tried; Shift_JIS last, since it accepts most of what EUC-JP means."""


class Url(Stage):
    """Drops pages on blocked hosts or under blocked URLs, and pages whose URL names adult content.

    The lists are those of datatrove's URLFilter (UT1 ``adult`` and its word lists), the rules too: a word is a run of
    Latin letters and digits, one hard word or two different soft ones drop a page, a subword may stand anywhere once
    the URL's punctuation is gone. Here a listed host also blocks its subdomains, listed URLs match without their
    scheme, case does not count, and Japanese is decoded first: percent-encoded UTF-8, EUC-JP or Shift_JIS, and
    punycode. The lists know hardly any Japanese, so ``words`` adds some that no other page has in its URL. Pages
    without a URL pass. Reasons: ``domain``, ``url``, ``word``, ``soft_word``, ``subword``.
    """

    cost = Cost.METADATA
    reads = ("url", "host")
    libraries = ("datatrove",)

    blocklists: tuple[Blocklist, ...] = ("domains", "urls", "words", "soft_words", "subwords")
    """Which of datatrove's lists to use."""
    domains: tuple[Word, ...] = ()
    """Further hosts to block, their subdomains included."""
    words: tuple[Word, ...] = ("アダルト動画", "エロ動画", "エロ画像", "エロ漫画", "無修正動画")
    """Further words to block wherever they stand in the decoded URL; in lower case."""
    soft_words: int = Field(default=2, ge=1)
    """How many different soft words drop a page."""

    def open(self) -> None:
        """Load the lists that are used, once per process: about 37 MB of hashes."""
        if "domains" in self.blocklists:
            blocked_hosts()
        if "urls" in self.blocklists:
            blocked_urls()

    def process(self, batch: pa.RecordBatch) -> Outcome:
        """Match hosts, URLs and words."""
        text = pc.utf8_lower(decoded(batch["url"]))
        drops = {
            "domain": self._on_blocked_host(batch["host"]),
            "url": self._under_blocked_url(batch["url"]),
            "word": self._has_word(text),
            "soft_word": self._has_soft_words(text),
            "subword": self._has_subword(text),
        }
        return Outcome(drops=drops)

    def _on_blocked_host(self, host: pa.Array) -> Mask:
        offsets, data = buffers(host)
        own = host_hashes(punycode(pc.utf8_lower(pa.array(self.domains, pa.string()))))
        blocked = _any_suffix_in(offsets, data, own)
        if "domains" in self.blocklists:
            blocked |= _any_suffix_in(offsets, data, blocked_hosts())
        return blocked

    def _under_blocked_url(self, urls: pa.Array) -> Mask:
        if "urls" not in self.blocklists:
            return np.zeros(len(urls), np.bool_)
        return np.isin(hash64(bare(urls)), blocked_urls()) & np.asarray(urls.is_valid(), np.bool_)

    def _has_word(self, text: pa.Array) -> Mask:
        hard = whole_words("words") if "words" in self.blocklists else ""
        own = "|".join(map(re.escape, self.words))
        return matches(text, "|".join(filter(None, (hard, own))))

    def _has_soft_words(self, text: pa.Array) -> Mask:
        found = np.zeros(len(text), np.bool_)
        if "soft_words" not in self.blocklists:
            return found
        pattern = whole_words("soft_words")
        counts = pc.fill_null(pc.count_substring_regex(text, pattern), 0)
        for row in np.flatnonzero(counts.to_numpy(zero_copy_only=False) >= self.soft_words):
            found[row] = len(set(re.findall(pattern, text[row].as_py(), re.ASCII))) >= self.soft_words
        return found

    def _has_subword(self, text: pa.Array) -> Mask:
        if "subwords" not in self.blocklists:
            return np.zeros(len(text), np.bool_)
        return matches(pc.replace_substring_regex(text, r"[\x00-/:-`{-\x7f]+", ""), "|".join(word_list("subwords")))


def matches(text: pa.Array, pattern: str) -> Mask:
    """Rows in which a regular expression (RE2) is found; none for an empty expression."""
    if not pattern:
        return np.zeros(len(text), np.bool_)
    return np.asarray(pc.fill_null(pc.match_substring_regex(text, pattern), False), np.bool_)


def decoded(urls: pa.Array) -> pa.Array:
    """URLs as people read them: percent escapes and punycode decoded, ``_`` as ``-`` so that it ends a word."""
    escaped = pc.fill_null(pc.match_substring_regex(urls, ESCAPED), False)
    plain = pa.array([_decode(url) for url in urls.filter(escaped).to_pylist()], urls.type)
    return pc.replace_substring(pc.replace_with_mask(urls, escaped, plain), "_", "-")


def _decode(url: str) -> str:
    url = PUNYCODE_LABEL.sub(_from_punycode, url)
    for charset in URL_CHARSETS:
        with contextlib.suppress(UnicodeDecodeError):
            return unquote_to_bytes(url).decode(charset)
    return url


def _from_punycode(label: re.Match[str]) -> str:
    try:
        return label[0].encode().decode("idna")
    except UnicodeError:
        return label[0]


def bare(urls: pa.Array) -> pa.Array:
    """URLs without scheme, ``www.``, fragment and final slash, in lower case: as datatrove's list has them."""
    return pc.replace_substring_regex(pc.utf8_lower(urls), r"^[a-z][a-z0-9+.-]*://(?:www\.)?|/*#.*$|/+$", "")


def _assets() -> Traversable:
    return files("datatrove") / "assets"


@cache
def word_list(name: Literal["words", "soft_words", "subwords"]) -> tuple[str, ...]:
    """Words of datatrove's list as its URLFilter reads them: ``#`` comments out, Latin letters and digits only."""
    file = {"words": "banned_words.txt", "soft_words": "soft_banned_words.txt", "subwords": "banned_subwords.txt"}[name]
    lines = (_assets() / file).read_text("utf-8").splitlines()
    words = {re.sub("[^a-z0-9]", "", line.lower()) for line in lines if not line.startswith("#")}
    return tuple(sorted(words - {""}))


@cache
def whole_words(name: Literal["words", "soft_words"]) -> str:
    """Regular expression for one whole word of a list."""
    return rf"\b(?:{'|'.join(word_list(name))})\b"


@cache
def blocked_hosts() -> Hashes:
    """Sorted hashes of datatrove's list of 4.6 million hosts, hashed block by block to stay small."""
    with _open_list("domains") as lines:
        blocks = [_line_hashes(b"".join(block)) for block in iter(partial(lines.readlines, BLOCK), [])]
    hashes = np.concatenate(blocks)
    hashes.sort()
    return hashes


@cache
def blocked_urls() -> Hashes:
    """Sorted hashes of datatrove's list of URLs."""
    with _open_list("urls") as lines:
        return np.sort(hash64(bare(pa.array(lines.read().decode().splitlines()))))


@contextlib.contextmanager
def _open_list(name: str) -> Iterator[IO[bytes]]:
    archive = _assets() / "url_filterblacklistsv0_3_0.tar.gz"
    with archive.open("rb") as packed, tarfile.open(fileobj=packed, mode="r:gz") as tar:
        member = tar.extractfile(name)
        if member is None:
            raise FileNotFoundError(f"no {name} in {archive}")
        yield member


def host_hashes(names: pa.Array) -> Hashes:
    """Sorted hashes of host names: FNV-1a from the last byte to the first, so that one pass meets every suffix."""
    offsets, data = buffers(names)
    return np.sort(_hash(offsets[:-1], offsets[1:], data))


def _line_hashes(lines: bytes) -> Hashes:
    data = np.frombuffer(lines, np.uint8)
    ends = np.flatnonzero(data == NEWLINE)
    return _hash(np.append(0, ends[:-1] + 1), ends, data)


@njit(cache=True, nogil=True)
def _step(value: np.uint64, byte: np.uint8) -> np.uint64:
    return (value ^ np.uint64(byte)) * FNV_PRIME


@njit(cache=True, nogil=True)
def _hash(starts: Offsets, ends: Offsets, data: Bytes) -> Hashes:
    hashes = np.full(starts.size, FNV_OFFSET, np.uint64)
    for row in range(hashes.size):
        for at in range(ends[row] - 1, starts[row] - 1, -1):
            hashes[row] = _step(hashes[row], data[at])
    return hashes


@njit(cache=True, nogil=True)
def _any_suffix_in(offsets: Offsets, data: Bytes, hashes: Hashes) -> Mask:
    """Rows whose host, or a domain above it, is among the sorted hashes."""
    found = np.zeros(offsets.size - 1, np.bool_)
    for row in range(found.size):
        value = FNV_OFFSET
        for at in range(offsets[row + 1] - 1, offsets[row] - 1, -1):
            value = _step(value, data[at])
            if at == offsets[row] or data[at - 1] == DOT:
                place = np.searchsorted(hashes, value)
                found[row] |= place < hashes.size and hashes[place] == value
    return found
