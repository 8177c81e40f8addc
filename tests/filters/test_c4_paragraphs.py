import pytest

from pipeline.filters.c4_paragraphs import C4Paragraphs


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("\n".join(["雨" * 200] * 3), []),
        ("\n".join(["雨" * 200, "見出し", "雨" * 300, "", "雨" * 200]), []),
        ("\n".join(["雨" * 200, "雨" * 199, "雨" * 900]), ["third_longest_line.min"]),
        ("雨" * 2000, ["third_longest_line.min"]),
        (None, ["third_longest_line.min"]),
    ],
)
def test_texts_with_fewer_than_three_long_lines_leave(verdicts, text, reasons):
    assert verdicts(C4Paragraphs(), text=[text]) == [reasons]
