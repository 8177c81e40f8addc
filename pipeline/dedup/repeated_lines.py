"""Lines or paragraphs that many documents of a host share: navigation, notices and footers, taken out of the texts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from pipeline.barrier import Barrier, BarrierFiles, Phase, SidecarPart
from pipeline.dedup.numbering import Numbering
from pipeline.dedup.segments import MOST_RECEIVERS
from pipeline.dedup.unit_counts import UnitCounts
from pipeline.dedup.unit_removal import Rule, UnitRemoval
from pipeline.stage import Cost, Outcome
from pipeline.text.chars import CHAR_COUNTS, char_counts, count_chars, share, visible
from pipeline.text.shingles import forms
from pipeline.text.units import role_table, units, without

DOCUMENT_BYTES = 2048
"""Memory that a document of a block may take in any phase; its units take part of it."""
UNITS = "units"
LINES, CHARACTERS = "repeated_lines.lines", "repeated_lines.characters"


class RepeatedLines(Barrier):
    """Takes lines out of texts that stand in many documents of the same host, and drops texts made of them alone.

    Lines are compared as ``minhash`` compares texts: without punctuation, spaces, width and case, and with each number
    as 0; lines without a letter or digit go with the removed line before them. The order of what stays is kept.
    Llama 3 (Dubey et al. 2024, 3.1.1) so removes lines that occur more than 6 times in 30 million documents; within one
    host that would take headings and formulas that documents of a kind share, such as those of statutes. So the
    thresholds here are shares, and the text between a document's own sentences stays. Drops: ``empty``, a text of which
    no letter is left. Stands behind ``minhash``, since copies of a text repeat all of its lines.
    """

    unit: Literal["line", "paragraph"] = "line"
    """What is compared: lines, or paragraphs, which are runs of lines that are not blank."""
    scope: Literal["host", "dump", "global"] = "host"
    """Documents are counted with those of the same host or dump only; those without one are a group of their own."""
    min_documents: int = Field(3, ge=2)
    """Least number of documents of the scope in which a repeated line stands."""
    min_share: float = Field(0.1, ge=0, le=1)
    """Least share of the documents of the scope in which a repeated line stands."""
    min_sentence_share: float = Field(0.25, ge=0, le=1)
    """The same for lines that hold a sentence: prose that documents of a kind share is no navigation. 19 % of the
    statutes of e-Gov hold the same formula; a notice stands in 28 % of the Apache server's Japanese pages."""
    min_characters: int = Field(1, ge=1)
    """Lines that are shorter without punctuation and spaces always stay; for the scope ``global``, where short lines
    are common to all texts."""
    where: Literal["edges", "anywhere"] = "edges"
    """``edges`` leaves a document's own text as it is, from the first to the last sentence that is not repeated, with
    the line before it, which is its heading; a document without such a sentence has no text of its own."""
    keep: Literal["none", "sentences", "first"] = "sentences"
    """What the first document, in the order of parts and rows, keeps of the repeated lines in it: nothing, those that
    hold a sentence, so that no sentence leaves the corpus but for its numbers, which are alike, or all of them. It is
    the first that has the line with its sentence end, if any has."""
    memory: int = Field(2**28, ge=2**16)
    """Bytes that a task may take; decides how the work is divided, and nothing else."""

    cost = Cost.CHARS
    reads = ("id", "text", CHAR_COUNTS.name)
    adds: ClassVar = {"text": pa.string(), LINES: pa.int32(), CHARACTERS: pa.float32()}
    """The text without the repeated lines, how many they are, and their share of its characters, white space aside. A
    text that is dropped stays as it was."""
    sidecar: ClassVar = {"id": pa.string(), "scope": pa.string(), "units": pa.list_(pa.uint64())}
    """``units``: see ``pipeline.text.units.units``."""
    signing: ClassVar = frozenset({"unit", "scope", "min_characters"})
    applying: ClassVar = frozenset({"unit"})
    reason = "empty"

    def open(self) -> None:
        """Build the tables of the normal form."""
        forms()
        role_table()

    def required(self) -> tuple[str, ...]:
        """What the class reads, and the column of the scope."""
        return self.reads if self.scope == "global" else (*self.reads, self.scope)

    def decides(self) -> Mapping[str, pa.DataType]:
        """Numbers of the units that go, in order."""
        return {UNITS: pa.list_(pa.int32())}

    def sign(self, batch: pa.RecordBatch) -> Mapping[str, pa.Array]:
        """Hash the units of the texts of a batch."""
        starts, hashes = units(batch.column("text"), self.unit == "paragraph", self.min_characters)
        scope = pa.nulls(batch.num_rows, pa.string()) if self.scope == "global" else batch.column(self.scope)
        listed = pa.ListArray.from_arrays(pa.array(starts.astype(np.int32)), pa.array(hashes))
        return {"id": batch.column("id"), "scope": scope, "units": listed}

    def phases(self, parts: Sequence[SidecarPart]) -> Sequence[Phase]:
        """Count per block, find what is repeated per partition of the hashes, decide per block."""
        counts = self._counts(parts)
        blocks, partitions = counts.blocks, 1 << counts.partition_bits
        return [Phase("counts", blocks), Phase("repeats", partitions), Phase("decisions", blocks)]

    def work(self, phase: str, task: int, files: BarrierFiles) -> Iterator[int]:
        """Do a task of a phase."""
        counts = self._counts(files.parts)
        if phase == "counts":
            yield from counts.count(files, task)
        elif phase == "repeats":
            yield from counts.repeats(files, task)
        else:
            yield from UnitRemoval(counts, self._rule, self.unit == "paragraph").decide(files, task)

    def apply(self, batch: pa.RecordBatch, decided: Mapping[str, pa.Array], outcome: Outcome) -> Outcome:
        """Rewrite the texts of a batch; those that are dropped are only measured."""
        texts, chosen = batch.column("text"), decided[UNITS]
        lines = pc.fill_null(pc.list_value_length(chosen), 0)
        changed = pc.greater(lines, 0)
        left = self._without(texts.filter(changed), chosen.filter(changed))
        characters = np.zeros(batch.num_rows)
        before = visible(char_counts(batch.filter(changed)))
        characters[changed.to_numpy(zero_copy_only=False)] = share(before - visible(count_chars(left)), before)
        dropped = pa.array(outcome.drops[self.reason])
        columns = {
            "text": pc.if_else(dropped, texts, pc.replace_with_mask(texts, changed, left)),
            LINES: lines,
            CHARACTERS: pa.array(characters, pa.float32()),
        }
        return Outcome(columns, outcome.drops)

    @property
    def _rule(self) -> Rule:
        shares = self.min_share, self.min_sentence_share
        return Rule(*shares, self.where == "edges", self.keep == "sentences", self.keep == "first")

    def _without(self, texts: pa.StringArray, chosen: pa.ListArray) -> pa.StringArray:
        starts = np.concatenate([[0], np.cumsum(pc.list_value_length(chosen).to_numpy())])
        return without(texts, starts, chosen.flatten().to_numpy(), self.unit == "paragraph")

    def _counts(self, parts: Sequence[SidecarPart]) -> UnitCounts:
        rows = [part.rows for part in parts]
        block = max(1, self.memory // DOCUMENT_BYTES, 2 * sum(rows) // MOST_RECEIVERS)
        return UnitCounts(parts, Numbering(rows, block), self.min_documents, self.memory)
