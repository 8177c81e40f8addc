"""Reports: figures, cuts, buckets and baselines say what they are named after."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled import configuration, labelled_table, ordinal_predictions

from classifiers.evaluation.crossvalidation import Predictions
from classifiers.evaluation.measuring import headline, measure, worst

TARGET = configuration().target
LABELS = [float(place % 6) for place in range(120)]
NOISY = [min(5.0, max(0.0, label + (place * 7 % 11 - 5) / 4)) for place, label in enumerate(LABELS)]


def test_perfect_predictions_have_perfect_figures() -> None:
    report = measure(ordinal_predictions(LABELS, LABELS, folds=4), TARGET)
    for figure in ("spearman", "pearson", "quadratic_kappa"):
        assert report[figure] == {"value": 1, "low": 1, "high": 1}
    assert report["mean_absolute_error"]["value"] == 0
    for figures in report["probabilities"].values():
        assert figures["auc"]["value"] == figures["tuned"]["f1"]["value"] == figures["even"]["f1"]["value"] == 1
    confusion = np.array(list(report["confusion"].values()))
    assert confusion.tolist() == (np.eye(6, dtype=int) * 20).tolist()


def test_a_report_is_json_and_the_same_each_time() -> None:
    predictions = ordinal_predictions(LABELS, NOISY, folds=4)
    first = json.dumps(measure(predictions, TARGET), allow_nan=False)
    assert json.dumps(measure(predictions, TARGET), allow_nan=False) == first
    assert json.dumps(measure(predictions, TARGET, seed=1), allow_nan=False) != first


def test_an_interval_surrounds_each_figure() -> None:
    report = measure(ordinal_predictions(LABELS, NOISY, folds=4), TARGET)
    for figure in (report["spearman"], report["quadratic_kappa"], report["probabilities"]["at_least_3"]["auc"]):
        assert figure["low"] < figure["value"] < figure["high"]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_labels_of_a_fold_do_not_move_its_tuned_cut(seed: int, fold: int) -> None:
    random = np.random.default_rng(seed)
    scores, folds = random.random(40).astype(np.float32), np.arange(40) % 4
    labels = random.integers(0, 2, 40).astype(float)
    turned = np.where(folds == fold, 1 - labels, labels)
    target = configuration("binary").target
    here = folds == fold

    def decided(values: np.ndarray) -> int:
        part = labelled_table({"toxic": [float(value) for value in values]})
        report = measure(Predictions(part, {"toxic": scores}, folds), target)
        return report["probabilities"]["toxic"]["tuned"]["decided"]

    def decided_elsewhere(values: np.ndarray) -> int:
        """What the cuts of the other folds decide, found apart from the code under test."""
        total = 0
        for other in set(range(4)) - {fold}:
            inside = folds == other
            total += int((scores[inside] >= _best(scores[~inside], values[~inside])).sum())
        return total

    assert decided(labels) - decided_elsewhere(labels) == decided(turned) - decided_elsewhere(turned)
    assert here.any()


def _best(scores: np.ndarray, labels: np.ndarray) -> float:
    values = np.unique(scores)
    if not labels.any():
        return 0.5
    f1 = [2 * (labels[scores >= cut]).sum() / ((scores >= cut).sum() + labels.sum()) for cut in values]
    best = int(np.flatnonzero(np.isclose(f1, max(f1), rtol=1e-12))[-1])
    return float(values[0] if best == 0 else (values[best - 1].astype(float) + values[best]) / 2)


def test_one_model_is_decided_by_the_cuts_of_its_training() -> None:
    predictions = ordinal_predictions(LABELS, NOISY)
    assert measure(predictions, TARGET)["probabilities"]["at_least_3"]["tuned"] is None
    never = Predictions(predictions.labelled, predictions.columns, predictions.folds, {"at_least_3": 2.0})
    assert measure(never, TARGET)["probabilities"]["at_least_3"]["tuned"]["decided"] == 0


def test_what_is_kept_of_each_bucket_adds_up() -> None:
    genres = [["news", "diary", None][place % 3] for place in range(120)]
    report = measure(ordinal_predictions(LABELS, NOISY, genre=genres), TARGET)
    rows = {row["bucket"]: row for row in report["kept"]["genre"]}
    assert rows.keys() == {"news", "diary", "(none)"}
    for task in ("at_least_1", "at_least_3", "at_least_5"):
        assert sum(row[task]["share_after"] for row in rows.values()) == pytest.approx(1, abs=1e-3)
    inside = np.array(genres, object) == "news"
    kept = inside & (np.array(NOISY) >= 2.5)
    assert rows["news"]["at_least_3"]["kept"] == pytest.approx(kept.sum() / inside.sum(), abs=1e-4)
    assert rows["news"]["at_least_3"]["mean_label_after"] == pytest.approx(np.array(LABELS)[kept].mean(), abs=1e-4)
    assert sum(row["documents"] for row in report["kept"]["length"]) == 120


def test_rare_buckets_are_put_together() -> None:
    groups = [f"site{place}" for place in range(120)]
    report = measure(ordinal_predictions(LABELS, NOISY, group=groups), TARGET)
    rows = report["kept"]["group"]
    assert len(rows) == 31
    assert (rows[0]["bucket"], rows[0]["documents"]) == ("(others)", 90)


def test_a_label_that_is_the_length_is_found_by_the_baselines() -> None:
    labels = [float(place % 6) for place in range(60)]
    texts = [f"{place:02}" + "雨が降る。" * (10 * (5 - place % 6)) for place in range(60)]
    report = measure(ordinal_predictions(labels, [2.0 + place % 2 for place in range(60)], 7, text=texts), TARGET)
    length = report["baselines"]["length"]
    assert length["spearman"] == 1
    assert length["at_least_4"] == {"auc": 1, "f1": 1}
    assert report["baselines"]["everything"]["at_least_4"]["f1"] == pytest.approx(2 / 4, abs=1e-4)


def test_the_annotators_agreement_stands_beside() -> None:
    report = measure(ordinal_predictions(LABELS, NOISY), TARGET)
    assert report["annotators"]["web"]["score"]["quadratic_kappa"] == 0.8


def test_a_head_is_measured_where_something_is_said_about_it() -> None:
    labels = labelled_table({"toxic": [0.0, 1.0] * 20, "hate": [None, 1.0, 0.0, None] * 10, "sexual": [None] * 40})
    scores = {head: np.tile(np.array([0.1, 0.9], np.float32), 20) for head in labels.heads}
    target = configuration("binary", target={"categories": {"hate": ["hate"], "sexual": ["sexual"]}}).target
    predictions = Predictions(labels, scores, np.arange(40) // 2 % 4)
    report = measure(predictions, target)
    assert report["probabilities"]["toxic"]["documents"] == 40
    assert report["probabilities"]["hate"]["documents"] == 20
    assert report["probabilities"]["hate"]["tuned"]["f1"]["value"] == 1
    assert report["unlabelled"] == ["sexual"]
    figures = headline(predictions, target)
    assert {name for name, figure in figures.items() if figure == 1} == {"toxic.auc", "toxic.f1", "hate.auc", "hate.f1"}
    assert {name for name, figure in figures.items() if figure is None} == {"sexual.auc", "sexual.f1"}


def test_a_budget_of_false_positives_gives_the_lowest_cut_within_it() -> None:
    scores = np.concatenate([np.linspace(0, 0.999, 1000), np.full(10, 0.9925)]).astype(np.float32)
    labels = labelled_table({"toxic": [0.0] * 1000 + [1.0] * 10}, group=["law"] * 500 + ["news"] * 510)
    report = measure(Predictions(labels, {"toxic": scores}, np.arange(1010) % 5), configuration("binary").target)
    within = [row for row in report["thresholds"]["toxic"] if row["false_positives"] <= 0.01]
    assert min(row["cut"] for row in within) == pytest.approx(0.989, abs=2e-6)
    assert within[0]["recall"] == 1
    flagged = {row["group"]: (row["negatives"], row["even"]) for row in report["false_positives"]["toxic"]}
    assert flagged["law"][0] == flagged["news"][0] == 500
    assert flagged["news"][1] > 490


def test_the_worst_errors_come_first_and_without_texts() -> None:
    scores = list(LABELS)
    scores[17], scores[3] = LABELS[17] - 4.5, LABELS[3] + 1.5
    found = worst(ordinal_predictions(LABELS, scores), TARGET)
    assert [(row["key"], row["label"], row["predicted"]) for row in found[:2]] == [("0011", 5, 0.5), ("0003", 3, 4.5)]
    assert len(found) == 20
    assert "text" not in found[0]
