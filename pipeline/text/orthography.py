"""What the object marker を, or ヲ, tells of a text: whether it is made of sentences, and in which kana."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.text.chars import Char, Counts, japanese_letters, share

Rows = npt.NDArray[np.bool_]

KATAKANA_OBJECTS = 1 / 200
"""Laws until 1946 and first readers, in kanji and katakana, have a ヲ in 20 to 75 kana and kanji; others have fewer
than one in 350, if any, since no loan word is written with it."""
OBJECTS, HIRAGANA = 1 / 100, 0.5
"""Poems have an を in 35 to 65 kana and kanji, half of which are hiragana; menus may reach one of the two."""


def in_katakana(texts: pa.Array, counts: Counts) -> Rows:
    """Tell which of n texts are written in kanji and katakana; ``counts`` are those of their characters."""
    rows = counts[:, Char.KATAKANA] > counts[:, Char.HIRAGANA]
    return _above(KATAKANA_OBJECTS, "ヲ", texts, counts, rows)


def in_sentences(texts: pa.Array, counts: Counts) -> Rows:
    """Tell which of n texts must be made of sentences, whether or not marks end them."""
    hiragana = share(counts[:, Char.HIRAGANA], japanese_letters(counts))
    return _above(OBJECTS, "を", texts, counts, hiragana >= HIRAGANA) | in_katakana(texts, counts)


def _above(limit: float, particle: str, texts: pa.Array, counts: Counts, rows: Rows) -> Rows:
    """Which of some rows have so many of a particle among their kana and kanji; the others are not looked at."""
    particles = pc.fill_null(pc.count_substring(texts.filter(pa.array(rows)), particle), 0)
    above = np.zeros(rows.size, dtype=np.bool_)
    above[rows] = share(particles.to_numpy(zero_copy_only=False), japanese_letters(counts[rows])) >= limit
    return above
