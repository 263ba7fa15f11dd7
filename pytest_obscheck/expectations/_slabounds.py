"""Between which values a correct figure lies, given how little and how much each request may weigh in it.

Every figure is a weighted mean, a sum or a quantile over requests whose weights are known as ``low .. high``
(``_slaweights``), and whose values (bad or not, seconds) are known as ``low .. high`` too: a server sees a request for a
shorter time than its client, by what the way to it takes.

- A weighted mean with free weights is largest with the high weight for every value above some threshold and the low weight
  below it: all thresholds are tried.
- ``histogram_quantile`` is the inverse of the cumulative share at each ``le``, drawn as straight lines (``BucketQuantile``,
  promql/quantile.go). The share at each ``le`` is a weighted mean, so it has such bounds; the inverse falls as the shares
  rise. Hence the quantile of the upper shares and of the lower shares bound it. This *is* the error of the bucket that holds
  the rank: a request tells only in which bucket it is.
- Any usual quantile of raw values lies between the order statistics beside its rank.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

HAIR = 1e-9
"""What sums of floats in another order may differ by, relatively."""

NOTHING = (math.inf, -math.inf)
"""The bounds of a figure that can have no value."""


@dataclass(frozen=True)
class Weighed:
    """One request in a figure: what it may weigh, and between what its value lies."""

    weight: tuple[float, float]
    value: tuple[float, float]


def sum_between(items: Sequence[Weighed]) -> tuple[float, float]:
    """Return the least and the largest sum of weights."""
    return sum(item.weight[0] for item in items), sum(item.weight[1] for item in items)


def mean_between(items: Sequence[Weighed]) -> tuple[float, float]:
    """Return the least and the largest weighted mean; ``NOTHING`` where nothing can have weighed anything."""
    if not any(item.weight[1] for item in items):
        return NOTHING
    lowest = -_largest_mean([(item.weight, -item.value[0]) for item in items])
    return lowest, _largest_mean([(item.weight, item.value[1]) for item in items])


def _largest_mean(items: Sequence[tuple[tuple[float, float], float]]) -> float:
    """Return the largest weighted mean: high weights for the largest values, down to the best threshold."""
    ranked = sorted(items, key=lambda item: -item[1])
    weight = sum(low for (low, _), _ in ranked)
    total = sum(low * value for (low, _), value in ranked)
    best = total / weight if weight else -math.inf
    for (low, high), value in ranked:
        weight += high - low
        total += (high - low) * value
        if weight > 0:
            best = max(best, total / weight)
    return best


def ratio_between(items: Sequence[Weighed]) -> tuple[float, float]:
    """Return the bounds of a mean whose numerator and denominator weigh the same request differently."""
    low, high = sum_between(items)
    if not high:
        return NOTHING
    top = [sum(item.weight[end] * item.value[end] for item in items) for end in (0, 1)]
    return top[0] / high, (top[1] / low if low else math.inf)


Buckets = Sequence[tuple[float, tuple[float, float]]]
"""For each finite ``le``: by what its count may be extrapolated, in relation to that of ``+Inf``: least, largest."""


def bucket_quantile_between(q: float, items: Sequence[Weighed], buckets: Buckets, *, apart: bool) -> tuple[float, float]:
    """Return the bounds of ``histogram_quantile(q, …)`` over buckets with these edges.

    ``apart``: one bucket may have lost a request that another one has, as after a reset that shows in some series only.
    """
    edges = [le for le, _ in buckets]
    shares = [_share_between(items, le, ratio_between if apart else mean_between) for le in edges]
    if any(share == NOTHING for share in shares) or not edges:
        return NOTHING
    most = _rising([high * factor[1] for (_, high), (_, factor) in zip(shares, buckets, strict=True)])
    least = _rising([low * factor[0] for (low, _), (_, factor) in zip(shares, buckets, strict=True)])
    low = bucket_quantile(q * (1 - HAIR), edges, most)
    return low, bucket_quantile(q * (1 + HAIR) * max(1.0, most[-1]), edges, least)


Mean = Callable[[Sequence[Weighed]], tuple[float, float]]


def _share_between(items: Sequence[Weighed], le: float, mean: Mean) -> tuple[float, float]:
    """Return the bounds of the share of requests that are counted in the bucket ``le``."""
    # What surely is below the edge gives the least share, what perhaps is the largest.
    return mean([Weighed(item.weight, (float(item.value[1] <= le), float(item.value[0] <= le))) for item in items])


def _rising(counts: Sequence[float]) -> list[float]:
    """Return the counts as Prometheus makes them monotonic: none below the one before."""
    found: list[float] = []
    for count in counts:
        found.append(max(count, found[-1]) if found else count)
    return found


def bucket_quantile(rank: float, edges: Sequence[float], counts: Sequence[float]) -> float:
    """Return where cumulative ``counts`` reach ``rank``, as ``BucketQuantile`` does; the last edge for what is beyond."""
    place = next((n for n, count in enumerate(counts) if count >= rank), None)
    if place is None:
        return edges[-1]
    if place == 0 and edges[0] <= 0:
        return edges[0]
    start, before = (edges[place - 1], counts[place - 1]) if place else (0.0, 0.0)
    return start + (edges[place] - start) * ((rank - before) / (counts[place] - before))


def quantile_between(q: float, items: Sequence[Weighed]) -> tuple[float, float]:
    """Return the bounds of a quantile of raw values, whichever usual definition it follows."""
    there = [item for item in items if item.weight[1]]
    if not there:
        return NOTHING
    lows, highs = sorted(i.value[0] for i in there), sorted(i.value[1] for i in there)
    first = _first(lows, lambda x: _share_between(there, x, mean_between)[1] >= q * (1 - HAIR))
    last = _first(highs, lambda x: _share_between(there, x, mean_between)[0] >= q * (1 + HAIR))
    return lows[max(0, first - 1)], highs[min(len(highs) - 1, last + 1)]


def _first(values: Sequence[float], reached: Callable[[float], bool]) -> int:
    """Return the first place at which a rising condition holds, the last one where it never does; by halving."""
    low, high = 0, len(values) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(values[middle]) else (middle + 1, high)
    return low


def quantile(q: float, values: Sequence[float]) -> float:
    """Return the smallest value that at least the share ``q`` of all values does not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(q * len(ranked) - HAIR) - 1)]
