import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from text.unit_twins import bare, form, holds_sentence, pieces, without_twin

from pipeline.text.units import BARE, FIRST_HASH, SENTENCE, SHORT, excerpts, units, without

PIECES = st.sampled_from(
    [
        "\n",
        "\n\n",
        " ",
        "　",
        "ホーム",
        "ﾎｰﾑ",
        "HOME",
        "ｈｏｍｅ",
        "12",
        "３",
        "。",
        ".",
        "「はい」",
        "---",
        "か",
        "゛",
        "\u2028",
        "\0",
    ]
)
TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(PIECES, max_size=30).map("".join)
QUICK = settings(deadline=None, max_examples=60)  # the first example compiles the kernels


def hashed(text: str | None, paragraphs: bool = False, least: int = 1) -> list[int]:
    starts, found = units(pa.array([text], pa.string()), paragraphs, least)
    assert starts.tolist() == [0, found.size]
    numbers: list[int] = found.tolist()
    return numbers


@QUICK
@given(TEXT, st.booleans(), st.integers(1, 6))
def test_each_unit_has_its_bits_and_equal_forms_have_equal_hashes(text: str, paragraphs: bool, least: int) -> None:
    twin = pieces(text, paragraphs)
    found = hashed(text, paragraphs, least)
    assert len(found) == len(twin)
    for unit, piece in zip(found, twin, strict=True):
        size = len(form(piece))
        digest = unit & ~int(SENTENCE)
        assert (unit == BARE) == bare(piece)
        assert (digest == SHORT) == (0 < size < least)
        assert (digest >= FIRST_HASH) == (size >= least)
        assert bool(unit & SENTENCE) == (holds_sentence(piece) and not bare(piece))
    compared = {form(piece): unit & ~int(SENTENCE) for unit, piece in zip(found, twin, strict=True)}
    assert len({digest for digest in compared.values() if digest >= FIRST_HASH}) == sum(
        len(key) >= least for key in compared
    )
    assert all(compared[form(piece)] == unit & ~int(SENTENCE) for unit, piece in zip(found, twin, strict=True))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ホーム ＞ お知らせ", "ﾎｰﾑ>お知らせ"),
        ("Copyright 2008 The Project", "COPYRIGHT © ２０２３ the project"),
        ("　・お問い合わせ", "お問い合わせ"),
    ],
)
def test_typography_case_and_numbers_do_not_tell_lines_apart(one: str, other: str) -> None:
    assert hashed(one) == hashed(other)


@pytest.mark.parametrize(
    ("line", "holds"),
    [
        ("春が来た。", True),
        ("春が来た。続く", True),
        ("「おはよう」", True),
        ("It ends here.", True),
        ("1. はじめに", False),
        ("会社案内", False),
    ],
)
def test_a_sentence_is_known_by_its_end(line: str, holds: bool) -> None:
    assert bool(hashed(line)[0] & SENTENCE) == holds


@QUICK
@given(st.lists(st.tuples(st.none() | TEXT, st.sets(st.integers(0, 9))), max_size=5), st.booleans())
@example([("A\nNAV\n\nB。", {1}), (None, set()), ("\n \nA\n\nNAV\n　\n", {1})], False)
def test_kernel_takes_units_out_as_its_twin_does(rows: list[tuple[str | None, set[int]]], paragraphs: bool) -> None:
    texts = pa.array(["left out", *(text for text, _ in rows)], pa.string()).slice(1)
    starts, numbers = [0], []
    for text, chosen in rows:
        numbers += sorted(number for number in chosen if number < len(pieces(text or "", paragraphs)))
        starts.append(len(numbers))
    left = without(texts, pa.array(starts).to_numpy(), pa.array(numbers, pa.int32()).to_numpy(), paragraphs)
    assert left.type == pa.string()
    assert left.to_pylist() == [
        None if text is None else without_twin(text, set(numbers[begin:end]), paragraphs)
        for (text, _), begin, end in zip(rows, starts, starts[1:], strict=False)
    ]


@pytest.mark.parametrize(
    ("text", "gone", "left"),
    [
        ("本文\n\nメニュー\n\n続き", [1], "本文\n\n続き"),
        ("本文\nメニュー\n\n続き", [1], "本文\n\n続き"),
        ("本文\n\nメニュー\n続き", [1], "本文\n\n続き"),
        ("本文\nメニュー\n続き", [1], "本文\n続き"),
        ("メニュー\n\n本文\n", [0], "本文\n"),
        ("本文\n\n目次\n \n地図\n", [1, 2], "本文"),
        ("目次\n地図\n", [0, 1], ""),
    ],
)
def test_blank_lines_are_squeezed_and_paragraphs_stay_apart(text: str, gone: list[int], left: str) -> None:
    column = pa.array([text], pa.string())
    taken = without(column, pa.array([0, len(gone)]).to_numpy(), pa.array(gone, pa.int32()).to_numpy(), False)
    assert taken.to_pylist() == [left]


@QUICK
@given(st.lists(TEXT, min_size=1, max_size=4), st.booleans())
def test_excerpts_are_the_units(texts: list[str], paragraphs: bool) -> None:
    places = [(row, number) for row, text in enumerate(texts) for number in range(len(pieces(text, paragraphs)))]
    rows, numbers = ([place[side] for place in places[::2]] for side in (0, 1))
    found = excerpts(
        pa.array(texts, pa.string()),
        pa.array(rows, pa.int64()).to_numpy(),
        pa.array(numbers, pa.int64()).to_numpy(),
        paragraphs,
    )
    assert [unit.decode() for unit in found] == [pieces(texts[row], paragraphs)[number] for row, number in places[::2]]


def test_bytes_that_are_no_utf8_and_huge_lines_are_no_error() -> None:
    broken = pa.array([b"\xff\xfe\n\xe3\x81", b"a" * 1_000_000 + b"\n" * 1_000_000 + b"b"]).cast(pa.binary())
    texts = pa.Array.from_buffers(pa.string(), 2, broken.buffers())
    starts, found = units(texts, False, 1)
    assert starts.tolist() == [0, 2, 4]
    assert len(set(found[2:].tolist())) == 2
    left = without(texts, pa.array([0, 1, 2]).to_numpy(), pa.array([0, 1], pa.int32()).to_numpy(), False)
    assert left.cast(pa.binary()).to_pylist() == [b"\xe3\x81", b"a" * 1_000_000]
