"""How far a run is: a bar on a terminal, a plain log line every ten seconds elsewhere."""

import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from pipeline.engine import Task
from pipeline.report import harmless
from pipeline.task import Progress as TaskProgress

LOG_SECONDS = 10.0


@dataclass
class _Rate:
    """Documents and bytes of the tasks of a pass, those still running included."""

    started: float = field(default_factory=time.monotonic)
    done_weight: int = 0
    running: dict[str, TaskProgress] = field(default_factory=dict)
    records: int = 0
    bytes: int = 0

    def note(self, part: str, progress: TaskProgress) -> None:
        before = self.running.get(part, TaskProgress())
        self.records += max(0, progress.records - before.records)
        self.bytes += max(0, progress.bytes - before.bytes)
        self.running[part] = progress

    def text(self) -> str:
        seconds = max(1e-3, time.monotonic() - self.started)
        return f"{self.records:,} documents, {self.records / seconds:,.0f}/s, {self.bytes / seconds / 1e6:.1f} MB/s"


class TerminalDisplay:
    """Shows the passes of a run on standard error."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rate = _Rate()
        self._title, self._parts, self._total, self._finished = "", 0, 0, 0
        self._logged = 0.0
        self._bar: Progress | None = None

    def note(self, text: str) -> None:
        """Say something the user should know."""
        self._console.print(Text(harmless(f"note: {text}")), soft_wrap=True)

    def start(self, title: str, total_bytes: int, parts: int) -> None:
        """Begin a pass."""
        self.close()
        self._rate, self._title, self._parts, self._total, self._finished = _Rate(), title, parts, total_bytes, 0
        self._logged = time.monotonic()
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._bar.add_task(title, total=parts, rate="")
            self._bar.start()

    def progress(self, task: Task, progress: TaskProgress) -> None:
        """Note that a task is about to process a batch."""
        self._rate.note(task.part, progress)
        self._show()

    def done(self, task: Task, weight: int) -> None:
        """Note that a part is done."""
        self._rate.done_weight += weight
        self._finished += 1
        if self._bar:
            self._bar.advance(self._bar.task_ids[0])
        self._show()

    def close(self) -> None:
        """End the pass that is shown."""
        if self._bar:
            self._bar.stop()
            self._bar = None

    def _show(self) -> None:
        if self._bar:
            self._bar.update(self._bar.task_ids[0], rate=self._rate.text())
            return
        now = time.monotonic()
        if now - self._logged >= LOG_SECONDS:
            self._logged = now
            self._console.print(
                f"{self._title}: {self._finished}/{self._parts} shards, {self._rate.text()}, {self._left()}"
            )

    def _left(self) -> str:
        done = self._rate.done_weight / self._total if self._total else self._finished / max(1, self._parts)
        if not done:
            return "time left unknown"
        seconds = (time.monotonic() - self._rate.started) * (1 - done) / done
        return f"{int(seconds // 60)}m{int(seconds % 60):02d}s left"
