import pyarrow as pa
import pytest

from pipeline.modifiers.boilerplate import Boilerplate
from pipeline.stage import Interval
from pipeline.text.chars import CHAR_COUNTS, as_column, count_chars

SENTENCE = "駅前に新しい喫茶店ができたと聞いて、日曜日の朝に行ってみた。"
NAVIGATION = "ホーム\n会社概要\n採用情報\nお問い合わせ\nサイトマップ"


def outcome(stage, texts):
    column = pa.array(texts, pa.string())
    return stage.process(pa.record_batch({"text": column, CHAR_COUNTS.name: as_column(count_chars(column))}))


def reasons(stage, texts):
    drops = outcome(stage, texts).drops
    return [[reason for reason, rows in drops.items() if rows[place]] for place in range(len(texts))]


def test_the_text_loses_its_navigation_and_the_signals_say_so():
    result = outcome(Boilerplate(), [f"{NAVIGATION}\n\n{SENTENCE}\n{SENTENCE}\nページの先頭へ", None])
    assert result.columns["text"].to_pylist() == [f"{SENTENCE}\n{SENTENCE}", None]
    assert result.columns["boilerplate.trimmed_lines"].to_pylist() == [6, 0]
    assert result.columns["boilerplate.characters_share"].to_pylist() == [pytest.approx(30 / 90), 0]
    assert not any(mask.any() for mask in result.drops.values())


def test_a_page_of_little_else_leaves_for_its_share():
    texts = [f"{NAVIGATION}\n{NAVIGATION}\n{SENTENCE}", NAVIGATION, SENTENCE, "", None]
    assert reasons(Boilerplate(), texts) == [["characters_share.max"], ["characters_share.max"], [], [], []]


def test_the_lines_taken_can_be_bounded():
    stage = Boilerplate(characters_share=Interval(), trimmed_lines=Interval(max=4))
    assert reasons(stage, [f"{NAVIGATION}\n{SENTENCE}"]) == [["trimmed_lines.max"]]


def test_a_step_of_a_recipe_says_that_it_rewrites_the_text():
    assert Boilerplate().added() == Boilerplate.adds
    assert "text" in Boilerplate.adds
