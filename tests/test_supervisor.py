"""The search for a document that kills its worker, without any worker: deaths follow from the documents' numbers."""

from collections import deque
from dataclasses import dataclass, field

import pytest

from pipeline.engine import Advanced, Died, Event, Failed, Finished, Task
from pipeline.stats import PartStats
from pipeline.supervisor import Supervisor
from pipeline.task import PartTask, Progress

BATCH = 16


@dataclass
class Shard:
    """A shard of ``records`` documents in which some kill, read in batches of BATCH."""

    records: int
    killers: set[int] = field(default_factory=set)
    reading_dies_at: int | None = None
    attempts: int = 0

    def run(self, task: PartTask) -> Event:
        self.attempts += 1
        last: Progress | None = None
        low, high = task.probe or (0, self.records)
        for start in range(0, self.records, BATCH):
            if self.reading_dies_at is not None and start <= self.reading_dies_at < start + BATCH:
                return Died(task, "crash", last)
            last = Progress(start, 0, start, min(self.records, start + BATCH))
            inside = {row for row in range(last.start, last.end) if low <= row < high} - set(dict(task.poison))
            if inside & self.killers:
                return Died(task, "crash", last)
            if last.end >= high:
                break
        return Finished(task, PartStats(task.part, task.fingerprint))


def carry_out(shard: Shard) -> tuple[Supervisor, list[PartTask]]:
    done: list[PartTask] = []

    def on_done(task: Task, stats: PartStats) -> None:
        assert isinstance(task, PartTask)
        done.append(task)

    supervisor = Supervisor(BATCH, lambda task, progress: None, on_done)
    todo: deque[Task] = deque([PartTask("run", "{}", 0, "part", "f")])
    while todo:
        task = todo.popleft()
        assert isinstance(task, PartTask)
        todo.extend(supervisor.handle(shard.run(task)))
        assert shard.attempts < 500
    return supervisor, done


@pytest.mark.parametrize("killers", [{0}, {15}, {16}, {99}, {3, 4}, {0, 50, 99}, set(range(10, 20))], ids=str)
def test_every_killer_is_found_and_no_other_document(killers: set[int]) -> None:
    supervisor, done = carry_out(Shard(100, killers))
    assert not supervisor.failed
    (task,) = done
    assert task.probe is None
    assert {ordinal for ordinal, _ in task.poison} == killers
    assert {cause for _, cause in task.poison} == {"crash"}


def test_one_killer_is_found_in_few_attempts() -> None:
    shard = Shard(10_000, {7_777})
    carry_out(shard)
    assert shard.attempts <= 2 + 1 + 6 + 1


def test_a_shard_that_dies_while_it_is_read_is_given_up() -> None:
    supervisor, done = carry_out(Shard(100, reading_dies_at=40))
    assert not done
    assert "again and again (crash) near document 32" in supervisor.failed["part"][0]


def test_too_many_killers_are_given_up() -> None:
    supervisor, done = carry_out(Shard(100, set(range(100))))
    assert not done
    assert "part" in supervisor.failed


def test_a_single_death_is_just_tried_again() -> None:
    events: list[Task] = []
    supervisor = Supervisor(BATCH, lambda task, progress: None, lambda task, stats: events.append(task))
    task = PartTask("run", "{}", 0, "part", "f")
    assert supervisor.handle(Died(task, "node_lost", Progress(0, 0, 0, 16))) == [task]
    assert supervisor.handle(Advanced(task, Progress())) == []
    assert supervisor.handle(Finished(task, PartStats("part", "f"))) == []
    assert events == [task]


def test_an_exception_is_tried_once_more_and_then_reported() -> None:
    supervisor = Supervisor(BATCH, lambda task, progress: None, lambda task, stats: None)
    task = PartTask("run", "{}", 0, "part", "f")
    assert supervisor.handle(Failed(task, "OSError: gone", "Traceback")) == [task]
    assert supervisor.handle(Failed(task, "OSError: gone", "Traceback")) == []
    assert supervisor.failed == {"part": ("OSError: gone", "Traceback")}
