"""datatrove's own blocks as steps: their reasons, their rewriting, their metadata, and arguments they do not take."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from datatrove.data import Document
from datatrove.pipeline.filters.base_filter import BaseFilter
from datatrove.utils.text import split_into_sentences, split_into_words
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Write, carry_out, rows

from pipeline.fingerprint import stage_fingerprint
from pipeline.modifiers.datatrove_block import BLOCKS, JAPANESE, REFUSED, Datatrove, judge
from pipeline.plan import plan
from pipeline.recipe import RecipeError, load, parse
from pipeline.schema import RECORD
from pipeline.stage import Outcome

PROSE = (
    "港の朝は早い。まだ暗いうちから、船の灯りがひとつずつ沖へ出ていく。祖父はその数を数えるのが日課だった。\n"
    "帰ってこない灯りがあると、祖父は火鉢のそばで黙って待った。やがて最後の船が着くと、茶をいれて笑った。"
)
MENU = "ホーム\nお知らせ\nホーム\nお知らせ\nホーム\nお知らせ"
MAIL = "ご連絡は taro@example.jp または hanako@example.jp まで。"


def block(name: str, **options: Any) -> Datatrove:
    return Datatrove.model_validate({"block": name, **options})


def shown(stage: Datatrove, *texts: str | None, **columns: list[Any]) -> Outcome:
    count = len(texts)
    table = {"id": [f"d{row}" for row in range(count)], "text": list(texts)} | columns
    return stage.process(
        pa.RecordBatch.from_arrays(
            [pa.array(table.get(field.name, [None] * count), field.type) for field in RECORD], schema=RECORD
        )
    )


def reasons(outcome: Outcome) -> dict[str, list[bool]]:
    return {reason: mask.tolist() for reason, mask in outcome.drops.items()}


@pytest.mark.parametrize(
    ("name", "options", "text", "reason"),
    [
        ("GopherQualityFilter", {"min_doc_words": 50, "min_avg_word_length": None}, MAIL, "gopher_short_doc"),
        ("GopherQualityFilter", {"min_doc_words": 20}, PROSE, "gopher_below_avg_threshold"),
        (
            "GopherQualityFilter",
            {"min_doc_words": 20, "min_avg_word_length": 1, "min_stop_words": 2},
            PROSE,
            "gopher_enough_stop_words",
        ),
        ("GopherRepetitionFilter", {}, MENU, "dup_line_frac"),
        ("GopherRepetitionFilter", {"dup_line_frac": None, "dup_line_char_frac": None}, MENU, "top_2_gram"),
        ("FineWebQualityFilter", {}, MENU, "line_punct_ratio"),
        ("FineWebQualityFilter", {"stop_chars": ["せ"]}, MENU, "short_line_ratio"),
        ("FineWebQualityFilter", {"line_punct_thr": 0, "short_line_thr": 1}, MENU, "char_dup_ratio"),
        ("C4ParagraphFilter", {}, PROSE, "below_3_paragraphs"),
        ("C4QualityFilter", {}, PROSE, "too_few_sentences"),
        ("C4QualityFilter", {"filter_no_terminal_punct": False, "min_words_per_line": 1}, "{" + PROSE, "curly_bracket"),
        ("RegexFilter", {"regex_exp": "火鉢"}, PROSE, "dropped"),
    ],
)
def test_a_filter_drops_for_its_own_reason(name: str, options: dict[str, Any], text: str, reason: str) -> None:
    outcome = shown(block(name, **options), text)
    assert reasons(outcome) == {reason: [True]}
    assert outcome.columns["text"].to_pylist() == [text]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        (
            "GopherQualityFilter",
            {"min_doc_words": 20, "min_avg_word_length": 1, "min_stop_words": 2, "stop_words": ["の", "は", "と"]},
        ),
        ("GopherRepetitionFilter", {}),
        ("FineWebQualityFilter", {}),
        ("RegexFilter", {"regex_exp": "広告"}),
        (
            "C4QualityFilter",
            {"filter_no_terminal_punct": False, "min_words_per_line": 1, "min_num_sentences": 5},
        ),
    ],
)
def test_japanese_prose_stays_as_it_is_under_fitting_options(name: str, options: dict[str, Any]) -> None:
    outcome = shown(block(name, **options), PROSE)
    assert reasons(outcome) == {}
    assert outcome.columns["text"].to_pylist() == [PROSE]
    assert outcome.columns["metadata"].to_pylist() == [None]


@pytest.mark.parametrize(
    ("name", "options", "before", "after"),
    [
        ("SymbolLinesFormatter", {}, "見出し\n***\n---\n本文です。", "見出し\n本文です。"),
        ("SymbolLinesFormatter", {"symbols_to_remove": ["・"]}, "一\n・・・\n***", "一\n***"),
        ("FTFYFormatter", {}, "ｶﾞｷﾞ㈱\x07", "ｶﾞｷﾞ㈱"),
        ("FTFYFormatter", {"normalization": "NFKC"}, "ｶﾞ１㈱", "ガ1(株)"),
        ("PIIFormatter", {"email_replacement": "［メール］"}, MAIL, "ご連絡は ［メール］ または ［メール］ まで。"),
        (
            "C4QualityFilter",
            {"filter_no_terminal_punct": False, "min_words_per_line": 1, "min_num_sentences": -1},
            "JavaScriptを有効にしてください。\n霧が出た。",
            "霧が出た。",
        ),
    ],
)
def test_rewritten_text_is_taken_over(name: str, options: dict[str, Any], before: str, after: str) -> None:
    outcome = shown(block(name, **options), before, "そのまま。", None)
    assert outcome.columns["text"].to_pylist() == [after, "そのまま。", None]
    assert reasons(outcome) == {}


def test_no_document_depends_on_those_before_it() -> None:
    together = shown(block("PIIFormatter"), *[MAIL] * 3).columns["text"].to_pylist()
    assert len(set(together)) == 1
    assert together[0] == "ご連絡は email@example.com または firstname.lastname@example.org まで。"


class Marks(BaseFilter):  # type: ignore[misc]  # datatrove has no types
    """Writes into text and metadata, and drops what is marked."""

    def filter(self, doc: Document) -> tuple[bool, str]:
        doc.metadata["seen"] = sorted(doc.metadata)
        doc.metadata.setdefault("tags", []).append("x")
        doc.text = "改"
        return doc.id != "drop", "Marked: <５%"


def test_metadata_that_a_block_adds_is_kept_with_what_was_there() -> None:
    own = json.dumps({"tags": ["a"], "n": 1})
    verdict = judge(Marks(), "元", own, {"id": "keep", "url": "https://a.example/", "date": None})
    assert json.loads(verdict.metadata or "") == {"tags": ["a", "x"], "n": 1, "seen": ["n", "tags", "url"]}
    assert (verdict.text, verdict.reason) == ("改", None)


def test_a_dropped_document_keeps_its_text_and_gets_a_safe_reason() -> None:
    verdict = judge(Marks(), "元", None, {"id": "drop"})
    assert (verdict.text, verdict.reason) == ("元", "marked_below")
    assert json.loads(verdict.metadata or "") == {"seen": [], "tags": ["x"]}


class Strange(BaseFilter):  # type: ignore[misc]
    """Adds what no JSON holds."""

    def filter(self, doc: Document) -> bool:
        doc.metadata["x"] = {1, 2} if doc.text == "set" else float("nan")
        return True


@pytest.mark.parametrize(("text", "error"), [("set", TypeError), ("nan", ValueError)])
def test_metadata_that_cannot_be_stored_is_an_error_of_the_document(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        judge(Strange(), text, None, {})


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_words_lie_in_the_text_in_order_and_sentences_are_the_whole_text(text: str) -> None:
    assert "".join(text[start:end] for start, end in JAPANESE.span_tokenize(text)) == text
    at = 0
    for word in split_into_words(text, JAPANESE):
        at = text.index(word, at) + len(word)
        assert word.strip()


def test_words_and_sentences_are_japanese() -> None:
    assert split_into_words("霧が出た。", JAPANESE) == ["霧", "が", "出", "た", "。"]
    text = "「はい。」と言った。\n本当（！）か？終わり"
    assert split_into_sentences(text, JAPANESE) == ["「はい。」", "と言った。\n", "本当（！）", "か？", "終わり"]


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"block": "GopherQualtyFilter"}, ["option `block`", "did you mean `GopherQualityFilter`?"]),
        ({}, ["option `block`", "required"]),
        (
            {"block": "GopherQualityFilter", "min_doc_wrds": 5},
            ["option `min_doc_wrds`", "GopherQualityFilter takes no such argument; did you mean `min_doc_words`?"],
        ),
        ({"block": "GopherQualityFilter", "min_doc_words": "many"}, ["option `min_doc_words`: must be a number"]),
        ({"block": "C4QualityFilter", "filter_policy": 3}, ["option `filter_policy`: must be true or false"]),
        ({"block": "RegexFilter"}, ["option `regex_exp`", "required"]),
        ({"block": "RegexFilter", "regex_exp": "("}, ["option `block`", "missing )"]),
        ({"block": "C4ParagraphFilter", "exclusion_writer": "x"}, ["option `exclusion_writer`", "excluded/"]),
        ({"block": "FineWebQualityFilter", "language": "ja"}, ["option `language`: only with `words: datatrove`"]),
        ({"block": "FineWebQualityFilter", "words": "datatrove", "language": "nowhere"}, ["'nowhere'"]),
        ({"block": "URLFilter"}, ["use the step `url`"]),
        ({"block": "LambdaFilter"}, ["cannot hold a function"]),
        ({"block": "C4ParagraphFilter", "label": "ÄÖ"}, ["option `label`"]),
    ],
    ids=str,
)
def test_wrong_options_are_named_with_the_nearest_right_one(options: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(RecipeError) as caught:
        parse({"name": "x", "steps": [{"datatrove": options}]})
    for part in ("step 1 `datatrove`", *parts):
        assert part in str(caught.value)


@pytest.mark.skipif(find_spec("spacy") is not None, reason="spaCy is installed")
def test_a_missing_package_is_named_before_any_work() -> None:
    options = {"block": "GopherQualityFilter", "words": "datatrove", "language": "jpn_Jpan"}
    with pytest.raises(RecipeError, match="pip install spacy"):
        parse({"name": "x", "steps": [{"datatrove": options}]})


@pytest.mark.parametrize("name", sorted(BLOCKS.keys() - REFUSED.keys()))
def test_every_block_that_is_not_refused_runs(name: str) -> None:
    stage = block(name, **({"regex_exp": "x"} if name == "RegexFilter" else {}))
    outcome = shown(stage, PROSE)
    assert len(outcome.columns["text"]) == 1
    assert stage.name() in {"pii_formatter", "ftfy_formatter", "fine_web_quality_filter"} | {
        "c4_paragraph_filter",
        "c4_quality_filter",
        "gopher_quality_filter",
        "gopher_repetition_filter",
        "regex_filter",
        "symbol_lines_formatter",
    }


def test_what_is_refused_exists() -> None:
    assert REFUSED.keys() < BLOCKS.keys()


TWICE = """\
name: two
steps:
  - datatrove: {block: RegexFilter, regex_exp: 広告}
  - datatrove: {block: RegexFilter, regex_exp: 火鉢%s}
  - datatrove: {block: PIIFormatter}
"""


def test_a_block_twice_needs_a_label(tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(TWICE % "", encoding="utf-8")
    with pytest.raises(RecipeError, match=r":4: step 2: `regex_filter` stands twice"):
        load(path)
    path.write_text(TWICE % ", label: hibachi", encoding="utf-8")
    recipe = load(path, ["regex_filter_hibachi.regex_exp=炬燵", "pii_formatter.remove_ips=false"])
    assert [step.name() for step in recipe.steps] == ["regex_filter", "regex_filter_hibachi", "pii_formatter"]
    assert [step.model_extra for step in recipe.steps] == [
        {"regex_exp": "広告"},
        {"regex_exp": "炬燵"},
        {"remove_ips": False},
    ]
    with pytest.raises(RecipeError, match="`datatrove` stands 3 times; name one: `regex_filter`, `regex_filter_hib"):
        load(path, ["datatrove.regex_exp=x"])
    with pytest.raises(RecipeError, match=r"--set pii_formatter.remove_ip=1: step 3 `datatrove`: .*`remove_ips`"):
        load(path, ["pii_formatter.remove_ip=1"])


def test_arguments_are_part_of_the_fingerprint_and_of_the_resolved_recipe() -> None:
    one, other = (block("RegexFilter", regex_exp=pattern) for pattern in ("a", "b"))
    assert stage_fingerprint(one) == stage_fingerprint(block("RegexFilter", regex_exp="a"))
    assert stage_fingerprint(one) != stage_fingerprint(other)
    assert "datatrove" in stage_fingerprint(one)["libraries"]
    recipe = parse(
        {"name": "x", "steps": [{"datatrove": {"block": "FineWebQualityFilter", "stop_chars": ["。", "」"]}}]}
    )
    assert parse(json.loads(json.dumps(recipe.resolved()))) == recipe
    assert plan(recipe).columns().keys() == {"text", "metadata"}


def test_in_a_run_each_document_is_kept_dropped_or_quarantined(write_recipe: Write, tmp_path: Path) -> None:
    texts = [PROSE, MENU, "---\n" + PROSE, *[PROSE + str(number) for number in range(8)], ""]
    lines = [json.dumps({"id": str(row), "text": text}) for row, text in enumerate(texts)]
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    quality = {"block": "FineWebQualityFilter", "line_punct_thr": 0, "char_duplicates_ratio": 1, "short_line_thr": 2}
    recipe = write_recipe([{"datatrove": {"block": "SymbolLinesFormatter"}}, {"datatrove": quality}])
    result = carry_out(recipe, tmp_path / "in.jsonl", tmp_path / "run")
    assert result.ledger
    steps = {step["name"]: step for step in result.ledger["steps"]}
    assert steps["fine_web_quality_filter"]["dropped"] == {
        "fine_web_quality_filter.empty": 1,
        "fine_web_quality_filter.list_ratio": 1,
    }
    kept = {row["id"]: row["text"] for row in rows(tmp_path / "run", "corpus")}
    assert kept["2"] == PROSE
    assert result.ledger["kept"] == len(kept) == 10


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_document_on_which_a_block_raises_is_quarantined(write_recipe: Write, tmp_path: Path) -> None:
    texts = [*[PROSE + str(number) for number in range(8)], ""]
    lines = [json.dumps({"id": str(row), "text": text}) for row, text in enumerate(texts)]
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    options = {"min_avg_word_length": None, "max_avg_word_length": None, "min_doc_words": None, "min_stop_words": None}
    recipe = write_recipe([{"datatrove": {"block": "GopherQualityFilter", **options}}])
    result = carry_out(recipe, tmp_path / "in.jsonl", tmp_path / "run")
    assert result.ledger
    assert (result.ledger["kept"], result.ledger["failed"]) == (8, 1)
    (failed,) = rows(tmp_path / "run", "quarantine")
    assert (failed["id"], failed["reason"]) == ("8", "gopher_quality_filter.ZeroDivisionError")


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "options"),
    [("RegexFilter", {"regex_exp": "ゲーム"}), ("GopherRepetitionFilter", {}), ("FineWebQualityFilter", {})],
)
def test_a_step_decides_as_the_block_itself_does(shared_data: Path, name: str, options: dict[str, Any]) -> None:
    with (shared_data / "c_text_blog_danmaq" / "danmaq_blog.jsonl").open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line, _ in zip(lines, range(60), strict=False)]
    dropped = reasons(shown(block(name, **options), *texts))
    own = BLOCKS[name](**options, **({} if name == "RegexFilter" else {"language": JAPANESE}))
    for row, text in enumerate(texts):
        result = own.filter(Document(text, ""))
        expected = [] if result is True else [result[1] if isinstance(result, tuple) else "dropped"]
        assert [reason for reason, mask in dropped.items() if mask[row]] == expected
    assert 0 < sum(map(sum, dropped.values())) < len(texts)
