"""When multi-window burn-rate alerts must fire for a given outage, exactly.

The Google SRE workbook ("Alerting on SLOs", 6: multiwindow, multi-burn-rate alerts) pages when the share ``b`` of the budget
is used up within a long window ``L``: burn rate = b · period / L. For 30 d: 2 % in 1 h = 14.4, 5 % in 6 h = 6, 10 % in 1 d =
3, 10 % in 3 d = 1. A short window of a twelfth must burn as fast, so that the alert ends soon after the outage.

With steady traffic, the error ratio over a window ``W`` at ``t`` is the sum of e · |outage ∩ (t - W, t]| divided by ``W``, or
by ``t - since`` while there is less history than that: both are straight lines between the moments at which an outage enters
or leaves a window. So "ratio > burn rate · budget" begins and ends at the roots of straight lines: nothing is sampled. For
one outage of ratio e that began at t0 the long window of a burn rate f fires at t0 + f · budget · L / e.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pytest_obscheck.objective import Objective, Pair
from pytest_obscheck.when import spoken


@dataclass(frozen=True)
class Outage:
    """From second ``start`` to ``end`` the share ``errors`` of all events is bad."""

    start: float
    end: float
    errors: float = 1.0

    def inside(self, start: float, end: float) -> float:
        """Return how many seconds of it lie in ``start .. end``."""
        return max(0.0, min(end, self.end) - max(start, self.start))


def spent(objective: Objective, outages: Iterable[Outage]) -> float:
    """Return which share of a period's budget outages use up, under steady traffic."""
    return sum(outage.errors * (outage.end - outage.start) for outage in outages) / objective.budget_seconds


def error_ratio(outages: Iterable[Outage], window: float, at: float, since: float = -math.inf) -> float:
    """Return the share of bad events over a window that ends at ``at``; ``since``: when traffic, or its history, began."""
    length = min(window, at - since)
    if length <= 0:
        return 0.0
    return sum(outage.errors * outage.inside(max(at - window, since), at) for outage in outages) / length


def firing(
    objective: Objective, pair: Pair, outages: Sequence[Outage], since: float = -math.inf
) -> Sequence[tuple[float, float]]:
    """Return the stretches in which both windows burn faster than the pair allows."""
    bound = pair.factor(objective.period) * objective.budget
    marks = _marks(outages, (pair.long, pair.short), since)
    roots = [root for window in (pair.long, pair.short) for root in _roots(outages, window, since, bound, marks)]
    found: list[tuple[float, float]] = []
    for start, end in pairwise(sorted({*marks, *roots})):
        middle = (start + end) / 2
        if all(error_ratio(outages, window, middle, since) > bound for window in (pair.long, pair.short)):
            joined = found and found[-1][1] == start
            found[-1:] = [(found[-1][0], end)] if joined else [*found[-1:], (start, end)]
    return found


def _marks(outages: Sequence[Outage], windows: Sequence[float], since: float) -> list[float]:
    """Return the moments between which every ratio's numerator and denominator are straight lines."""
    edges = [max(edge, since) for outage in outages for edge in (outage.start, outage.end)]
    edges += [since] if math.isfinite(since) else []
    return sorted({edge + shift for edge in edges for shift in (0.0, *windows)})


def _roots(outages: Sequence[Outage], window: float, since: float, bound: float, marks: Sequence[float]) -> Iterable[float]:
    """Yield where numerator minus bound times denominator crosses zero."""
    for start, end in pairwise(marks):
        before, after = (_excess(outages, window, since, bound, at) for at in (start, end))
        if before * after < 0:
            yield start + (end - start) * before / (before - after)


def _excess(outages: Sequence[Outage], window: float, since: float, bound: float, at: float) -> float:
    length = min(window, max(0.0, at - since))
    return error_ratio(outages, window, at, since) * length - bound * length


@dataclass(frozen=True)
class MustFire:
    """One alert that must fire: its windows and burn rate, the exact instant, the band in which it shows, and when it ends."""

    pair: Pair
    factor: float
    at: float
    earliest: float
    latest: float
    until: float

    def __str__(self) -> str:
        """Return it in words."""
        seen = f"{spoken(self.earliest)} .. {spoken(self.latest)}"
        return f"{self.pair} (burn rate {self.factor:g}) at {spoken(self.at)}, seen {seen}"


def must_fire(
    objective: Objective,
    outages: Sequence[Outage],
    *,
    scrape: float = 0.0,
    evaluation: float = 0.0,
    hold: float = 0.0,
    since: float = -math.inf,
) -> Sequence[MustFire]:
    """Return every alert that must fire for outages, in order of time; a pair that does not appear must stay quiet.

    Prometheus sees the window between the first and the last scrape in it, a ``scrape`` interval shorter at either end at
    most: that moves the instant by at most one interval, either way. A recording rule and the alert behind it are each
    evaluated up to one ``evaluation`` interval later. ``hold`` is the alert's ``for``, unless the pair has
    its own.
    """
    found = []
    for pair in objective.pairs:
        factor, wait = pair.factor(objective.period), hold if pair.hold is None else pair.hold
        for start, end in firing(objective, pair, outages, since):
            if end - start > wait:
                at = start + wait
                found.append(MustFire(pair, factor, at, at - scrape, at + scrape + 2 * evaluation, end))
    return sorted(found, key=lambda each: each.at)
