import re
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.modifiers.swallow import SwallowFooter, SwallowPunctuation
from pipeline.stage import Stage

JAPANESE = "[）」』］〕】〉》\u3041-\u3096\u30a1-\u30fa々〇〻\u3400-\u9fff\uf900-\ufaff]"
WORDS = ("次の記事", "前の記事", "トップ", "検索")
MARKS = st.text("、，。．あ亜ーＡ９^a「」\n", max_size=30) | st.text(st.characters(exclude_categories=["Cs"]))
LINES = st.lists(st.sampled_from(["", "雨だ。", "トップ", "検索してみた話", "前の記事次の記事"]), max_size=14).map(
    "\n".join
)


def rewritten(stage: Stage, texts: list[str | None]) -> list[str | None]:
    batch = pa.record_batch({"text": pa.array(["ずれ", *texts], pa.string())}).slice(1)
    return stage.process(batch).columns["text"].to_pylist()


def punctuated(text: str | None) -> str | None:
    """By the published regular expressions."""
    if text is None:
        return None
    before = text
    for ours, western in ("、，", "。．"):
        if len(re.findall(JAPANESE + ours, before)) < len(re.findall(JAPANESE + western, before)):
            target = re.compile(f"([^０-９^Ａ-Ｚ^ａ-ｚ])({western}+)")
            text = target.sub(lambda found, mark=ours: found[1] + mark * len(found[2]), text)
    return text


@settings(deadline=None, max_examples=100)
@given(st.lists(st.none() | MARKS, max_size=4))
def test_punctuation_is_that_of_the_published_rule(texts: list[str | None]) -> None:
    assert rewritten(SwallowPunctuation(), texts) == [punctuated(text) for text in texts]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("雨が降り，風が吹く．", "雨が降り、風が吹く。"),
        ("雨が降り，風が吹く。", "雨が降り、風が吹く。"),
        ("雨が、風が，", "雨が、風が，"),
        ("円周率は３．１４と習い，覚えた．", "円周率は３．１４と習い、覚えた。"),
        ("お待ちを．．．", "お待ちを。。。"),
        ("", ""),
        (None, None),
    ],
)
def test_western_punctuation_of_japanese_becomes_japanese(before: str | None, after: str | None) -> None:
    assert rewritten(SwallowPunctuation(), [before]) == [after]


@pytest.fixture(scope="module")
def footer(tmp_path_factory: pytest.TempPathFactory) -> SwallowFooter:
    path = tmp_path_factory.mktemp("lists") / "footer.txt"
    path.write_text("\n".join(WORDS), encoding="utf-8")
    return SwallowFooter(words=(str(path),))


def is_footer(line: str) -> bool:
    left = re.sub("|".join(sorted(WORDS, key=len, reverse=True)), "", line)
    return bool(line) and (len(line) - len(left)) / len(line) > 0.3


def trimmed(text: str | None) -> str | None:
    if text is None:
        return None
    lines = text.split("\n")
    start = max(0, len(lines) - 10)
    return "\n".join(lines[: next((at for at in range(start, len(lines)) if is_footer(lines[at])), len(lines))])


@settings(deadline=None, max_examples=100)
@given(texts=st.lists(st.none() | LINES | st.text(st.characters(exclude_categories=["Cs"])), max_size=4))
def test_footers_are_cut_as_the_twin_does(footer: SwallowFooter, texts: list[str | None]) -> None:
    assert rewritten(footer, texts) == [trimmed(text) for text in texts]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("雨が降った。\n前の記事\n次の記事\n長い本文のような行も消える。", "雨が降った。"),
        ("雨が降った。\n検索という語を含む長めの一行は残る。", "雨が降った。\n検索という語を含む長めの一行は残る。"),
        ("トップ\n" + "雨が降った。\n" * 10, "トップ\n" + "雨が降った。\n" * 10),
        ("トップ", ""),
        ("", ""),
    ],
)
def test_a_text_ends_before_the_first_footer_line_of_its_last_ten(
    footer: SwallowFooter, before: str, after: str
) -> None:
    assert rewritten(footer, [before]) == [after]


def test_without_a_list_nothing_is_cut() -> None:
    assert rewritten(SwallowFooter(), ["雨が降った。\nトップ"]) == ["雨が降った。\nトップ"]


def test_the_content_of_the_list_is_part_of_what_the_step_is(tmp_path: Path) -> None:
    path = tmp_path / "footer.txt"
    digests = []
    for word in ("トップ", "検索"):
        path.write_text(word, encoding="utf-8")
        digests.append(SwallowFooter(words=(str(path),)).data())
    assert digests[0] != digests[1]
