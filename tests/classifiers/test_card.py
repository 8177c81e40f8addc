"""Cards: complete, the same each time, and deaf to whatever the texts of the web try on their readers."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from labelled import configuration, labelled_table, ordinal_predictions
from markdown_it import MarkdownIt

from classifiers.evaluation.card import EXCERPT, Subject, last_doubling, write
from classifiers.evaluation.crossvalidation import Predictions
from classifiers.evaluation.markdown import code, plain, table

HOSTILE = (
    "[無料](https://evil.example/) ![](https://evil.example/x.png) <script>alert(1)</script>",
    "` | <img src=x onerror=alert(1)> | `",
    "``` \n# 見出し\n<a href='https://evil.example'>ここ</a>",
    "\\| [x](https://evil.example) \\` <iframe src=https://evil.example>",
    "https://evil.example/ www.evil.example evil@evil.example",
    "\u202e逆さまの文\u2066\x00\x1b[31m",
)
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
LABELS = [float(place % 6) for place in range(60)]
SCORES = [(label + 1.5) % 5 for label in LABELS]
CURVE = [
    {"share": 0.5, "documents": 24, "spearman": 0.5, "at_least_3.auc": 0.7, "at_least_3.f1": None},
    {"share": 1.0, "documents": 48, "spearman": 0.6, "at_least_3.auc": 0.75, "at_least_3.f1": 0.5},
]


class Tags(HTMLParser):
    """Elements of a page, with what of them could act."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def subject(**columns: list[str]) -> Subject:
    by_group = ordinal_predictions(LABELS, SCORES, 4, **columns)
    at_random = ordinal_predictions(LABELS, LABELS, 3, **columns)
    return Subject(configuration(), by_group.labelled, {"group": by_group, "random": at_random}, CURVE)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_subject_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    write(tmp_path / "a", subject())
    write(tmp_path / "b", subject())
    assert files(tmp_path / "a") == files(tmp_path / "b")
    plots = {"calibration", "confusion", "histogram", "learning_curve"}
    assert files(tmp_path / "a").keys() == {"README.md", "metrics.json", *(f"plots/{name}.svg" for name in plots)}


def test_hostile_texts_and_names_stay_text(tmp_path: Path) -> None:
    names = [HOSTILE[place % len(HOSTILE)] for place in range(60)]
    texts = [f"{name}{place}" for place, name in enumerate(names)]
    write(tmp_path, subject(text=texts, genre=names, group=names, key=names))
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    tags = Tags(MARKDOWN.render(page.partition("\n---\n")[2])).found
    assert {tag for tag, _ in tags} <= {
        "h1",
        "h2",
        "h3",
        "p",
        "code",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "img",
    }
    assert {attributes["src"] for tag, attributes in tags if tag == "img"} == {
        f"plots/{path.name}" for path in (tmp_path / "plots").iterdir()
    }
    assert not {"\u202e", "\u2066", "\x00", "\x1b"} & set(page)
    worst = page.partition("## Worst errors")[2].strip().splitlines()
    assert len(worst) == 2 + 20


def test_plots_hold_no_script_link_or_foreign_content(tmp_path: Path) -> None:
    scores = ordinal_predictions(LABELS, SCORES).columns["at_least_3"]
    name = "<script>alert(1)</script>"
    target = {"categories": {name: ["hate"]}}
    binary = [float(label >= 3) for label in LABELS]
    labels = labelled_table({"toxic": binary, name: binary})
    predictions = Predictions(labels, {"toxic": scores, name: scores}, (labels.targets[:, 0] * 0).astype(int))
    write(tmp_path, Subject(configuration("binary", target=target), labels, {"random": predictions}))
    for path in (tmp_path / "plots").iterdir():
        for element in ElementTree.parse(path).iter():
            assert element.tag.rpartition("}")[2] not in ("script", "a", "image", "foreignObject", "use")
            assert not any(key.endswith("href") or key.startswith("on") for key in element.attrib)
    assert "alert(1)" in (tmp_path / "plots" / "calibration.svg").read_text(encoding="utf-8")


def test_texts_are_cut_short_and_left_out_on_demand(tmp_path: Path) -> None:
    texts = [f"{place:02}" + "長い文章です。" * 30 for place in range(60)]
    shown = subject(text=texts)
    write(tmp_path, shown)
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert page.count("長い文章") == 20 * len(texts[0][:EXCERPT].split("長い文章")[1:])
    assert texts[0][: EXCERPT + 1] not in page
    write(tmp_path, replace(shown, texts=False))
    for content in files(tmp_path).values():
        assert "長い文章" not in content.decode()


def test_metrics_hold_both_splits_the_curve_and_the_worst_errors(tmp_path: Path) -> None:
    report = write(tmp_path, subject())
    assert json.loads((tmp_path / "metrics.json").read_bytes()) == json.loads(json.dumps(report))
    assert report["splits"]["random"]["spearman"]["value"] == 1 > report["splits"]["group"]["spearman"]["value"]
    assert report["labels"]["hash"] == subject().labelled.hash
    assert report["last_doubling"] == {"spearman": 0.1, "at_least_3.auc": 0.05}
    assert len(report["worst"]["group"]) == 20


def test_figures_of_the_card_are_those_of_the_metrics(tmp_path: Path) -> None:
    report = write(tmp_path, subject())
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    figure = report["splits"]["group"]["quadratic_kappa"]
    assert f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})" in page
    assert "| 0.900 |" in page.partition("| spearman |")[2].splitlines()[0]


def test_a_source_under_noncommercial_terms_is_named(tmp_path: Path) -> None:
    given_ = subject()
    left_out = [{"name": "court", "licence": "CC BY-NC 4.0", "noncommercial": True}]
    report = {**given_.labelled.report, "noncommercial_left_out": left_out}
    write(tmp_path, replace(given_, labelled=replace(given_.labelled, report=report)))
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "do not allow commercial use: `court` (CC BY-NC 4.0)." in page


def test_the_annotators_agreement_is_named_as_the_ceiling(tmp_path: Path) -> None:
    write(tmp_path, subject())
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "`web` agree with each other, which is the ceiling: `score` spearman 0.9, quadratic kappa 0.8." in page


def test_one_row_promises_nothing() -> None:
    assert last_doubling(CURVE[:1]) == {}


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80))
@example("``` ` ``")
@example("`")
@example("a\\")
def test_a_code_span_shows_one_inert_text(text: str) -> None:
    rendered = MARKDOWN.render(f"{table(['a', 'b'], [[code(text), '終']])}\n\n後")
    assert [tag for tag, _ in Tags(rendered).found if tag not in ("table", "thead", "tbody", "tr", "th", "p")] == (
        ["td", "code", "td"] if code(text) != "–" else ["td", "td"]
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_plain_text_has_no_markup(text: str) -> None:
    assert {tag for tag, _ in Tags(MARKDOWN.render(plain(text))).found} <= {"p"}


def test_a_code_span_keeps_what_it_can() -> None:
    assert code("a `b` c") == "`` a `b` c ``"
    assert code("青|空") == "`青｜空`"
    assert code(None) == "–"
    assert code("長い文章", 2) == "`長い`"
