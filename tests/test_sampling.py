"""Samples of finished runs: what is drawn, what it stands for, and that nothing else decides it."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dedup.diaries import diary, replaced
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import carry_out, rows, write_toy_recipe

from pipeline.drawing import CANDIDATE, Candidates, draw
from pipeline.report import ReportError
from pipeline.runfolder import RunFolderError
from pipeline.sampling import SampleOptions, Summary, sample
from pipeline.storage import Store
from pipeline.strata import OTHER, HostSizes, collapsed, folded, length_labels, size_labels, tercile_labels, terciles

STEPS: list[object] = [
    {"toy_steps:Digits": {"digits": {"max": 50}}},
    {"toy_steps:Raises": {}},
    {"length": {"japanese_letters": {"min": 120}}},
    "sentences",
    "compression",
    {"toy_steps:SameLength": {}},
    "minhash",
]
EVERYTHING = {"strata": ("host", "length", "signals"), "include_dropped": True, "per_host": None}


def documents() -> list[dict[str, str]]:
    """200 pages: a large host, small ones and none; too many digits, a step that fails, short texts, copies."""
    found = []
    for number in range(200):
        text = diary(number, 1 + number % 23)
        if number % 10 == 0:
            text += "1234567890" * 6
        if number % 50 == 3:
            text += "raise-here"
        host = "large.example.jp" if number % 2 else f"small-{number // 8}.example.jp"
        url = {} if number % 20 == 7 else {"url": f"https://{host}/{number}"}
        found.append({"id": f"page-{number}", "text": text, "title": f"日記 {number}", "dump": f"D{number % 2}", **url})
    copies = [
        {"id": f"copy-{n}", "text": replaced(diary(22), n / 900, n), "url": f"https://c{n}.jp/"} for n in range(4)
    ]
    return found + copies


def write(folder: Path, pages: list[dict[str, str]], shards: int) -> Path:
    folder.mkdir()
    for shard in range(shards):
        lines = [json.dumps(page, ensure_ascii=False) + "\n" for page in pages[shard::shards]]
        (folder / f"{shard}.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that kept every text, in passes of which two end in a barrier."""
    folder = tmp_path_factory.mktemp("sampling")
    inputs = write(folder / "in", documents(), 3)
    recipe = write_toy_recipe(folder / "recipe.yaml", STEPS, excluded=None, audit=0.2)
    assert carry_out(recipe, inputs, folder / "run").ledger
    return folder / "run"


@pytest.fixture(scope="module")
def sparing(finished: Path) -> Path:
    """The same run with one text per reason and part."""
    folder = finished.parent
    recipe = write_toy_recipe(folder / "sparing.yaml", STEPS, excluded=1, audit=0.2)
    assert carry_out(recipe, folder / "in", folder / "sparing").ledger
    return folder / "sparing"


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "sample.jsonl").read_text(encoding="utf-8").splitlines()]


def drawn(run: Path, to: Path, **options: Any) -> tuple[Summary, list[dict[str, Any]]]:
    summary = sample(str(run), to, SampleOptions(**options))
    return summary, lines(to)


def by_place(found: list[dict[str, Any]]) -> dict[tuple[str, int], dict[str, Any]]:
    return {(row["file_path"], row["position"]): row for row in found}


def test_each_line_is_the_document_as_the_run_holds_it(finished: Path, tmp_path: Path) -> None:
    summary, found = drawn(finished, tmp_path, n=1000, **EVERYTHING)
    files = [pq.read_table(path).to_pylist() for path in (finished / "signals").rglob("*.parquet")]
    signals = by_place([row for file in files for row in file])
    pages, corpus, left = (
        {row["id"]: row for row in side} for side in (documents(), rows(finished, "corpus"), rows(finished, "excluded"))
    )
    assert by_place(found).keys() == signals.keys()
    assert len(found) == summary.documents == summary.population
    for row in found:
        stored = signals[row["file_path"], row["position"]]
        text = (left if row["reason"] else corpus)[row["id"]]["text"]
        assert row["text"] == text[:900]
        assert row["text"].startswith(pages[row["id"]]["text"][:300])
        assert {name: row[name] for name in ("id", "url", "host", "title", "characters", "reason")} == {
            name: stored[name] for name in ("id", "url", "host", "title", "characters", "reason")
        }
        assert row["cluster"] == stored.get("minhash_cluster_id")
        assert row["signals"]["digits.digits"] == stored["digits.digits"]
        identity = f"{row['file_path']}\0{row['position']}\0{row['text']}".encode()
        assert row["key"] == blake2b(identity, digest_size=8).hexdigest()
    assert [row["key"] for row in found] == sorted(row["key"] for row in found)
    assert Counter(row["cluster"] for row in found if row["id"].startswith("copy-")).most_common(1)[0][1] > 1


def test_only_kept_documents_are_drawn_unless_dropped_ones_are_asked_for(finished: Path, tmp_path: Path) -> None:
    _, kept = drawn(finished, tmp_path / "kept", n=60)
    _, all_ = drawn(finished, tmp_path / "all", n=60, include_dropped=True)
    assert {row["reason"] for row in kept} == {None}
    reasons = {row["reason"] for row in all_}
    assert reasons >= {None, "digits.digits.max", "length.japanese_letters.min", "minhash.duplicate"}


@pytest.mark.parametrize("dropped", [True, False])
@pytest.mark.parametrize("strata", [(), ("length",), ("host", "length", "signals"), ("reason", "source")])
@pytest.mark.parametrize("n", [5, 40])
def test_the_weights_of_what_is_drawn_sum_to_the_population(
    finished: Path, tmp_path: Path, strata: tuple[str, ...], dropped: bool, n: int
) -> None:
    options = {"n": n, "strata": strata, "include_dropped": dropped, "per_host": None}
    summary, found = drawn(finished, tmp_path, **options)
    of_run = [row for row in rows(finished, "signals") if dropped or row["reason"] is None]
    assert len(found) == summary.documents == n
    assert summary.population == len(of_run) == sum(stratum.population for stratum in summary.strata)
    lost = sum(stratum.population for stratum in summary.strata if not stratum.drawn)
    assert sum(row["weight"] for row in found) == pytest.approx(len(of_run) - lost)
    counts = Counter(row["stratum"] for row in found)
    assert counts == {stratum.name: stratum.drawn for stratum in summary.strata if stratum.drawn}


def test_a_host_gives_no_more_than_its_share_and_a_file_stands_for_those_without(
    finished: Path, tmp_path: Path
) -> None:
    summary, found = drawn(finished, tmp_path, n=1000, include_dropped=True, per_host=2)
    counts = Counter(row["host"] or row["file_path"] for row in found)
    of_run = Counter(row["host"] or row["file_path"] for row in rows(finished, "signals"))
    assert counts == {host: min(2, count) for host, count in of_run.items()}
    assert len(found) < summary.population
    assert any("at most 2 of a host" in note for note in summary.notes)


def test_dropped_documents_without_a_text_are_counted_and_told(sparing: Path, finished: Path, tmp_path: Path) -> None:
    options = {"n": 500, "strata": ("reason", "length"), "include_dropped": True, "per_host": None}
    summary, found = drawn(sparing, tmp_path / "few", **options)
    _, every = drawn(finished, tmp_path / "every", **options)
    there = {row["id"] for row in rows(sparing, "excluded")} | {row["id"] for row in rows(sparing, "corpus")}
    assert {row["id"] for row in found} == there & {row["id"] for row in every}
    assert len(found) < len(every) == summary.population
    assert {stratum.name.split(",")[0] for stratum in summary.strata} == {row["reason"] or "kept" for row in every}
    assert sum(stratum.on_hand for stratum in summary.strata) == len(found)
    assert sum(row["weight"] for row in found) == pytest.approx(summary.population)
    assert any("`excluded: null`" in note for note in summary.notes)


def test_an_outcome_of_which_no_text_is_on_hand_is_told(tmp_path: Path) -> None:
    inputs = write(tmp_path / "in", documents()[:60], 1)
    recipe = write_toy_recipe(tmp_path / "recipe.yaml", STEPS[:2], excluded=0)
    carry_out(recipe, inputs, tmp_path / "run")
    summary, found = drawn(tmp_path / "run", tmp_path / "sample", n=20, include_dropped=True)
    (lost,) = [stratum for stratum in summary.strata if not stratum.drawn]
    assert lost.name.startswith("dropped by digits")
    assert (lost.on_hand, lost.weight) == (0, None)
    assert sum(row["weight"] for row in found) == pytest.approx(summary.population - lost.population)
    assert f"none of {lost.population} documents was drawn of the stratum: {lost.name}" in summary.notes


def test_the_same_sample_has_the_same_bytes_and_another_seed_other_documents(finished: Path, tmp_path: Path) -> None:
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        drawn(finished, tmp_path / name, n=30, seed=seed)
    content = {name: (tmp_path / name / "sample.jsonl").read_bytes() for name in ("first", "again", "other")}
    assert content["first"] == content["again"] != content["other"]
    assert (tmp_path / "first/sample.json").read_bytes() == (tmp_path / "again/sample.json").read_bytes()


def test_how_files_were_cut_into_parts_does_not_matter(tmp_path: Path) -> None:
    inputs = write(tmp_path / "in", documents(), 2)
    found = []
    for name, read in (("whole", {"batch_records": 16}), ("cut", {"split_bytes": 100_000, "batch_records": 50})):
        recipe = write_toy_recipe(tmp_path / f"{name}.yaml", STEPS, excluded=None, read=read)
        assert carry_out(recipe, inputs, tmp_path / name).ledger
        drawn(tmp_path / name, tmp_path / f"{name}-sample", n=30, include_dropped=True)
        found.append((tmp_path / f"{name}-sample/sample.jsonl").read_bytes())
    assert len(rows_of_parts(tmp_path / "cut")) > len(rows_of_parts(tmp_path / "whole"))
    assert found[0] == found[1]


def rows_of_parts(run: Path) -> list[Path]:
    return list((run / "corpus").glob("*.parquet"))


def test_the_summary_beside_the_sample_tells_what_it_was_made_of(finished: Path, tmp_path: Path) -> None:
    summary, _ = drawn(finished, tmp_path, n=30, by=("digits.digits",), include_dropped=True)
    about = json.loads((tmp_path / "sample.json").read_text(encoding="utf-8"))
    assert about["sha256"] == sha256((tmp_path / "sample.jsonl").read_bytes()).hexdigest()
    assert about["manifest_sha256"] == sha256((finished / "corpus/manifest.json").read_bytes()).hexdigest()
    assert about["options"]["by"] == ["digits.digits"]
    assert about["terciles"].keys() == {"digits.digits"}
    assert about["strata"] == [asdict(stratum) | {"weight": stratum.weight} for stratum in summary.strata]
    assert about["records"] == {
        name: json.loads((finished / "stats/ledger.json").read_text())[name]
        for name in ("records", "kept", "dropped", "failed")
    }


def test_no_more_characters_are_shown_than_asked_for(finished: Path, tmp_path: Path) -> None:
    _, found = drawn(finished, tmp_path, n=30, characters=7)
    assert {len(row["text"]) for row in found} == {7}
    assert all(row["characters"] > 7 for row in found)


def test_a_sample_that_is_there_stays(finished: Path, tmp_path: Path) -> None:
    drawn(finished, tmp_path, n=10)
    before = (tmp_path / "sample.jsonl").read_bytes()
    (tmp_path / "sample.json").unlink()
    drawn(finished, tmp_path, n=10)
    assert (tmp_path / "sample.json").exists()
    with pytest.raises(ReportError, match="holds another sample"):
        drawn(finished, tmp_path, n=11)
    assert (tmp_path / "sample.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strata": ("hosts",)}, "no stratum `hosts`; did you mean `host`?"),
        ({"by": ("digits.digit",)}, "no signal `digits.digit`; did you mean `digits.digits`?"),
        ({"strata": ("length",), "by": ("digits.digits",)}, "`signals` is not among the strata"),
    ],
)
def test_a_wrong_name_is_refused_with_the_nearest(
    finished: Path, tmp_path: Path, options: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(ReportError) as raised:
        drawn(finished, tmp_path, **options)
    assert message in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_drawn_from_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="not a run folder"):
        sample(str(tmp_path), tmp_path / "sample")
    run = tmp_path / "run"
    inputs = write(tmp_path / "in", documents()[:30], 1)
    carry_out(write_toy_recipe(tmp_path / "recipe.yaml", [{"toy_steps:Digits": {}}]), inputs, run)
    corpus = next((run / "corpus").glob("*.parquet"))
    corpus.rename(tmp_path / "away")
    with pytest.raises(ReportError, match="files are missing"):
        sample(str(run), tmp_path / "sample")
    (tmp_path / "away").rename(corpus)
    signals = next((run / "signals").rglob("*.parquet"))
    signals.unlink()
    with pytest.raises(ReportError, match="holds no signals"):
        sample(str(run), tmp_path / "sample")
    (run / "stats/ledger.json").unlink()
    with pytest.raises(RunFolderError, match="not complete"):
        sample(str(run), tmp_path / "sample")


def test_a_run_that_kept_nothing_has_no_sample(tmp_path: Path) -> None:
    inputs = write(tmp_path / "in", documents()[:30], 1)
    recipe = write_toy_recipe(tmp_path / "recipe.yaml", [{"length": {"japanese_letters": {"min": 99999}}}], excluded=0)
    carry_out(recipe, inputs, tmp_path / "run")
    with pytest.raises(ReportError, match="none of 0 documents can be drawn"):
        sample(str(tmp_path / "run"), tmp_path / "sample")
    with pytest.raises(ReportError, match="none of 30 documents can be drawn"):
        sample(str(tmp_path / "run"), tmp_path / "sample", SampleOptions(include_dropped=True))


def test_an_empty_text_is_shown_to_nobody(tmp_path: Path) -> None:
    inputs = write(tmp_path / "in", [{"id": "empty", "text": ""}, {"id": "full", "text": "春は、あけぼの。"}], 1)
    carry_out(write_toy_recipe(tmp_path / "recipe.yaml", [{"toy_steps:Digits": {}}]), inputs, tmp_path / "run")
    summary, found = drawn(tmp_path / "run", tmp_path / "sample", n=2)
    assert [row["id"] for row in found] == ["full"]
    assert summary.population == 1
    assert "1 documents have no text and are left out" in summary.notes


def test_from_and_to_an_object_store_it_is_the_same(finished: Path, object_store: str, tmp_path: Path) -> None:
    local = drawn(finished, tmp_path, n=20, include_dropped=True)[0]
    there = Store(object_store)
    for name in ("run.json", "signals", "excluded", "corpus", "stats"):
        there.fs.put(f"{finished / name}", f"{object_store}/run/{name}", recursive=True)
    stored = sample(f"{object_store}/run", f"{object_store}/sample", SampleOptions(n=20, include_dropped=True))
    assert stored.strata == local.strata
    assert there.read("sample/sample.jsonl") == (tmp_path / "sample.jsonl").read_bytes()


def candidates(strata: list[int], hosts: list[int], order: list[int]) -> np.ndarray[Any, Any]:
    found = np.zeros(len(strata), CANDIDATE)
    found["stratum"], found["host"], found["order"] = strata, hosts, order
    found["row"] = np.arange(len(strata))
    return found


@st.composite
def crowds(draw_: st.DrawFn) -> list[tuple[int, int, int]]:
    order = draw_(st.lists(st.integers(0, 2**63), unique=True, max_size=60))
    return [(draw_(st.integers(0, 3)), draw_(st.integers(0, 5)), place) for place in order]


@settings(max_examples=60, deadline=None)
@given(crowds(), st.integers(1, 8), st.none() | st.integers(1, 3), st.integers(1, 7))
def test_candidates_are_the_lowest_of_each_stratum_however_they_come(
    crowd: list[tuple[int, int, int]], n: int, per_host: int | None, batch: int
) -> None:
    found = Candidates(n, per_host)
    for start in range(0, len(crowd), batch):
        found.add(candidates(*map(list, zip(*crowd[start : start + batch], strict=True))))
        found.rows()
    expected = []
    for stratum in range(4):
        of_host: Counter[int] = Counter()
        mine = []
        for _, host, place in sorted((row for row in crowd if row[0] == stratum), key=lambda row: row[2]):
            of_host[host] += 1
            if per_host is None or of_host[host] <= per_host:
                mine.append((stratum, host, place))
        expected += mine[:n]
    assert found.rows()[["stratum", "host", "order"]].tolist() == expected


def test_a_stratum_a_hundred_times_larger_gets_ten_times_as_much() -> None:
    strata = [0] * 200 + [1] * 200
    pool = candidates(strata, list(range(400)), list(range(400)))
    assert Counter(pool["stratum"][draw(110, [100_000, 1_000], pool, 3)].tolist()) == {0: 100, 1: 10}


def test_what_a_stratum_cannot_give_goes_to_the_others() -> None:
    pool = candidates([0] * 3 + [1] * 50 + [2] * 50, [0, 1, 2, *[7] * 50, *range(100, 150)], list(range(103)))
    counts = Counter(pool["stratum"][draw(30, [900, 900, 900], pool, 2)].tolist())
    assert counts == {0: 3, 1: 2, 2: 25}
    assert draw(30, [900, 900, 900], pool[:0], 2).size == 0


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.tuples(st.sampled_from("ab"), st.sampled_from("cd"), st.sampled_from("efgh")),
    st.integers(1, 10_000), min_size=1), st.integers(1, 200))  # fmt: skip
def test_folding_leaves_strata_large_enough_for_one_document(populations: dict[tuple[str, ...], int], n: int) -> None:
    into = folded(populations, n)
    assert into.keys() == populations.keys()
    sizes: dict[tuple[str, ...], int] = defaultdict(int)
    for labels, target in into.items():
        sizes[target] += populations[labels]
        places = [place for place, label in enumerate(target) if label == OTHER]
        assert places == list(range(len(target) - len(places), len(target)))
        assert all(label in (own, OTHER) for label, own in zip(target, labels, strict=True))
    whole = sum(size**0.5 for size in sizes.values())
    assert all(n * size**0.5 >= whole * 0.999 for target, size in sizes.items() if set(target) != {OTHER})


def test_a_stratum_of_which_nothing_was_drawn_is_represented_by_the_one_beside_it() -> None:
    sizes = {("kept", "short", "low"): 900, ("kept", "short", "high"): 700, ("kept", "long", "low"): 800,
        ("kept", "long", "high"): 750, ("dropped", "short", "low"): 500, ("dropped", "long", "low"): 600}  # fmt: skip
    drawn = Counter({("kept", "short", "high"): 7, ("kept", "long", "low"): 9, ("kept", "long", "high"): 4})
    into = collapsed(sizes, drawn)
    assert into["kept", "short", "low"] == into["kept", "short", "high"] == ("kept", "short", OTHER)
    assert into["kept", "long", "low"] == ("kept", "long", "low")
    assert into["dropped", "short", "low"] == into["dropped", "long", "low"] == ("dropped", OTHER, OTHER)
    del drawn["kept", "short", "high"]
    into = collapsed(sizes, drawn)
    assert into["kept", "short", "low"] == into["kept", "short", "high"] == into["kept", "long", "high"]
    assert into["kept", "long", "low"] == ("kept", "long", "low")


def test_labels_tell_their_bounds() -> None:
    assert length_labels(pa.array([0, 1, 999, 1000, 2153, 2154])).to_pylist() == [
        "length 0",
        "length 1-1",
        "length 464-999",
        "length 1,000-2,153",
        "length 1,000-2,153",
        "length 2,154-4,641",
    ]
    assert size_labels(np.array([1, 9, 10])).to_pylist() == ["host of 1-9", "host of 1-9", "host of 10-99"]
    values = pa.array([3.0, 1.0, 2.0, None, float("nan"), 6.0, 5.0, 4.0], pa.float32())
    cuts = terciles(values)
    assert tercile_labels("x", values, cuts).to_pylist() == [
        f"x {which}" for which in ("middle", "low", "low", "unknown", "unknown", "high", "high", "middle")
    ]
    assert terciles(pa.nulls(3, pa.float64())).tolist() == [0, 0]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=20), min_size=1, max_size=5))
def test_hosts_are_counted_however_they_come(batches: list[list[int]]) -> None:
    sizes = HostSizes()
    for batch in batches:
        sizes.add(np.array(batch, np.uint64))
    counts = Counter(host for batch in batches for host in batch)
    assert sizes.of(np.array(list(counts), np.uint64)).tolist() == list(counts.values())
