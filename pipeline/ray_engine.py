"""Tasks on Ray Core, embedded or on a cluster; the only module that imports ray.

Ray carries task descriptions, progress and counts; all data goes through files on the run's storage.
"""

import os
import re
import resource
import secrets
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

# Ray reads its authentication settings when it is imported, and its memory monitor retries without end by default.
os.environ.setdefault("RAY_task_oom_retries", "1")
if not os.environ.get("RAY_ADDRESS"):
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))

import ray
import ray.exceptions

from pipeline.engine import Advanced, Died, EngineError, Event, Failed, Finished, Task, work
from pipeline.stats import PartStats
from pipeline.task import PartTask, Progress

OBJECT_STORE_BYTES = 128 * 2**20
TASKS_PER_WORKER = 64
DEATHS = (
    ray.exceptions.WorkerCrashedError,
    ray.exceptions.OutOfMemoryError,
    ray.exceptions.TaskCancelledError,
    ray.exceptions.NodeDiedError,
    ray.exceptions.ObjectLostError,
)


@dataclass(slots=True)
class _Live:
    task: Task
    seen: float | None = None
    last: Progress | None = None
    hung: bool = False


class RayEngine:
    """A Ray session: ``address`` of a cluster, or None for an embedded one with ``workers`` CPUs.

    ``patience``: seconds a task may stay silent before its worker is killed. ``memory``: bytes a task may allocate.
    """

    def __init__(self, address: str | None, workers: int | None, *, patience: float, memory: int) -> None:
        self.patience = patience
        self._folder: Path | None = None
        try:
            self._start(address or os.environ.get("RAY_ADDRESS"), workers)
        except Exception as error:
            raise EngineError(f"Ray did not start: {error}") from error
        options = {"num_cpus": 1, "max_retries": 0, "max_calls": TASKS_PER_WORKER, "num_returns": "streaming"}
        self._remote = ray.remote(**options)(_limited_work)
        self._memory = memory

    def _start(self, address: str | None, workers: int | None) -> None:
        if address:
            ray.init(address=address, logging_level="WARNING", log_to_driver=False)
            return
        self._folder = Path(tempfile.mkdtemp(prefix="mg-"))
        ray.init(
            address="local",
            num_cpus=workers,
            object_store_memory=OBJECT_STORE_BYTES,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="WARNING",
            _temp_dir=str(self._folder),
        )

    def __enter__(self) -> "RayEngine":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        ray.shutdown()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def run(self, tasks: Sequence[Task], handle: Callable[[Event], Sequence[Task]]) -> None:
        """Carry out all tasks with a window of two per CPU."""
        todo = deque(tasks)
        live: dict[Any, _Live] = {}
        while todo or live:
            window = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
            while todo and len(live) < window:
                task = todo.popleft()
                live[self._remote.remote(task, self._memory)] = _Live(task)
            ready, _ = ray.wait(list(live), num_returns=1, timeout=1.0, fetch_local=False)
            for stream in ready:
                for event in self._take(stream, live):
                    todo.extend(handle(event))
            self._cancel_silent(live)

    def _take(self, stream: Any, live: dict[Any, _Live]) -> Iterator[Event]:
        """Take the next item off a task's stream; the stream is let go when the task has ended."""
        entry = live[stream]
        try:
            item = ray.get(next(stream))
        except StopIteration:
            del live[stream]
            return
        except DEATHS as error:
            del live[stream]
            yield Died(entry.task, _cause(error, entry), entry.last)
            return
        except ray.exceptions.RayTaskError as error:
            del live[stream]
            yield Failed(entry.task, str(error.cause).strip(), str(error))
            return
        if isinstance(item, PartStats):
            yield Finished(entry.task, item)
            return
        entry.seen, entry.last = time.monotonic(), item
        yield Advanced(entry.task, item)

    def _cancel_silent(self, live: dict[Any, _Live]) -> None:
        """Kill workers that are silent on a batch; a barrier has no batches and may take its time."""
        now = time.monotonic()
        for stream, entry in live.items():
            waits = isinstance(entry.task, PartTask) and entry.seen is not None and not entry.hung
            if waits and now - (entry.seen or now) > self.patience:
                entry.hung = True
                ray.cancel(stream, force=True)


def _cause(error: BaseException, entry: _Live) -> str:
    if entry.hung:
        return "hang"
    if isinstance(error, ray.exceptions.OutOfMemoryError):
        return "out_of_memory"
    return "node_lost" if isinstance(error, ray.exceptions.NodeDiedError) else "crash"


def _limited_work(task: Task, memory: int) -> Iterator[Progress | PartStats]:
    """Do a task with a bound on what its process may allocate beyond what it holds; says at once that it began."""
    yield Progress()
    status = Path("/proc/self/status")
    if status.exists():
        (held,) = re.findall(r"VmData:\s*(\d+) kB", status.read_text(encoding="ascii"))
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (int(held) * 1024 + memory, hard))
    yield from work(task)
