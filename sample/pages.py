"""Articles dressed as web pages: five makes of site, each with the surroundings that extraction has to remove."""

from collections.abc import Callable
from html import escape

from sample.articles import Article, ruby_html

PUBLISHER = "企画：㈱霧坂出版　担当：髙木・﨑田　①分冊"
"""In every footer: characters that the textbook versions of the legacy encodings lack."""


def _body(article: Article) -> str:
    parts = []
    for block in article.blocks:
        heading = block.removeprefix("== ")
        parts.append(f"<h2>{escape(heading)}</h2>" if heading != block else f"<p>{ruby_html(escape(block))}</p>")
    return "\n".join(parts)


def _portal(article: Article) -> str:
    return f"""<header><a href="/">霧坂ポータル</a><nav><ul>
<li><a href="/news">新着</a></li><li><a href="/town">町の話題</a></li><li><a href="/food">食べる</a></li>
<li><a href="/walk">歩く</a></li><li><a href="/sitemap">サイトマップ</a></li></ul></nav></header>
<div class="breadcrumb"><a href="/">ホーム</a> &gt; <a href="/town">町の話題</a> &gt; {escape(article.title)}</div>
<main><article><h1>{escape(article.title)}</h1>
{_body(article)}
</article></main>
<ul class="share"><li>ツイート</li><li>シェア</li><li>はてなブックマーク</li><li>LINEで送る</li></ul>
<aside class="sidebar"><h3>人気の記事</h3><ol><li><a href="/1">石段の段数を数える会</a></li>
<li><a href="/2">駅長の昼寝時間</a></li><li><a href="/3">豆腐の売り切れ速報</a></li></ol></aside>
<footer><p>お問い合わせ　会社概要　プライバシーポリシー</p><p>{PUBLISHER}</p>
<p>Copyright &copy; 2024 Kirisaka Portal. All Rights Reserved.</p></footer>"""


def _blog(article: Article) -> str:
    lines = "<br><br>\n".join(ruby_html(escape(block.removeprefix("== "))) for block in article.blocks)
    return f"""<div id="header"><a href="/">坂の途中で日が暮れて</a></div>
<div class="entry"><h2 class="entry-title">{escape(article.title)}</h2>
<div class="entry-body">{lines}<br>
</div><div class="entry-footer">| コメント(3) | トラックバック(0) |</div></div>
<div id="sidebar"><h3>月別アーカイブ</h3><ul><li>2024年2月(8)</li><li>2024年1月(11)</li><li>2023年12月(9)</li></ul>
<h3>最近のコメント</h3><ul><li>駅長ファン</li><li>通りすがり</li></ul></div>
<div id="footer">{PUBLISHER}</div>"""


def _homepage(article: Article) -> str:
    return f"""<TABLE WIDTH="100%" BORDER="0"><TR><TD ALIGN="center" COLSPAN="2">
<FONT SIZE="5">{escape(article.title)}</FONT></TD></TR>
<TR VALIGN="top"><TD WIDTH="120"><A HREF="index.html">表紙</A><BR><A HREF="bbs.cgi">掲示板</A><BR>
<A HREF="link.html">リンク集</A></TD><TD>
{_body(article)}
</TD></TR></TABLE><HR><CENTER>あなたは 004812 人目のお客様です<BR>{PUBLISHER}</CENTER>"""


def _manual(article: Article) -> str:
    return f"""<nav class="toc"><a href="prev.html">前へ</a> | <a href="index.html">目次</a> |
<a href="next.html">次へ</a></nav>
<div class="section"><h1>{escape(article.title)}</h1>
{_body(article)}
<table class="facts"><tr><th>文書番号</th><td>第12号</td></tr><tr><th>改訂</th><td>第3版</td></tr></table>
</div><div class="footer">{PUBLISHER}</div>"""


def _plain(article: Article) -> str:
    return f"<h1>{escape(article.title)}</h1>\n{_body(article)}\n<hr><address>{PUBLISHER}</address>"


STYLES: tuple[Callable[[Article], str], ...] = (_portal, _blog, _homepage, _manual, _plain)


def dress(article: Article, style: int, *, charset: str = "", language: str = "ja") -> str:
    """Make a page of an article: ``style`` counts through STYLES, ``charset`` is what the page's meta element says."""
    meta = f'<meta http-equiv="Content-Type" content="text/html; charset={charset}">\n' if charset else ""
    body = STYLES[style % len(STYLES)](article)
    return wrap(article.title, body, meta=meta, language=language)


def wrap(title: str, body: str, *, meta: str = "", language: str = "ja") -> str:
    """Put a head before a body."""
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n{meta}<title>{escape(title)}</title>\n</head>\n'
        f"<body>\n{body}\n</body>\n</html>\n"
    )
