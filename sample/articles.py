"""The texts of the sample: written articles, articles composed of written sections, and altered copies of them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

HERE = Path(__file__).parent
_RUBY = re.compile("｜([^《]+)《([^》]+)》")

COLUMNS = {
    "places": "霧坂そぞろ歩き",
    "plants": "庭の手帖",
    "dishes": "台所ひとくち話",
    "things": "道具と暮らす",
}
"""Section file -> title of the column composed of it."""

TRIPLES = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (9, 10, 11), (0, 3, 6), (1, 4, 9), (2, 7, 10), (5, 8, 11))
"""Sections of each composed article: every section stands in two of them, and no two of them share more than one."""


@dataclass(frozen=True, slots=True)
class Article:
    """A title and its blocks; a block that starts with ``== `` is a heading, ``｜base《reading》`` is ruby."""

    slug: str
    title: str
    blocks: tuple[str, ...]

    @property
    def text(self) -> str:
        """The main text as a reader sees it, one block a line, without the title and the readings."""
        return "\n".join(_RUBY.sub(r"\1", block.removeprefix("== ")) for block in self.blocks)


def ruby_html(block: str) -> str:
    """Mark up the readings of a block."""
    return _RUBY.sub(r"<ruby>\1<rp>（</rp><rt>\2</rt><rp>）</rp></ruby>", block)


def parse(path: Path) -> list[Article]:
    """Read the articles of one file: ``= slug | title``, then one block a line."""
    articles = []
    for part in re.split(r"^= ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        head, *blocks = part.strip().split("\n")
        slug, _, title = head.partition(" | ")
        articles.append(Article(slug, title, tuple(blocks)))
    return articles


def written() -> list[Article]:
    """Return the articles that were written whole, but for the series."""
    paths = sorted((HERE / "texts").glob("*.txt"))
    return [article for path in paths if path.stem != "series" for article in parse(path)]


def series() -> list[Article]:
    """Return articles that share their first and last paragraph and nothing else: no duplicates."""
    return parse(HERE / "texts" / "series.txt")


def composed() -> list[Article]:
    """Return articles of three sections each, eight of every section file."""
    return [article for stem, title in COLUMNS.items() for article in _compose(stem, title)]


def _compose(stem: str, title: str) -> Iterator[Article]:
    sections = parse(HERE / "sections" / f"{stem}.txt")
    for number, triple in enumerate(TRIPLES, 1):
        blocks = [line for at in triple for line in (f"== {sections[at].title}", *sections[at].blocks)]
        yield Article(f"{stem}-{number}", f"{title} その{number}", tuple(blocks))


def _repunctuated(article: Article) -> Article:
    table = str.maketrans("、。", "，．")
    return replace(article, blocks=tuple(block.translate(table) for block in article.blocks))


def _shortened(article: Article) -> Article:
    shortest = min(article.blocks, key=len)
    return replace(article, blocks=tuple(block for block in article.blocks if block != shortest))


def _with_notice(article: Article) -> Article:
    notice = "この記事は町の広報紙から許可を得て転載しました。ご感想は掲示板へどうぞ。"
    return replace(article, blocks=(*article.blocks, notice))


def _redated(article: Article) -> Article:
    return replace(article, blocks=(*article.blocks, "最終更新は2024年3月18日です。"))


def _reopened(article: Article) -> Article:
    first, *rest = article.blocks
    sentences = first.split("。")
    return replace(article, blocks=("。".join(["以前お届けした話をもう一度お届けします", *sentences[1:]]), *rest))


ALTERATIONS: dict[str, Callable[[Article], Article]] = {
    "punctuation": _repunctuated,
    "paragraph": _shortened,
    "notice": _with_notice,
    "date": _redated,
    "opening": _reopened,
}
"""What near duplicates differ in; each keeps at least 0.75 of the original's character 8-grams in common."""
