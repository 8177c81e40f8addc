import re
import unicodedata

import pyarrow as pa
import pytest
from datatrove.utils.text import TERMINAL_PUNCTUATION
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.c4_lines import FATAL, FIRST_FATAL, KINDS, PHRASES, SENTENCES, Line, Rules, rewrite

CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
ALL_PHRASES = frozenset(PHRASES.values())
RULES = st.builds(
    Rules, st.booleans(), st.booleans(), st.booleans(), st.sampled_from([0, 1, 3]), st.sampled_from([2, 9, 10**6])
)
CHOSEN = st.frozensets(st.sampled_from(sorted(ALL_PHRASES)))
TELLING = st.sampled_from(
    [
        *("\n\n\r \u3000\x85[]12.。？'\"{あ"),
        *("...", "[１２]", "3.14", "[edit]", "[EDIT]", "[citation needed]", "あ い う。", "。」", "文です。"),
        *(*PHRASES, "JavaScript", "Terms of Use", "use  cookies"),
    ]
)
TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(TELLING, max_size=40).map("".join)


def sentences(text: str) -> list[str]:
    """Sentences by the rule of spaCy's sentencizer, with characters in the place of its tokens."""
    found, ended = [""], False
    points = {match.start() for match in re.finditer(r"(?<=\d)[.．](?=\d)", text)}
    for at, char in enumerate(text):
        terminal = char in TERMINAL_PUNCTUATION and at not in points
        if ended and not (terminal or char == " " or unicodedata.category(char).startswith("P")):
            found.append("")
            ended = False
        found[-1] += char
        ended |= terminal
    return found if text else []


def judge(line: str, words: list[str], rules: Rules, phrases: frozenset[Line]) -> Line:
    if any(len(word) > rules.longest_word for word in words):
        return Line.LONG_WORD
    if rules.terminated and (not line.endswith((".", "?", "!", '"', "'")) or line.endswith("...")):
        return Line.NO_TERMINAL_PUNCT
    if len(words) < rules.least_words:
        return Line.FEW_WORDS
    small = "".join(char.lower() if char.isascii() else char for char in line)
    return min((rule for phrase, rule in PHRASES.items() if rule in phrases and phrase in small), default=Line.KEPT)


def twin(text: str, rules: Rules, phrases: frozenset[Line]) -> tuple[str, list[int]]:
    kept, counts = [], [0] * (KINDS + 2)
    for part in text.splitlines() if rules.by_line else sentences(text):
        line = CITATION.sub("", part.strip()) if rules.citations else part.strip()
        fate = judge(line, part.split(), rules, phrases)
        counts[fate] += 1
        if fate in FATAL:
            counts[FIRST_FATAL] = counts[FIRST_FATAL] or fate
        if fate is Line.KEPT:
            counts[SENTENCES] += len(sentences(line)) if rules.by_line else 1
            kept.append(line)
    return ("\n" if rules.by_line else " ").join(kept).strip(), counts


@settings(deadline=None, max_examples=300)  # the first example compiles the kernel
@given(st.lists(TEXT, max_size=3), RULES, CHOSEN)
def test_kernel_rewrites_as_its_twin_does(texts: list[str], rules: Rules, phrases: frozenset[Line]) -> None:
    left, counts = rewrite(pa.array(texts, pa.string()), rules, phrases)
    expected = [twin(text, rules, phrases) for text in texts]
    assert list(zip(left.to_pylist(), counts.tolist(), strict=True)) == expected


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_nulls_stay_and_slices_and_kinds_are_rewritten_alike(kind: pa.DataType) -> None:
    texts = pa.array(["一行目。\n{二行目}", None, "三行目。 [3]\n"], kind)[1:]
    left, counts = rewrite(texts, Rules(True, True, False, 0, 100), ALL_PHRASES)
    assert left.type == kind
    assert left.to_pylist() == [None, "三行目。"]
    assert counts[:, Line.KEPT].tolist() == [0, 1]


def test_bytes_that_are_no_utf8_pass_unchanged() -> None:
    broken = b"\xe3\x80 \x80\xff\xc2"
    left, _ = rewrite(pa.array([broken]).view(pa.string()), Rules(True, True, False, 0, 100), ALL_PHRASES)
    assert left.cast(pa.binary()).to_pylist() == [broken]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("雨が降る。風が吹く。", 2),
        ("行くの？！ 行かない……。", 2),
        ("「行くよ。」と言った。", 2),
        ("句点のない一行", 1),
        ("一つ目。二つ目", 2),
        ("3.14 は円周率。１．５倍。", 2),
        ("第1章. 2節", 2),
        ("ver.2", 2),
        ("", 0),
    ],
)
def test_sentences_end_with_terminal_punctuation_and_what_follows_it(text: str, count: int) -> None:
    _, counts = rewrite(pa.array([text]), Rules(True, True, False, 0, 100), ALL_PHRASES)
    assert counts[0, SENTENCES] == count
