"""The card of a model, or of an evaluation: figures as JSON, and as Markdown with plots for people."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import yaml

from classifiers.config import SCORE, Config, Target
from classifiers.evaluation import plots
from classifiers.evaluation.breakdowns import SCORE_STEP, Report
from classifiers.evaluation.crossvalidation import Predictions
from classifiers.evaluation.markdown import NOTHING, code, number, percent, plain, table
from classifiers.evaluation.measuring import measure, worst
from classifiers.labels.reading import Labelled
from classifiers.labels.splits import By

METRICS, CARD, PLOTS = "metrics.json", "README.md", "plots"
EXCERPT = 60
"""Characters of a document that a card shows."""
SPLITS: dict[str, str] = {"group": "held out by group", "random": "held out at random"}
KEPT_LEVEL = 3
"""Level whose decision the tables of what is kept show, or the highest below it that there is."""
FRACTIONS = ("spearman", "pearson", "quadratic_kappa", "mean_absolute_error")


@dataclass(frozen=True, slots=True)
class Subject:
    """A trained classifier and what it says of documents that it has not seen."""

    config: Config
    labelled: Labelled
    predictions: Mapping[By, Predictions]
    curve: Sequence[Report] = ()
    """Rows of ``crossvalidation.learning_curve``."""
    texts: bool = True
    """Whether the first EXCERPT characters of the worst errors are shown; their keys and sources always are."""
    noncommercial: bool = False
    """Whether sources under non-commercial terms took part."""
    measured: Mapping[By, Report] = field(default_factory=dict)
    """What ``measure`` said of the predictions, where that is known already."""


def write(folder: Path, subject: Subject) -> Report:
    """Write ``metrics.json``, ``README.md`` and ``plots/*.svg``; return the first one's content.

    The same subject gives the same bytes.
    """
    config, target = subject.config, subject.config.target
    splits: dict[str, Report] = {
        by: subject.measured.get(by) or measure(predictions, target, config.split.seed, by)
        for by, predictions in subject.predictions.items()
    }
    errors: dict[str, list[Report]] = {
        by: worst(predictions, target) for by, predictions in subject.predictions.items()
    }
    report: Report = {
        "labels": {"hash": subject.labelled.hash, **subject.labelled.report},
        "splits": splits,
        "learning_curve": list(subject.curve),
        "last_doubling": last_doubling(subject.curve),
        "worst": {by: [_without_row(error) for error in rows] for by, rows in errors.items()},
    }
    unseen: dict[str, Predictions] = dict(subject.predictions.items())
    main = next(by for by in SPLITS if by in splits)
    drawn = _draw(folder, splits[main], subject.curve)
    parts = [
        _header(config, subject.noncommercial),
        f"# {plain(config.name)}\n",
        *([plain(config.description)] if config.description else []),
        _use(target, subject.labelled),
        "## Labels",
        _labels(subject.labelled, subject.noncommercial),
        "## Figures on held-out documents",
        _how_held_out(config),
        *_annotators(splits[main]),
        *_figures(splits, target),
        *_breakdowns(splits[main], target, SPLITS[main]),
        *_learning(report),
        *drawn,
        "## Worst errors",
        _worst(errors[main], unseen[main].labelled, subject.texts),
    ]
    _write(folder, report, parts)
    return report


def write_evaluation(
    folder: Path, title: str, notes: Sequence[str], target: Target, predictions: Predictions, report: Report
) -> None:
    """Write what ``evaluate`` found, in the same three forms; ``notes`` stand below the title."""
    measured = report["figures"]
    parts = [
        f"# {plain(title)}\n",
        *(plain(note) for note in notes),
        "## Labels",
        _labels(predictions.labelled, noncommercial=True),
        "## Figures",
        *_annotators(measured),
        *_figures({"this set": measured}, target),
        *_breakdowns(measured, target, "this set"),
        *_draw(folder, measured, ()),
        "## Worst errors",
        _worst(worst(predictions, target), predictions.labelled, texts=True),
    ]
    _write(folder, report, parts)


def last_doubling(curve: Sequence[Report]) -> Report:
    """What each figure gained when the documents in training doubled last: the price of the next doubling."""
    if len(curve) < 2:  # noqa: PLR2004
        return {}
    before, after = curve[-2], curve[-1]
    return {
        name: round(after[name] - before[name], 4)
        for name in after
        if name not in ("share", "documents") and None not in (after[name], before.get(name))
    }


def _write(folder: Path, report: Report, parts: Sequence[str]) -> None:
    content = json.dumps(report, ensure_ascii=False, indent=1, allow_nan=False)
    (folder / METRICS).write_text(content + "\n", encoding="utf-8")
    (folder / CARD).write_text("\n\n".join(part.strip("\n") for part in parts) + "\n", encoding="utf-8")


def _without_row(error: Report) -> Report:
    return {name: value for name, value in error.items() if name != "row"}


def _header(config: Config, noncommercial: bool) -> str:
    header = {
        "language": ["ja"],
        "library_name": "migaki",
        "pipeline_tag": "text-classification",
        "tags": ["japanese", "pretraining-data", config.target.kind, config.backend],
        "model_name": config.name,
        **({"license": "other", "license_name": "non-commercial-sources"} if noncommercial else {}),
    }
    return f"---\n{yaml.safe_dump(header, allow_unicode=True, sort_keys=False)}---"


def _use(target: Target, labelled: Labelled) -> str:
    if target.kind == "ordinal":
        says = (
            f"Predicts a level from 0 to {target.levels} as a judge would give it: `score` is the expected level, "
            f"`at_least_1` to `at_least_{target.levels}` are the probabilities of that level or more."
        )
    else:
        heads = ", ".join(f"`{head}`" for head in target.heads)
        says = f"Predicts a probability for each of {heads}.{_prior(target, labelled)}"
    return (
        f"{says} It is meant for ranking and filtering documents of a pretraining corpus by the thousand, not for "
        "verdicts on single texts, authors or users. It repeats what its labels say, their errors and tastes included: "
        "look at what it does to each kind of text below before you cut."
    )


def _prior(target: Target, labelled: Labelled) -> str:
    if target.prior is None:
        return ""
    measured = labelled.targets[~labelled.train_only, 0]
    share = float(np.nanmean(measured))
    return (
        f" Probabilities are those of text of which {percent(target.prior)} is toxic. Of the documents measured here "
        f"{percent(share)} are, so on them probabilities look too {'low' if share > target.prior else 'high'}, and "
        "calibration is off by as much."
    )


def _labels(labelled: Labelled, noncommercial: bool) -> str:
    report = labelled.report
    rows = [
        [
            code(source["name"]),
            str(source["documents"]),
            ", ".join(f"{reason} {count}" for reason, count in source["left_out"].items()) or NOTHING,
            plain(source["licence"]) + (" (non-commercial)" if source["noncommercial"] else ""),
        ]
        for source in report["sources"]
    ]
    lines = [table(["source", "documents", "lines left out", "licence"], rows, words=("lines left out", "licence"))]
    if left_out := report["noncommercial_left_out"]:
        names = ", ".join(f"{code(source['name'])} ({plain(source['licence'])})" for source in left_out)
        lines.append(f"Left out, since their terms do not allow commercial use: {names}.")
    elif noncommercial and any(source["noncommercial"] for source in report["sources"]):
        lines.append("Sources under non-commercial terms took part: the model is not free for commercial use.")
    counts = [
        [f"`{head}`", *(f"{level}: {count}" for level, count in levels.items())]
        for head, levels in report["labels"].items()
    ]
    lines += ["; ".join(", ".join(row) for row in counts) + "."]
    lines.append(
        f"{report['documents']} documents, {report['train_only']} of them only to teach; {report['near_duplicates']} "
        f"have near-duplicates, {report['conflicting_copies']} had copies with other labels. "
        f"sha256 of the labels: `{labelled.hash}`."
    )
    return "\n\n".join(lines)


def _how_held_out(config: Config) -> str:
    return (
        f"{config.split.folds} folds, seed {config.split.seed}. Near-duplicates and hosts never stand on both sides, "
        "by group neither do groups; that figure is the one to expect on sites the model has not seen. Cuts "
        "are tuned on the other folds. Calibration is the one that is served, learnt from these very documents, a few "
        "numbers only: ranks do not depend on it, errors of levels and of probabilities look a little smaller than on "
        "new documents. In brackets 95 % intervals of a bootstrap: over whole groups where these were held out, else "
        "over near-duplicate clusters."
    )


def _annotators(report: Report) -> Iterator[str]:
    """What no classifier trained on these labels can be expected to exceed."""
    for source, heads in report["annotators"].items():
        said = [
            f"{code(head)} " + ", ".join(f"{plain(name.replace('_', ' '))} {value}" for name, value in figures.items())
            for head, figures in heads.items()
        ]
        yield f"Annotators of {code(source)} agree with each other, which is the ceiling: {'; '.join(said)}."


def _figures(splits: Mapping[str, Report], target: Target) -> Iterator[str]:
    """The figures of each split beside the annotators' agreement and the baselines."""
    if target.kind == "ordinal":
        yield _correlations(splits)
    for by, report in splits.items():
        yield f"### Each probability, {SPLITS.get(by, by)}"
        yield _probabilities(report)


def _correlations(splits: Mapping[str, Report]) -> str:
    first = next(iter(splits.values()))
    baselines = {name: first["baselines"][name] for name in ("length", "best_signal")}
    header = ["figure", *(SPLITS.get(by, by) for by in splits), "annotators"]
    header += ["length alone", f"best single signal, {code(baselines['best_signal']['signal'])}"]
    ceilings = [source.get(SCORE, {}) for source in first["annotators"].values()]
    rows = [
        [
            name.replace("_", " "),
            *(_figure(report[name]) for report in splits.values()),
            " / ".join(number(ceiling[name]) for ceiling in ceilings if name in ceiling) or NOTHING,
            *(number(baseline.get(name)) for baseline in baselines.values()),
        ]
        for name in FRACTIONS
    ]
    return table(header, rows)


def _probabilities(report: Report) -> str:
    header = ["", "positives", "AUC", "average precision", "F1, tuned cut", "precision", "recall", "F1 at 0.5"]
    header += ["Brier", "calibration error", "top tenth", "F1 of length", "F1 of best signal", "F1 of keeping all"]
    rows = []
    for name, figures in report["probabilities"].items():
        tuned = figures["tuned"] or dict.fromkeys(("f1", "precision", "recall"))
        baselines = report["baselines"].get(name, report["baselines"])
        rows.append(
            [
                f"`{name}`",
                f"{figures['positives']} of {figures['documents']}",
                _figure(figures["auc"]),
                _figure(figures["average_precision"]),
                *(_figure(tuned[figure]) for figure in ("f1", "precision", "recall")),
                _figure(figures["even"]["f1"]),
                _figure(figures["brier"]),
                _figure(figures["calibration_error"]),
                _figure(figures["top_tenth_precision"]),
                *(number(baselines[kind][name]["f1"]) for kind in ("length", "best_signal", "everything")),
            ]
        )
    return table(header, rows)


def _breakdowns(report: Report, target: Target, by: str) -> Iterator[str]:
    """Tables of what cuts do and of what is kept of what."""
    if target.kind == "ordinal":
        yield f"## Cuts of `score`, {by}"
        yield _score_cuts(report, target.levels)
        task = f"at_least_{min(KEPT_LEVEL, target.levels)}"
        for column in ("genre", "group", "length"):
            yield f"### Kept by {column}, at `{task}` of 0.5 or more"
            yield _kept(report["kept"][column], column, task)
        return
    for head in report["thresholds"]:
        yield f"## Cuts of `{head}`, {by}"
        yield _probability_cuts(report["thresholds"][head])
        yield f"### False positives of `{head}` by group"
        yield _false_positives(report["false_positives"][head], report["cuts"][head])


def _score_cuts(report: Report, levels: int) -> str:
    shown = range(1, levels + 1)
    header = ["cut", "kept", "mean label", *(f"precision, {level} or more" for level in shown)]
    rows = [
        [
            number(row["cut"], 1),
            percent(row["kept"]),
            number(row["mean_label"], 2),
            *(number(row[f"precision_{level}"]) for level in shown),
            *(number(row[f"recall_{level}"]) for level in shown),
        ]
        for row in report["thresholds"]
    ]
    return table([*header, *(f"recall, {level} or more" for level in shown)], rows)


def _probability_cuts(rows: Sequence[Report]) -> str:
    header = ["cut", "flagged", "precision", "recall", "false positives"]
    return table(
        header,
        [
            [
                f"{row['cut']:g}",
                percent(row["flagged"], 2),
                number(row["precision"]),
                number(row["recall"]),
                percent(row["false_positives"], 2),
            ]
            for row in rows
        ],
    )


def _false_positives(rows: Sequence[Report], cut: float) -> str:
    header = ["group", "negatives", "flagged at 0.5", f"flagged at {cut:.3f}, the best F1"]
    return table(
        header, [[code(row["group"]), *(str(row[key]) for key in ("negatives", "even", "best"))] for row in rows]
    )


def _kept(rows: Sequence[Report], column: str, task: str) -> str:
    total = sum(row["documents"] for row in rows)
    header = [column, "documents", "share before", "share after", "labelled so", "kept", "mean label", "of the kept"]
    ordered = (
        sorted(rows, key=lambda row: int(row["bucket"].partition("-")[0].split()[0])) if column == "length" else rows
    )
    return table(
        header,
        [
            [
                code(row["bucket"], EXCERPT),
                str(row["documents"]),
                percent(row["documents"] / total),
                percent(row[task]["share_after"]),
                percent(row[task]["labelled"]),
                percent(row[task]["kept"]),
                number(row["mean_label"], 2),
                number(row[task]["mean_label_after"], 2),
            ]
            for row in ordered
        ],
    )


def _learning(report: Report) -> Iterator[str]:
    """The curve, and what it promises of more labels."""
    curve = report["learning_curve"]
    if not curve:
        return
    names = [name for name in curve[-1] if name not in ("share", "documents")]
    yield "## What more labels would bring"
    yield table(
        ["documents", *names], [[str(row["documents"]), *(number(row[name]) for name in names)] for row in curve]
    )
    gains = ", ".join(f"{name} {gain:+.3f}" for name, gain in report["last_doubling"].items())
    yield f"The last doubling of the labels in training brought: {gains}. Expect less than that of the next one."


def _draw(folder: Path, report: Report, curve: Sequence[Report]) -> Iterator[str]:
    """Draw what there is; give the lines that show it."""
    drawings = {"calibration": plots.calibration({name: row["curve"] for name, row in report["probabilities"].items()})}
    if report["kind"] == "ordinal":
        drawings["confusion"] = plots.confusion(report["confusion"])
        drawings["histogram"] = plots.histogram(report["histogram"], SCORE_STEP / 2)
    if curve:
        figures = [name for name in curve[-1] if name == "spearman" or name.endswith(".auc")]
        drawings["learning_curve"] = plots.learning_curve(curve, figures)
    (folder / PLOTS).mkdir(exist_ok=True)
    yield "## Plots"
    for name, svg in drawings.items():
        (folder / PLOTS / f"{name}.svg").write_text(svg, encoding="utf-8")
        yield f"![{name.replace('_', ' ')}]({PLOTS}/{name}.svg)"


def _worst(errors: Sequence[Report], labelled: Labelled, texts: bool) -> str:
    shown = labelled.table["text"].to_pylist() if texts else []
    rows = [
        [
            code(error["key"], EXCERPT),
            code(error["group"], EXCERPT),
            code(error["genre"], EXCERPT),
            number(error["label"], 1),
            number(error["predicted"], 2),
            *([code(shown[error["row"]], EXCERPT)] if texts else []),
        ]
        for error in errors
    ]
    header = ["key", "group", "genre", "label", "predicted", *(["text"] if texts else [])]
    return table(header, rows, words=("group", "genre", "text"))


def _figure(figure: Report | None) -> str:
    if figure is None or figure["value"] is None:
        return NOTHING
    return f"{number(figure['value'])} ({number(figure['low'])} to {number(figure['high'])})"
