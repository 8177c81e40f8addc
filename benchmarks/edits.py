"""What happens to a text between two copies of it on the web, as seeded edits."""

import random
import re
from collections.abc import Callable, Mapping

Edit = Callable[[str, random.Random], str]

MENU = (
    *(
        "トップ",
        "新着",
        "ランキング",
        "検索",
        "地図",
        "天気",
        "占い",
        "料理",
        "住まい",
        "引っ越し",
        "転職",
        "学習",
        "健康",
    ),
    *(
        "旅行",
        "温泉",
        "鉄道",
        "写真",
        "動画",
        "音楽",
        "映画",
        "野球",
        "囲碁",
        "園芸",
        "手芸",
        "読書",
        "教育",
        "経済",
        "政治",
    ),
    *(
        "シェアする",
        "友だちに送る",
        "ブックマーク",
        "コメントを書く",
        "前の記事",
        "次の記事",
        "一覧にもどる",
        "印刷する",
    ),
    *("会社案内", "採用情報", "利用規約", "個人情報の扱い", "お問い合わせ", "広告の掲載", "よくある質問", "ログイン"),
)
LINKS = 55
"""Links of a site; about 200 characters without the spaces between them."""
STRANGERS = "鮫鮪鰯鰹鱈鯖鯛鰻"
WIDE_MARKS = str.maketrans({"、": "，", "。": "．", "「": "『", "」": "』"})


def furnished(text: str, chance: random.Random) -> str:
    """Add the links of a site, each time of another one: the same one throughout would be a single draw."""
    return f"{text}\n{'　'.join(chance.choices(MENU, k=LINKS))}"


def replacing(share: float) -> Edit:
    """Make an edit that replaces a share of the characters."""

    def replaced(text: str, chance: random.Random) -> str:
        places = set(chance.sample(range(len(text)), round(share * len(text))))
        return "".join(chance.choice(STRANGERS) if at in places else char for at, char in enumerate(text))

    return replaced


def abridged(text: str, chance: random.Random) -> str:
    """Cut out one sixth of the text in one piece."""
    size = len(text) // 6
    start = chance.randrange(len(text) - size + 1)
    return text[:start] + text[start + size :]


def repunctuated(text: str, _: random.Random) -> str:
    """Punctuate as another house does, with a line for every sentence."""
    return text.replace("。", "。\n").translate(WIDE_MARKS)


def redated(text: str, chance: random.Random) -> str:
    """Change every number."""
    return re.sub(r"\d+", lambda found: str(int(found[0][:9]) + chance.randrange(1, 1000)), text)


EDITS: Mapping[str, Edit] = {
    "site furniture added": furnished,
    "1 % of characters replaced": replacing(0.01),
    "2 % of characters replaced": replacing(0.02),
    "5 % of characters replaced": replacing(0.05),
    "a sixth removed": abridged,
    "punctuation changed": repunctuated,
    "numbers changed": redated,
}


def on_template(template: str, texts: list[str], own: tuple[float, float], chance: random.Random) -> list[str]:
    """Put the beginning of each text under the same template; its share of the page is drawn from ``own``."""
    pages = []
    for text in texts:
        share = chance.uniform(*own)
        pages.append(template + text[: round(len(template) * share / (1 - share))])
    return pages
