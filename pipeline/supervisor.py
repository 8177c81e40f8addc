"""What to do when a task fails or its worker dies: try again, then search for the document that kills, then give up."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pipeline.engine import Advanced, Died, Event, Failed, Finished, Task
from pipeline.stats import PartStats
from pipeline.task import PartTask, Progress

MAX_POISON = 16
MAX_RETRIES = 3


@dataclass(slots=True)
class _Search:
    """Binary search for the first document in ``[low, high)`` on which the worker dies."""

    low: int
    high: int
    cause: str
    proven: bool = False

    @property
    def middle(self) -> int:
        return self.high if not self.proven else (self.low + self.high) // 2


@dataclass(slots=True)
class _Case:
    """The history of one part."""

    task: Task
    deaths: int = 0
    failures: int = 0
    search: _Search | None = None


@dataclass
class Supervisor:
    """Keeps the history of every part of a pass and answers each event with the tasks to do next."""

    batch_records: int
    on_progress: Callable[[Task, Progress], None]
    on_done: Callable[[Task, PartStats], None]
    failed: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Part -> (error, traceback) of the parts that were given up."""
    _cases: dict[str, _Case] = field(default_factory=dict)

    def handle(self, event: Event) -> list[Task]:
        """Take note of an event; returns the tasks it calls for."""
        case = self._cases.setdefault(event.task.part, _Case(event.task))
        if isinstance(event, Advanced):
            self.on_progress(event.task, event.progress)
            return []
        if isinstance(event, Finished):
            return self._finished(case, event)
        if isinstance(event, Failed):
            return self._failed(case, event)
        return self._died(case, event)

    def _finished(self, case: _Case, event: Finished) -> list[Task]:
        if case.search is None:
            self.on_done(event.task, event.stats)
            return []
        search = case.search
        if not search.proven:
            case.search = None
            return [case.task]
        search.low = search.middle
        return self._next_probe(case, search)

    def _failed(self, case: _Case, event: Failed) -> list[Task]:
        case.failures += 1
        case.search = None
        if case.failures <= 1:
            return [case.task]
        self.failed[event.task.part] = (event.error, event.details)
        return []

    def _died(self, case: _Case, event: Died) -> list[Task]:
        if case.search is not None:
            case.search.high = case.search.middle
            case.search.proven = True
            return self._next_probe(case, case.search)
        case.deaths += 1
        poisoned = len(case.task.poison) if isinstance(case.task, PartTask) else 0
        if case.deaths > MAX_RETRIES + poisoned or poisoned >= MAX_POISON:
            return self._give_up(case, event)
        if case.deaths == 1 or not isinstance(case.task, PartTask):
            return [case.task]
        last = event.last or Progress()
        case.search = _Search(last.start, last.end + self.batch_records, event.cause)
        return self._next_probe(case, case.search)

    def _next_probe(self, case: _Case, search: _Search) -> list[Task]:
        assert isinstance(case.task, PartTask)
        if search.proven and search.high - search.low == 1:
            case.search = None
            if search.low in dict(case.task.poison):
                return self._give_up(case, Died(case.task, search.cause, Progress(start=search.low)))
            case.task = replace(case.task, poison=(*case.task.poison, (search.low, search.cause)))
            return [case.task]
        return [replace(case.task, probe=(search.low, search.middle))]

    def _give_up(self, case: _Case, event: Died) -> list[Task]:
        near = f" near document {event.last.start}" if event.last else ""
        self.failed[case.task.part] = (f"the worker process ended again and again ({event.cause}){near}", "")
        return []
