"""Words as places in the text: what fugashi finds line by line, white space aside."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.words import LONGEST_PIECE, WORDS, PartOfSpeech, fill, segment, tagger, word_arrays


def surfaces(text: str) -> list[str]:
    (words,) = segment(pa.array([text])).to_pylist()
    content = text.encode()
    return [content[word["start"] : word["end"]].decode() for word in words]


def twin(text: str) -> list[str]:
    """Read the tagger's own output, line by line: each word lies between two of its ends, parted at white space."""
    found = []
    for line in text.replace("\0", " ").split("\n"):
        content, begin = line.encode(), 0
        if line:
            for end in map(int, tagger().parse(line).split(",")[:-2:2]):
                found += content[begin:end].decode().split()
                begin = end
    return found


def test_words_are_those_of_the_dictionary_with_their_parts_of_speech() -> None:
    text = "私は 東京で働く。"
    (words,) = segment(pa.array([text])).to_pylist()
    assert surfaces(text) == ["私", "は", "東京", "で", "働く", "。"]
    assert [PartOfSpeech(word["pos"]).name for word in words] == [
        "PRONOUN",
        "PARTICLE",
        "NOUN",
        "PARTICLE",
        "VERB",
        "PUNCTUATION",
    ]


@pytest.mark.parametrize(
    ("word", "kind"),
    [("犬", "NOUN"), ("ΑΒΓ", "NOUN"), ("qwertz", "NOUN"), ("2026", "NOUN"), ("](", "SYMBOL"), ("_", "SYMBOL")],
)
def test_words_that_the_dictionary_lacks_are_nouns_or_symbols(word: str, kind: str) -> None:
    (words,) = segment(pa.array([word])).to_pylist()
    assert [PartOfSpeech(found["pos"]).name for found in words] == [kind]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\n\t　\n", []),
        ("春\n夏", ["春", "夏"]),
        ("a  b\tc\r\n", ["a", "b", "c"]),
        ("雪\0国", ["雪", "国"]),
        ("　字下げ", ["字下げ"]),
        ("（ ゜Д゜）", ["（", "゜Д゜）"]),
        ("★　★", ["★", "★"]),
    ],
)
def test_white_space_and_nul_are_no_words(text: str, expected: list[str]) -> None:
    assert surfaces(text) == expected


def test_a_line_is_segmented_as_if_it_stood_alone() -> None:
    lines = ["すもももももももものうち", "東京都", "庁舎の前で会う。"]
    assert surfaces("\n".join(lines)) == [word for line in lines for word in surfaces(line)]


@given(st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_text_gives_the_words_that_the_tagger_prints(text: str) -> None:
    assert surfaces(text) == twin(text)


@pytest.mark.parametrize("unit", ["あいう", "𠮷野", "x"])
def test_long_lines_are_cut_between_characters_and_nothing_is_lost(unit: str) -> None:
    text = unit * (3 * LONGEST_PIECE // len(unit.encode()))
    assert "".join(surfaces(text)) == text


def test_bytes_that_are_no_utf8_are_refused() -> None:
    broken = pa.array([b"\xe3\x81\x82\xff", b"\x80" * 3 * LONGEST_PIECE]).cast(pa.binary()).view(pa.string())
    for row in range(2):
        with pytest.raises(UnicodeDecodeError):
            segment(broken.slice(row, 1))


def test_a_null_has_no_words_and_a_slice_has_its_own() -> None:
    texts = pa.array(["海へ行く。", None, "山"])
    assert segment(texts).is_null().to_pylist() == [False, True, False]
    assert segment(texts.slice(2)).to_pylist() == segment(texts).to_pylist()[2:]


def test_only_words_that_are_not_known_are_filled_in() -> None:
    texts = ["海へ行く。", "山へ行く。", "川"]
    planted = [[{"start": 0, "end": 3, "pos": 7}], None, None]
    batch = pa.RecordBatch.from_arrays(
        [pa.array(texts), pa.array(planted, WORDS.type)], schema=pa.schema([("text", pa.string()), WORDS])
    )
    filled = fill(batch)["words"]
    assert filled.to_pylist() == [planted[0], *segment(pa.array(texts[1:])).to_pylist()]
    offsets, starts, ends, _ = word_arrays(filled)
    assert offsets.size == len(texts) + 1
    assert starts.size == ends.size == offsets[-1]
