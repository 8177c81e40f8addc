import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.filters.hojichar import Hojichar, HojicharWords
from pipeline.text.hojichar import HojiChar, count_hojichar

SENTENCES = (
    "朝から雨が降っていたので、傘を持って家を出た。駅までの道は思ったより空いていて、少し早く着いてしまった。"
    "売店で温かいお茶を買い、ベンチに座って電車を待つあいだ、向かいのホームに立つ人たちをぼんやりと眺めていた。"
    "やがて雲が切れて、線路の上に薄い光が差した。こんな日も悪くない、と思いながら、私は手帳を開いて今日の予定を"
    "確かめた。午後からは図書館で古い地図を調べ、夕方には友人と会って、久しぶりにゆっくり話をするつもりだ。"
)


def swap(old: str, new: str) -> str:
    return SENTENCES.replace(old, new)


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (SENTENCES, []),
        (swap("。", "。\n"), []),
        (swap("。", "。\n\n"), ["short_lines.max"]),
        (SENTENCES[:150], ["characters.min"]),
        ("Kyoto, Nara, Osaka, Kobe, Otsu, Tsu, Gifu, Nagoya! " + SENTENCES, ["kana_at_head.min"]),
        (swap("。", "、"), ["characters_per_kuten.max"]),
        (SENTENCES + "、".join(f"20{n}年1月{n}日" for n in range(10, 24)), []),
        (SENTENCES + "、".join(f"20{n}年1月{n}日" for n in range(10, 25)), ["board_marks.max"]),
        (SENTENCES + "、".join(f"２０{n}/1/{n}" for n in range(10, 25)), ["board_marks.max"]),
        (SENTENCES + "二〇-" * 15, ["board_marks.max"]),
        (SENTENCES + "(月)" * 14, []),
        (SENTENCES * 3, []),
        (SENTENCES + "よく売れています。" * 60, ["char_repetition.max"]),
        (SENTENCES + "".join(map(chr, range(0x2600, 0x26D0))), ["special_characters.max"]),
        (SENTENCES * 3 + "あ" * 199, []),
        (SENTENCES * 3 + "あ" * 200, ["longest_run.max"]),
        (
            SENTENCES
            + "\n続きが気になるところで文が終わる…\n途中で切れた記事の見出しが並ぶ...\n最後の行はただの行である。",
            [],
        ),
        ("春の予定についてのお知らせ…\n" * 3 + SENTENCES, ["ending_ellipses.max"]),
        ("\n\n\n" + SENTENCES, ["short_lines.max"]),
        ("", ["characters.min", "kana_at_head.min", "short_lines.max"]),
        (None, ["characters.min", "kana_at_head.min", "short_lines.max"]),
    ],
)
def test_texts_that_break_a_character_rule_leave(verdicts, text, reasons):
    assert verdicts(Hojichar(), text=[text]) == [reasons]


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (SENTENCES, []),
        ("りんご・みかん・バナナ・ぶどう・いちご", ["noun_share.max"]),
        ("雨が降ったので家にいて本を読んだ。" * 4, ["word_repetition.max"]),
        ("", []),
        (None, []),
    ],
)
def test_texts_that_break_a_word_rule_leave(verdicts, text, reasons):
    assert verdicts(HojicharWords(), text=[text]) == [reasons]


def twin(text: str | None) -> list[int]:
    text = text or ""
    ends = text.split("\n")[:-1]
    runs = [0]
    for at, char in enumerate(text):
        runs.append(runs[-1] + 1 if at and text[at - 1] == char else 1)
    counts = {
        HojiChar.KANA_AT_HEAD: sum("ぁ" <= char <= "ん" or "ァ" <= char <= "ン" for char in text[:50]),
        HojiChar.KUTEN: text.count("。"),
        HojiChar.NEWLINES: text.count("\n"),
        HojiChar.ELLIPSES: sum(line.endswith(("…", "...")) for line in ends),
        HojiChar.SHORT_LINES: sum(len(line) <= 10 for line in text.split("\n")),
        HojiChar.LONGEST_RUN: max(runs),
    }
    return [counts[kind] for kind in HojiChar]


TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(
    st.sampled_from([*"。…\n.あンヴー𠮷", "...", "...\n", "十文字ちょうどです。"]), max_size=60
).map("".join)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.none() | TEXT, max_size=5))
def test_kernel_counts_as_its_twin_does(texts: list[str | None]) -> None:
    assert count_hojichar(pa.array(texts, pa.string())).tolist() == [twin(text) for text in texts]
