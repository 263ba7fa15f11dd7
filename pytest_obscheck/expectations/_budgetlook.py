"""The raw samples behind alerts, all of the story's, so that what the rules saw can be computed again at any instant."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.capabilities import AnswersPromQL
from pytest_obscheck.expectations._behind import lookback, selectors
from pytest_obscheck.expectations._slalook import SCRAPE, START, transport
from pytest_obscheck.matching import expanded
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Stack

OVERLAP = 2.0
"""Seconds that a look reaches back beyond its own time, for samples that were written late."""


@dataclass(frozen=True)
class RawSamples:
    """Every raw sample of the series that alerts and the recording rules behind them read, each look what is new.

    The first look reaches back as far as the rules do.
    """

    alerts: tuple[str, ...]
    every: float = 0.5

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``since``, ``until``, ``series``, ``late`` (how long scrapes took), ``begun`` and ``transport`` (seconds)."""
        prometheus, exprs = stack.that(AnswersPromQL), self._exprs(stack.plan)
        first = until - since < self.every / 2
        begin = since - OVERLAP - (lookback(exprs) if first else 0.0)
        span = f"[{math.ceil((until - begin) * 1000)}ms]"
        recorded = stack.plan.facts.recordings
        wanted = dict.fromkeys(str(each) for expr in exprs for each in selectors(expr) if each.name not in recorded)
        found = {str(each.labels): each.data() for text in wanted for each in prometheus.query(f"{text}{span}", until)}
        late, begun = ([each.data() for each in prometheus.query(f"{name}{span}", until)] for name in (SCRAPE, START))
        seen = {"since": begin, "until": until, "series": list(found.values()), "late": late, "begun": begun}
        return {**seen, "transport": transport(stack, None)}

    def _exprs(self, plan: Plan) -> list[str]:
        rules = [rule for rule in plan.facts.alerts if rule.name in self.alerts]
        return [expr for rule in rules for expr in expanded(rule.expr, plan.facts.recordings)]

    def __str__(self) -> str:
        """Return the key."""
        return f"samples behind {', '.join(self.alerts)}"
