"""How texts become signatures and shingles: of characters or of words, as Migaki or as datasketch hashes them."""

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from pipeline.text import datasketch_signatures, minhash
from pipeline.text.minhash import Signatures, Valid
from pipeline.text.shingles import Hashes, Starts, forms, shingles
from pipeline.text.word_shingles import word_shingles
from pipeline.text.words import WORDS, fill, segment, tagger

Shingle = Literal["char", "word"]
Signature = Literal["migaki", "datasketch"]


@dataclass(frozen=True, slots=True)
class Signing:
    """What is hashed and how. Signatures are comparable, and texts candidates, only where all four are the same."""

    shingle: Shingle
    """n-grams of the characters of the normal form, or of the normal forms of fugashi's words."""
    ngram: int
    """Characters or words in a shingle; a text that has fewer is its own only shingle."""
    signature: Signature
    """Hash functions: Migaki's own, or those of ``datasketch.MinHash(permutations)``, which accepts its values."""
    permutations: int
    """Values in a signature."""

    def open(self) -> None:
        """Build the tables of the normal form, and load the dictionary where words are needed."""
        forms()
        if self.shingle == "word":
            tagger()

    def signatures(self, batch: pa.RecordBatch) -> tuple[Signatures, Valid]:
        """Sign the n texts of a batch, with its column of words where it has one: uint32 (n, permutations).

        The second array of n tells which texts have a signature: those with at least one letter or digit; the others'
        values are all ones.
        """
        if self.shingle == "char":
            sign = minhash.signatures if self.signature == "migaki" else datasketch_signatures.signatures
            return sign(batch["text"], self.ngram, self.permutations)
        texts, words = _segmented(batch)
        if self.signature == "migaki":
            return minhash.sign_hashes(*word_shingles(texts, words, self.ngram), self.permutations)
        return datasketch_signatures.word_signatures(texts, words, self.ngram, self.permutations)

    def shingles(self, texts: pa.Array) -> tuple[Starts, Hashes]:
        """Hash the shingles of n texts, for ``shingles.jaccard``: n + 1 offsets into 64-bit hashes, sorted and unique
        per text. They are Migaki's hashes for either kind of signature; words are segmented anew."""
        if self.shingle == "char":
            return shingles(texts, self.ngram)
        sound = _sound(texts)
        return word_shingles(sound, segment(sound), self.ngram)


def _segmented(batch: pa.RecordBatch) -> tuple[pa.Array, pa.ListArray]:
    """Texts of a batch and their words."""
    texts = _sound(batch["text"])
    filled = fill(batch.set_column(batch.schema.get_field_index("text"), "text", texts))
    return texts, filled[WORDS.name]


def _sound(texts: pa.Array) -> pa.Array:
    """Texts with U+FFFD for bytes that are no UTF-8, which the tagger would refuse."""
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        raw = texts.cast(pa.large_binary()).to_pylist()
        return pa.array([None if text is None else text.decode(errors="replace") for text in raw], texts.type)
    return texts
