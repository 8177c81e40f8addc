import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.gopher_lines import Mark, count_marks

TELLING = st.sampled_from([*"\n\r\v\x85\u2028 　•-#.…a犬", "\r\n", "...", "....", " ..", "・"])
TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(TELLING, max_size=40).map("".join)


def twin(text: str | None) -> list[int]:
    lines = (text or "").splitlines()
    counts = {
        Mark.LINES: len(lines),
        Mark.HASHES: (text or "").count("#"),
        Mark.ELLIPSES: (text or "").count("...") + (text or "").count("…"),
        Mark.BULLET_LINES: sum(line.lstrip().startswith(("•", "-")) for line in lines),
        Mark.ELLIPSIS_LINES: sum(line.rstrip().endswith(("...", "…")) for line in lines),
    }
    return [counts[mark] for mark in Mark]


@settings(deadline=None)  # the first example compiles the kernel
@given(st.lists(st.none() | TEXT))
def test_kernel_counts_as_its_twin_does(texts: list[str | None]) -> None:
    assert count_marks(pa.array(texts, pa.string())).tolist() == [twin(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "ellipses"),
    [("そして...", 1), ("……", 2), ("......", 2), (".....", 1), ("..\n.", 0), (".. .", 0), ("・・・", 0)],
)
def test_ellipses_do_not_overlap_and_do_not_cross_lines(text: str, ellipses: int) -> None:
    assert count_marks(pa.array([text]))[0, Mark.ELLIPSES] == ellipses


@pytest.mark.parametrize("line", ["• 牛乳", "　- 卵", "-", "\t•"])
def test_lines_that_open_with_a_bullet(line: str) -> None:
    assert count_marks(pa.array([line]))[0, Mark.BULLET_LINES] == 1


@pytest.mark.parametrize("line", ["・牛乳", "●卵", "牛乳-", "—", "", " "])
def test_lines_that_open_with_none_of_gopher(line: str) -> None:
    assert count_marks(pa.array([line]))[0, Mark.BULLET_LINES] == 0
