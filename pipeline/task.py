"""What travels between a run and its workers: tasks, progress, and the names of a part's files."""

from dataclasses import dataclass

from pipeline.readers.chunk import Source


@dataclass(frozen=True, slots=True)
class StoredScores:
    """Signals of a part's documents that another run holds."""

    run: str
    files: tuple[str, ...]
    """Signal files of the part, relative to the run."""
    steps: frozenset[str]
    """Names of the steps whose columns in them are what this run would compute."""


@dataclass(frozen=True, slots=True)
class PartTask:
    """One part of one pass."""

    run: str
    recipe: str
    """The resolved recipe as JSON."""
    index: int
    """Number of the pass."""
    part: str
    fingerprint: str
    source: Source | None = None
    """The shard, for the first pass."""
    upstream: str = ""
    """Survivors of the pass before, for later passes."""
    decisions: str = ""
    """Decisions of the opening barrier on this part, if there is one."""
    poison: tuple[tuple[int, str], ...] = ()
    """Ordinals of documents that killed a worker, with the cause: they go to quarantine unprocessed."""
    probe: tuple[int, int] | None = None
    """Process only the documents with these ordinals and write nothing: it finds the one that kills a worker."""
    scores: StoredScores | None = None
    """What need not be computed again."""


@dataclass(frozen=True, slots=True)
class BarrierTask:
    """One task of a phase of the barrier that ends a pass."""

    run: str
    recipe: str
    index: int
    phase: str
    number: int
    """Number of the task in its phase."""
    fingerprint: str
    parts: tuple[str, ...]
    """Names of the parts, in the order that is theirs in the run."""
    rows: tuple[int, ...]
    """Rows of each part's sidecar."""

    @property
    def part(self) -> str:
        """Name among the tasks of its phase."""
        return f"{self.phase}-{self.number}"


@dataclass(frozen=True, slots=True)
class Progress:
    """Sent before each batch: what was done before it, and the ordinals ``[start, end)`` it is about to process."""

    records: int = 0
    bytes: int = 0
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class PartPaths:
    """Where a part's files lie in the run folder. ``name`` is that of the pass."""

    name: str
    part: str

    @property
    def corpus(self) -> str:
        """The part's share of the corpus, written by the last pass."""
        return f"corpus/part-{self.part}.parquet"

    @property
    def survivors(self) -> str:
        """Documents handed to the next pass."""
        return f"passes/{self.name}/part-{self.part}.parquet"

    @property
    def sidecar(self) -> str:
        """What the closing barrier looks at."""
        return f"passes/{self.name}/sidecar-{self.part}.parquet"

    @property
    def decisions(self) -> str:
        """What the closing barrier decided."""
        return f"passes/{self.name}/decisions-{self.part}.parquet"

    @property
    def stats(self) -> str:
        """The commit record."""
        return f"stats/{self.name}/{self.part}.json"

    def leaving(self, folder: str) -> str:
        """Documents that end in this pass: ``signals``, ``excluded`` or ``quarantine``."""
        return f"{folder}/{self.name}/part-{self.part}.parquet"


@dataclass(frozen=True, slots=True)
class PhasePaths:
    """Where the files of one task of a barrier's phase lie in the run folder. ``name`` is that of the pass it ends."""

    name: str
    phase: str
    number: int

    @property
    def stats(self) -> str:
        """The commit record."""
        return f"stats/{self.name}/barrier/{self.phase}-{self.number}.json"

    def file(self, name: str) -> str:
        """A file that later phases read."""
        return f"passes/{self.name}/{self.phase}/{self.number}-{name}"
