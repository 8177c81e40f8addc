"""How tasks are carried out: the events an engine reports, and the engine that runs everything in this process."""

import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.resolution import run_barrier
from pipeline.stats import PartStats
from pipeline.task import BarrierTask, PartTask, Progress
from pipeline.worker import run_part

Task = PartTask | BarrierTask


@dataclass(frozen=True, slots=True)
class Advanced:
    """A task is about to process a batch."""

    task: Task
    progress: Progress


@dataclass(frozen=True, slots=True)
class Finished:
    """A task is done and, unless it was a probe, committed."""

    task: Task
    stats: PartStats


@dataclass(frozen=True, slots=True)
class Failed:
    """A task raised an exception."""

    task: Task
    error: str
    details: str
    """The traceback."""


@dataclass(frozen=True, slots=True)
class Died:
    """The process of a task ended without a word; ``cause``: crash, out_of_memory, hang or node_lost."""

    task: Task
    cause: str
    last: Progress | None


Event = Advanced | Finished | Failed | Died


class EngineError(RuntimeError):
    """An engine that cannot be started."""


class Engine(Protocol):
    """Something that carries out tasks."""

    def run(self, tasks: Sequence[Task], handle: Callable[[Event], Sequence[Task]]) -> None:
        """Carry out all tasks, and those that ``handle`` returns when it is told of an event."""


def work(task: Task) -> Iterator[Progress | PartStats]:
    """Do any task; the last item is its PartStats."""
    return run_part(task) if isinstance(task, PartTask) else run_barrier(task)


def describe(error: BaseException) -> tuple[str, str]:
    """Return an exception in one line and with its traceback."""
    return f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error))


class InlineEngine:
    """Runs tasks one after the other in this process; a crash of native code ends the run, which can be resumed."""

    def run(self, tasks: Sequence[Task], handle: Callable[[Event], Sequence[Task]]) -> None:
        """Carry out all tasks."""
        todo = deque(tasks)
        while todo:
            task = todo.popleft()
            try:
                for item in work(task):
                    event = Finished(task, item) if isinstance(item, PartStats) else Advanced(task, item)
                    todo.extend(handle(event))
            except Exception as error:  # noqa: BLE001  one failed shard does not end the run; it is reported with its traceback
                todo.extend(handle(Failed(task, *describe(error))))
