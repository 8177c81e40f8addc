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
    return _share_of("ヲ", texts, counts) >= KATAKANA_OBJECTS


def in_sentences(texts: pa.Array, counts: Counts) -> Rows:
    """Tell which of n texts must be made of sentences, whether or not marks end them."""
    hiragana = share(counts[:, Char.HIRAGANA], japanese_letters(counts))
    flowing = (hiragana >= HIRAGANA) & (_share_of("を", texts, counts) >= OBJECTS)
    return flowing | in_katakana(texts, counts)


def _share_of(particle: str, texts: pa.Array, counts: Counts) -> npt.NDArray[np.float64]:
    particles = pc.fill_null(pc.count_substring(texts, particle), 0).to_numpy(zero_copy_only=False)
    return share(particles, japanese_letters(counts))
