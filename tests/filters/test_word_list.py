from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.filters.word_list import WordList
from pipeline.recipe import RecipeError, parse
from pipeline.stage import Interval
from pipeline.text.chars import CHAR_COUNTS, as_column, count_chars

WORDS = "送料無料\n限定\nセール\n"


@pytest.fixture
def words(tmp_path: Path) -> tuple[str, ...]:
    path = tmp_path / "shop.txt"
    path.write_text(WORDS, encoding="utf-8")
    return (str(path),)


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("川べりを歩いた。", []),
        ("限定セール、送料無料。", ["hits.max", "distinct.max", "characters_share.max"]),
        ("限定、限定、限定。" + "普通の文がその後に長く続くなら薄まる。" * 10, ["hits.max"]),
        ("セールスマンの死", []),
        ("", []),
        (None, []),
    ],
)
def test_texts_with_many_words_of_the_list_leave(words, verdicts, text, reasons):
    stage = WordList(words=words, hits=Interval(max=2), distinct=Interval(max=2), characters_share=Interval(max=0.5))
    assert verdicts(stage, text=[text]) == [reasons]


def test_the_guard_can_be_switched_off(words, verdicts):
    stage = WordList(words=words, katakana_guard=False, hits=Interval(max=0))
    assert verdicts(stage, text=["セールスマンの死"]) == [["hits.max"]]


def test_a_label_names_the_step_and_its_columns(words):
    batch = pa.record_batch({"text": ["限定セール"]})
    batch = batch.append_column(CHAR_COUNTS, as_column(count_chars(batch["text"])))
    outcome = WordList(label="shop", words=words).process(batch)
    assert outcome.columns["word_list_shop.hits"].to_pylist() == [2]
    assert dict(WordList(label="shop", words=words).added()) == {
        name: column.type for name, column in outcome.columns.items()
    }


def test_a_recipe_holds_it_several_times_under_different_labels(words):
    steps = [{"word_list": {"label": label, "words": list(words)}} for label in ("shop", "news")]
    assert [step.name() for step in parse({"name": "r", "steps": steps}).steps] == ["word_list_shop", "word_list_news"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"words": ["nowhere.txt"]}, "option `words`: word list nowhere.txt: No such file"),
        ({"words": ["hojichar:nothing_like_this"]}, "option `words`: word list hojichar:nothing_like_this: "),
        ({"label": "Big Shop"}, "option `label`: "),
    ],
)
def test_a_list_that_is_not_there_is_an_error_of_the_recipe(options, message):
    with pytest.raises(RecipeError, match=message):
        parse({"name": "r", "steps": [{"word_list": options}]})


def test_the_content_of_a_list_is_part_of_what_the_step_is(words):
    before = WordList(words=words).data()
    Path(words[0]).write_text(WORDS + "特価\n", encoding="utf-8")
    after = WordList(words=words).data()
    assert before.keys() == after.keys()
    assert before != after
