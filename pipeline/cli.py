"""The command line: ``migaki run | plan | report | inspect | compare | refilter | index | similar | schema``, and the
classifier chain."""

import json
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from pipeline import __version__, classifier_commands, comparison, index_table, indexing, refilter_table
from pipeline import refilter as what_if
from pipeline import report as reporting
from pipeline.barrier import Barrier
from pipeline.compare import compare as make_comparison
from pipeline.console import UNFINISHED, errors, output, tracked, user_errors
from pipeline.dedup.index import Addition
from pipeline.display import TerminalDisplay
from pipeline.plan import advice
from pipeline.plan import plan as make_plan
from pipeline.recipe import load
from pipeline.recipe_schema import recipe_schema
from pipeline.report import harmless
from pipeline.run import Result, Settings
from pipeline.run import run as carry_out
from pipeline.similar import Neighbour, in_index, in_run
from pipeline.stage import Checkpoint, Stage

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Turn raw Japanese web shards into a filtered pretraining corpus, with a record of why every document stayed "
    "or left.",
    epilog="Exit codes: 0 done and balanced; 2 wrong use; 3 shards or documents failed, a rerun redoes only them; "
    "4 the ledger does not balance; 130 interrupted, a rerun goes on.",
)
index_app = typer.Typer(
    no_args_is_help=True,
    help="Keep the signatures of older corpora, for later runs to be deduplicated against (`against` of step minhash).",
)
app.add_typer(index_app, name="index")

RecipeArgument = Annotated[
    str, typer.Argument(metavar="RECIPE", help="Recipe file, or the name of a shipped one, e.g. ja_web.")
]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Run folder: a path or URI given as --output before.")]
IndexArgument = Annotated[str, typer.Argument(metavar="INDEX", help="Index folder: a path or URI.")]
QueryArgument = Annotated[
    str, typer.Argument(metavar="TEXT_OR_FILE", help="What to look for: a UTF-8 text file, or the words themselves.")
]
TopOption = Annotated[int, typer.Option(min=1, help="Documents to show.")]
ThresholdOption = Annotated[float, typer.Option(min=0.01, max=1, help="Least similarity to show.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="STEP.OPTION=VALUE", help="Change an option, e.g. length.japanese_letters.min=400."),
]
WorkersOption = Annotated[int | None, typer.Option(min=1, help="CPUs of the embedded Ray; all by default.")]
InlineOption = Annotated[bool, typer.Option("--inline", help="Run in this process, without Ray.")]
RayOption = Annotated[
    str | None, typer.Option(help="Address of a Ray cluster; RAY_ADDRESS by default, else Ray is embedded.")
]
PatienceOption = Annotated[
    float, typer.Option(min=1, help="Seconds a worker may spend on one batch before it is taken to hang.")
]
MemoryOption = Annotated[float, typer.Option(min=0.5, help="GiB a worker may allocate.")]


@app.command(
    epilog="Examples: `migaki run ja_web --input 'shards/*.warc.gz' --output runs/first`; "
    "`migaki run my.yaml --input s3://bucket/crawl/ --output s3://bucket/run --ray-address auto`"
)
def run(
    recipe: RecipeArgument,
    inputs: Annotated[
        list[str],
        typer.Option("--input", "-i", metavar="URI_OR_GLOB...", help="Files, folders, globs or URIs of shards."),
    ],
    to: Annotated[
        str, typer.Option("--output", "-o", metavar="URI", help="Run folder: a path or URI. An existing run goes on.")
    ],
    further: Annotated[list[str] | None, typer.Argument(metavar="INPUT", show_default=False, hidden=True)] = None,
    overrides: SetOption = None,
    workers: WorkersOption = None,
    inline: InlineOption = False,
    ray_address: RayOption = None,
    patience: PatienceOption = 180.0,
    memory: MemoryOption = 3.0,
) -> None:
    """Carry a recipe out over shards into a run folder; what is done already is not done again."""
    settings = Settings(workers, inline, ray_address, patience, int(memory * 2**30))
    every = [*inputs, *(further or ())]
    _watch(lambda display: carry_out(load(recipe, overrides or ()), every, to, settings, display), to)


@app.command(epilog="Example: `migaki plan ja_web --set length.japanese_letters.min=400`")
def plan(recipe: RecipeArgument, overrides: SetOption = None) -> None:
    """Show the passes, steps, options and costs of a recipe, without doing any work."""
    with user_errors():
        planned = make_plan(load(recipe, overrides or ()))
    for current in planned.passes:
        table = Table(title=f"pass {current.index + 1} of {len(planned.passes)}", title_justify="left")
        for heading in ("step", "cost", "reads", "adds", "options"):
            table.add_column(heading, overflow="fold")
        for step in (*current.steps, *([current.closing] if current.closing else [])):
            table.add_row(*_plan_row(step, current.opening))
        output.print(table)
    for note in advice(planned.recipe):
        output.print(Text(f"note: {note}"))


@app.command(epilog="Examples: `migaki report runs/first`; `migaki report runs/first --json | jq .funnel`")
def report(
    run_folder: RunArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show the funnel of a run: per step what came in, what stayed and why the rest left."""
    with user_errors():
        of = reporting.report(run_folder)
    if as_json:
        sys.stdout.write(json.dumps(reporting.as_json(of), ensure_ascii=False, indent=1) + "\n")
        return
    reporting.show(of, output)


@app.command(epilog="Example: `migaki inspect runs/first --reason lines.ended_characters.min --limit 5`")
def inspect(
    run_folder: RunArgument,
    reason: Annotated[
        str | None, typer.Option(help="Reason, or the step in front of it, e.g. length or read.gzip.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Documents to show.")] = 10,
    characters: Annotated[int, typer.Option(min=1, help="Characters of each to show.")] = 400,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines with the whole text.")] = False,
) -> None:
    """Show sampled dropped documents and quarantined records of a run, with the reason of each."""
    with user_errors():
        documents = list(reporting.inspect(run_folder, reason, limit))
    for document in documents:
        if as_json:
            sys.stdout.write(json.dumps(document, ensure_ascii=False, default=_bytes_as_text) + "\n")
        else:
            output.print(_shown(document, characters))


@app.command(
    epilog="Example: `migaki compare ja_web my.yaml --input 'shards/*.warc.gz' --limit 9999`; quote globs: what stands "
    "without an option is a recipe."
)
def compare(
    recipes: Annotated[
        list[str], typer.Argument(metavar="RECIPE RECIPE...", help="Two or more recipe files or names of shipped ones.")
    ],
    inputs: Annotated[
        list[str], typer.Option("--input", "-i", metavar="URI_OR_GLOB", help="Shards to read; may be given repeatedly.")
    ],
    limit: Annotated[int | None, typer.Option(min=1, help="Documents to read; all by default.")] = None,
    sample: Annotated[int, typer.Option(min=0, help="Disagreements to show for each pair of recipes, each way.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Show what recipes keep of the same documents, how far they agree, and where they do not; writes nothing."""
    display = TerminalDisplay(errors)
    with user_errors():
        loaded = {written: load(written) for written in recipes}
        names = [recipe.name for recipe in loaded.values()]
        named = {written if names.count(recipe.name) > 1 else recipe.name: recipe for written, recipe in loaded.items()}
        try:
            of = make_comparison(named, inputs, limit, sample, display)
        finally:
            display.close()
    if as_json:
        sys.stdout.write(json.dumps(comparison.as_json(of), ensure_ascii=False, indent=1) + "\n")
        return
    comparison.show(of, output)


@app.command(
    epilog="Examples: `migaki refilter runs/first --set lines.bullets.max=0.3`; "
    "`migaki refilter runs/first --recipe my.yaml --write runs/second`"
)
def refilter(
    run_folder: RunArgument,
    recipe: Annotated[
        str | None, typer.Option(metavar="RECIPE", help="Another recipe; that of the run by default.")
    ] = None,
    overrides: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    write: Annotated[
        str | None,
        typer.Option(metavar="URI", help="Make the new corpus, in another run folder; what is known is not redone."),
    ] = None,
    workers: WorkersOption = None,
    inline: InlineOption = False,
    ray_address: RayOption = None,
    patience: PatienceOption = 180.0,
    memory: MemoryOption = 3.0,
) -> None:
    """Tell from a run's stored signals what another recipe would keep, gain and lose, without reading a text."""
    if write and as_json:
        raise typer.BadParameter("--json goes with the answer, not with --write")
    with user_errors():
        changed = what_if.changed_recipe(run_folder, recipe, overrides or ())
        of = None if write else what_if.refilter(run_folder, changed)
    if write:
        settings = Settings(workers, inline, ray_address, patience, int(memory * 2**30))
        _watch(lambda display: what_if.rewrite(run_folder, changed, write, settings, display), write)
    elif as_json:
        sys.stdout.write(json.dumps(of, ensure_ascii=False, indent=1) + "\n")
    elif of:
        refilter_table.show(of, output)


@app.command(
    epilog="Examples: `migaki similar runs/first page.txt`; "
    "`migaki similar runs/first '吾輩は猫である。名前はまだ無い。' --threshold 0.1`"
)
def similar(
    run_folder: RunArgument,
    query: QueryArgument,
    top: TopOption = 10,
    threshold: ThresholdOption = 0.5,
    as_json: JsonOption = False,
) -> None:
    """List the documents of a run that are most like a text, removed ones too; the corpus is not needed."""
    with user_errors():
        found = in_run(run_folder, query, threshold, top, tracked("looking"))
    _show_neighbours(found, threshold, as_json)


@index_app.command(epilog="Example: `migaki index build old runs/first`")
def build(index: IndexArgument, run_folder: RunArgument) -> None:
    """Make an index of the signatures of a finished run."""
    with user_errors():
        _show_addition(indexing.build(index, run_folder, tracked("signatures")), index)


@index_app.command(epilog="Example: `migaki index add old runs/second runs/third`")
def add(
    index: IndexArgument,
    run_folders: Annotated[list[str], typer.Argument(metavar="RUN...", help="Run folders, one after the other.")],
) -> None:
    """Bring finished runs into an index; a run that is in it already is refused."""
    with user_errors():
        for run_folder in run_folders:
            _show_addition(indexing.add(index, run_folder, tracked("signatures")), index)


@index_app.command(epilog="Examples: `migaki index info old`; `migaki index info old --json | jq .parameters`")
def info(index: IndexArgument, as_json: JsonOption = False) -> None:
    """Show what an index holds: parameters, and where its documents come from."""
    with user_errors():
        of = indexing.info(index)
    if as_json:
        sys.stdout.write(json.dumps(of, ensure_ascii=False, indent=1) + "\n")
        return
    index_table.show(of, output)


@index_app.command("query", epilog="Example: `migaki index query old page.txt --threshold 0.8`")
def index_query(
    index: IndexArgument,
    query: QueryArgument,
    top: TopOption = 10,
    threshold: ThresholdOption = 0.5,
    as_json: JsonOption = False,
) -> None:
    """List the documents of an index that are most like a text."""
    with user_errors():
        found = in_index(index, query, threshold, top, tracked("looking"))
    _show_neighbours(found, threshold, as_json)


@app.command(epilog="Example: `migaki schema > configs/recipe.schema.json`")
def schema() -> None:
    """Print the JSON Schema of recipes."""
    sys.stdout.write(json.dumps(recipe_schema(), ensure_ascii=False, indent=1) + "\n")


classifier_commands.register(app)


def main() -> None:
    """Entry point of the console script: steps may come from the current folder, and Ctrl-C always interrupts."""
    sys.path.append(str(Path.cwd()))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    app()


def _version(wanted: bool) -> None:
    if wanted:
        output.print(f"migaki {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Turn raw Japanese web shards into a filtered pretraining corpus, with a record of every document."""


def _watch(work: Callable[[TerminalDisplay], Result], to: str) -> None:
    """Show a run at work, and how it ended."""
    display = TerminalDisplay(errors)
    with user_errors("Interrupted. What is done is kept; the same command goes on from here."):
        try:
            result = work(display)
        finally:
            display.close()
        _conclude(result, to)


def _conclude(result: Result, to: str) -> None:
    if result.failed:
        for uri, error in result.failed.items():
            errors.print(Text(harmless(f"failed: {uri}: {error}")), soft_wrap=True)
        errors.print(f"{len(result.failed)} shards failed (tracebacks in logs/); the same command redoes only them.")
        raise typer.Exit(UNFINISHED)
    of = reporting.report(to)
    there = not result.parts_done and reporting.has_page(to)
    page = f"{of['run']}/report.html" if there else reporting.write_page(to)
    reporting.show(of, output)
    if not result.parts_done:
        output.print("Nothing to do: every part was done already.")
    output.print(Text(f"corpus: {of['run']}/corpus\nreport: {page}"), soft_wrap=True)


def _show_addition(addition: Addition, index: str) -> None:
    output.print(
        Text(harmless(f"{addition.name}: {addition.documents:,} documents of {addition.run} are in {index} now")),
        soft_wrap=True,
    )


def _show_neighbours(found: Sequence[Neighbour], threshold: float, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps([asdict(each) for each in found], ensure_ascii=False, indent=1) + "\n")
        return
    index_table.show_neighbours(found, threshold, output)


def _plan_row(step: Stage, opening: Barrier | None) -> tuple[Text, ...]:
    if step is opening:
        return Text(f"{step.name()} (drop)"), Text(""), Text(""), Text(", ".join(step.added())), Text("")
    if isinstance(step, Barrier | Checkpoint):
        kind = "look across shards" if isinstance(step, Barrier) else "store survivors"
        return (
            Text(f"{step.name()} ({kind})"),
            Text(step.cost.name),
            Text(", ".join(step.required())),
            Text(""),
            _options(step),
        )
    return (
        Text(step.name()),
        Text(step.cost.name),
        Text(", ".join(step.required())),
        Text(", ".join(step.added())),
        _options(step),
    )


def _options(step: Stage) -> Text:
    plain = step.model_dump(mode="json", exclude_none=True)
    return Text("\n".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in plain.items()))


def _shown(document: dict[str, Any], characters: int) -> Text:
    body = document.get("text") or _bytes_as_text(document.get("content") or b"")
    head = f"{document['reason']}  {document['id']}\n{document.get('url') or document.get('file_path') or ''}\n"
    error = f"{document['error']}\n" if document.get("error") else ""
    return Text.assemble((harmless(head), "bold"), (harmless(error), "red"), harmless(body[:characters]), "\n")


def _bytes_as_text(content: bytes) -> str:
    return content.decode("utf-8", "replace")
