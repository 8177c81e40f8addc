import re
from statistics import median_low

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.text.sentences import CLOSERS, ENDERS, LONG, OPENERS, QUOTE_ENDS, STOPS, Sentence, count_sentences

ENDING = ENDERS + STOPS + CLOSERS + QUOTE_ENDS
TELLING = [*OPENERS, *ENDING, *"\n 　a１Ｂ", "雨が降る", "あ" * 90, "い" * LONG, "う" * (LONG + 1), "ver1.5"]
TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(st.sampled_from(TELLING), max_size=40).map("".join)


WORD = re.compile("[0-9A-Za-z０-９Ａ-Ｚａ-ｚ]")


def ends(line: str, at: int) -> bool:
    if line[at] in STOPS:
        return not (0 < at < len(line) - 1 and WORD.match(line[at - 1]) and WORD.match(line[at + 1]))
    return line[at] in ENDERS


def first_end(line: str) -> int:
    """Where the first sentence of a stripped line ends, before what belongs to it is taken in."""
    depth = inner = 0
    for at, char in enumerate(line):
        if at >= LONG and inner and not char.isspace():
            return inner
        depth = max(0, depth + (char in OPENERS) - (char in CLOSERS))
        if not ends(line, at):
            continue
        if depth == 0 or at >= LONG:
            return at + 1
        inner = at + 1
    return len(line)


def split(line: str) -> list[str]:
    found = []
    while line := line.strip():
        rest = line[(end := first_end(line)) :].lstrip(ENDING + "".join(filter(str.isspace, line)))
        found.append(line[: len(line) - len(rest)].rstrip() if end < len(line) else line)
        line = rest
    return found


def twin(text: str | None) -> list[int]:
    lengths = [len(sentence) for line in (text or "").split("\n") for sentence in split(line)]
    counts = {
        Sentence.SENTENCES: len(lengths),
        Sentence.CHARACTERS: sum(lengths),
        Sentence.LONGEST: max(lengths, default=0),
        Sentence.MEDIAN: median_low(lengths) if lengths else 0,
        Sentence.LONG_CHARACTERS: sum(length for length in lengths if length > LONG),
    }
    return [counts[kind] for kind in Sentence]


@settings(deadline=None)  # the first example compiles the kernel
@given(st.lists(st.none() | TEXT, max_size=4))
@example(["「あ。" + "い" * 300, "「" + "あ" * 300 + "。い。う。」", "(" + "あ。" * 300])
def test_kernel_counts_as_its_twin_does(texts):
    assert count_sentences(pa.array(texts, pa.string())).tolist() == [twin(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("雨が降る。風も吹く。", [5, 5]),
        ("雨が降る\n\n　風も吹く　\n", [4, 4]),
        ("「行くよ。待って。」と兄が言った。", [17]),
        ("やった！！（笑）次は明日。", [8, 5]),
        ("「もう帰る！」\n「うん」", [7, 4]),
        ("バージョン1.5と２．０を出す．次は未定", [16, 4]),
        ("See example.com for more. Thanks!", [25, 7]),
        ("待て...次号", [5, 2]),
        ("終わり。 ）次", [6, 1]),
        ("閉じない「かっこ。\n次の行。", [9, 4]),
        ("）だけ。次。", [4, 2]),
        (" \n　\n", []),
    ],
)
def test_where_sentences_end(text, lengths):
    counts = count_sentences(pa.array([text]))[0]
    assert counts.tolist() == [
        len(lengths),
        sum(lengths),
        max(lengths, default=0),
        median_low(lengths) if lengths else 0,
        0,
    ]


def test_a_bracket_that_is_never_closed_does_not_join_all_that_follows():
    counts = count_sentences(pa.array(["顔文字が（＾＾； 開いたまま。" + "それから十文字ずつ。" * 100]))[0]
    assert counts[Sentence.LONGEST] <= LONG
    assert counts[Sentence.LONG_CHARACTERS] == 0


def test_a_text_without_an_end_is_one_long_sentence():
    counts = count_sentences(pa.array(["あ" * LONG, "あ" * (LONG + 1)]))
    assert counts[:, Sentence.LONG_CHARACTERS].tolist() == [0, LONG + 1]


def test_a_long_text_of_open_brackets_is_read_in_one_pass():
    counts = count_sentences(pa.array(["「あ。" * 300_000]))[0]
    assert counts[Sentence.CHARACTERS] == 900_000


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=4))
def test_bytes_that_are_no_utf8_never_leave_their_row(payloads):
    counts = count_sentences(pa.array(payloads, pa.binary())).tolist()
    assert counts == [count_sentences(pa.array([payload], pa.binary()))[0].tolist() for payload in payloads]
