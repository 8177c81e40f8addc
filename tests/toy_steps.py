"""Steps for tests of the machine, named in recipes as ``toy_steps:Class``: each misbehaves in one way, on cue."""

import ctypes
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.barrier import Barrier, BarrierFiles, Phase, SidecarPart
from pipeline.dedup.minhash import MinHash
from pipeline.stage import Cost, Filter, Interval, Mask, Outcome, Stage


def containing(batch: pa.RecordBatch, word: str) -> Mask:
    found: Mask = pc.fill_null(pc.match_substring(batch.column("text"), word), False).to_numpy(zero_copy_only=False)
    return found


class Digits(Filter):
    """Drops texts with too many digits."""

    cost = Cost.CHARS
    signals: ClassVar = {"digits": pa.int32()}
    digits: Interval = Interval(max=3)

    def score(self, batch: pa.RecordBatch) -> Mapping[str, pa.Array]:
        return {"digits": pc.count_substring_regex(batch.column("text"), "[0-9]")}


class Dear(Filter):
    """A dear signal: the number of characters."""

    cost = Cost.MODEL
    signals: ClassVar = {"length": pa.int64()}
    length: Interval = Interval()

    def score(self, batch: pa.RecordBatch) -> Mapping[str, pa.Array]:
        return {"length": pc.cast(pc.utf8_length(batch.column("text")), pa.int64())}


class Raises(Stage):
    """Raises on texts that hold a word, and on everything if it is empty."""

    cost = Cost.CHARS
    adds: ClassVar = {"raises.seen": pa.bool_()}
    word: str = "raise-here"

    def process(self, batch: pa.RecordBatch) -> Outcome:
        if containing(batch, self.word).any():
            raise ValueError(f"met {self.word!r}")
        return Outcome(columns={"raises.seen": pa.array([True] * batch.num_rows)})


class Kills(Stage):
    """Ends the process on texts that hold a word, without a word itself."""

    cost = Cost.CHARS
    word: str = "kill-here"

    def process(self, batch: pa.RecordBatch) -> Outcome:
        if containing(batch, self.word).any():
            os._exit(7)
        return Outcome()


class NeverOpens(Stage):
    """Ends the process before it sees a document, as long as a file exists."""

    cost = Cost.CHARS
    while_exists: str

    def open(self) -> None:
        if Path(self.while_exists).exists():
            os._exit(7)

    def process(self, batch: pa.RecordBatch) -> Outcome:
        return Outcome()


class Segfaults(Stage):
    """Reads address zero on texts that hold a word."""

    cost = Cost.CHARS
    word: str = "segfault-here"

    def process(self, batch: pa.RecordBatch) -> Outcome:
        if containing(batch, self.word).any():
            ctypes.string_at(0)
        return Outcome()


class Hangs(Stage):
    """Never comes back from texts that hold a word."""

    cost = Cost.CHARS
    word: str = "hang-here"

    def process(self, batch: pa.RecordBatch) -> Outcome:
        while containing(batch, self.word).any():
            time.sleep(0.1)
        return Outcome()


class Swells(Stage):
    """Allocates without end on texts that hold a word."""

    cost = Cost.CHARS
    word: str = "swell-here"

    def process(self, batch: pa.RecordBatch) -> Outcome:
        held = []
        while containing(batch, self.word).any():
            held.append(np.ones(2**25))
        return Outcome()


class Slow(Stage):
    """Takes its time over each batch."""

    cost = Cost.CHARS
    seconds: float = 0.05

    def process(self, batch: pa.RecordBatch) -> Outcome:
        time.sleep(self.seconds)
        return Outcome()


class Loses(Stage):
    """A faulty step: returns a column of the wrong length."""

    cost = Cost.CHARS
    adds: ClassVar = {"loses.column": pa.int64()}

    def process(self, batch: pa.RecordBatch) -> Outcome:
        return Outcome(columns={"loses.column": pa.array(range(batch.num_rows - 1), pa.int64())})


class SameLength(Barrier):
    """Drops every text as long as one in an earlier part or row."""

    cost = Cost.CHARS
    reason = "same"
    sidecar: ClassVar = {"length": pa.int64()}
    adds: ClassVar = {"same_length.count": pa.int32()}
    defaults: ClassVar = {"same_length.count": 1}
    seconds: float = 0

    def sign(self, batch: pa.RecordBatch) -> Mapping[str, pa.Array]:
        return {"length": pc.cast(pc.utf8_length(batch.column("text")), pa.int64())}

    def phases(self, parts: Sequence[SidecarPart]) -> Sequence[Phase]:
        return [Phase("gather", 1), Phase("decide", max(1, len(parts)))]

    def work(self, phase: str, task: int, files: BarrierFiles) -> Iterator[int]:
        time.sleep(self.seconds)
        if phase == "gather":
            yield from self._gather(files)
        elif files.parts:
            self._decide(task, files)
            yield files.parts[task].rows

    def _gather(self, files: BarrierFiles) -> Iterator[int]:
        seen: set[int] = set()
        dropped = []
        for part in files.parts:
            dropped.append([])
            for batch in part.sidecar(["row", "length"]):
                for row, length in zip(*batch.to_pydict().values(), strict=True):
                    if length in seen:
                        dropped[-1].append(row)
                    seen.add(length)
            yield part.rows
        with files.create("dropped.json") as file:
            file.write(json.dumps(dropped).encode())

    def _decide(self, part: int, files: BarrierFiles) -> None:
        with files.open("gather", 0, "dropped.json") as file:
            dropped = json.load(file)[part]
        rows = pa.array(dropped, pa.int64())
        count = pa.array([2] * len(dropped), pa.int32())
        drop = pa.array([True] * len(dropped), pa.bool_())
        decisions = pa.table({"row": rows, "drop": drop, "same_length.count": count})
        files.decide(part, decisions, pa.table({"row": rows}))


class MortalMinHash(MinHash):
    """Kills its process amid a task of every phase, once, if MIGAKI_TEST_DEATHS names a folder to note it."""

    def work(self, phase: str, task: int, files: BarrierFiles) -> Iterator[int]:
        for done in super().work(phase, task, files):
            yield done
            die_once(phase)
        die_once(phase)


def die_once(phase: str) -> None:
    deaths = os.environ.get("MIGAKI_TEST_DEATHS")
    if deaths and not Path(deaths, phase).exists():
        Path(deaths, phase).touch()
        os.kill(os.getpid(), signal.SIGKILL)


class NeedsLanguage(Stage):
    """Reads a column that only another step adds."""

    cost = Cost.WORDS
    reads = ("text", "language")

    def process(self, batch: pa.RecordBatch) -> Outcome:
        return Outcome()


class RaisesNonsense(Stage):
    """Raises, with a message that is no valid text, on texts that hold a word."""

    cost = Cost.CHARS

    def process(self, batch: pa.RecordBatch) -> Outcome:
        if containing(batch, "raise-here").any():
            raise ValueError("bad \ud800")
        return Outcome()


class Removes(Stage):
    """Removes the files of a folder while the run is at work."""

    cost = Cost.CHARS
    path: str

    def process(self, batch: pa.RecordBatch) -> Outcome:
        for file in Path(self.path).glob("*.parquet"):
            file.unlink()
        return Outcome()


class NeverComesUp(Stage):
    """Loads its model for ever."""

    cost = Cost.CHARS

    def open(self) -> None:
        while True:
            time.sleep(0.1)

    def process(self, batch: pa.RecordBatch) -> Outcome:
        return Outcome()


class Grows(Stage):
    """Adds a line to a shard while it is being read, until the line is there."""

    cost = Cost.CHARS
    path: str

    def process(self, batch: pa.RecordBatch) -> Outcome:
        line = '{"text": "あとから書かれた行"}\n'
        if line not in Path(self.path).read_text(encoding="utf-8"):
            with Path(self.path).open("a", encoding="utf-8") as file:
                file.write(line)
        return Outcome()


class Logs(Stage):
    """Writes down how many rows it is shown."""

    cost = Cost.CHARS
    path: str

    def process(self, batch: pa.RecordBatch) -> Outcome:
        with Path(self.path).open("a", encoding="utf-8") as file:
            file.write(f"{batch.num_rows}\n")
        return Outcome()


class ReadsCluster(Stage):
    """Reads a column that a barrier adds."""

    cost = Cost.CHARS
    reads = ("minhash_cluster_size",)

    def process(self, batch: pa.RecordBatch) -> Outcome:
        return Outcome()


class Thrifty(Filter):
    """A dear signal, the number of characters: spares texts whose bytes prove them short, writes down what it scores,
    and raises on texts that hold a word."""

    cost = Cost.MODEL
    signals: ClassVar = {"length": pa.int64()}
    length: Interval = Interval(max=250)
    log: str

    def needed(self, batch: pa.RecordBatch) -> Mask:
        limit = len(batch) if self.length.max is None else self.length.max
        doubtful: Mask = pc.greater(pc.binary_length(batch["text"]), limit).to_numpy(zero_copy_only=False)
        return doubtful

    def score(self, batch: pa.RecordBatch) -> Mapping[str, pa.Array]:
        if containing(batch, "raise-thrifty").any():
            raise ValueError("met it")
        with Path(self.log).open("a", encoding="utf-8") as file:
            file.writelines(f"{name}\n" for name in batch["id"].to_pylist())
        return {"length": pc.cast(pc.utf8_length(batch["text"]), pa.int64())}


class Halves(Stage):
    """A dear modifier: keeps the first half of each text."""

    cost = Cost.MODEL
    adds: ClassVar = {"text": pa.string()}

    def process(self, batch: pa.RecordBatch) -> Outcome:
        texts = [text[: len(text) // 2] for text in batch["text"].to_pylist()]
        return Outcome(columns={"text": pa.array(texts, pa.string())})
