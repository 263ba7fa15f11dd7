"""The median of what was measured, and between which values it lies: by ranks alone, whatever the values' distribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from statistics import median

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Median:
    """A median, and the interval that holds the true one in 95 of 100 cases."""

    value: float
    low: float
    high: float


def median_of(values: Sequence[float]) -> Median | None:
    """Return the median of independent values with its interval; ``None`` where there are too few for one (under six).

    Its ends are the values of two symmetric ranks, by the sign test: Hahn and Meeker, Statistical Intervals, 5.2.
    """
    ordered, count = sorted(values), len(values)
    # How likely the true median lies below the k-th value: that fewer than k of all values are below it.
    below = 0.0
    rank = 0
    while rank < count:
        below += comb(count, rank) / 2**count
        if below > (1 - CONFIDENCE) / 2:
            break
        rank += 1
    return Median(median(ordered), ordered[rank - 1], ordered[-rank]) if rank else None
