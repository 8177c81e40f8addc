"""Keeps requests to a paid endpoint within a rate per minute and within a budget."""

import asyncio
import random


class Pace:
    """Spreads an amount per minute evenly; None is no limit."""

    def __init__(self, per_minute: float | None) -> None:
        self._seconds_each = 60 / per_minute if per_minute else 0.0
        self._free_at = 0.0

    def book(self, amount: float, now: float) -> float:
        """Book an amount and return the seconds to wait for it; ``now`` is a clock that never runs back."""
        start = max(now, self._free_at)
        self._free_at = start + amount * self._seconds_each
        return start - now

    def correct(self, amount: float) -> None:
        """Add what a booking took more than was booked, or give back what it took less."""
        self._free_at += amount * self._seconds_each


class Budget:
    """Money that requests may cost together; None is no limit. What is on its way counts with the most it may cost."""

    def __init__(self, limit: float | None, spent: float) -> None:
        self._limit = float("inf") if limit is None else limit
        self._spent = spent
        self._reserved: list[float] = []
        self._settled = asyncio.Condition()

    async def reserve(self, bound: float) -> bool:
        """Set aside what a request costs at most, after others have settled if need be; False if nothing is left."""
        async with self._settled:
            while self._spent + sum(self._reserved) + bound > self._limit:
                if not self._reserved:
                    return False
                await self._settled.wait()
            self._reserved.append(bound)
            return True

    async def settle(self, bound: float, cost: float) -> None:
        """Replace a reservation by what the request did cost."""
        async with self._settled:
            self._reserved.remove(bound)
            self._spent += cost
            self._settled.notify_all()


def backoff(first: float, failures: int, seed: str) -> float:
    """Seconds to wait after the n-th failure: doubling from ``first`` up to a minute, half of it by chance."""
    return min(60.0, first * 2 ** (failures - 1)) * (0.5 + random.Random(seed).random() / 2)
