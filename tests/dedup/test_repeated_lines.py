"""Repeated lines go, nothing else does, and neither parts nor memory decide which."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from dedup.parts import Decided, MemoryPart, carry_out
from hypothesis import example, given, settings
from hypothesis import strategies as st
from text.unit_twins import bare, form, holds_sentence, pieces, without_twin
from toys import Write, rows
from toys import carry_out as run

from pipeline.dedup.repeated_lines import CHARACTERS, LINES, UNITS, RepeatedLines
from pipeline.dedup.unit_counts import TALLY_BYTES
from pipeline.modifiers.resiliparse_text import full_text
from pipeline.stage import Outcome
from pipeline.text.chars import CHAR_COUNTS, as_column, count_chars
from pipeline.text.decode import decode

Document = tuple[str | None, str | None]
"""Text and host."""

NAVIGATION = "ホーム\n会社案内\nお問い合わせ"
FOOTER = "Copyright © 2024 例会社\n無断転載を禁じます。"


def page(number: int) -> str:
    return f"{NAVIGATION}\n\n{article(number)}\n\n{FOOTER}"


def article(number: int) -> str:
    return f"記事{'甲乙丙丁'[number % 4]}{'春夏秋冬'[number // 4]}\nこれは{chr(0x4E00 + number)}の話です。"


PAGES: list[Document] = [(page(number), "a.example") for number in range(8)]


def parts_of(step: RepeatedLines, documents: Sequence[Document], sizes: Sequence[int]) -> list[MemoryPart]:
    """Deal documents out to parts of these sizes, and the rest to a last one."""
    numbers = count()
    dealt = iter(documents)
    parts = []
    for place, size in enumerate([*sizes, len(documents)]):
        own = [document for _, document in zip(range(size), dealt, strict=False)]
        columns = {
            "id": pa.array([f"d{next(numbers)}" for _ in own], pa.string()),
            "text": pa.array([text for text, _ in own], pa.string()),
            "host": pa.array([host for _, host in own], pa.string()),
        }
        columns[CHAR_COUNTS.name] = as_column(count_chars(columns["text"]))
        parts.append(MemoryPart(f"p{place}", step, pa.RecordBatch.from_pydict(columns)))
    return parts


def decided(step: RepeatedLines, documents: Sequence[Document], sizes: Sequence[int] = ()) -> Decided:
    with TemporaryDirectory() as folder:
        return carry_out(step, parts_of(step, documents, sizes), Path(folder))


def applied(step: RepeatedLines, documents: Sequence[Document], sizes: Sequence[int] = ()) -> list[dict[str, Any]]:
    """Texts, signals and verdicts of all documents in order."""
    parts = parts_of(step, documents, sizes)
    found = []
    for part, (decisions, removed) in zip(parts, decided(step, documents, sizes).parts, strict=True):
        named = {row["row"]: row for row in decisions.to_pylist()}
        own = [named.get(2 * row, {"drop": False, UNITS: None}) for row in range(part.rows)]
        drop = np.array([row["drop"] for row in own], np.bool_)
        units = pa.array([row[UNITS] for row in own], pa.list_(pa.int32()))
        outcome = step.apply(part.batch, {UNITS: units}, Outcome({}, {step.reason: drop}))
        assert {name: column.type for name, column in outcome.columns.items()} == step.added()
        assert removed["row"].to_pylist() == [2 * row for row in np.flatnonzero(drop).tolist()]
        columns = {**outcome.columns, "drop": pa.array(outcome.drops[step.reason])}
        found += pa.RecordBatch.from_pydict(columns).to_pylist()
    return found


def texts_after(step: RepeatedLines, documents: Sequence[Document]) -> list[str | None]:
    return [None if row["drop"] else row["text"] for row in applied(step, documents)]


def test_navigation_goes_and_the_body_stays() -> None:
    found = applied(RepeatedLines(keep="none"), PAGES)
    assert [row["text"] for row in found] == [article(number) for number in range(8)]
    assert {row[LINES] for row in found} == {5}
    assert found[0][CHARACTERS] == pytest.approx(1 - 13 / len("".join(page(0).split())))
    assert not any(row["drop"] for row in found)


def test_a_line_of_the_own_text_stays_though_it_is_repeated() -> None:
    formula = "附則\nこの条例は、公布の日から施行する。"
    bodies = [f"{n}条例\n第一条　{chr(0x4E00 + n)}を定める。\n{formula}\n{chr(0x5E00 + n)}とする。" for n in range(6)]
    documents: list[Document] = [(f"{NAVIGATION}\n{body}", "a") for body in bodies]
    assert texts_after(RepeatedLines(keep="none"), documents) == bodies
    everywhere = texts_after(RepeatedLines(keep="none", where="anywhere"), documents)
    assert everywhere[0] == "第一条　一を定める。\n帀とする。"


def test_the_heading_right_before_the_own_text_stays() -> None:
    documents: list[Document] = [(f"目次\n概要\n{chr(0x4E00 + n)}が咲いた。", "a") for n in range(4)]
    assert texts_after(RepeatedLines(), documents)[0] == "概要\n一が咲いた。"


@pytest.mark.parametrize(
    ("options", "first", "second"),
    [
        ({"keep": "none"}, article(0), article(1)),
        ({"keep": "first"}, page(0), article(1)),
        ({}, f"{article(0)}\n\n無断転載を禁じます。", article(1)),
    ],
)
def test_what_the_first_document_keeps(options: Mapping[str, Any], first: str, second: str) -> None:
    assert texts_after(RepeatedLines(**options), PAGES)[:2] == [first, second]


@pytest.mark.parametrize(
    ("options", "documents", "goes"),
    [
        ({"min_documents": 3}, [("地図", "a"), ("地図", "a")], 0),
        ({"min_documents": 2}, [("地図", "a"), ("地図", "a")], 2),
        ({"min_documents": 2}, [("地図\n地図", "a"), ("川", "a")], 0),
        ({"min_documents": 2}, [("地図", "a"), ("地図", "b")], 0),
        ({"min_documents": 2, "scope": "global"}, [("地図", "a"), ("地図", "b")], 2),
        ({"min_documents": 2}, [("地図", None), ("地図", None), ("地図", "a")], 2),
        ({"min_documents": 2, "min_share": 0.5}, [("地図", "a")] * 3 + [("川", "a")] * 1 + [("海", "a")] * 3, 0),
        ({"min_documents": 2, "min_share": 0.4}, [("地図", "a")] * 3 + [("川", "a")] * 1 + [("海", "a")] * 3, 6),
        ({"min_documents": 2, "min_sentence_share": 0.6, "keep": "none"}, [("地図。", "a")] * 2 + [("川", "a")] * 2, 2),
        ({"min_documents": 2, "min_characters": 3}, [("地図", "a"), ("地図", "a")], 0),
        ({"min_documents": 2, "unit": "paragraph"}, [("地図\n川", "a"), ("地図\n海", "a")], 0),
        ({"min_documents": 2, "unit": "paragraph"}, [("地図\n川", "a"), ("地図、\n川", "a")], 2),
        ({"min_documents": 2}, [("---\n", "a"), ("---\n", "a"), ("", "a"), (None, "a")], 0),
    ],
)
def test_what_counts_as_repeated(options: Mapping[str, Any], documents: list[Document], goes: int) -> None:
    assert sum(row["drop"] for row in applied(RepeatedLines(**options), documents)) == goes


def test_a_text_that_loses_all_its_letters_is_dropped_and_left_as_it_was() -> None:
    documents: list[Document] = [*PAGES, (f"{NAVIGATION}\n―――\n", "a.example")]
    found = applied(RepeatedLines(), documents)
    assert found[8] == {"text": documents[8][0], LINES: 4, CHARACTERS: 1.0, "drop": True}
    assert not any(row["drop"] for row in found[:8])


LINE = st.sampled_from(
    ["ホーム", "ﾎｰﾑ", "案内", "目次 1", "目次2", "---", "", " ", "春が来た。", "夏が来た。", "それ", "秋だ！"]
)
TEXT = st.none() | st.lists(LINE, max_size=7).map("\n".join)
CORPUS = st.lists(st.tuples(TEXT, st.sampled_from(["a", "b", None])), max_size=12)
OPTIONS = st.fixed_dictionaries(
    {
        "unit": st.sampled_from(["line", "paragraph"]),
        "scope": st.sampled_from(["host", "global"]),
        "min_documents": st.integers(2, 4),
        "min_share": st.sampled_from([0, 0.25, 0.5]),
        "min_sentence_share": st.sampled_from([0, 0.25, 0.75]),
        "min_characters": st.integers(1, 3),
        "where": st.sampled_from(["edges", "anywhere"]),
        "keep": st.sampled_from(["none", "sentences", "first"]),
    }
)
QUICK = settings(deadline=None, max_examples=80)  # the first example compiles the kernels


def twin(step: RepeatedLines, documents: Sequence[Document]) -> list[tuple[str | None, bool]]:
    """Text, and whether it is dropped, of each document."""
    split = [pieces(text or "", step.unit == "paragraph") for text, _ in documents]
    scopes = [host if step.scope == "host" else None for _, host in documents]
    holders = defaultdict(list)
    for number, (own, scope) in enumerate(zip(split, scopes, strict=True)):
        for key in {form(piece) for piece in own}:
            holders[key, scope].append(number)
    sizes = Counter(scopes)

    def repeated(piece: str, scope: str | None) -> bool:
        share = step.min_sentence_share if holds_sentence(piece) else step.min_share
        found = len(holders[form(piece), scope])
        return len(form(piece)) >= step.min_characters and found >= max(step.min_documents, share * sizes[scope])

    def first_holder(key: str, scope: str | None) -> int:
        found = holders[key, scope]
        with_sentence = [n for n in found if any(form(own) == key and holds_sentence(own) for own in split[n])]
        return (with_sentence or found)[0]

    def goes(piece: str, number: int) -> bool:
        keeps = step.keep == "first" or (step.keep == "sentences" and holds_sentence(piece))
        return repeated(piece, scopes[number]) and not (keeps and first_holder(form(piece), scopes[number]) == number)

    result = []
    for number, (text, _) in enumerate(documents):
        own = split[number]
        sentences = [
            at
            for at, piece in enumerate(own)
            if holds_sentence(piece) and not bare(piece) and not repeated(piece, scopes[number])
        ]
        body = range(sentences[0], sentences[-1] + 1) if sentences and step.where == "edges" else range(0)
        if body and body[0] and not (holds_sentence(own[body[0] - 1]) and not bare(own[body[0] - 1])):
            body = range(body[0] - 1, body[-1] + 1)
        gone: set[int] = set()
        for at, piece in enumerate(own):
            if at not in body and (at - 1 in gone if bare(piece) else goes(piece, number)):
                gone.add(at)
        empty = bool(gone) and all(bare(piece) for at, piece in enumerate(own) if at not in gone)
        left = without_twin(text, gone, step.unit == "paragraph") if text and not empty else text
        result.append((left, empty))
    return result


@QUICK
@given(OPTIONS, CORPUS)
@example({"min_documents": 2, "min_share": 0}, [("案内\n---\n春が来た。", "a"), ("案内\n---", "a")])
def test_it_does_what_its_twin_does(options: Mapping[str, Any], documents: list[Document]) -> None:
    step = RepeatedLines(**options)
    assert [(row["text"], row["drop"]) for row in applied(step, documents)] == twin(step, documents)


@QUICK
@given(CORPUS, st.lists(st.integers(0, 4), max_size=5))
def test_parts_do_not_decide(documents: list[Document], sizes: list[int]) -> None:
    step = RepeatedLines(min_documents=2)
    assert applied(step, documents, sizes) == applied(step, documents)


@QUICK
@given(CORPUS)
def test_no_sentence_leaves_the_corpus(documents: list[Document]) -> None:
    def sentences(texts: list[str | None]) -> set[str]:
        held = (piece for text in texts for piece in pieces(text or "", False) if holds_sentence(piece))
        return {form(piece) for piece in held}

    step = RepeatedLines(min_documents=2, where="anywhere")
    assert sentences(texts_after(step, documents)) == sentences([text for text, _ in documents])


def many(documents: int, lines: int) -> list[Document]:
    return [
        ("\n".join([NAVIGATION, *(f"行{chr(0x4E00 + 100 * n + line)}" for line in range(lines))]), f"{n % 3}")
        for n in range(documents)
    ]


def test_memory_does_not_decide() -> None:
    documents = many(150, 90)
    sizes = [10] * 14
    small, large = (RepeatedLines(memory=memory, min_share=0.9, keep="first") for memory in (2**16, 2**28))
    phases = {phase.name: phase.tasks for phase in small.phases(parts_of(small, documents, sizes))}
    assert phases == {"counts": 5, "repeats": 8, "decisions": 5}
    assert 2 * (small.memory // TALLY_BYTES) < 150 * 90 / 8, "no partition is set aside on disk"
    found = applied(small, documents, sizes)
    assert found == applied(large, documents, sizes)
    assert sum(row[LINES] for row in found) == 3 * (150 - 3)


def test_the_table_shows_what_was_taken_most() -> None:
    found = decided(RepeatedLines(keep="none"), [*PAGES[:7], (f"{page(7)}\nホーム", "a.example"), *many(6, 1)], [5])
    assert set(found.explained) == {"units-0"}
    table = found.explained["units-0"].to_pylist()
    assert table[0] == {
        "scope": "a.example",
        "text": "ホーム",
        "documents": 8,
        "removed": 8,
        "part": "p0",
        "row": 0,
    }
    assert [row["removed"] for row in table] == [8] * 5
    assert [row["text"] for row in table] == [*NAVIGATION.split("\n"), *FOOTER.split("\n")]


def test_a_run_writes_the_texts_that_are_left(write_recipe: Write, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for shard in range(2):
        texts = [*(page(number) for number in range(4 * shard, 4 * shard + 4)), NAVIGATION]
        records = [
            {"id": f"{shard}-{n}", "url": f"https://a.example/{n}", "text": text} for n, text in enumerate(texts)
        ]
        lines = [json.dumps(record, ensure_ascii=False) for record in records]
        (tmp_path / "in" / f"{shard}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    recipe = write_recipe([{"repeated_lines": {"keep": "none"}}, {"toy_steps:Dear": {}}], audit=1, excluded=9)
    ledger = run(recipe, tmp_path / "in", tmp_path / "run").ledger
    assert ledger
    assert {row["text"] for row in rows(tmp_path / "run", "corpus")} == {article(number) for number in range(8)}
    assert ledger["steps"][1]["dropped"] == {"repeated_lines.empty": 2}
    assert ledger["steps"][1]["stayed"]["characters"] == sum(len(article(number)) for number in range(8))
    signals = {row["id"]: row for row in rows(tmp_path / "run", "signals/1-corpus")}
    assert (signals["0-0"][LINES], signals["0-0"]["dear.length"]) == (5, len(article(0)))
    assert (signals["0-4"][LINES], signals["0-4"][CHARACTERS]) == (3, 1.0)
    assert [row["text"] for row in rows(tmp_path / "run", "excluded")] == [NAVIGATION] * 2
    taken = rows(tmp_path / "run", "duplicates/repeated_lines/units-0.parquet")
    assert {row["text"]: row["removed"] for row in taken}["会社案内"] == 10


@pytest.mark.data
def test_navigation_of_a_real_site_goes_and_statutes_stay(shared_data: Path) -> None:
    folders = {
        host: sorted((shared_data / host / "pages").iterdir()) for host in ("a_html_netbsdjp", "a_html_egov_law")
    }
    pages = [(path.read_bytes(), host) for host, paths in folders.items() for path in paths]
    documents: list[Document] = [(full_text(decode(page, None, html=True).text), host) for page, host in pages]
    found = applied(RepeatedLines(), documents, [100] * 4)
    before, after = Counter[str | None](), Counter[str | None]()
    for (text, host), row in zip(documents, found, strict=True):
        before[host] += len(text or "")
        after[host] += 0 if row["drop"] else len(row["text"])
    assert after["a_html_netbsdjp"] < 0.96 * before["a_html_netbsdjp"]
    assert after["a_html_egov_law"] > 0.9999 * before["a_html_egov_law"]
    entries = ["リリースエンジニアリング" in map(strip_bullet, (text or "").split("\n")) for text, _ in documents]
    left = ["リリースエンジニアリング" in map(strip_bullet, row["text"].split("\n")) for row in found]
    assert (sum(entries) > 100, sum(left)) == (True, 0)


def strip_bullet(line: str) -> str:
    return line.strip(" \t・•*")


def test_the_first_document_that_has_a_line_as_a_sentence_keeps_it() -> None:
    documents: list[Document] = [
        ("本日は休業", "a"),
        *((f"本日は休業。\n第{kanji}の店である。", "a") for kanji in "甲乙丙丁"),
    ]
    step = RepeatedLines(min_documents=2, where="anywhere")
    assert sum("本日は休業。" in (text or "") for text in texts_after(step, documents)) == 1
