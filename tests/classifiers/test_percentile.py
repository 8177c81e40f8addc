"""The percentile cut: what it keeps is the best share of each bucket, however the documents are divided into tasks."""

import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dedup.parts import Decided, MemoryPart, carry_out
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import carry_out as carry_out_run
from toys import contents, rows, write_shards, write_toy_recipe

from classifiers.serving import cuts as cutting
from classifiers.serving.cuts import BITS, Sum, cuts, histogram, rounded_down
from classifiers.serving.percentile import Percentile
from pipeline.judgement import CHANGED
from pipeline.recipe import RecipeError, load
from pipeline.refilter import changed_recipe, refilter

Document = tuple[str, float | None, str | None]
"""Text, score and host."""


def part(name: str, barrier: Percentile, documents: Sequence[Document]) -> MemoryPart:
    columns = {
        "text": pa.array([text for text, _, _ in documents], pa.string()),
        "quality.score": pa.array([score for _, score, _ in documents], pa.float32()),
        "host": pa.array([host for _, _, host in documents], pa.string()),
    }
    return MemoryPart(name, barrier, pa.RecordBatch.from_pydict(columns))


def carried(barrier: Percentile, parts: Sequence[Sequence[Document]], folder: Path) -> Decided:
    return carry_out(barrier, [part(str(number), barrier, of) for number, of in enumerate(parts)], folder)


def dropped(decided: Decided) -> list[list[int]]:
    """Places of the dropped documents of each part."""
    assert all(decisions["drop"].to_pylist() == [True] * decisions.num_rows for decisions, _ in decided.parts)
    return [[row // 2 for row in decisions["row"].to_pylist()] for decisions, _ in decided.parts]


def explained(decided: Decided) -> list[dict[str, object]]:
    found = [row for name in sorted(decided.explained) for row in decided.explained[name].to_pylist()]
    return sorted(found, key=lambda row: (row["bucket"] is not None, row["bucket"]))


scores = st.none() | st.floats(width=32, allow_nan=True) | st.sampled_from([0.0, -0.0, 1.0, 2.5, 4.0])
documents = st.lists(
    st.tuples(st.text("あ漢a", max_size=4), scores, st.sampled_from([None, "", "a.example", "b.example"])), max_size=12
)


def twin(parts: list[list[Document]], keep: float, by: str, high: bool, per_host: bool) -> list[list[int]]:
    """Sort each bucket and count from the top; documents in the bin of the last one needed stay."""

    def least(score: float) -> float:
        return float(rounded_down(np.array([score if high else -score], np.float32))[0])

    buckets: dict[str | None, list[tuple[float, int]]] = {}
    for of in parts:
        for text, score, host in of:
            if score is not None and not math.isnan(score):
                weight = 1 if by == "documents" else len(text)
                buckets.setdefault(host if per_host else None, []).append((least(score), weight))
    limits = {}
    for bucket, held in buckets.items():
        wanted = max(1, math.ceil(Fraction(str(keep)) * sum(weight for _, weight in held)))
        weighed = 0
        for value, weight in sorted(held, reverse=True):
            if weighed < wanted:
                limits[bucket] = value
            weighed += weight
    return [
        [
            place
            for place, (_, score, host) in enumerate(of)
            if score is not None and not math.isnan(score) and least(score) < limits[host if per_host else None]
        ]
        for of in parts
    ]


@settings(max_examples=60, deadline=None)
@given(
    parts=st.lists(documents, min_size=1, max_size=4),
    keep=st.sampled_from([0.001, 0.1, 0.2, 1 / 3, 0.5, 0.9]),
    weight=st.sampled_from(["documents", "characters"]),
    prefer=st.sampled_from(["high", "low"]),
    per=st.sampled_from([None, "host"]),
    memory=st.sampled_from([2**16, 2**28]),
)
def test_the_best_share_of_each_bucket_stays(
    tmp_path_factory: pytest.TempPathFactory,
    parts: list[list[Document]],
    keep: float,
    weight: str,
    prefer: str,
    per: str | None,
    memory: int,
) -> None:
    barrier = Percentile.model_validate(
        {"keep": keep, "weight": weight, "prefer": prefer, "per": per, "memory": memory}
    )
    decided = carried(barrier, parts, tmp_path_factory.mktemp("work"))
    assert dropped(decided) == twin(parts, keep, weight, prefer == "high", per is not None)


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1))
def test_a_bin_is_narrow_and_keeps_the_order(values: list[float]) -> None:
    exact = np.sort(np.array(values, np.float32))
    least = rounded_down(exact)
    assert (np.diff(least.astype(np.float64)[np.isfinite(least)]) >= 0).all()
    assert (least <= exact).all()
    assert np.array_equal(rounded_down(least), least)
    normal = np.isfinite(least) & (np.abs(exact) > np.finfo(np.float32).tiny * 2**BITS)
    assert np.allclose(least[normal], exact[normal], rtol=2.0 ** (1 - BITS), atol=0)


def test_the_work_is_divided_and_the_cut_is_the_same(tmp_path: Path) -> None:
    chance = np.random.default_rng(3)
    parts = [
        [("あ" * int(n), float(s), f"{h}.example") for n, s, h in zip(*of, strict=True)]
        for of in zip(
            chance.integers(1, 9, (6, 90)), chance.normal(2, 1, (6, 90)), chance.integers(0, 40, (6, 90)), strict=True
        )
    ]
    few = Percentile(keep=0.25, per="host")
    many = few.model_copy(update={"memory": 2**16})
    alone, shared = (carried(step, parts, tmp_path / str(step.memory)) for step in (few, many))
    assert many.phases([part("", many, of) for of in parts])[0].tasks > 1
    assert dropped(alone) == dropped(shared)
    assert explained(alone) == explained(shared)
    assert len(explained(alone)) == 40


def test_what_each_cut_kept_is_told(tmp_path: Path) -> None:
    parts: list[list[Document]] = [
        [("一二三四", 1.0, "a.example"), ("一", 2.0, "a.example"), ("一二", None, "a.example")],
        [("一二三", 3.0, "a.example"), ("一", None, "b.example"), ("一二", 0.5, None)],
    ]
    decided = carried(Percentile(keep=0.5, per="host"), parts, tmp_path)
    keys = ["bucket", "cut", "documents", "documents_kept", "characters", "characters_kept", "unscored"]
    assert explained(decided) == [
        dict(zip(keys, values, strict=True))
        for values in [
            (None, 0.5, 1, 1, 2, 2, 0),
            ("a.example", 2.0, 3, 2, 8, 4, 1),
            ("b.example", None, 0, 0, 0, 0, 1),
        ]
    ]


def test_equal_scores_are_not_told_apart(tmp_path: Path) -> None:
    parts: list[list[Document]] = [[("同点", 2.0, None)] * 9 + [("次点", 1.0, None)]]
    assert dropped(carried(Percentile(keep=0.1), parts, tmp_path)) == [[9]]


def test_where_low_scores_are_preferred_the_cut_is_told_as_it_is(tmp_path: Path) -> None:
    parts: list[list[Document]] = [[("穏やか", 0.0, None), ("普通", 0.25, None), ("荒れた", 0.75, None)]]
    decided = carried(Percentile(keep=0.6, prefer="low"), parts, tmp_path)
    assert dropped(decided) == [[2]]
    assert [row["cut"] for row in explained(decided)] == [0.25]


@pytest.mark.parametrize("held", [0, 3, 1000])
def test_a_sum_does_not_depend_on_the_order_of_its_parts(monkeypatch: pytest.MonkeyPatch, held: int) -> None:
    monkeypatch.setattr(cutting, "HELD_ROWS", held)
    scores = [pa.array(of, pa.float32()) for of in ([1, 2, 2], [2, None, 3])]
    of = [histogram(of, pa.nulls(3, pa.string()), pa.array([5, 6, 7], pa.int64())) for of in scores]
    one, other = Sum(), Sum()
    for first, second in zip(of, of[::-1], strict=True):
        one.add(first)
        other.add(second)
    found = cuts(one.total(), 0.4, "documents")
    assert found.to_pylist() == cuts(other.total(), 0.4, "documents").to_pylist()
    assert found.select(["cut", "documents", "documents_kept", "unscored"]).to_pylist() == [
        {"cut": 2, "documents": 5, "documents_kept": 4, "unscored": 1}
    ]


def test_a_column_without_numbers_is_refused_before_any_work(tmp_path: Path) -> None:
    step = {"classifiers.serving.percentile:Percentile": {"signal": "title"}}
    with pytest.raises(RecipeError, match="option `signal`: `title` holds string, not numbers"):
        load(write_toy_recipe(tmp_path / "recipe.yaml", [step]))


def test_the_cut_of_a_run_is_a_bound_on_the_signal(tmp_path: Path) -> None:
    shards = write_shards(tmp_path / "shards", 2)
    dear = {"toy_steps:Dear": {}}
    cut = {"classifiers.serving.percentile:Percentile": {"signal": "dear.length", "keep": 0.2}}
    carry_out_run(write_toy_recipe(tmp_path / "cut.yaml", [dear, cut]), shards, tmp_path / "run")
    table = pq.read_table(tmp_path / "run/stats/percentile/cuts-00000.parquet").to_pylist()
    assert [(row["documents"], row["documents_kept"]) for row in table] == [(200, 40)]
    bound = {"toy_steps:Dear": {"length": {"min": table[0]["cut"]}}}
    carry_out_run(write_toy_recipe(tmp_path / "bound.yaml", [bound]), shards, tmp_path / "bound")
    assert rows(tmp_path / "run", "corpus") == rows(tmp_path / "bound", "corpus")
    reasons = {row["reason"] for row in rows(tmp_path / "run", "signals")}
    assert reasons == {None, "percentile.dear.length.min"}


def test_another_share_does_not_sign_again_and_gives_the_run_of_that_share(tmp_path: Path) -> None:
    shards = write_shards(tmp_path / "shards", 2)
    step = {"classifiers.serving.percentile:Percentile": {"signal": "dear.length", "keep": 0.2}}
    recipe = write_toy_recipe(tmp_path / "recipe.yaml", [{"toy_steps:Dear": {}}, step])
    carry_out_run(recipe, shards, tmp_path / "run")
    signed = list((tmp_path / "run/passes").glob("*/sidecar-*"))
    before = [path.stat().st_mtime_ns for path in signed]
    carry_out_run(recipe, shards, tmp_path / "run", ["percentile.keep=0.6"])
    assert signed
    assert [path.stat().st_mtime_ns for path in signed] == before
    carry_out_run(recipe, shards, tmp_path / "fresh", ["percentile.keep=0.6"])
    assert contents(tmp_path / "run") == contents(tmp_path / "fresh")
    (cut,) = (tmp_path / "run").glob("stats/percentile/cuts-*")
    assert cut.read_bytes() == (tmp_path / "fresh" / cut.relative_to(tmp_path / "run")).read_bytes()


def test_what_a_cut_says_is_not_taken_for_granted_where_others_come_to_it(tmp_path: Path) -> None:
    steps: list[object] = [
        {"toy_steps:Digits": {"digits": {"max": 20}}},
        {"toy_steps:Dear": {}},
        {"classifiers.serving.percentile:Percentile": {"signal": "dear.length", "keep": 0.5}},
    ]
    recipe = write_toy_recipe(tmp_path / "recipe.yaml", steps)
    carry_out_run(recipe, write_shards(tmp_path / "shards", 2), tmp_path / "run")
    run = str(tmp_path / "run")
    assert refilter(run, changed_recipe(run, None, []))["undecided"]["documents"] == 0
    told = refilter(run, changed_recipe(run, None, ["digits.digits.max=3"]))
    assert {(cause["step"], cause["cause"]) for cause in told["undecidable"]} >= {("percentile", CHANGED)}
    assert told["after"]["documents"] == 0, "no document is sure to stay: a cut follows those that come"
