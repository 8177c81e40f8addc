"""Histograms of scores in fine bins, and the score at which a share of each bucket is kept."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

HISTOGRAM = pa.schema(
    [
        ("bucket", pa.string()),
        ("least", pa.float32()),  # score at the lower end of the bin; null counts documents without a score
        ("documents", pa.int64()),
        ("characters", pa.int64()),
    ]
)
CUTS = pa.schema(
    [
        ("bucket", pa.string()),  # null for all documents, or those without a value
        ("cut", pa.float32()),  # the score from which on documents stay; null where none has a score
        ("documents", pa.int64()),  # with a score
        ("documents_kept", pa.int64()),
        ("characters", pa.int64()),
        ("characters_kept", pa.int64()),
        ("unscored", pa.int64()),  # documents without a score, which stay
    ]
)
BITS = 16
"""Significant bits of a score that tell its bin."""
HELD_ROWS = 1 << 18


def rounded_down(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Round n scores down to BITS significant bits; 0 has one sign, infinities and NaN stay what they are."""
    mantissa, exponent = np.frexp(values)
    with np.errstate(over="ignore"):  # the least numbers of all round down to minus infinity
        return np.ldexp(np.floor(np.ldexp(mantissa, BITS)), exponent - BITS) + np.float32(0)


def histogram(values: pa.Array, buckets: pa.Array, characters: pa.Array) -> pa.Table:
    """Count n documents by bucket and bin; rows of HISTOGRAM, in no order."""
    least = rounded_down(pc.fill_null(values, 0).to_numpy(zero_copy_only=False))
    columns = [buckets, pc.if_else(values.is_valid(), least, None), np.ones(len(values), np.int64), characters]
    return _added([pa.table(columns, schema=HISTOGRAM)])


class Sum:
    """Adds histograms up; some are held back, so that the sum is not made anew for each."""

    def __init__(self) -> None:
        self._sum = HISTOGRAM.empty_table()
        self._held: list[pa.Table] = []

    def add(self, counted: pa.Table) -> None:
        """Add a histogram."""
        self._held.append(counted)
        if sum(held.num_rows for held in self._held) > max(HELD_ROWS, self._sum.num_rows):
            self._sum, self._held = _added([self._sum, *self._held]), []

    def total(self) -> pa.Table:
        """One row for each bin of each bucket, in the order in which they came."""
        return _added([self._sum, *self._held])


def _added(histograms: Sequence[pa.Table]) -> pa.Table:
    joined = pa.concat_tables(histograms).group_by(["bucket", "least"], use_threads=False)
    summed = joined.aggregate([("documents", "sum"), ("characters", "sum")])
    return pa.table(summed.select(["bucket", "least", "documents_sum", "characters_sum"]).columns, schema=HISTOGRAM)


def cuts(counted: pa.Table, keep: float, weight: Literal["documents", "characters"]) -> pa.Table:
    """Find for each bucket of a histogram the highest bin at and above which a share of its weight lies: CUTS.

    ``keep`` is the share, of the weight of documents with a score; more stays by part of the bin of the cut.
    """
    scored = counted.filter(counted["least"].is_valid())
    unscored = counted.filter(counted["least"].is_null()).select(["bucket", "documents"])
    known = _cut_scored(scored.sort_by([("bucket", "ascending"), ("least", "descending")]), keep, weight)
    missing = unscored.rename_columns(["bucket", "unscored"])
    everyone = pa.concat_tables([known.select(["bucket"]), missing.select(["bucket"])])["bucket"].unique()
    told = known.take(pc.index_in(everyone, known["bucket"].combine_chunks()))
    absent = missing["unscored"].take(pc.index_in(everyone, missing["bucket"].combine_chunks()))
    zeros = [pc.fill_null(told[name], 0) for name in CUTS.names[2:-1]]
    return pa.table([everyone, told["cut"], *zeros, pc.fill_null(absent, 0)], schema=CUTS)


def _cut_scored(bins: pa.Table, keep: float, weight: str) -> pa.Table:
    """Cut bins with a score that stand bucket by bucket, the highest of each first: CUTS but for the unscored."""
    starts = _starts(bins["bucket"].combine_chunks())
    sizes = np.diff(starts, append=bins.num_rows)
    documents, characters = (bins[name].to_numpy() for name in ("documents", "characters"))
    weights = documents if weight == "documents" else characters
    total = _sums(weights, starts)
    # Rounded, since 0.1 * 30 is a little more than 3.
    wanted = np.maximum(np.ceil(np.round(keep * total, 6)), 1)
    before = np.cumsum(weights) - weights
    before -= np.repeat(before[starts], sizes)
    kept = before < np.repeat(wanted, sizes)
    last = starts + _sums(kept.astype(np.int64), starts) - 1
    columns = {
        "bucket": bins["bucket"].take(pa.array(starts)),
        "cut": bins["least"].take(pa.array(last)),
        "documents": _sums(documents, starts),
        "documents_kept": _sums(documents * kept, starts),
        "characters": _sums(characters, starts),
        "characters_kept": _sums(characters * kept, starts),
    }
    return pa.table(columns, schema=pa.schema([CUTS.field(name) for name in columns]))


def _sums(values: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.add.reduceat(values, starts) if starts.size else np.empty(0, np.int64)


def _starts(buckets: pa.Array) -> npt.NDArray[np.int64]:
    """Places where the buckets change in an ordered array; nulls are one bucket."""
    codes = buckets.dictionary_encode(null_encoding="encode").indices.to_numpy()
    return np.flatnonzero(np.diff(codes, prepend=-1))
