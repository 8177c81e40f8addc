import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.c4_paragraphs import third_longest_lines


def twin(text: str | None) -> int:
    return sorted([0, 0, 0, *map(len, (text or "").split("\n"))])[-3]


@settings(deadline=None)  # the first example compiles the kernel
@given(st.lists(st.none() | st.text(st.sampled_from("\n\n\rあa𠮷"))))
def test_kernel_measures_as_its_twin_does(texts: list[str | None]) -> None:
    assert third_longest_lines(pa.array(texts, pa.string())).tolist() == [twin(text) for text in texts]
