"""Texts that a corpus does not want, each of them for one reason: what the web is made of beside its articles."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice
from urllib.parse import quote_from_bytes

from sample.articles import HERE, Article, written

LEGACY_EVERY = 5

FOREIGN_ENCODINGS = {"de": "latin-1", "ru": "koi8-r", "ko": "euc_kr", "zh-Hans": "gb18030"}
"""Legacy encodings that every fifth foreign page uses."""


@dataclass(frozen=True, slots=True)
class Unwanted:
    """A text to be dropped, and the stages of the default recipe that may claim it, joined by ``|``."""

    purpose: str
    stages: str
    article: Article


_WORDS: dict[str, list[str]] = json.loads((HERE / "words.json").read_text(encoding="utf-8"))


def _turn(kind: str, by: int, count: int) -> list[str]:
    """Return ``count`` words of a list, round and round, from the one at ``by`` on."""
    words = _WORDS[kind]
    return [words[(by + at) % len(words)] for at in range(count)]


def _word(kind: str, at: int) -> str:
    return _turn(kind, at, 1)[0]


def _short(number: int) -> list[str]:
    return [_word("short", number)]


def _katakana(number: int) -> list[str]:
    return [" ".join(_turn("katakana", number * 5 + row * 7, 11)) for row in range(9)]


def _stuffing(number: int) -> list[str]:
    place = _word("places", number)
    rows = (_turn("services", number + row * 4, 5) for row in range(12))
    return [" ".join(f"{place}の{word}なら" for word in row) for row in rows]


def _links(number: int) -> list[str]:
    shop = _word("shops", number)
    return [f"{shop}の{word}" for word in _turn("links", number * 3, 24)]


def _archive(number: int) -> list[str]:
    months = ((2024 - number - at // 12, 12 - at % 12) for at in range(120))
    return [f"{year}年{month:02}月({(year * month) % 31 + 1})" for year, month in months]


def _prices(number: int) -> list[str]:
    goods = enumerate(_turn("goods", number, 16))
    return [f"{name} {at:02}号 税込{(number + 3) * 110 + at * 70}円 在庫あり カートに入れる" for at, name in goods]


def _board(number: int) -> list[str]:
    posts = range(number * 40, number * 40 + 40)
    return [line for post in posts for line in (f"{post + 1} 霧の名無しさん", _word("gossip", post * post))]


def _art(number: int) -> list[str]:
    frame = "+*:;;:*+" * 4
    return [f"{frame}{_word('faces', number + row)} 霧だらけの朝です {frame}" for row in range(30)]


def _echo(number: int) -> list[str]:
    return [_word("repeated", number) * 60]


def _repeated(number: int) -> list[str]:
    return [_word("repeated", number)] * 12


def _companies(number: int) -> list[str]:
    return [
        f"{_word('calls', at)}{_word('names', at + number)}{_word('trades', at * 5 + number)}"
        f" 代表取締役 {_word('names', at)}太郎 本社 東町三丁目"
        for at in range(16)
    ]


def _long_line(number: int) -> list[str]:
    return ["、".join(f"{name}の{link}" for name in _WORDS["goods"] for link in _turn("links", number, 48)) + "。"]


def _nouns(number: int) -> list[str]:
    sights = ["東京駅前", "大阪城公園", "京都御所", "名古屋港", "りんご", "横浜中華街", "みかん", "札幌時計台"]
    return [f"{'、'.join(sights[at:] + sights[:at])}、{number}番。" for at in range(len(sights))]


def _insults(number: int) -> list[str]:
    return ["".join(_turn("insults", number + row * 4, 4)) for row in range(3)]


def _promotions(number: int) -> list[str]:
    return ["".join(_turn("promotions", number * 3 + row * 6, 6)) for row in range(3)]


def _mojibake(number: int) -> list[str]:
    text = written()[number * 3].text
    garbled = text.encode().decode("cp932", "ignore").replace("\n", "")
    return ["きょうの記事を保存し直しました。読めない人は画面をたたかないでください。", garbled]


_KINDS: tuple[tuple[str, str, int, Callable[[int], list[str]], str], ...] = (
    ("short", "length", 8, _short, "お知らせ"),
    ("katakana", "japanese", 8, _katakana, "激安ショップ"),
    ("keywords", "lines", 6, _stuffing, "引越し情報"),
    ("navigation", "lines", 8, _links, "ご案内"),
    ("archive", "kana_gate|boilerplate", 6, _archive, "月別の記事"),
    ("prices", "boilerplate|lines", 8, _prices, "商品の一覧"),
    ("board", "lines", 6, _board, "雑談スレッド"),
    ("art", "japanese", 5, _art, "顔文字の広場"),
    ("mojibake", "mojibake", 6, _mojibake, "保存し直した記事"),
    ("repeated", "lines", 5, _repeated, "大切なお知らせ"),
    ("echo", "repetition", 4, _echo, "こだまの実験"),
    ("promotion", "quality", 4, _promotions, "お得なお知らせ"),
    ("insults", "toxicity", 4, _insults, "雑談の続き"),
    ("nouns", "quality|words", 3, _nouns, "名所と名物"),
    ("companies", "japanese", 4, _companies, "会員の名簿"),
    ("long_line", "sentences", 3, _long_line, "全商品の案内"),
)
"""Purpose, stage that drops it, how many, the lines of the n-th, title."""


def junk() -> Iterator[Unwanted]:
    """Yield Japanese texts that are no prose."""
    for purpose, stages, count, lines, title in _KINDS:
        for number in range(count):
            article = Article(f"{purpose}-{number}", f"{title} {number + 1}", tuple(lines(number)))
            yield Unwanted(purpose, stages, article)


@dataclass(frozen=True, slots=True)
class Foreign:
    """A page in another language."""

    language: str
    host: str
    encoding: str
    article: Article


def foreign() -> Iterator[Foreign]:
    """Yield ten pages in each of six languages, every one of another three paragraphs."""
    languages = json.loads((HERE / "foreign.json").read_text(encoding="utf-8"))
    for language, material in languages.items():
        for number, chosen in enumerate(combinations(material["words"], 3)):
            legacy = FOREIGN_ENCODINGS.get(language, "utf-8")
            title, blocks = chosen[0][0], tuple(text for _, text in chosen)
            article = Article(f"{language.lower()}-{number}", title, blocks)
            encoding = legacy if number % LEGACY_EVERY == 0 else "utf-8"
            yield Foreign(language, material["hosts"][number % 2], encoding, article)


def blocked_urls() -> Iterator[str]:
    """Yield URLs that the sample recipe's ``domains`` and the default ``words`` block."""
    hosts = ("adult.example", "www.adult.example", "img.cdn.adult.example")
    yield from (f"https://{host}/entry/{number}" for number in range(2) for host in hosts)
    word = "アダルト動画"
    for number, encoding in enumerate(("utf-8", "utf-8", "utf-8", "cp932", "cp932", "utf-8")):
        yield f"https://zakka.example/{quote_from_bytes(word.encode(encoding))}/{number}.html"


def filler(count: int) -> list[Article]:
    """Return articles that would be kept, were it not for where they stand."""
    return list(islice(reversed(written()), count))
