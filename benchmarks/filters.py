"""How fast chains, kernels and steps are on Japanese text, beside the peers, on the same documents in the same run.

A figure is MB of UTF-8 text per CPU second of one core, the best of three alternating turns. Chains run through the
machinery of a real run. A slow peer gets the first documents of the sample, and ours are measured on those too.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console

from benchmarks.chains import Chain, text_chain
from benchmarks.documents import Documents, data_folder, sample
from benchmarks.kernels import kernels
from benchmarks.peers import (
    DATASKETCH,
    DATATROVE,
    HOJICHAR,
    HOJICHAR_CHARACTERS,
    NGRAM,
    PERMUTATIONS,
    RENSA,
    RENSA_ON_SHINGLES,
    Peer,
)
from benchmarks.results import FOLDER, Row, show, write
from benchmarks.timing import MEGABYTE, TURNS, Job, speeds, stay_on_one_core
from pipeline.barrier import Barrier
from pipeline.catalog import STEPS, step_class
from pipeline.flow import Flow
from pipeline.plan import makes_text
from pipeline.stage import Checkpoint, Cost, Stage
from pipeline.text.minhash import signatures
from pipeline.text.words import fill

Works = Mapping[str, Callable[[Documents], object]]

SPEED, SHARE = "MB/s", "share"
RECIPES = ("fineweb2_ja", "ja_web")
ALONE_MEGABYTES = 10
WORD_MEGABYTES = 2
LIBRARIES = (
    *("numba", "numpy", "pyarrow", "fugashi", "unidic-lite"),
    *("datatrove", "spacy", "sudachipy", "sudachidict-core", "hojichar", "datasketch", "rensa"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--megabytes", type=float, default=20, help="of text in the sample")
    parser.add_argument("--recipe", action="append", help=f"of our chains (default: {', '.join(RECIPES)})")
    parser.add_argument("--output", type=Path, default=FOLDER / "filters.json")
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        parser.error(f"no real data at {arguments.data}: set MIGAKI_DATA")
    stay_on_one_core()
    documents = sample(arguments.data, int(arguments.megabytes * MEGABYTE))
    chains = [text_chain(name) for name in arguments.recipe or RECIPES]
    report = Report(Console())
    measure(documents, chains, report)
    write(arguments.output, report.rows, LIBRARIES, report.notes)


@dataclass
class Report:
    """Rows as they come in, and what the reader of the figures has to know beside them."""

    console: Console
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, title: str, rows: Iterator[Row]) -> None:
        """Print a table as soon as it is measured."""
        found = list(rows)
        show(title, found, self.console)
        self.rows += found

    def note(self, text: str) -> None:
        """Say something once, on the console and in the file."""
        if text not in self.notes:
            self.console.print(f"note: {text}", soft_wrap=True)
            self.notes.append(text)


def measure(documents: Documents, chains: Sequence[Chain], report: Report) -> None:
    """Measure everything, table by table."""
    report.note(
        f"{documents.records.num_rows} documents, {documents.size / MEGABYTE:.1f} MB of UTF-8 text; MB/s are per CPU "
        f"second of one core, the best of {TURNS} alternating turns"
    )
    report.add("Chains on all documents", chain_rows(documents, chains))
    report.add("Chains and peers on the same documents", versus_rows(documents, chains, report))
    report.add("MinHash signatures", signature_rows(documents, report))
    report.add("Kernels", kernel_rows(documents.first(ALONE_MEGABYTES * MEGABYTE), report))
    report.add("Steps alone", step_rows(documents.first(ALONE_MEGABYTES * MEGABYTE), report))


def chain_rows(documents: Documents, chains: Sequence[Chain]) -> Iterator[Row]:
    """Every chain in all its variants, and how much it gives to the tagger."""
    made = variants(chains)
    jobs: dict[str, Job] = {chain.name: partial(chain.run, documents) for chain in made}
    for name, speed in speeds(jobs, documents.size).items():
        yield Row(name, speed, None, SPEED)
    for chain in made:
        if chain.needs_words:
            yield from segmented_rows(chain, documents)


def variants(chains: Sequence[Chain]) -> list[Chain]:
    """With every document segmented, with those in doubt, and with characters only; without words the first is moot."""
    return [
        variant
        for chain in chains
        for variant in (chain.segmenting_all(), chain, chain.characters_only())
        if variant.needs_words or variant.name != chain.segmenting_all().name
    ]


def segmented_rows(chain: Chain, documents: Documents) -> Iterator[Row]:
    """How much of the sample a chain gave to the tagger."""
    segmented = chain.run(documents).segmented
    sizes = pc.binary_length(documents.texts).to_numpy()
    yield Row(f"{chain.name}: documents segmented", float(segmented.mean()), None, SHARE)
    yield Row(f"{chain.name}: bytes segmented", float(sizes[segmented].sum() / sizes.sum()), None, SHARE)


def versus_rows(documents: Documents, chains: Sequence[Chain], report: Report) -> Iterator[Row]:
    """Our chains beside datatrove's FineWeb-2 chain for Japanese and HojiChar."""
    yield from versus(DATATROVE, {chain.name: chain.run for chain in variants(chains)}, documents, report)
    for chain in chains:
        if chain.needs_words:
            kept = Documents(documents.records.filter(pa.array(chain.run(documents).kept)))
            yield from versus(DATATROVE, {f"{chain.name}, on what it keeps": chain.run}, kept, report)
    same_filters = [] if HOJICHAR.missing else [text_chain("hojichar")]
    yield from versus(HOJICHAR, {chain.name: chain.run for chain in (*chains, *same_filters)}, documents, report)
    of_characters = {chain.name: chain.run for chain in (made.characters_only() for made in chains)}
    yield from versus(HOJICHAR_CHARACTERS, of_characters, documents, report)


def signature_rows(documents: Documents, report: Report) -> Iterator[Row]:
    """Our signatures from text, normalisation and shingles included, beside other libraries."""
    ours: Works = {"signatures from text": lambda of: signatures(of.texts, NGRAM, PERMUTATIONS)}
    for peer in (DATASKETCH, RENSA, RENSA_ON_SHINGLES):
        yield from versus(peer, ours, documents, report)


def versus(peer: Peer, ours: Works, of: Documents, report: Report) -> Iterator[Row]:
    """Rows of ours beside a peer, on as many documents as the peer can take."""
    documents = of.first(int(peer.megabytes * MEGABYTE))
    jobs: dict[str, Job] = {name: partial(work, documents) for name, work in ours.items()}
    if peer.missing:
        report.note(f"{peer.name} is not measured, since {', '.join(peer.missing)} is not installed")
    else:
        jobs[peer.name] = partial(peer.prepare(), peer.given(documents.texts.to_pylist()))
    measured = speeds(jobs, documents.size)
    for name in ours:
        yield Row(f"{name} / {peer.name}", measured[name], measured.get(peer.name), SPEED)


def kernel_rows(documents: Documents, report: Report) -> Iterator[Row]:
    """Every kernel alone."""
    few = documents.first(WORD_MEGABYTES * MEGABYTE)
    for kernel in kernels():
        if not kernel.measurable:
            report.note(f"{kernel.name} is not measured by itself, since it takes {', '.join(kernel.parameters)}")
            continue
        given = few if kernel.of_words else documents
        yield row(kernel.name, kernel.job(given.texts), given.size)


def step_rows(documents: Documents, report: Report) -> Iterator[Row]:
    """Every step of the catalog that looks at text, alone, with its default options; word filters are given words."""
    few = documents.first(WORD_MEGABYTES * MEGABYTE)
    batches, with_words = prepared(documents), [fill(batch) for batch in prepared(few)]
    for stage in text_steps(report):
        if missing := set(stage.reads) - set(with_words[0].schema.names):
            report.note(f"{stage.name()} is not measured alone, since it reads {', '.join(sorted(missing))}")
        elif stage.cost is Cost.WORDS:
            yield row(f"{stage.name()}, words given", partial(process_all, stage, with_words), few.size)
            yield row(f"{stage.name()}, who is in doubt", partial(doubt_all, stage, batches), documents.size)
        else:
            yield row(stage.name(), partial(process_all, stage, batches), documents.size)


def text_steps(report: Report) -> Iterator[Stage]:
    """All steps of the catalog that look at text or payload, ready for work."""
    for name in STEPS:
        cls = step_class(name)
        if issubclass(cls, Barrier | Checkpoint) or cls.cost is Cost.METADATA:
            continue
        if any(option.is_required() for option in cls.model_fields.values()):
            report.note(f"{name} is not measured alone, since it has options without a default")
            continue
        stage = cls()
        if not makes_text(stage):
            stage.open()
            yield stage


def prepared(documents: Documents) -> list[pa.RecordBatch]:
    """Batches as steps see them; the content is the text in UTF-8, for those that read content."""
    batches = []
    for batch in documents.batches():
        flow = Flow(batch, np.arange(batch.num_rows), np.zeros(batch.num_rows, np.bool_))
        flow.set_columns({"content": batch["text"].cast(pa.binary())})
        batches.append(flow.batch)
    return batches


def process_all(stage: Stage, batches: Sequence[pa.RecordBatch]) -> None:
    """Run one step over batches."""
    for batch in batches:
        stage.process(batch)


def doubt_all(stage: Stage, batches: Sequence[pa.RecordBatch]) -> None:
    """Ask one step which documents of batches it must see."""
    for batch in batches:
        stage.needed(batch)


def row(name: str, job: Job, size: int) -> Row:
    """Measure work that has no peer."""
    return Row(name, speeds({name: job}, size)[name], None, SPEED)


if __name__ == "__main__":
    main()
