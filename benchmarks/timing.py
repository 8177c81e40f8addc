"""How fast work is: CPU seconds of one core, so that neighbours on the machine disturb little."""

import os
import time
from collections.abc import Callable, Mapping

Job = Callable[[], object]

TURNS = 3
MEGABYTE = 1_000_000


def stay_on_one_core() -> None:
    """Give libraries with threads of their own no second core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def speeds(jobs: Mapping[str, Job], size: int) -> dict[str, float]:
    """MB per CPU second of jobs on ``size`` bytes: the best of TURNS alternating turns, of which the first warms up."""
    seconds: dict[str, float] = dict.fromkeys(jobs, float("inf"))
    for _ in range(TURNS):
        for name, job in jobs.items():
            start = time.process_time()
            job()
            seconds[name] = min(seconds[name], time.process_time() - start)
    return {name: size / MEGABYTE / spent for name, spent in seconds.items()}
