"""The ledger: records that are neither kept, nor dropped for a reason, nor quarantined are an error."""

import pytest

from pipeline.stats import LedgerError, PartStats, StepStats, Tally, ledger, merge_steps


def step(name: str, entered: int, stayed: int, dropped: int = 0, failed: int = 0) -> StepStats:
    made = StepStats(name, Tally(rows=entered), Tally(rows=stayed))
    made.drop(f"{name}.why", dropped)
    made.fail(f"{name}.Error", failed)
    return made


def test_a_balanced_part_passes() -> None:
    PartStats("p", "f", [step("read", 10, 8, 1, 1), step("length", 8, 5, 3)]).check(survivors=5, quarantined=1)


@pytest.mark.parametrize(
    ("steps", "survivors", "quarantined", "message"),
    [
        ([step("read", 10, 8, 1)], 8, 0, "10 documents entered, 8 stayed and 1 left"),
        ([step("read", 10, 10), step("length", 9, 9)], 9, 0, "10 documents stayed in `read`, 9 entered `length`"),
        ([step("read", 10, 10)], 9, 0, "10 documents stayed, 9 were written"),
        ([step("read", 10, 8, failed=2)], 8, 1, "2 records failed, 1 were quarantined"),
    ],
)
def test_a_lost_document_is_an_error(steps: list[StepStats], survivors: int, quarantined: int, message: str) -> None:
    with pytest.raises(LedgerError, match=message):
        PartStats("p", "f", steps).check(survivors=survivors, quarantined=quarantined)


def test_the_ledger_sums_parts_and_passes() -> None:
    first = merge_steps(PartStats(str(n), "f", [step("read", 10, 6, 3, 1), step("url", 6, 5, 1)]) for n in range(3))
    second = [step("minhash", 15, 12, 3)]
    balance = ledger([first, second], corpus_rows=12)
    assert {key: balance[key] for key in ("records", "kept", "dropped", "failed")} == {
        "records": 30,
        "kept": 12,
        "dropped": 15,
        "failed": 3,
    }
    assert balance["steps"][0]["dropped"] == {"read.why": 9}


@pytest.mark.parametrize(
    ("second", "rows"), [([step("minhash", 14, 12, 2)], 12), ([step("minhash", 15, 12, 3)], 11)], ids=["gap", "corpus"]
)
def test_a_run_that_does_not_balance_is_an_error(second: list[StepStats], rows: int) -> None:
    with pytest.raises(LedgerError):
        ledger([[step("read", 20, 15, 5)], second], corpus_rows=rows)


def test_stats_survive_json() -> None:
    stats = PartStats("p", "f", [step("read", 10, 6, 3, 1)], {"corpus/x": {"rows": 6}}, {"read": 0.5})
    assert PartStats.from_json(stats.to_json()) == stats
