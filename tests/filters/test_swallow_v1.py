from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.filters.swallow_v1 import SwallowV1
from pipeline.recipe import RecipeError, parse

PROSE = """祖父の家は山のふもとにあり、夏になると私は妹と二人で電車を乗り継いで遊びに行った。
駅に着くと、麦わら帽子をかぶった祖父が改札の外で手を振っているのが見えた。荷物を軽トラックの荷台に積み、川沿いの道をゆっくりと走る。
窓から入る風には、刈ったばかりの草と水のにおいが混じっていた。家に着けば祖母が冷やした西瓜を切ってくれる。
縁側に並んで種を飛ばし、誰がいちばん遠くまで届くかを競うのが毎年の決まりだった。
夕方には裏の畑で胡瓜や茄子をもぎ、竹の籠がいっぱいになるまで働いた。祖父は無口な人だったが、野菜の育て方だけは熱心に教えてくれた。
土が乾いたら朝のうちに水をやり、葉の裏に虫がいないか確かめること。枯れた葉は早めに取り、支柱にはゆるく紐を結ぶこと。
そのころの私には退屈な話でしかなかったのに、いまになって自分の小さな庭で同じことを繰り返している。
夜は蚊帳の中で寝た。遠くの田から蛙の声が波のように寄せてきて、気がつくといつも朝になっていた。
帰る日の朝、祖母は決まって握り飯を持たせ、祖父は何も言わずに電車が見えなくなるまで立っていた。"""


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (PROSE, []),
        (PROSE.replace("、", "，").replace("。", "．"), []),
        (PROSE[:399], ["num_letters.min", "num_japanese_letters.min"]),
        (PROSE.replace("\n", "\n\n\n"), ["duplicate_paragraph_fraction.max"]),
        (PROSE.replace("。", "、").replace("\n", ""), ["avg_sentence_length.max", "max_sentence_length.max"]),
        (PROSE.replace("、", "。"), ["avg_sentence_length.min"]),
        (PROSE.replace("。\n", "…\n"), ["ellipsis_fraction.max"]),
        (PROSE + "\n" + "".join(map(chr, range(0x3400, 0x3400 + 199))) + "。", []),
        (PROSE + "\n" + "".join(map(chr, range(0x3400, 0x3400 + 200))) + "。", ["max_sentence_length.max"]),
        (PROSE + "\n" + "ドコカニアルカタカナノマチ。" * 9, ["duplicate_sentence_fraction.max"]),
        (
            "",
            [
                "num_letters.min", "num_japanese_letters.min", "hiragana_fraction.min", "japanese_fraction.min",
                "avg_sentence_length.min",
            ],
        ),
    ],
)  # fmt: skip
def test_texts_that_break_a_published_rule_leave(verdicts, text, reasons):
    assert verdicts(SwallowV1(), text=[text]) == [reasons]


@pytest.fixture
def ng_words(tmp_path: Path) -> str:
    path = tmp_path / "ng.txt"
    path.write_text("西瓜\n西\n握り飯\n", encoding="utf-8")
    return str(path)


def test_words_of_a_list_are_weighed_against_japanese_letters(ng_words, verdicts):
    twentieth = "握り飯" + "あ" * 57
    found = verdicts(SwallowV1(ng_words=(ng_words,)), text=[PROSE, twentieth, twentieth + "あ", "ABC"])
    assert ["ng_fraction.max" in reasons for reasons in found] == [False, True, False, False]


def test_without_a_list_the_share_of_its_words_is_not_known():
    outcome = SwallowV1().process(pa.record_batch({"text": [PROSE]}))
    assert outcome.columns["swallow_v1.ng_fraction"].to_pylist() == [None]
    assert not outcome.drops["ng_fraction.max"].any()


def test_a_list_that_is_not_there_is_an_error_of_the_recipe():
    with pytest.raises(RecipeError, match="option `ng_words`: word list nowhere: "):
        parse({"name": "r", "steps": [{"swallow_v1": {"ng_words": ["nowhere"]}}]})


def test_the_content_of_the_list_is_part_of_what_the_step_is(ng_words):
    before = SwallowV1(ng_words=(ng_words,)).data()
    Path(ng_words).write_text("西瓜\n", encoding="utf-8")
    assert SwallowV1(ng_words=(ng_words,)).data() != before
