"""What every kind of classifier offers to training and serving."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Targets = npt.NDArray[np.float32]
"""(n, heads); NaN where a document says nothing about a head."""
Raw = npt.NDArray[np.float32]
"""(n, heads); larger means more of the head. Calibration turns it into levels and probabilities."""


class Backend(Protocol):
    """A trained classifier of one or more heads, before calibration.

    ``fit`` is deterministic: same texts, targets, weights and options give the same bytes in ``save``. ``options`` is
    the part of the configuration below ``backend``, resolved.
    """

    name: ClassVar[str]

    @classmethod
    def fit(
        cls, texts: pa.StringArray, targets: Targets, weights: npt.NDArray[np.float64], options: Mapping[str, Any]
    ) -> Self:
        """Train on n texts; ``weights`` are n weights of documents."""

    def raw(self, texts: pa.StringArray) -> Raw:
        """Score n texts; an empty or null one is scored as the empty text."""

    def save(self, folder: Path) -> None:
        """Write files into an existing folder; plain arrays, JSON or fastText's own format, never a pickle."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote; the caller has checked the hashes. Raises ClassifierError for other content."""
