"""What-if: what stored signals tell of another recipe is what a run of it does, and what they cannot tell is said."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from dedup.diaries import diary
from toys import Write, carry_out, rows, write_shards

from pipeline import effects
from pipeline.effects import Effects, wilson
from pipeline.judgement import CHANGED, NEW, ORPHANED, SPARED, UNMET, UNSCORED, Judged, Rows, within
from pipeline.recipe import RecipeError, load
from pipeline.refilter import changed_recipe, changes, refilter
from pipeline.report import ReportError
from pipeline.runfolder import RunFolderError
from pipeline.stage import Interval

FILTERS: list[object] = [
    {"toy_steps:Digits": {}},
    {"toy_steps:Raises": {}},
    {"toy_steps:Dear": {"length": {"max": 400}}},
]
DUPLICATES: list[object] = [*FILTERS, {"toy_steps:SameLength": {}}]


def answer(run: Path, *overrides: str, recipe: Path | None = None) -> dict[str, Any]:
    return refilter(str(run), changed_recipe(str(run), str(recipe) if recipe else None, overrides))


def documents(of: dict[str, Any], *names: str) -> dict[str, int]:
    return {name: of[name]["documents"] for name in names}


def causes(of: dict[str, Any]) -> dict[tuple[str, str], int]:
    return {(cause["step"], cause["cause"]): cause["documents"] for cause in of["undecidable"]}


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shards(tmp_path_factory.mktemp("input") / "shards", 3)


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["digits.digits.max=20"],
        ["dear.length.max=150"],
        ["dear.length.min=30", "digits.digits.max=null"],
        ["digits.digits.min=1", "digits.digits.max=20"],
    ],
)
def test_where_everything_was_scored_the_answer_is_the_run(
    three: Path, write_recipe: Write, tmp_path: Path, overrides: list[str]
) -> None:
    recipe = write_recipe(FILTERS, audit=1)
    carry_out(recipe, three, tmp_path / "run")
    carry_out(recipe, three, tmp_path / "other", overrides)
    told, before, after = (
        answer(tmp_path / "run", *overrides),
        *(rows(tmp_path / name, "signals") for name in ("run", "other")),
    )
    known = {row["id"] for row in before}
    after = [row for row in after if row["id"] in known]  # not those on which the run failed
    for name, signals in (("before", before), ("after", after)):
        kept = [row for row in signals if row["reason"] is None]
        assert told[name] == {
            "documents": len(kept),
            "characters": sum(row["characters"] for row in kept),
            "tokens": sum(row["tokens"] for row in kept),
        }
        for entry in told["reasons"]:
            having = [row["reasons"] for row in signals if entry["reason"] in row["reasons"]]
            assert entry[name] == len(having)
            assert entry[f"{name}_alone"] == sum(len(reasons) == 1 for reasons in having)
    assert told["undecided"]["documents"] == 0
    kept_before, kept_after = ({row["id"] for row in signals if not row["reason"]} for signals in (before, after))
    assert documents(told, "gained", "lost") == {
        "gained": len(kept_after - kept_before),
        "lost": len(kept_before - kept_after),
    }


@pytest.mark.parametrize("overrides", [["digits.digits.max=20"], ["dear.length.max=150"], ["dear.length.min=60"]])
def test_a_run_keeps_what_surely_stays_and_no_more_than_may_stay(
    three: Path, write_recipe: Write, tmp_path: Path, overrides: list[str]
) -> None:
    recipe = write_recipe(DUPLICATES, audit=0.2)
    carry_out(recipe, three, tmp_path / "run")
    result = carry_out(recipe, three, tmp_path / "other", overrides)
    told = answer(tmp_path / "run", *overrides)
    assert result.ledger
    least = told["after"]["documents"]
    assert least <= result.ledger["kept"] <= least + told["undecided"]["documents"]
    changed = told["gained"]["documents"] - told["lost"]["documents"]
    kept_before_undecided = sum(cause["kept_before"] for cause in told["undecidable"])
    assert least == told["before"]["documents"] + changed - kept_before_undecided


def test_gains_and_losses_are_told_by_their_first_reason(three: Path, write_recipe: Write, tmp_path: Path) -> None:
    carry_out(write_recipe(FILTERS, audit=1), three, tmp_path / "run")
    told = answer(tmp_path / "run", "digits.digits.max=20", "dear.length.max=100")
    moves = {entry["reason"]: documents(entry, "gained", "lost") for entry in told["reasons"]}
    assert moves["digits.digits.max"]["gained"] == told["gained"]["documents"] > 0
    assert moves["dear.length.max"]["lost"] == told["lost"]["documents"] > 0
    assert moves["dear.length.max"]["gained"] == 0
    assert told["changes"] == [
        {"option": "digits.digits.max", "before": 3.0, "after": 20.0},
        {"option": "dear.length.max", "before": 400.0, "after": 100.0},
    ]


def test_a_document_that_left_before_a_dear_step_is_undecidable_there_and_the_audit_sample_tells(
    three: Path, write_recipe: Write, tmp_path: Path
) -> None:
    carry_out(write_recipe(FILTERS, audit=0.3), three, tmp_path / "run")
    told = answer(tmp_path / "run", "digits.digits.max=20")
    signals = [row for row in rows(tmp_path / "run", "signals") if row["reason"]]
    assert told["gained"]["documents"] == sum(row["audit"] for row in signals) > 0
    (cause,) = told["undecidable"]
    assert (cause["step"], cause["cause"]) == ("dear", UNSCORED)
    assert cause["documents"] == sum(not row["audit"] for row in signals)
    audited = sum(row["audit"] for row in signals)
    assert cause["audited"] == {"documents": audited, "kept": audited, "undecidable": 0, "arriving": audited}
    assert cause["kept_share"] == [pytest.approx(wilson(audited, audited)[0]), 1.0]
    assert cause["kept_documents"] == [round(cause["kept_share"][0] * cause["documents"]), cause["documents"]]


def test_before_a_barrier_the_audit_sample_tells_how_many_would_come_to_it(
    three: Path, write_recipe: Write, tmp_path: Path
) -> None:
    carry_out(write_recipe([*FILTERS, "minhash"], audit=0.3), three, tmp_path / "run")
    told = answer(tmp_path / "run", "digits.digits.max=20")
    cause = next(cause for cause in told["undecidable"] if cause["step"] == "dear")
    audited = sum(row["audit"] for row in rows(tmp_path / "run", "signals") if row["reason"] == "digits.digits.max")
    assert (cause["barrier"], cause["audited"]["kept"], cause["audited"]["arriving"]) == ("minhash", 0, audited)
    assert cause["kept_share"] is None
    assert cause["arriving_documents"] == [round(wilson(audited, audited)[0] * cause["documents"]), cause["documents"]]


def test_without_an_audit_sample_nothing_is_estimated(three: Path, write_recipe: Write, tmp_path: Path) -> None:
    carry_out(write_recipe(FILTERS, audit=0), three, tmp_path / "run")
    (cause,) = answer(tmp_path / "run", "digits.digits.max=20")["undecidable"]
    assert cause["kept_share"] is cause["kept_documents"] is None


def test_a_step_of_another_kind_or_with_other_options_is_undecidable(
    three: Path, write_recipe: Write, tmp_path: Path
) -> None:
    carry_out(write_recipe(FILTERS, audit=0.2), three, tmp_path / "run")
    word = answer(tmp_path / "run", "raises.word=文書")
    assert causes(word) == {("raises", CHANGED): word["before"]["documents"]}
    new = write_recipe([*FILTERS, "length", {"compression": {"ratio": {"min": 0.1}}}])
    told = answer(tmp_path / "run", recipe=new)
    assert causes(told) == {("length", NEW): told["before"]["documents"]}
    assert all(cause["kept_share"] is None for cause in told["undecidable"])


def test_a_step_without_bounds_and_a_step_that_goes_leave_nothing_in_doubt(
    three: Path, write_recipe: Write, tmp_path: Path
) -> None:
    carry_out(write_recipe(FILTERS, audit=0), three, tmp_path / "run")
    other = write_recipe([FILTERS[0], {"lines": {name: {} for name in ("ended_characters", "bullets", "ellipses",
        "duplicate_lines", "duplicate_characters")}}], audit=0)  # fmt: skip
    told = answer(tmp_path / "run", recipe=other)
    assert told["undecided"]["documents"] == 0
    assert told["after"] == told["before"]
    assert {"option": "raises", "before": "in the recipe", "after": None} in told["changes"]


def test_a_modifier_that_changes_puts_what_reads_its_text_in_doubt(
    three: Path, write_recipe: Write, tmp_path: Path
) -> None:
    carry_out(write_recipe([{"toy_steps:Halves": {}}, {"toy_steps:Digits": {}}]), three, tmp_path / "run")
    told = answer(tmp_path / "run", recipe=write_recipe([{"toy_steps:Digits": {}}]))
    assert causes(told) == {("digits", CHANGED): 300}


def test_a_cheap_step_behind_a_dear_one_is_undecidable_for_the_dead(
    three: Path, write_recipe: Write, tmp_path: Path
) -> None:
    steps: list[object] = [
        {"toy_steps:Dear": {"length": {"max": 100}}},
        {"toy_steps:Halves": {}},
        {"toy_steps:Digits": {}},
    ]
    carry_out(write_recipe(steps, audit=0), three, tmp_path / "run")
    told = answer(tmp_path / "run", "dear.length.max=null", "digits.digits.max=2")
    dropped = sum(row["reason"] == "dear.length.max" for row in rows(tmp_path / "run", "signals"))
    assert causes(told) == {("halves", UNSCORED): dropped}


@pytest.mark.parametrize(("limit", "spared"), [("250", 0), ("300", 0), ("200", 80), ("null", 0)])
def test_a_spared_document_stays_under_wider_bounds_and_is_undecidable_under_narrower_ones(
    three: Path, write_recipe: Write, tmp_path: Path, limit: str, spared: int
) -> None:
    carry_out(write_recipe([{"toy_steps:Thrifty": {"log": str(tmp_path / "log")}}], audit=0), three, tmp_path / "run")
    nulls = [row["characters"] for row in rows(tmp_path / "run", "signals") if row["thrifty.length"] is None]
    assert len(nulls) > 50
    told = answer(tmp_path / "run", f"thrifty.length.max={limit}")
    assert causes(told) == ({("thrifty", SPARED): len(nulls)} if spared else {})


def test_the_audit_sample_stands_for_the_spared_too(three: Path, write_recipe: Write, tmp_path: Path) -> None:
    recipe = write_recipe([{"toy_steps:Thrifty": {"log": str(tmp_path / "log")}}], audit=0.3)
    carry_out(recipe, three, tmp_path / "run")
    told = answer(tmp_path / "run", "thrifty.length.max=50")
    (cause,) = told["undecidable"]
    carry_out(recipe, three, tmp_path / "other", ["thrifty.length.max=50"])
    reasons = {row["id"]: row["reason"] for row in rows(tmp_path / "other", "signals")}
    spared = [row["id"] for row in rows(tmp_path / "run", "signals") if row["thrifty.length"] is None]
    kept = sum(reasons[name] is None for name in spared)
    least, most = cause["kept_documents"]
    assert cause["documents"] == len(spared)
    assert least <= kept <= most < len(spared)
    assert least > 0


def test_a_duplicate_whose_kept_copy_leaves_and_a_newcomer_are_undecidable(write_recipe: Write, tmp_path: Path) -> None:
    prose = "朝の市場には近くの畑でとれた野菜が並び、店の人が今日のおすすめを大きな声で知らせている。"
    lines = {
        "kept": prose + "1234",
        "copy": prose + "12",
        "other": "湖のほとりの道を歩くと水鳥が岸に上がってきた。",
        "new": prose * 2 + "1" * 12,
    }
    (tmp_path / "in").mkdir()
    text = "\n".join(json.dumps({"id": name, "text": body}, ensure_ascii=False) for name, body in lines.items())
    (tmp_path / "in/a.jsonl").write_text(text, encoding="utf-8")
    recipe = write_recipe([{"toy_steps:Digits": {"digits": {"max": 5}}}, "minhash"])
    carry_out(recipe, tmp_path / "in", tmp_path / "run")
    assert {row["id"]: row["reason"] for row in rows(tmp_path / "run", "signals")} == {
        "kept": None, "copy": "minhash.duplicate", "other": None, "new": "digits.digits.max",
    }  # fmt: skip
    assert causes(answer(tmp_path / "run", "digits.digits.max=3")) == {("minhash", ORPHANED): 1}
    assert causes(answer(tmp_path / "run", "digits.digits.max=20")) == {("minhash", UNMET): 1}
    assert causes(answer(tmp_path / "run", "minhash.threshold=0.9")) == {("minhash", CHANGED): 3}
    gone = answer(tmp_path / "run", recipe=write_recipe([{"toy_steps:Digits": {"digits": {"max": 5}}}]))
    assert documents(gone, "gained", "lost", "undecided") == {"gained": 1, "lost": 0, "undecided": 0}


def test_what_a_barrier_made_of_texts_is_undecidable_when_others_come_to_it(
    three: Path, write_recipe: Write, tmp_path: Path
) -> None:
    carry_out(write_recipe([{"toy_steps:Digits": {}}, "repeated_lines"], audit=0), three, tmp_path / "run")
    assert causes(answer(tmp_path / "run")) == {}
    assert ("repeated_lines", CHANGED) in causes(answer(tmp_path / "run", "digits.digits.max=20"))


def test_a_duplicate_stays_in_doubt_when_any_copy_that_was_kept_may_leave(write_recipe: Write, tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    texts = [(name, diary(1) + end) for name, end in (("a", "12"), ("b", "1234567"), ("c", "1"))]
    lines = [json.dumps({"id": name, "text": text}, ensure_ascii=False) for name, text in texts]
    (folder / "0.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    steps: list[object] = [
        {"toy_steps:Digits": {"digits": {"max": 100}}},
        {"minhash": {"keep": ["id"], "keep_up_to": 2}},
    ]
    carry_out(write_recipe(steps, audit=0), folder, tmp_path / "run")
    fewer = answer(tmp_path / "run", "digits.digits.max=44")
    assert ("minhash", ORPHANED) in causes(fewer)


def test_records_that_were_never_decoded_are_counted_apart(tmp_path: Path) -> None:
    from sample.make_sample import write  # noqa: PLC0415

    write(tmp_path / "shards")
    carry_out(Path("configs/sample.yaml"), tmp_path / "shards", tmp_path / "run")
    ledger = json.loads((tmp_path / "run/stats/ledger.json").read_text())
    steps = {step["name"]: step["dropped"] for step in ledger["steps"]}
    early = sum(sum(steps[name].values()) for name in ("read", "http", "url", "kana_gate", "extract"))
    same = answer(tmp_path / "run")
    assert same["without_signals"]["dropped"] == early > 0
    assert same["without_signals"]["failed"] == ledger["failed"]
    assert same["before"] == same["after"]
    assert same["before"]["documents"] + same["without_signals"]["dropped"] <= ledger["records"]
    assert [same["without_signals"]["undecidable"], same["undecidable"]] == [0, []]
    assert answer(tmp_path / "run", "kana_gate.kana_evidence.min=3")["without_signals"]["undecidable"] == 0
    wider = answer(tmp_path / "run", "kana_gate.kana_evidence.min=1")["without_signals"]
    assert wider["undecidable"] == sum(steps["kana_gate"].values()) > 0
    listed = answer(tmp_path / "run", "url.domains=[]")
    assert listed["without_signals"]["undecidable"] == sum(steps["url"].values()) > 0
    language = answer(tmp_path / "run", "language.language_score.min=0.99")
    assert [cause["step"] for cause in language["undecidable"] if cause["cause"] == CHANGED] == []


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["digit.digits.max=1"], "no step `digit`; did you mean `digits`?"),
        (["digits.digit.max=1"], "unknown option `digit`; did you mean `digits`?"),
    ],
)
def test_a_wrong_name_is_refused_with_the_nearest(
    three: Path, write_recipe: Write, tmp_path: Path, overrides: list[str], message: str
) -> None:
    carry_out(write_recipe(FILTERS), three, tmp_path / "run")
    with pytest.raises(RecipeError) as raised:
        answer(tmp_path / "run", *overrides)
    assert message in str(raised.value)


def test_a_folder_that_cannot_answer_is_refused(three: Path, write_recipe: Write, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="not a run folder"):
        answer(tmp_path)
    carry_out(write_recipe(FILTERS), three, tmp_path / "run")
    for path in (tmp_path / "run/signals").rglob("*.parquet"):
        path.unlink()
    with pytest.raises(ReportError, match="holds no signals"):
        answer(tmp_path / "run")
    (tmp_path / "run/stats/ledger.json").unlink()
    with pytest.raises(ReportError, match="not complete"):
        answer(tmp_path / "run")


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962)],
)
def test_the_interval_is_wilsons(hits: int, trials: int, low: float, high: float) -> None:
    assert wilson(hits, trials) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@pytest.mark.parametrize(
    ("old", "new", "inside"),
    [
        ((None, 3), (None, 3), True),
        ((None, 3), (None, 4), True),
        ((None, 3), (None, None), True),
        ((1, 3), (0, 3), True),
        ((None, 3), (None, 2), False),
        ((None, 3), (0, 3), False),
        ((1, None), (2, None), False),
        ((None, None), (None, 9), False),
    ],
)
def test_bounds_lie_within_others(old: tuple[float, float], new: tuple[float, float], inside: bool) -> None:
    assert within(Interval(min=new[0], max=new[1]), Interval(min=old[0], max=old[1])) is inside


def test_rare_hosts_are_let_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects, "HOSTS", 10)
    hosts = pa.array([f"{number % 40}.example" if number % 4 else "large.example" for number in range(80)])
    everything, nothing = np.ones(80, np.bool_), np.zeros(80, np.bool_)
    batch = pa.record_batch({"reason": pa.array(["a.b.max"] * 80)})
    judged = Judged({}, everything, np.full(80, -1), np.full(80, -1))
    rows_ = Rows(batch, nothing, np.zeros(80, np.int64), np.zeros(80, np.int64), {"a": {"a.b.max": everything}})
    totals = Effects()
    for _ in range(3):
        totals.add(rows_, judged, np.ones((80, 3), np.int64), hosts)
    told = totals.summary()["hosts"]
    assert told["at_least"]
    assert told["changed"] <= 10
    assert told["first"][0]["host"] == "large.example"
    assert told["first"][0]["gained"]["documents"] == 60


def test_recipes_differ_by_option_and_by_step(write_recipe: Write) -> None:
    before = load(write_recipe(["length", "mojibake"]))
    after = load(write_recipe([{"length": {"characters": {"max": 9}}}], read={"text": "body"}))
    found = {entry["option"]: (entry["before"], entry["after"]) for entry in changes(before, after)}
    assert found["length.characters.max"] == (None, 9.0)
    assert found["read.text"] == ("text", "body")
    assert found["mojibake"] == ("in the recipe", None)
    assert "length.japanese_letters.min" not in found
