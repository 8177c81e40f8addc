"""Japanese diaries of any number, each a seeded choice of phrases, and the edits that make near-duplicates of them."""

import random

WHEN = [
    "朝早く",
    "昼休みに",
    "夕方になって",
    "雨があがってから",
    "夜おそく",
    "週末の午後",
    "開店と同時に",
    "久しぶりに",
    "約束の前に",
    "風の強い中",
]
WHO = [
    "姉と",
    "隣の席の田中さんと",
    "近所の子どもたちと",
    "母に頼まれて",
    "一人で",
    "犬を連れて",
    "古い友人と",
    "上司の勧めで",
    "従弟と",
    "二人で",
]
WHERE = [
    "駅前の喫茶店へ",
    "港の市場へ",
    "山あいの温泉へ",
    "図書館の二階へ",
    "川沿いの遊歩道へ",
    "商店街の豆腐屋へ",
    "丘の上の神社へ",
    "改装した映画館へ",
    "町はずれの窯元へ",
    "高台の植物園へ",
]
WENT = [
    "出かけた",
    "足をのばした",
    "立ち寄った",
    "歩いて行った",
    "自転車で向かった",
    "急いだ",
    "寄り道した",
    "連れ立って行った",
]
THING = [
    "焼きたてのパン",
    "藍染めの布",
    "古い地図帳",
    "湯気の立つおでん",
    "見慣れない花",
    "真っ赤な柿",
    "割れた茶碗",
    "手書きの看板",
    "小さな石仏",
    "冷えたラムネ",
    "編みかけの籠",
    "色あせた写真",
    "満開の藤",
    "錆びた風見鶏",
    "分厚い辞書",
    "白い小皿",
]
DID = [
    "眺めているうちに時間を忘れた",
    "手に取って値段に驚いた",
    "写真に撮って見せ合った",
    "買おうか迷って結局やめた",
    "もう一度見たくて引き返した",
    "店の人に由来を尋ねた",
    "包んでもらって持ち帰った",
    "描いてみたが似なかった",
]
THEN = [
    "帰り道は思ったより暗かった",
    "靴の中まで濡れてしまった",
    "明日も晴れるといい",
    "財布の中身が心配になる",
    "話し込んで終電を逃しかけた",
    "また来ようと約束した",
    "家に着くと眠くなった",
    "湯船で今日のことを思い返した",
]
FOOTER = "\nこの記事をシェアする。関連記事はこちら。前の記事、次の記事。お問い合わせ、利用規約、個人情報の取り扱い。"


def diary(seed: int, sentences: int = 24) -> str:
    """Write one: four paragraphs; diaries of different seeds share phrases, but few sentences."""
    chance = random.Random(seed)
    days = [
        f"{chance.randrange(1, 29)}日、{chance.choice(WHEN)}{chance.choice(WHO)}{chance.choice(WHERE)}"
        f"{chance.choice(WENT)}。{chance.choice(THING)}を{chance.choice(DID)}。{chance.choice(THEN)}。"
        for _ in range(sentences)
    ]
    paragraph = max(1, sentences // 4)
    return "\n".join("".join(days[start : start + paragraph]) for start in range(0, sentences, paragraph))


def replaced(text: str, share: float, seed: int = 0) -> str:
    """Replace a share of the characters by kanji that no diary has."""
    chance = random.Random(seed)
    places = set(chance.sample(range(len(text)), round(share * len(text))))
    return "".join(chance.choice("鮫鮪鰯鰹鱈鯖鯛鰻") if at in places else char for at, char in enumerate(text))


def without_paragraph(text: str) -> str:
    """Leave the last paragraph out."""
    return text.rpartition("\n")[0]
