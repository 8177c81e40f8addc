import pyarrow as pa
import pytest

from pipeline.modifiers.c4_quality import C4Quality
from pipeline.stage import Outcome

PROSE = "朝から雨が降っていた。\n傘を忘れたことに気づいたのは駅に着いてからだ。\n走るしかない。走った。\n間に合った！"
DATATROVE = {"filter_no_terminal_punct": True, "min_words_per_line": 3, "max_word_length": 1000}
ENGLISH = "\n".join(f"This is line number {word} of a page." for word in ("one", "two", "three", "four", "five"))


def cleaned(stage: C4Quality, *texts: str | None) -> Outcome:
    outcome = stage.process(pa.record_batch({"text": pa.array(texts, pa.string())}))
    assert {name: column.type for name, column in outcome.columns.items()} == dict(stage.adds)
    return outcome


def reasons(outcome: Outcome, row: int = 0) -> list[str]:
    return [reason for reason, mask in outcome.drops.items() if mask[row]]


@pytest.mark.parametrize("text", [PROSE, PROSE.replace("\n", "\n\n"), PROSE.replace("\n", "")])
def test_japanese_prose_stays_as_it_is(text: str) -> None:
    outcome = cleaned(C4Quality(), text)
    assert reasons(outcome) == []
    assert outcome.columns["text"].to_pylist() == [text]


def test_datatroves_own_defaults_leave_english_alone_and_nothing_of_japanese() -> None:
    outcome = cleaned(C4Quality(**DATATROVE), ENGLISH, PROSE)
    assert reasons(outcome, 0) == []
    assert reasons(outcome, 1) == ["too_few_sentences"]
    assert outcome.columns["c4_quality.no_terminal_punct_lines"].to_pylist() == [0, 4]


@pytest.mark.parametrize(
    ("line", "rule", "options"),
    [
        ("このページを見るにはJavaScriptを有効にしてください。", "javascript", {}),
        ("当サイトの Privacy Policy をお読みください。", "policy", {}),
        ("ホーム", "few_words", {"min_words_per_line": 2}),
        ("あ" * 11, "long_word", {"max_word_length": 10}),
        ("続きを読む", "no_terminal_punct", {"filter_no_terminal_punct": True}),
        ("to be continued...", "no_terminal_punct", {"filter_no_terminal_punct": True}),
    ],
)
def test_a_line_is_taken_out_by_its_rule_and_counted(line: str, rule: str, options: dict[str, int]) -> None:
    kept = "It is so."
    outcome = cleaned(C4Quality(min_num_sentences=1, **options), f"{kept}\n{line}\n{kept}")
    assert outcome.columns["text"].to_pylist() == [f"{kept}\n{kept}"]
    counts = {name: values[0].as_py() for name, values in outcome.columns.items() if name.endswith("_lines")}
    assert {name: count for name, count in counts.items() if count} == {
        f"c4_quality.{rule}_lines": 1,
        "c4_quality.kept_lines": 2,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PROSE + "\nLorem Ipsum dolor", ["lorem_ipsum"]),
        (PROSE + "\nbody { margin: 0 }", ["curly_bracket"]),
        (PROSE + "\n{\nlorem ipsum", ["curly_bracket"]),
        (PROSE + "\nlorem ipsum {", ["lorem_ipsum"]),
        (PROSE + "\njavascript {", []),
        ("一文だけ。", ["too_few_sentences"]),
        ("{", ["curly_bracket", "too_few_sentences"]),
        ("", ["too_few_sentences"]),
        (None, ["too_few_sentences"]),
    ],
)
def test_a_text_leaves_for_the_rule_that_met_it_first(text: str | None, expected: list[str]) -> None:
    assert reasons(cleaned(C4Quality(), text)) == expected


def test_a_line_that_is_gone_condemns_nothing() -> None:
    text = PROSE + "\n{"
    assert reasons(cleaned(C4Quality(), text)) == ["curly_bracket"]
    assert reasons(cleaned(C4Quality(min_words_per_line=1, max_word_length=30), PROSE + "\n" + "{" * 31)) == []


def test_a_dropped_text_is_left_as_it_was() -> None:
    text = "見出し[1]\nlorem ipsum"
    assert cleaned(C4Quality(), text).columns["text"].to_pylist() == [text]


def test_citations_go_and_white_space_around_the_text_with_them() -> None:
    stage = C4Quality(min_num_sentences=0)
    outcome = cleaned(stage, "[1] 雨[edit]が降る。[citation needed][１２]\n[Edit] 風[a1]。 [3]")
    assert outcome.columns["text"].to_pylist() == ["雨が降る。\n[Edit] 風[a1]。"]
    assert (
        cleaned(stage.model_copy(update={"remove_citations": False}), "雨[1]。").columns["text"][0].as_py() == "雨[1]。"
    )


def test_without_paragraphs_sentences_are_judged_and_joined_by_spaces() -> None:
    stage = C4Quality(split_paragraph=False, min_num_sentences=2)
    outcome = cleaned(stage, "雨が降る。\nJavaScriptが必要です。風が吹く。", "雨が降る。")
    assert outcome.columns["text"][0].as_py() == "雨が降る。 風が吹く。"
    assert reasons(outcome, 1) == ["too_few_sentences"]
    assert outcome.columns["c4_quality.javascript_lines"].to_pylist() == [1, 0]


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ("filter_lorem_ipsum", "lorem ipsum"),
        ("filter_javascript", "javascript"),
        ("filter_curly_bracket", "{"),
        ("filter_policy", "cookie policy"),
    ],
)
def test_a_rule_that_is_off_lets_its_line_be(option: str, line: str) -> None:
    text = f"{PROSE}\n{line}"
    outcome = cleaned(C4Quality(**{option: False}), text)
    assert (reasons(outcome), outcome.columns["text"].to_pylist()) == ([], [text])
