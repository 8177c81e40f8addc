"""Which script most letters of a text belong to, as an ISO 15924 code."""

import unicodedata
from functools import cache

import numpy as np
import pyarrow as pa

from pipeline.text.arrow import buffers
from pipeline.text.chars import KANA, Char, Table, classify, tabulate, tally

CODES = {
    "LATIN": "Latn",
    "CYRILLIC": "Cyrl",
    "GREEK": "Grek",
    "ARABIC": "Arab",
    "HEBREW": "Hebr",
    "HANGUL": "Hang",
    "BOPOMOFO": "Bopo",
    "THAI": "Thai",
    "LAO": "Laoo",
    "KHMER": "Khmr",
    "MYANMAR": "Mymr",
    "TIBETAN": "Tibt",
    "MONGOLIAN": "Mong",
    "DEVANAGARI": "Deva",
    "BENGALI": "Beng",
    "GURMUKHI": "Guru",
    "GUJARATI": "Gujr",
    "ORIYA": "Orya",
    "TAMIL": "Taml",
    "TELUGU": "Telu",
    "KANNADA": "Knda",
    "MALAYALAM": "Mlym",
    "SINHALA": "Sinh",
    "ARMENIAN": "Armn",
    "GEORGIAN": "Geor",
    "ETHIOPIC": "Ethi",
}
"""First word of a letter's Unicode name -> its script."""
NOTHING, KANA_LETTER, HAN, OTHER = 0, 1, 2, 3
NAMES = ("Zyyy", "Jpan", "Hani", "Zzzz", *CODES.values())
JAPANESE_KANA = 0.05
"""Share of kana among kana and kanji from which on the kanji are Japanese."""


def script(char: str) -> int:
    """Index into NAMES of the script of a letter; NOTHING for what is no letter."""
    kind = classify(char)
    if kind in KANA:
        return KANA_LETTER
    if kind == Char.KANJI:
        return HAN
    if kind not in (Char.LETTER, Char.ASCII_LETTER):
        return NOTHING
    words = unicodedata.name(char, "").removeprefix("FULLWIDTH ").split(" ", 1)
    code = CODES.get(words[0])
    return OTHER if code is None else NAMES.index(code)


@cache
def script_table() -> Table:
    """``script`` as a table for kernels."""
    return tabulate(script)


def dominant_scripts(texts: pa.Array) -> pa.Array:
    """Script of most letters of each text: ``Jpan`` where kana stand among the kanji, ``Hani`` where they do not.

    ``Zyyy`` (common) for a text without letters, ``Zzzz`` (unknown) for a script that is not listed here. Codes are
    those of ISO 15924 that FineWeb-2 uses.
    """
    offsets, data = buffers(texts)
    counts = tally(offsets, data, script_table(), len(NAMES))
    kana, han = counts[:, KANA_LETTER].copy(), counts[:, HAN].copy()
    japanese = kana > JAPANESE_KANA * (kana + han)
    counts[:, KANA_LETTER] = np.where(japanese, kana + han, 0)
    counts[:, HAN] = np.where(japanese, 0, kana + han)
    counts[:, NOTHING] = 0
    return pa.DictionaryArray.from_arrays(counts.argmax(axis=1).astype(np.int32), pa.array(NAMES)).cast(pa.string())
