"""The peers that filters and signatures are measured against, each used in its own fastest documented way.

A peer imports its library when it is made ready, so that a missing one is skipped and not an error.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

Work = Callable[[Any], object]

NGRAM, PERMUTATIONS = 8, 112
"""Shingles and signature length of our ``minhash`` step, and the length of FineWeb's signatures."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A library that does work of ours on a list of texts; ``megabytes`` of text take it a few seconds.

    ``given`` turns the texts into what the work takes, before the clock runs.
    """

    name: str
    modules: tuple[str, ...]
    prepare: Callable[[], Work]
    megabytes: float
    given: Callable[[list[str]], Any] = list

    @property
    def missing(self) -> list[str]:
        """Modules that are not installed."""
        return [module for module in self.modules if find_spec(module) is None]


def datatrove_fineweb2() -> Work:
    """FineWeb-2's filters for ``jpn_Jpan`` with its numbers, streamed one by one as LocalPipelineExecutor does."""
    from datatrove.data import Document  # noqa: PLC0415
    from datatrove.pipeline.filters import (  # noqa: PLC0415
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )

    def run(texts: list[str]) -> None:
        stream: Any = (Document(text=text, id=str(number)) for number, text in enumerate(texts))
        for block in (
            GopherRepetitionFilter(language="jpn_Jpan", **FINEWEB2_REPETITION),
            FineWebQualityFilter(language="jpn_Jpan", **FINEWEB2_FINEWEB),
            GopherQualityFilter(language="jpn_Jpan", **FINEWEB2_QUALITY),
        ):
            stream = block(stream, 0, 1)
        deque(stream, maxlen=0)

    return run


FINEWEB2_REPETITION: dict[str, Any] = {
    "dup_line_frac": 0.328,
    "dup_para_frac": 0,
    "dup_line_char_frac": 0,
    "dup_para_char_frac": 0,
    "top_n_grams": ((2, 0.239), (3, 0.196), (4, 0.172)),
    "dup_n_grams": ((5, 0.243), (6, 0.225), (7, 0.207), (8, 0.190), (9, 0.175), (10, 0.159)),
}
FINEWEB2_FINEWEB: dict[str, Any] = {
    "line_punct_thr": 0.096,
    "short_line_thr": 999,
    "char_duplicates_ratio": 0.1,
    "new_line_ratio": 0.13,
}
FINEWEB2_QUALITY: dict[str, Any] = {
    "min_avg_word_length": 1,
    "max_avg_word_length": 6,
    "max_non_alpha_words_ratio": 0.759,
    "stop_words": list("のにはをたがてとで年し・月れさ"),
    "min_stop_words": 2,
}
"""FineWeb-2's configuration of ``jpn_Jpan`` (github.com/huggingface/fineweb-2, configs/jpn_Jpan.yml)."""


def hojichar(full: bool) -> Work:
    """HojiChar's character filters with their defaults; ``full``: with its word lists and the two that run a tagger.

    They are those of our recipe ``hojichar`` but for language identification, in the same order, as one stream.
    """
    from hojichar import Compose, Document  # noqa: PLC0415
    from hojichar import document_filters as filters  # noqa: PLC0415

    def run(texts: list[str]) -> None:
        chain: list[Any] = [
            filters.DocumentLengthFilter(min_doc_len=200, max_doc_len=50_000),
            filters.AcceptJapanese(),
            filters.DiscardRareKuten(),
            filters.DiscardBBSComments(),
            filters.DiscardTooShortLines(),
            filters.DiscardTooManyEndingEllipsis(),
            filters.DiscardTooManySpecialToken(),
            filters.SingleCharacterRepetitionFilter(),
            filters.CharRepetitionRatioFilter(),
            filters.DiscardAds(),
        ]
        if full:
            chain += [
                filters.DiscardAdultContentJa(ignore_confused=True),
                filters.DiscardDiscriminationContentJa(ignore_confused=True),
                filters.DiscardViolenceContentJa(ignore_confused=True),
                filters.DiscardTooManyNouns(),
                filters.WordRepetitionRatioFilter(),
            ]
        deque(Compose(chain).apply_stream(map(Document, texts)), maxlen=0)

    return run


def datasketch() -> Work:
    """MinHash over the distinct character n-grams of the raw text, in bulk (``update_batch``), SHA-1 by default."""
    from datasketch import MinHash  # noqa: PLC0415

    def run(texts: list[str]) -> None:
        MinHash.bulk(map(shingles, texts), num_perm=PERMUTATIONS)

    return run


def rensa() -> Work:
    """R-MinHash over the same n-grams, repeats left to it, which is faster; its rho sketch only samples the n-grams."""
    from rensa import RMinHash  # noqa: PLC0415

    def run(texts: list[str]) -> None:
        RMinHash.digest_matrix_from_token_sets(list(map(ngrams, texts)), PERMUTATIONS, 1)

    return run


def rensa_on_shingles() -> Work:
    """R-MinHash alone: the n-grams are made before the clock runs, as bytes, which it takes fastest."""
    from rensa import RMinHash  # noqa: PLC0415

    return partial(RMinHash.digest_matrix_from_token_byte_sets, num_perm=PERMUTATIONS, seed=1)


def ngrams(text: str) -> list[str]:
    """All character n-grams of a text; of a shorter one, itself."""
    return [text[at : at + NGRAM] for at in range(max(1, len(text) - NGRAM + 1))]


def shingles(text: str) -> list[bytes]:
    """The distinct character n-grams of a text in UTF-8."""
    return [gram.encode() for gram in set(ngrams(text))]


def shingles_of_each(texts: list[str]) -> list[list[bytes]]:
    """The shingles of every text."""
    return list(map(shingles, texts))


DATATROVE = Peer("datatrove", ("datatrove", "spacy", "sudachipy", "sudachidict_core"), datatrove_fineweb2, 1.5)
HOJICHAR = Peer("HojiChar", ("hojichar", "emoji"), partial(hojichar, full=True), 3)
HOJICHAR_CHARACTERS = Peer("HojiChar, characters only", ("hojichar", "emoji"), partial(hojichar, full=False), 3)
DATASKETCH = Peer("datasketch", ("datasketch",), datasketch, 6)
RENSA = Peer("rensa", ("rensa",), rensa, 6)
RENSA_ON_SHINGLES = Peer("rensa given its shingles", ("rensa",), rensa_on_shingles, 6, shingles_of_each)
