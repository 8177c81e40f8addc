"""What a classifier has to beat: statistics of a text that need no labels."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from scipy.stats import rankdata

from classifiers.evaluation.metrics import Floats, Numbers
from pipeline.filters.japanese import Japanese
from pipeline.filters.length import Length
from pipeline.filters.lines import Lines
from pipeline.filters.sentences import Sentences
from pipeline.text.chars import CHAR_COUNTS, as_column, count_chars

LENGTH = "length.characters"
FILTERS = (Length, Japanese, Lines, Sentences)


def statistics(texts: pa.Array) -> dict[str, Floats]:
    """Signals of n texts, named as a run names them: ``<step>.<signal>``; a null is the median of the others."""
    batch = pa.record_batch({"text": texts, CHAR_COUNTS.name: as_column(count_chars(texts))})
    found: dict[str, Floats] = {}
    for kind in FILTERS:
        step = kind()
        step.open()
        for signal, column in step.process(batch).columns.items():
            values = column.to_numpy(zero_copy_only=False).astype(np.float64)
            known = values[~np.isnan(values)]
            found[signal] = np.where(np.isnan(values), np.median(known) if known.size else 0, values)
    return found


def strongest(signals: Mapping[str, Floats], labels: Numbers) -> tuple[str, Floats]:
    """Name and values of the signal that orders n labels best, turned round where low values go with high labels.

    It is chosen, by Spearman's correlation, on the very documents it is measured on, which flatters it.
    """
    ranks = rankdata(labels)
    correlations = {name: _correlation(rankdata(values), ranks) for name, values in signals.items()}
    best = max(sorted(correlations), key=lambda name: abs(correlations[name]))
    return best, turned(signals[best], labels)


def turned(values: Floats, labels: Numbers) -> Floats:
    """The values, negated where high ones go with low labels."""
    return -values if _correlation(rankdata(values), rankdata(labels)) < 0 else values


def _correlation(left: Floats, right: Floats) -> float:
    if np.ptp(left) == 0 or np.ptp(right) == 0:
        return 0.0
    return float(np.corrcoef(left, right)[0, 1])
