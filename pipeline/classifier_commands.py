"""The commands of the classifier chain: ``migaki sample | annotate | train | evaluate``.

scikit-learn, openai and altair take seconds to import, so a command imports what it needs when it is called.
"""
# ruff: noqa: PLC0415

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from classifiers.errors import ClassifierError
from pipeline.console import INTERRUPTED, UNFINISHED, errors, output, tracked, user_errors
from pipeline.report import harmless
from pipeline.sampling import SampleOptions
from pipeline.sampling import sample as draw

if TYPE_CHECKING:
    from classifiers.annotation.annotations import Summary
    from classifiers.annotation.judging import Status

MARKS = ("run.json", "sample.json", "annotate.json", "model.json", "index.json")
"""Files that tell what a folder is."""

DataOption = Annotated[
    Path,
    typer.Option(
        envvar="MIGAKI_DATA",
        metavar="FOLDER",
        help="Folder that the paths of labels start from; MIGAKI_DATA by default.",
    ),
]
NoncommercialOption = Annotated[
    bool, typer.Option("--noncommercial", help="Let sources under non-commercial or research-only terms take part.")
]


def sample(
    run_folder: Annotated[str, typer.Argument(metavar="RUN", help="Run folder of a finished run.")],
    to: Annotated[str, typer.Option("--output", "-o", metavar="URI", help="Folder for sample.jsonl and sample.json.")],
    n: Annotated[int, typer.Option(min=1, help="Documents to draw.")] = 2000,
    strata: Annotated[
        str, typer.Option(help="What divides the documents: host, length, signals, reason, source; by commas.")
    ] = "host,length,signals",
    by: Annotated[
        str | None, typer.Option(metavar="SIGNALS", help="Signals whose terciles count under `signals`; by commas.")
    ] = None,
    include_dropped: Annotated[
        bool,
        typer.Option("--include-dropped", help="Draw from the dropped documents too, as far as their texts are kept."),
    ] = False,
    per_host: Annotated[int, typer.Option(min=0, help="Most documents of one host; 0 for no limit.")] = 3,
    characters: Annotated[int, typer.Option(min=1, help="Characters of each text that the judge is shown.")] = 900,
    seed: Annotated[int, typer.Option(help="Another seed draws other documents.")] = 0,
) -> None:
    """Draw a stratified sample of a run's documents for annotation, with the exact texts that will be shown."""
    with user_errors():
        options = _checked(
            SampleOptions,
            n=n,
            strata=tuple(strata.split(",")),
            by=tuple(by.split(",")) if by else None,
            include_dropped=include_dropped,
            per_host=per_host or None,
            characters=characters,
            seed=seed,
        )
        _refuse_other(Path(to), "sample.json")
        drawn = draw(run_folder, to, options, tracked("reading"))
    table = Table(title=f"{drawn.documents:,} of {drawn.population:,} documents", title_justify="left")
    for heading in ("stratum", "population", "text on hand", "drawn", "weight"):
        table.add_column(heading, justify="left" if heading == "stratum" else "right")
    for stratum in drawn.strata:
        counts = (f"{count:,}" for count in (stratum.population, stratum.on_hand, stratum.drawn))
        weight = "" if stratum.weight is None else f"{stratum.weight:.1f}"
        table.add_row(Text(harmless(stratum.name)), *counts, weight)
    output.print(table)
    for note in drawn.notes:
        errors.print(Text(harmless(f"note: {note}")), soft_wrap=True)
    output.print(Text(f"sample: {drawn.sample}"), soft_wrap=True)


def annotate(
    documents: Annotated[
        Path, typer.Argument(metavar="SAMPLE", help="sample.jsonl, or any JSONL file with a field `text`.")
    ],
    to: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Annotation folder; one that is there goes on.")
    ],
    rubric: Annotated[str, typer.Option(help="quality, safety, or a rubric file.")] = "quality",
    import_from: Annotated[
        Path | None, typer.Option("--import", metavar="FILE", help="Take annotations made elsewhere; nobody is asked.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="OpenAI-compatible endpoint, e.g. http://localhost:8000/v1.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Name of the model, as the endpoint knows it.")] = None,
    key_from: Annotated[
        str, typer.Option(metavar="VARIABLE", help="Environment variable with the key; it is never written.")
    ] = "OPENAI_API_KEY",
    concurrency: Annotated[int, typer.Option(min=1, help="Requests under way at once.")] = 8,
    requests_per_minute: Annotated[float | None, typer.Option(help="Limit of the endpoint.")] = None,
    tokens_per_minute: Annotated[float | None, typer.Option(help="Limit of the endpoint, both ways together.")] = None,
    budget: Annotated[float | None, typer.Option(help="Most that all calls for the folder may cost.")] = None,
    price_in: Annotated[float, typer.Option(help="Price of a million tokens of prompt.")] = 0.0,
    price_out: Annotated[float, typer.Option(help="Price of a million tokens of answer.")] = 0.0,
    repeat: Annotated[
        float, typer.Option(help="Share judged twice, to measure the judge's agreement with itself.")
    ] = 0.0,
    attempts: Annotated[int, typer.Option(min=1, help="Failed requests for one document until it is given up.")] = 5,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an answer.")] = 120.0,
    temperature: Annotated[float, typer.Option(help="Sampling temperature.")] = 0.0,
    max_tokens: Annotated[int, typer.Option(help="Tokens that an answer may have.")] = 1024,
    seed: Annotated[int, typer.Option(help="Seed of sampling, of the share judged twice, and of waiting times.")] = 0,
) -> None:
    """Have an LLM judge a sample under a rubric; every answer is kept, and a rerun asks only what is not answered."""
    from classifiers.annotation.annotate import annotate as judge
    from classifiers.annotation.annotations import import_annotations
    from classifiers.annotation.judging import Settings
    from classifiers.annotation.rubric import load_rubric

    with user_errors("Interrupted. Every answer is kept; the same command goes on from here."):
        _refuse_other(to, "annotate.json")
        chosen = load_rubric(rubric)
        if key_from != "OPENAI_API_KEY" and key_from not in os.environ:
            raise ClassifierError(f"--key-from {key_from}: no such environment variable")
        if import_from:
            _conclude(import_annotations(import_from, documents, chosen, to), to)
            return
        if base_url is None or model is None:
            raise ClassifierError("annotate: give --base-url and --model, or --import FILE")
        settings = _checked(
            Settings,
            base_url=base_url,
            model=model,
            key_from=key_from,
            timeout=timeout,
            temperature=temperature,
            seed=seed,
            max_tokens=max_tokens,
            concurrency=concurrency,
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            attempts=attempts,
            repeat=repeat,
            budget=budget,
            price_in=price_in,
            price_out=price_out,
        )
        with _Judging() as shown:
            summary = judge(documents, chosen, to, settings, shown.update)
        _conclude(summary, to)


def train(
    config: Annotated[
        str, typer.Argument(metavar="CONFIG", help="Configuration, or the name of a shipped one, e.g. quality_ja.")
    ],
    to: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Model folder; a model there is replaced.")
    ],
    data: DataOption = Path(),
    noncommercial: NoncommercialOption = False,
) -> None:
    """Train a classifier on labels, measure it on documents held out, and write a model folder with its card."""
    from classifiers.config import load_config
    from classifiers.train import train as fit

    with user_errors():
        found = load_config(config)
        model = fit(found, data, to, noncommercial, _step)
    _show_figures(model.about.metrics)
    output.print(Text(f"model: {to}\ncard: {to}/README.md\nsha256: {model.hash}"), soft_wrap=True)


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Model folder, or the name of a shipped model.")],
    on: Annotated[
        Path,
        typer.Option(metavar="LABELS", help="Annotation folder, JSONL file, or a configuration whose labels are used."),
    ],
    to: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="Write figures, card and plots there.")
    ] = None,
    data: DataOption = Path(),
    noncommercial: NoncommercialOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
) -> None:
    """Score labelled documents with a model, and compare."""
    from classifiers.evaluation.evaluate import evaluate as measure
    from classifiers.model import load

    with user_errors():
        if to:
            _refuse_other(to, "metrics.json")
        loaded = load(model)
        found = measure(loaded, on, data, to, _step, noncommercial)
    if as_json:
        sys.stdout.write(json.dumps(found.report, ensure_ascii=False, indent=1) + "\n")
        return
    for warning in found.warnings:
        errors.print(Text(harmless(f"note: {warning}")), soft_wrap=True)
    _show_figures({on.name: found.headline})
    if to:
        output.print(Text(f"card: {to}/README.md"), soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog="Example: `migaki sample runs/first -o sample --n 2000 --include-dropped`")(sample)
    app.command(
        epilog="Examples: `migaki annotate sample/sample.jsonl -o annotations --rubric quality "
        "--base-url http://localhost:8000/v1 --model qwen`; "
        "`migaki annotate sample/sample.jsonl -o annotations --import judged.jsonl`"
    )(annotate)
    app.command(epilog="Example: `migaki train quality_ja --data ../data -o models/quality`")(train)
    app.command(epilog="Example: `migaki evaluate quality_ja --on annotations`")(evaluate)


def _refuse_other(folder: Path, own: str) -> None:
    """Keep what a command writes out of files, and out of folders that hold anything but what it wrote before."""
    if folder.exists() and not folder.is_dir():
        raise ClassifierError(f"{folder}: a file; name a folder")
    others = [mark for mark in MARKS if mark != own and (folder / mark).is_file()]
    if others or (folder.is_dir() and any(folder.iterdir()) and not (folder / own).is_file()):
        held = f" ({others[0]})" if others else ""
        raise ClassifierError(f"{folder}: holds something else{held}; choose another folder")


def _checked(kind: Any, **options: Any) -> Any:
    """Build options; what is wrong with one is said by its name on the command line."""
    try:
        return kind(**options)
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            name = "--" + str(problem["loc"][0]).replace("_", "-") if problem["loc"] else "options"
            lines.append(f"{name}: {problem['msg'].removeprefix('Value error, ')}")
        raise ClassifierError("; ".join(lines)) from None


class _Judging:
    """Progress of an annotation with its cost and the time left, on a terminal."""

    def __init__(self) -> None:
        columns = (BarColumn(), TextColumn("{task.completed}/{task.total}"), TextColumn("{task.fields[said]}"))
        self._progress = Progress(*columns, TimeElapsedColumn(), console=errors, disable=not errors.is_terminal)
        self._task = self._progress.add_task("judging", total=None, said="")

    def __enter__(self) -> "_Judging":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, status: "Status") -> None:
        """Show where it stands."""
        left = "" if status.seconds_left is None else f", {status.seconds_left / 60:.0f} min left"
        lost = status.refused + status.discarded + status.failed
        said = f"{lost} without annotation, {status.tokens:,} tokens, cost {status.cost:.2f}{left}"
        self._progress.update(self._task, completed=status.done, total=status.total, said=said)


def _conclude(summary: "Summary", to: Path) -> None:
    table = Table("documents", "accepted", "refused", "discarded", "failed", "pending", "tokens", "cost")
    lost = (sum(counts.values()) for counts in (summary.discarded, summary.failed))
    counts = (summary.documents, summary.accepted, summary.refused, *lost, summary.pending)
    table.add_row(
        *(f"{count:,}" for count in counts), f"{summary.tokens_in + summary.tokens_out:,}", f"{summary.cost:.2f}"
    )
    output.print(table)
    for what, kinds in (("discarded", summary.discarded), ("failed", summary.failed)):
        for kind, count in kinds.items():
            output.print(Text(harmless(f"{what}: {kind} {count:,}")))
    for line, problem in summary.bad_lines.items():
        errors.print(Text(harmless(f"line {line}: {problem}")), soft_wrap=True)
    for head, own in summary.agreement.items():
        said = f"{own.exact:.0%} exact, {own.within_one:.0%} within one, of {own.documents:,}"
        output.print(Text(harmless(f"agreement of the judge with itself, {head}: {said}")), soft_wrap=True)
    output.print(Text(f"annotations: {to}/annotations.jsonl"), soft_wrap=True)
    if summary.stopped:
        errors.print(Text(harmless(f"Stopped: {summary.stopped}. The same command goes on from here.")), soft_wrap=True)
    if summary.failed or summary.pending or not summary.accepted:
        raise typer.Exit(INTERRUPTED if summary.stopped == "interrupted" else UNFINISHED)


def _show_figures(figures: Mapping[str, Mapping[str, float | None]]) -> None:
    table = Table("figure", *figures)
    for name in dict.fromkeys(name for each in figures.values() for name in each):
        values = (each.get(name) for each in figures.values())
        table.add_row(name, *("" if value is None else f"{value:.3f}" for value in values))
    output.print(table)


def _step(doing: str) -> None:
    if errors.is_terminal:
        errors.print(Text(harmless(doing), style="dim"))
