import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.chars import JAPANESE_LETTERS, RANGES
from pipeline.text.lines import BULLETS, CLOSERS, ELLIPSES, ENDERS, REPEATABLE, SHORT, Line, count_lines

LETTERS = "".join(f"{chr(first)}-{chr(last)}" for kind, first, last in RANGES if kind in JAPANESE_LETTERS)
STOP = rf"(?<=[{LETTERS}])\.(?=[\0- \x80-\U0010ffff]|\Z)"
SENTENCE_END = re.compile(rf"(?:[{re.escape(ENDERS)}]|{STOP})(?:\s*[{re.escape(CLOSERS)}])*")
OPENING = re.compile(rf"[{re.escape(BULLETS)}]|[(（][0-9０-９]")

TELLING = st.sampled_from(
    ["\n", " ", "　", "です.", ".", *ENDERS, *CLOSERS, "(", "1", "５", "・", "ab", "二度ある", *ELLIPSES]
)
TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.lists(TELLING, max_size=60).map("".join),
    st.lists(st.sampled_from(["これは二度ある行です", "短い行", "　これは二度ある行です ", ""]), max_size=9).map(
        "\n".join
    ),
)


def twin(text: str | None) -> list[int]:
    lines = [line.strip() for line in (text or "").split("\n") if line.strip()]
    reach = [max((found.end() for found in SENTENCE_END.finditer(line)), default=0) for line in lines]
    repeatable = [line for line in lines if len(line) >= REPEATABLE and re.search(f"[{LETTERS}]", line)]
    copies = [line for at, line in enumerate(repeatable) if line in repeatable[:at]]
    counts = {
        Line.LINES: len(lines),
        Line.CHARACTERS: sum(map(len, lines)),
        Line.ENDED: sum(end == len(line) for end, line in zip(reach, lines, strict=True)),
        Line.ENDED_CHARACTERS: sum(reach),
        Line.SHORT: sum(len(line) <= SHORT for line in lines),
        Line.BULLETS: sum(bool(OPENING.match(line)) for line in lines),
        Line.ELLIPSES: sum(line.endswith(ELLIPSES) for line in lines),
        Line.LONGEST: max(map(len, lines), default=0),
        Line.DUPLICATES: len(copies),
        Line.DUPLICATE_CHARACTERS: sum(map(len, copies)),
    }
    return [counts[kind] for kind in Line]


@settings(deadline=None)  # the first example compiles the kernel
@given(st.lists(st.none() | TEXT))
def test_kernel_counts_as_its_twin_does(texts: list[str | None]) -> None:
    assert count_lines(pa.array(texts, pa.string())).tolist() == [twin(text) for text in texts]


@pytest.mark.parametrize(
    "line",
    [
        "雨が降る。",
        "本当ですか？",
        "「行くよ」",
        "「行くよ。」",
        "終わり。）",
        "終わり。 )",
        "やったね♪　",
        "そして…",
        "全角ピリオド．",
        "半角のピリオド.",
    ],
)
def test_lines_that_end_a_sentence(line: str) -> None:
    assert count_lines(pa.array([line]))[0, Line.ENDED] == 1


@pytest.mark.parametrize(
    "line",
    ["会社概要", "お問い合わせ（代表）", "）", "雨が降る。たぶん", "ver. 1.0", "図.1 概要の例", "続きます...", ""],
)
def test_lines_that_end_no_sentence(line: str) -> None:
    assert count_lines(pa.array([line]))[0, Line.ENDED] == 0


def test_a_full_stop_of_ascii_ends_a_sentence_inside_a_line() -> None:
    counts = count_lines(pa.array(["雨が降る. たぶん"]))[0]
    assert (counts[Line.ENDED], counts[Line.ENDED_CHARACTERS]) == (0, 5)


def test_a_sentence_that_ends_inside_a_line_counts_up_to_its_end() -> None:
    counts = count_lines(pa.array(["雨が降る。たぶん（笑"]))[0]
    assert (counts[Line.ENDED], counts[Line.ENDED_CHARACTERS], counts[Line.CHARACTERS]) == (0, 5, 10)


def test_blank_lines_are_no_lines_and_no_duplicates() -> None:
    counts = count_lines(pa.array(["最初の段落です。\n\n\u3000\n\n次の段落ですよ。\n\n"]))[0]
    assert (counts[Line.LINES], counts[Line.DUPLICATES]) == (2, 0)


def test_short_lines_never_are_duplicates() -> None:
    counts = count_lines(pa.array(["「はい」\n" * 5 + "同じ長い行がまた来る。\n" * 3]))[0]
    assert (counts[Line.DUPLICATES], counts[Line.DUPLICATE_CHARACTERS]) == (2, 22)


def test_lines_without_kana_or_kanji_never_are_duplicates() -> None:
    counts = count_lines(pa.array(["# mount /dev/sd0a\n/etc/rc.d/nfsd を実行する\n" * 3]))[0]
    assert (counts[Line.DUPLICATES], counts[Line.DUPLICATE_CHARACTERS]) == (2, 40)


def test_a_text_of_many_different_lines_has_no_duplicates() -> None:
    text = "\n".join(f"{number:08d}番目の行" for number in range(50_000))
    counts = count_lines(pa.array([text, text + "\n00000007番目の行"]))
    assert counts[:, Line.DUPLICATES].tolist() == [0, 1]


def test_duplicates_are_counted_within_one_text_only() -> None:
    assert count_lines(pa.array(["どこにでもある一行です。"] * 2))[:, Line.DUPLICATES].tolist() == [0, 0]


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40)))
def test_bytes_that_are_no_utf8_never_leave_their_row(payloads: list[bytes]) -> None:
    counts = count_lines(pa.array(payloads, pa.binary())).tolist()
    assert counts == [count_lines(pa.array([payload], pa.binary()))[0].tolist() for payload in payloads]
