"""Requests are counted some at a time: code that does one thing again and again is quick, and that between requests is not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from prometheus_client import Counter, Histogram
from prometheus_client.metrics_core import Metric

MOST = 10
"""How many requests wait to be counted, until somebody looks."""


@dataclass(frozen=True, eq=False)
class Tally:
    """Counts and times requests, at the latest before its registry shows what it holds: it is a collector, and the first."""

    _noted: list[tuple[Counter, Histogram, float]] = field(default_factory=list)

    def note(self, counter: Counter, histogram: Histogram, seconds: float) -> None:
        """Note a request that took so long."""
        self._noted.append((counter, histogram, seconds))
        if len(self._noted) >= MOST:
            self.settle()

    def settle(self) -> None:
        """Count what was noted."""
        while self._noted:
            counter, histogram, seconds = self._noted.pop()
            counter.inc()
            histogram.observe(seconds)

    def collect(self) -> Iterable[Metric]:
        """Count what was noted; there is nothing of its own to show."""
        self.settle()
        return ()
