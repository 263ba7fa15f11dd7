"""When an alert must fire in theory, and how noisy a ratio is once its window holds N times fewer events."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pytest_obscheck.errors import ConfigError, Problem

SIGMAS = 4.0
"""The margin that a claim must have, in standard deviations: one false verdict in some 30,000 evaluations."""


@dataclass(frozen=True)
class Band:
    """The story seconds between which something must happen, counted from the fault."""

    earliest: float
    latest: float

    def __contains__(self, at: float) -> bool:
        """Whether the story second lies inside."""
        return self.earliest <= at <= self.latest


def pending_for(hold: float, evaluation: float) -> float:
    """Return how long an alert is pending before it fires: its hold ends with an evaluation."""
    return math.ceil(round(hold / evaluation, 9)) * evaluation


def firing_band(crossing: float, hold: float, scrape: float, evaluation: float, group_wait: float = 0.0) -> Band:
    """Return when an alert fires whose expression is true ``crossing`` story seconds after the fault.

    A scrape sees it up to one interval late, an evaluation that scrape up to one more; the hold ends with an evaluation.
    Everything is story seconds. With ``group_wait`` the band is that of the page.
    """
    earliest = crossing + pending_for(hold, evaluation) + group_wait
    return Band(earliest, earliest + scrape + evaluation)


def sigmas(share: float, threshold: float, rate: float, span: float, by: float) -> float:
    """Return how many standard deviations lie between a share of events and its threshold.

    ``rate``: events per wall second; ``span``: the range in story seconds, which holds ``rate * span / by`` events. The
    deviation of a share p of n events is sqrt(p (1 - p) / n).
    """
    deviation = math.sqrt(share * (1 - share) * by / (rate * span))
    return abs(share - threshold) / deviation if deviation else math.inf


def fastest_quiet(share: float, threshold: float, rate: float, span: float) -> float:
    """Return the largest speed at which the share still keeps four deviations from the threshold."""
    return (sigmas(share, threshold, rate, span, 1.0) / SIGMAS) ** 2


def check_margin(where: str, share: float, threshold: float, rate: float, span: float, by: float) -> None:
    """Raise ``ConfigError`` where noise would decide a claim; it names more load, a smaller speed and the other source."""
    margin = sigmas(share, threshold, rate, span, by)
    if margin >= SIGMAS:
        return
    apart = f"{margin:.1f} standard deviations apart in {rate * span / by:.0f} events"
    what = f"{share:.2%} against {threshold:.2%} is {apart}, which is noise"
    slower, needed = fastest_quiet(share, threshold, rate, span), rate * (SIGMAS / margin) ** 2 if margin else math.inf
    ways = [f"a speed of at most {slower:.0f}"] if slower >= 1 else []
    ways += [f"{math.ceil(needed)} events a second"] if math.isfinite(needed) else []
    raise ConfigError([Problem(where, what, f"it needs {', or '.join([*ways, 'scripted samples'])}")])
