import asyncio

import pytest

from classifiers.annotation.pace import Budget, Pace, backoff


def test_a_rate_spreads_requests_evenly_and_a_correction_moves_the_next() -> None:
    pace = Pace(per_minute=120)
    assert [pace.book(1, now=10.0) for _ in range(3)] == [0.0, 0.5, 1.0]
    pace.correct(-1)
    assert pace.book(1, now=10.0) == 1.0
    assert pace.book(1, now=60.0) == 0.0


def test_without_a_rate_nothing_waits() -> None:
    pace = Pace(None)
    assert [pace.book(1000, now=1.0) for _ in range(3)] == [0.0, 0.0, 0.0]


def test_a_budget_counts_what_is_under_way_with_the_most_it_may_cost() -> None:
    async def run() -> list[bool]:
        budget = Budget(limit=10.0, spent=4.0)
        first = await budget.reserve(5.0)
        waiting = asyncio.create_task(budget.reserve(5.0))
        await asyncio.sleep(0)
        still_waiting = not waiting.done()
        await budget.settle(5.0, cost=1.0)
        second = await waiting
        await budget.settle(5.0, cost=1.0)
        return [first, still_waiting, second, await budget.reserve(5.0)]

    assert asyncio.run(run()) == [True, True, True, False]


@pytest.mark.parametrize(("failures", "least", "most"), [(1, 0.5, 1), (2, 1, 2), (4, 4, 8), (20, 30, 60)])
def test_waiting_doubles_up_to_a_minute_with_half_of_it_by_chance(failures: int, least: float, most: float) -> None:
    waits = {backoff(1.0, failures, seed) for seed in ("甲", "乙", "丙")}
    assert len(waits) == 3
    assert all(least <= wait <= most for wait in waits)
    assert backoff(1.0, failures, "甲") in waits
