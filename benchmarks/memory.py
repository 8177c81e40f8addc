"""How much memory a program takes with all the processes that it started, those of Ray too."""

import os
import re
import threading
from collections import defaultdict
from pathlib import Path
from types import TracebackType
from uuid import uuid4

SECONDS = 0.5
TAG = "MIGAKI_BENCHMARK"


class Watch:
    """Samples the proportional set size (PSS) of this process and of all that inherit its environment.

    PSS counts pages that processes share once, divided among them, so that sums over processes are true.
    """

    def __init__(self) -> None:
        self.total = 0
        """Most bytes that all processes held at one time."""
        self.processes: dict[str, int] = defaultdict(int)
        """Most bytes of any one process, by kind."""
        self._mark = f"{TAG}={uuid4()}"
        self._stop = threading.Event()
        self._known: dict[int, str | None] = {}
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Watch":
        os.environ[TAG] = self._mark.partition("=")[2]
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(SECONDS):
            total = 0
            for folder in Path("/proc").iterdir():
                if folder.name.isdigit() and (name := self._name(int(folder.name))):
                    size = _pss(folder)
                    self.processes[name] = max(self.processes[name], size)
                    total += size
            self.total = max(self.total, total)

    def _name(self, process: int) -> str | None:
        """Kind of a process of ours; None for others. A process's command tells it only once it has begun."""
        if process == os.getpid():
            return "driver"
        folder = Path(f"/proc/{process}")
        try:
            if process not in self._known:
                ours = self._mark.encode() in (folder / "environ").read_bytes()
                self._known[process] = "" if ours else None
            if self._known[process] is None:
                return None
            return _kind((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            return None


def _kind(command: str) -> str:
    if command.startswith("ray::"):
        return "worker" if "_limited_work" in command else "idle worker"
    found = re.search(r"(gcs_server|raylet/raylet|dashboard/agent|runtime_env/agent|log_monitor|monitor)", command)
    return f"Ray's {found[1].rpartition('/')[2].replace('_', ' ')}" if found else "other"


def _pss(folder: Path) -> int:
    try:
        found = re.search(rb"^Pss:\s+(\d+) kB", (folder / "smaps_rollup").read_bytes(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0
