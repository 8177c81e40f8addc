"""Which documents are held out together, so that a figure says what the classifier does with text it has not seen."""

from typing import Literal

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from classifiers.errors import ClassifierError
from classifiers.labels.grouping import codes, connect
from classifiers.labels.reading import Labelled

By = Literal["group", "random"]
Folds = npt.NDArray[np.int64]
"""Fold in which each of n documents is held out; -1 for those that always teach."""

WHOLE: dict[By, tuple[str, ...]] = {"random": ("cluster", "host"), "group": ("cluster", "host", "group")}
"""Columns whose values never stand on both sides."""
UNSAID = -1


def folds(labelled: Labelled, by: By, folds: int, seed: int) -> Folds:
    """Hold out each of n documents once, stratified by the first head's label.

    Near-duplicates and hosts stay whole, ``by="group"`` groups as well. Documents that only teach are in no fold (-1)
    but where they belong together with one that is measured: there they teach the other folds only. Raises
    ClassifierError if there are fewer such units than folds.
    """
    units = connect([codes(labelled.table[column]) for column in WHOLE[by]])
    measured = np.flatnonzero(~labelled.train_only)
    if np.unique(units[measured]).size < folds:
        raise ClassifierError(
            f"{np.unique(units[measured]).size} units for {folds} folds by {by}: documents that share a "
            f"{' or '.join(WHOLE[by])} are held out together; label more of them, or set fewer `split.folds`"
        )
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    fold_of_unit = np.full(len(units), -1)
    strata = _strata(labelled, folds)[measured]
    for fold, (_, held_out) in enumerate(splitter.split(measured, strata, units[measured])):
        fold_of_unit[units[measured[held_out]]] = fold
    return fold_of_unit[units]


def held_out(labelled: Labelled, folds: Folds, fold: int) -> npt.NDArray[np.int64]:
    """Rows that are measured in a fold."""
    return np.flatnonzero((folds == fold) & ~labelled.train_only)


def check_leaks(labelled: Labelled, folds: Folds, by: By) -> None:
    """Raise ClassifierError if a cluster, a host or, by group, a group stands in two folds, or in one and in training
    for all."""
    for column in WHOLE[by]:
        values = codes(labelled.table[column])
        known = values >= 0
        least, most = np.full(len(values), len(values)), np.full(len(values), -1)
        np.minimum.at(least, values[known], folds[known])
        np.maximum.at(most, values[known], folds[known])
        torn = np.flatnonzero(least < most)
        if torn.size:
            row = int(np.flatnonzero(values == torn[0])[0])
            raise ClassifierError(
                f"{column} {labelled.table[column][row].as_py()!r:.80} stands on both sides of a split by {by}"
            )


def _strata(labelled: Labelled, folds: int) -> npt.NDArray[np.int64]:
    """Rounded label of the first head; one with fewer documents than folds joins the most frequent one."""
    labels = labelled.targets[:, 0]
    strata = np.where(np.isnan(labels), UNSAID, np.floor(np.nan_to_num(labels) + 0.5)).astype(np.int64)
    levels, counts = np.unique(strata[~labelled.train_only], return_counts=True)
    return np.where(np.isin(strata, levels[counts >= folds]), strata, levels[np.argmax(counts)])
