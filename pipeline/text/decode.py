"""Bytes to text: every guess at the encoding in a fixed order, damage counted, nothing decoded on hope alone.

The order puts what proves itself (signature, escape sequences, UTF-8) before what is merely said (labels), and that
before what merely fits.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.text import jis
from pipeline.text.charset import DOUBLE_BYTE, codec, declared, detect
from pipeline.text.kana_bytes import legacy_kana

DAMAGE = 0.005
"""Replaced share of the characters above which a text is no document any more; the mojibake filter's bound too."""

LABEL_DAMAGE = 0.001
"""Replaced share of the characters up to which a label is believed."""

FREE = 3
"""Replacements that are within any budget, so that one damaged place does not cost a short page."""

SOUND = 10
"""Sound non-ASCII characters there must be for every replaced one, else the encoding is the wrong one."""

WESTERN_HIGH_BYTES = 0.05
"""Share of bytes >= 80 from which a Latin-1 label is the server's default and not the page's encoding."""

BLOCK = 1024
"""Bytes decoded between two looks at the damage: a wrong guess costs one block of error handling."""

SIGNATURES = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
"""Byte order marks, and the first character of a page in UTF-16 that lost its mark."""

HANDLERS = {"euc_jp": jis.EUC_HANDLER, "iso2022_jp": jis.ISO_2022_HANDLER, "cp932": jis.CP932_HANDLER}
_DESIGNATION = re.compile(rb"\x1b\$(?:[@B]|\(D)")
_ASCII = bytes(range(0x80))


class DecodeError(ValueError):
    """No encoding fits the bytes within the budget of replaced characters."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text, the Python codec whose characters it holds, and how many U+FFFD stand for bytes without meaning.

    ``euc_jp`` and ``iso2022_jp`` are read with NEC's and IBM's characters, which those codecs lack.
    """

    text: str
    encoding: str
    replacements: int


@dataclass(frozen=True, slots=True)
class Guess:
    """An encoding to try; ``damage`` is the share of characters that may be replaced."""

    encoding: str
    damage: float = 0.0
    doubted: bool = True
    """Other encodings are left to try, so text that looks wrong is refused."""


def decode(content: bytes, http_charset: str | None, *, html: bool) -> Decoded:
    """Decode a payload; ``html`` says whether it may declare its own encoding.

    The order: signature, ISO-2022-JP escapes in 7-bit bytes, UTF-8, labels (the page's, then the HTTP header's),
    strict EUC-JP, strict CP932, a detector, CP932. Damaged UTF-8 comes before the labels: no other encoding holds ten
    well-formed sequences for every bad one, while CP932 and Latin-1 accept most UTF-8, so behind a wrong label one
    bad byte would turn a page to mojibake. EUC-JP comes before CP932, which reads a quarter of short EUC-JP strings.
    Raises DecodeError, and nothing else, on any bytes.
    """
    tried: dict[str, None] = {}
    for guess in _guesses(content, http_charset, html):
        decoded = _attempt(content, guess)
        if decoded:
            return decoded
        tried[guess.encoding] = None
    raise DecodeError(f"{len(content)} bytes fit none of {', '.join(tried)}")


def _guesses(content: bytes, http_charset: str | None, html: bool) -> Iterator[Guess]:
    header = codec(http_charset)
    yield from (
        Guess(encoding, DAMAGE, doubted=False) for signature, encoding in SIGNATURES if content.startswith(signature)
    )
    if header in ("utf-16-le", "utf-16-be") and b"\0" in content:
        yield Guess(header, LABEL_DAMAGE)
    escapes = b"\x1b$" in content and _DESIGNATION.search(content)
    if escapes and content.isascii():
        yield Guess("iso2022_jp", DAMAGE, doubted=False)
    yield Guess("utf-8")
    yield Guess("utf-8", DAMAGE)
    if escapes:
        yield Guess("iso2022_jp", DAMAGE)
    for label in (declared(content) if html else None, header):
        if label and _credible(label, content):
            yield Guess(label, LABEL_DAMAGE)
    yield Guess("euc_jp")
    yield Guess("cp932")
    yield Guess(detect(content), DAMAGE, doubted=False)
    yield Guess("cp932", DAMAGE, doubted=False)


def _credible(label: str, content: bytes) -> bool:
    """Doubt labels that fit any bytes: a single-byte one over runs of kana, Latin-1 over a body full of high bytes.

    UTF-16 has had its turn, ahead of UTF-8.
    """
    if label.startswith("utf-16"):
        return False
    if label in DOUBLE_BYTE or label == "utf-8":
        return True
    if label == "cp1252" and len(content.translate(None, _ASCII)) >= WESTERN_HIGH_BYTES * len(content):
        return False
    return not legacy_kana(content)


def _attempt(content: bytes, guess: Guess) -> Decoded | None:
    limit = max(FREE, int(guess.damage * len(content))) if guess.damage else 0
    text = _convert(content, guess.encoding, limit)
    if text is None:
        return None
    replacements = text.count(jis.REPLACEMENT) - _meant(content, guess.encoding)
    if replacements and not _bearable(text, replacements, guess):
        return None
    if guess.doubted and guess.encoding == "cp932" and _mostly_half_width(text):
        return None
    return Decoded(text.removeprefix("\ufeff"), guess.encoding, replacements)


def _convert(content: bytes, encoding: str, limit: int) -> str | None:
    """Decode at the codec's own speed; where it refuses, by blocks, until more than ``limit`` characters are lost."""
    if encoding == "iso2022_jp":
        content, encoding, handler = jis.euc_from_iso_2022_jp(content), "euc_jp", jis.ISO_2022_HANDLER
    else:
        handler = HANDLERS.get(encoding, "replace")
    try:
        return _without_private(content.decode(encoding), encoding)
    except UnicodeDecodeError:
        if limit == 0 and encoding != "euc_jp":
            return None
        return _convert_blocks(content, encoding, handler, limit + _meant(content, encoding))


def _convert_blocks(content: bytes, encoding: str, handler: str, limit: int) -> str | None:
    decoder = codecs.getincrementaldecoder(encoding)(handler)
    blocks, lost = [], 0
    for start in range(0, len(content), BLOCK):
        end = start + BLOCK
        blocks.append(_without_private(decoder.decode(content[start:end], end >= len(content)), encoding))
        lost += blocks[-1].count(jis.REPLACEMENT)
        if lost > limit:
            return None
    return "".join(blocks)


def _without_private(text: str, encoding: str) -> str:
    for private in jis.NOT_IN_CP932 if encoding == "cp932" else "":
        text = text.replace(private, jis.REPLACEMENT)
    return text


def _meant(content: bytes, encoding: str) -> int:
    """Count the U+FFFD that UTF-8 itself spells out, which are no damage done here."""
    return content.count(b"\xef\xbf\xbd") if encoding == "utf-8" else 0


def _bearable(text: str, replacements: int, guess: Guess) -> bool:
    units = _units(text)
    sound = SOUND * replacements <= np.count_nonzero(units > ord("\x7f")) - replacements
    if sound and replacements <= FREE:
        return True
    return replacements <= guess.damage * len(text) and bool(sound or not guess.doubted)


def _mostly_half_width(text: str) -> bool:
    """Tell EUC-JP read as CP932, whose kana are pairs of half-width kana."""
    units = _units(text)
    half_width = np.count_nonzero((units >= ord("｡")) & (units <= ord("ﾟ")))
    return bool(2 * half_width > np.count_nonzero(units > ord("\x7f")))


def _units(text: str) -> npt.NDArray[np.uint16]:
    return np.frombuffer(text.encode("utf-16-le"), np.uint16)
