import pyarrow as pa
from datatrove.utils.text import TERMINAL_PUNCTUATION
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.fineweb_lines import PlainLine, count_plain_lines

SHORT = 3
TELLING = st.sampled_from([*"\n\n。.」 　\r\x85a犬", "同じ行。", "同じ行。\n", " 同じ行。"])
TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(TELLING, max_size=40).map("".join)


def twin(text: str | None) -> list[int]:
    lines = [line for line in (text or "").split("\n") if line.strip()]
    counts = {
        PlainLine.LINES: len(lines),
        PlainLine.TERMINATED: sum(line.endswith(tuple(TERMINAL_PUNCTUATION)) for line in lines),
        PlainLine.SHORT: sum(len(line) <= SHORT for line in lines),
        PlainLine.DUPLICATE_CHARACTERS: sum(len(line) for at, line in enumerate(lines) if line in lines[:at]),
    }
    return [counts[kind] for kind in PlainLine]


@settings(deadline=None)  # the first example compiles the kernel
@given(st.lists(st.none() | TEXT))
def test_kernel_counts_as_its_twin_does(texts: list[str | None]) -> None:
    assert count_plain_lines(pa.array(texts, pa.string()), SHORT).tolist() == [twin(text) for text in texts]


def test_a_line_is_taken_as_it_stands() -> None:
    counts = count_plain_lines(pa.array(["雨が降る。\r\n雨が降る。\n雨が降る。 \n雨が降る。"]), SHORT)[0]
    assert (counts[PlainLine.LINES], counts[PlainLine.TERMINATED]) == (4, 2)
    assert counts[PlainLine.DUPLICATE_CHARACTERS] == len("雨が降る。")


def test_copies_are_found_among_many_lines_and_in_one_text_only() -> None:
    text = "\n".join(f"{number:08d}番目の行" for number in range(50_000))
    counts = count_plain_lines(pa.array([text, text, text + "\n00000007番目の行"]), SHORT)
    assert counts[:, PlainLine.DUPLICATE_CHARACTERS].tolist() == [0, 0, 12]
