"""Scores texts from 0 to 5 by how much they would teach a language model."""

from typing import ClassVar

import pyarrow as pa

from classifiers.serving.base import Serving
from pipeline.stage import Interval


class Quality(Serving):
    """Scores texts with a classifier trained on judgements of a language model, from 0 (unreadable) to 5 (exemplary).

    ``score`` is the expected level, ``at_least_<t>`` the probability that a judge would give t points or more; which
    points there are is in the model's card. Without a bound the step only scores: the columns serve a percentile cut
    (``percentile``), the choice among copies (``minhash: {keep: [quality.score, ...]}``) and a cut that is chosen
    later (``migaki refilter``). The model sees the beginning of a text only, as its judge did.
    """

    kind = "ordinal"
    adds: ClassVar = {
        "quality.score": pa.float32(),
        "quality.at_least_1": pa.float32(),
        "quality.at_least_2": pa.float32(),
        "quality.at_least_3": pa.float32(),
        "quality.at_least_4": pa.float32(),
        "quality.at_least_5": pa.float32(),
    }

    model: str = "quality_ja"
    """Name of a model that ships, or path of a model folder, as ``migaki train`` writes it; an ordinal one."""
    score: Interval = Interval()
    """Expected level, 0 to 5."""
    at_least_1: Interval = Interval()
    """Probability of 1 point or more."""
    at_least_2: Interval = Interval()
    """Probability of 2 points or more."""
    at_least_3: Interval = Interval()
    """Probability of 3 points or more."""
    at_least_4: Interval = Interval()
    """Probability of 4 points or more."""
    at_least_5: Interval = Interval()
    """Probability of all 5 points."""
