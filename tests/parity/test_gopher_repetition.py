"""``gopher_repetition`` against datatrove's GopherRepetitionFilter on the same words."""

import pyarrow as pa
import pytest
from datatrove.pipeline.filters import GopherRepetitionFilter
from hypothesis import given, settings
from hypothesis import strategies as st
from parity.datatrove_peer import our_verdicts, their_verdict, with_words, words_of

from pipeline.filters.gopher_repetition import DUPLICATE, TOP, GopherRepetition
from pipeline.stage import Interval

PIECES = ("dup_para_frac", "dup_para_char_frac", "dup_line_frac", "dup_line_char_frac")
REASONS = {
    None: None,
    "empty": "characters.min",
    **{name: f"{name}.max" for name in PIECES},
    **{f"top_{size}_gram": f"top_{size}_gram.max" for size in TOP},
    **{f"duplicated_{size}_n_grams": f"dup_{size}_gram.max" for size in DUPLICATE},
}

Limits = dict[str, float]
NO_LIMIT = 1e9


def limits(pieces: tuple[float, ...], top: tuple[float, ...], duplicate: tuple[float, ...]) -> Limits:
    """Limits by the names of our signals; a piece rule with a limit of 0 is off."""
    return {
        **{name: limit for name, limit in zip(PIECES, pieces, strict=True) if limit},
        **{f"top_{size}_gram": limit for size, limit in zip(TOP, top, strict=True)},
        **{f"dup_{size}_gram": limit for size, limit in zip(DUPLICATE, duplicate, strict=True)},
    }


FINEWEB_2 = limits((0, 0, 0.328, 0), (0.239, 0.196, 0.172), (0.243, 0.225, 0.207, 0.19, 0.175, 0.159))
GOPHER = limits((0.3, 0.2, 0.3, 0.2), (0.2, 0.18, 0.16), (0.15, 0.14, 0.13, 0.12, 0.11, 0.1))
TIGHT = limits((0.02, 0.01, 0.05, 0.005), (0.06, 0.05, 0.04), (0.05, 0.045, 0.04, 0.035, 0.03, 0.025))
EACH = {name: {name: GOPHER[name] / 10} for name in GOPHER}
"""One rule at a time, so that no earlier one hides it."""
ALL = {"fineweb_2": FINEWEB_2, "gopher": GOPHER, "tight": TIGHT, **EACH}

FOUNTAIN = "広場の噴水が、朝の光を受けて静かに輝いている。"
OWN = [
    "",
    "\n",
    "　\n\n　",
    "雨。",
    "\n最初の行。\n",
    FOUNTAIN,
    f"{FOUNTAIN}\n{FOUNTAIN}",
    f"{FOUNTAIN}\n\n市場では、魚を売る声が響きはじめた。\n\n{FOUNTAIN}\n\n\n{FOUNTAIN}",
    f"\n\n{FOUNTAIN}\n{FOUNTAIN}\n\n橋のたもとで、老人が釣り糸を垂れている。\n\n\n{FOUNTAIN}\n\n",
    "送料無料！今すぐ注文！" * 30,
    "あ" * 3000,
    "東京 大阪 名古屋 東京 大阪 京都 東京 大阪 福岡\n" * 4,
    "港町の坂道を上ると、古い灯台が見えた。子どもたちは階段を数えながら登り、頂上で海に向かって手を振った。",
    "\x00\x01\ufeff\u200b\U0001f600\U00020bb7\x85 line\u2028separator\r\n\r\n",
    "The quick brown fox jumps over the lazy dog. " * 20,
]
PART = st.sampled_from([FOUNTAIN, "雨。", "雨が降る", "\n", "\n\n", " ", "　", "a b"])


def bounded(bounds: Limits) -> GopherRepetition:
    return GopherRepetition(**{name: Interval(max=bounds.get(name)) for name in GOPHER})


def differences(documents: pa.RecordBatch, bounds: Limits) -> list[tuple[str, str | None, str | None]]:
    """Texts with both first reasons, ours and theirs, where these differ."""
    theirs = GopherRepetitionFilter(
        **{name: bounds.get(name, 0) for name in PIECES},
        top_n_grams=tuple((size, bounds.get(f"top_{size}_gram", NO_LIMIT)) for size in TOP),
        dup_n_grams=tuple((size, bounds.get(f"dup_{size}_gram", NO_LIMIT)) for size in DUPLICATE),
        language=words_of(documents),
    )
    texts = documents["text"].to_pylist()
    verdicts = [REASONS[their_verdict(theirs, text)[0]] for text in texts]
    pairs = zip(texts, our_verdicts(bounded(bounds), documents), verdicts, strict=True)
    return [(text, mine, peers) for text, mine, peers in pairs if mine != peers]


@pytest.mark.parametrize("bounds", ALL.values(), ids=ALL)
def test_own_texts_get_the_verdicts_of_datatrove(bounds: Limits) -> None:
    assert differences(with_words(OWN), bounds) == []


@pytest.mark.parametrize("bounds", EACH.values(), ids=EACH)
def test_own_texts_trip_each_rule(bounds: Limits) -> None:
    reasons = {f"{name}.max" for name in bounds}
    assert set(our_verdicts(bounded(bounds), with_words(OWN))) == {None, "characters.min", *reasons}


def test_fineweb_2_is_the_default() -> None:
    bounds = {name: getattr(GopherRepetition(), name).max for name in GOPHER}
    assert {name: limit for name, limit in bounds.items() if limit is not None} == FINEWEB_2


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.lists(PART, max_size=30).map("".join) | st.text(st.characters(exclude_categories=["Cs"])),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(list(ALL.values())),
)
def test_any_text_gets_the_verdict_of_datatrove(texts: list[str], bounds: Limits) -> None:
    assert differences(with_words(texts), bounds) == []


@pytest.mark.data
@pytest.mark.parametrize("bounds", [FINEWEB_2, GOPHER, TIGHT], ids=["fineweb_2", "gopher", "tight"])
def test_real_documents_get_the_verdicts_of_datatrove(documents: pa.RecordBatch, bounds: Limits) -> None:
    assert differences(documents, bounds) == []


@pytest.mark.data
@pytest.mark.parametrize("bounds", EACH.values(), ids=EACH)
def test_real_documents_get_the_verdict_of_each_rule(documents: pa.RecordBatch, bounds: Limits) -> None:
    assert differences(documents.take(pa.array(range(0, len(documents), 15))), bounds) == []
