"""Light cleaning of the text that is stored: what no reader would see or miss goes, everything else stays as written.

NFKC, NFC and width folding of whole texts are for the shadow only: they turn 10² into 102 and alter names.
"""

import re
import unicodedata

INVISIBLE = "\0-\x08\x0b-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
"""Control characters but tab and newline, soft hyphen, zero-width characters, bidi controls, byte order mark."""
SURROGATES = "\ud800-\udfff"
HALF_WIDTH = "｡-ﾟ"
SOUND_MARKS = "\u3099\u309a"

KEPT_SPACE, KEPT_TAB = "\ufdd0", "\ufdd1"
"""Noncharacters that stand for the white space of preformatted text until ``layout`` has seen the text."""

_KEEP = str.maketrans({" ": KEPT_SPACE, "\u00a0": KEPT_SPACE, "\t": KEPT_TAB})
_SPACES = re.compile(" {2,}")
_TAB = re.compile(" ?\t[ \t]*+")
_GAP = re.compile("\n{3,}")
_WHITE = (
    " \t\u00a0\u1680"
    + "".join(map(chr, range(0x2000, 0x200B)))
    + "\u2028\u2029\u202f\u205f\u3000"
    + KEPT_SPACE
    + KEPT_TAB
)
_DIRTY = re.compile(f"[{INVISIBLE}{SURROGATES}{HALF_WIDTH}{SOUND_MARKS}]")
_NEWLINE = re.compile("\r\n?")
_INVISIBLE = re.compile(f"[{INVISIBLE}]+")
_SURROGATE = re.compile(f"[{SURROGATES}]")
_HALF_WIDTH = re.compile(f"[{HALF_WIDTH}]+")
_MARKED_KANA = re.compile(f"[ぁ-ゖゝゞァ-ヺヽヾ][{SOUND_MARKS}]")
_BLANK_LINES = re.compile(r"\n(?:[ \t\u00a0\u3000]*+\n){4,}+")


def clean(text: str) -> str:
    """Clean a text for storage; cleaning twice changes nothing more.

    Line ends become ``\\n``; invisible characters go; runs of half-width kana become full width (NFKC of the run
    alone); a kana and its combining sound mark become one character; more than 3 blank lines become 1. Lone surrogates,
    which no file can hold, become U+FFFD.
    """
    if _DIRTY.search(text):
        text = _INVISIBLE.sub("", _NEWLINE.sub("\n", text))
        text = _SURROGATE.sub("\ufffd", text)
        text = _HALF_WIDTH.sub(lambda run: unicodedata.normalize("NFKC", run[0]), text)
        text = _MARKED_KANA.sub(lambda pair: unicodedata.normalize("NFC", pair[0]), text)
    return _BLANK_LINES.sub("\n\n", text)


def keep_spaces(text: str) -> str:
    """Guard the spaces and tabs of a preformatted text against ``layout``; no-break spaces become spaces."""
    return text.translate(_KEEP)


def layout(text: str) -> str:
    """Lay out a cleaned text of HTML, whose white space says nothing; guarded white space comes back.

    A run of spaces, tabs and no-break spaces becomes a tab if it holds one (the extractor's, between cells), else a
    space. Lines end without white space and start without all but U+3000; two and more blank lines become one.
    """
    text = _TAB.sub("\t", _SPACES.sub(" ", text.replace("\u00a0", " ")))
    lines = (line.rstrip(_WHITE).lstrip(" \t") for line in text.split("\n"))
    return _GAP.sub("\n\n", "\n".join(lines)).replace(KEPT_SPACE, " ").replace(KEPT_TAB, "\t")
