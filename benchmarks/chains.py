"""The text steps of a recipe, run on documents through the machinery of a real run, without files."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from benchmarks.documents import Documents
from classifiers.serving.base import Serving
from pipeline.barrier import Barrier
from pipeline.filters.word_filter import WordFilter
from pipeline.flow import Flow
from pipeline.modifiers.datatrove_block import Datatrove
from pipeline.plan import makes_text
from pipeline.recipe import load
from pipeline.scoring import score
from pipeline.stage import Checkpoint, Cost, Mask, Stage
from pipeline.text.hashing import hash64
from pipeline.text.words import WORDS


@dataclass(frozen=True, slots=True)
class Passage:
    """What became of the documents of a sample: rows of ``segmented`` were given to the tagger."""

    kept: Mask
    segmented: Mask


@dataclass(frozen=True)
class Chain:
    """Steps in order, and the share of documents that all of them score, as in a run."""

    name: str
    stages: tuple[Stage, ...]
    audit: float

    @property
    def needs_words(self) -> bool:
        """Whether a step may call for the tagger."""
        return any(stage.cost is Cost.WORDS for stage in self.stages)

    def segmenting_all(self) -> "Chain":
        """The same, with every word filter segmenting all that it sees."""
        stages = tuple(
            stage.model_copy(update={"segment": "all"}) if isinstance(stage, WordFilter) else stage
            for stage in self.stages
        )
        return replace(self, name=f"{self.name}, all segmented", stages=stages)

    def characters_only(self) -> "Chain":
        """The same without the steps that need a model or words."""
        stages = tuple(stage for stage in self.stages if stage.cost <= Cost.CHARS)
        return replace(self, name=f"{self.name}, characters only", stages=stages)

    def run(self, documents: Documents) -> Passage:
        """Carry all documents through. Raises RuntimeError when a step fails on one."""
        passages = [self._carry(batch) for batch in documents.batches()]
        return Passage(
            np.concatenate([passage.kept for passage in passages]),
            np.concatenate([passage.segmented for passage in passages]),
        )

    def _carry(self, batch: pa.RecordBatch) -> Passage:
        audit = hash64(batch["id"]) < self.audit * 2.0**64
        flow = Flow(batch, np.arange(batch.num_rows), audit)
        segmented = np.zeros(batch.num_rows, np.bool_)
        for stage in self.stages:
            outcome = score(flow, stage).outcome
            if outcome.failures:
                raise RuntimeError(f"step `{stage.name()}` failed: {outcome.failures}")
            flow.set_columns(outcome.columns)
            for reason, rows in outcome.drops.items():
                flow.mark(f"{stage.name()}.{reason}", rows)
            if WORDS.name in flow.batch.schema.names:
                segmented |= flow.batch[WORDS.name].is_valid().to_numpy(zero_copy_only=False)
        return Passage(flow.alive, segmented)


def text_chain(recipe: str) -> Chain:
    """The filters of a recipe behind the step that makes text: no barriers, no blocks of datatrove, and no classifiers,
    which the peers' chains have not (``benchmarks/scoring.py`` measures them)."""
    loaded = load(recipe)
    makers = [place for place, step in enumerate(loaded.steps) if makes_text(step)]
    steps = loaded.steps[makers[0] + 1 :] if makers else loaded.steps
    stages = tuple(step for step in steps if not isinstance(step, Barrier | Checkpoint | Datatrove | Serving))
    for stage in stages:
        stage.open()
    return Chain(loaded.name, stages, loaded.audit)
