"""What of a stack is story time, and how fast that passes on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from pytest_obscheck.errors import Problem
from pytest_obscheck.speed.classes import Metric, classify
from pytest_obscheck.speed.factor import Span
from pytest_obscheck.speed.promql import UNSPED, Speed
from pytest_obscheck.speed.rules import misfit


@dataclass(frozen=True)
class Timing:
    """What of a component's configuration is story time.

    ``spans``: its durations. ``scrape``: the longest scrape interval, ``evaluation``: the usual evaluation interval, both in
    milliseconds, 0 where it has none. ``scripted``: its series follow the story, however fast that passes; ``series`` are the
    labels of each, with its name. ``fixed``: what hangs on the wall clock, by the receivers that it concerns.
    """

    spans: tuple[Span, ...] = ()
    scrape: Fraction = Fraction(0)
    evaluation: Fraction = Fraction(0)
    scripted: bool = False
    series: tuple[Mapping[str, str], ...] = ()
    fixed: Mapping[str, Problem] = field(default_factory=dict)


@dataclass(frozen=True)
class Pace:
    """How much faster story time passes than wall time on a whole stack.

    ``words``: what set or limited it. ``unfit``: alerts and recording rules that it would make other rules, and why.
    ``fixed``: receivers whose notifications hang on the wall clock, and why. ``metrics``: what is known of metrics.
    ``scrape``: the longest scrape interval in story seconds.
    """

    speed: Speed = UNSPED
    words: str = ""
    unfit: Mapping[str, Problem] = field(default_factory=dict)
    fixed: Mapping[str, Problem] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    scrape: float = 0.0

    def misfits(self, kind: str, expr: str) -> Iterator[str]:
        """Yield why a story's own query would be another one at this speed, or rests on a recording rule that would."""
        if not self.speed.changes:
            return
        own = misfit("", f"{kind} {expr!r}", classify(expr, self.speed, self.metrics), self.speed)
        named = [self.unfit[name] for name in re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*", expr) if name in self.unfit]
        yield from (str(problem) for problem in dict.fromkeys([*([own] if own else []), *named]))

    def begun(self, zero: float) -> Pace:
        """Return the pace of a story that begins at the Unix second ``zero``: a clock that stood until then runs."""
        clock = self.speed.clock
        return replace(self, speed=replace(self.speed, clock=clock.begun(zero))) if clock.stands else self

    @property
    def by(self) -> float:
        """Return how many story seconds pass in one of wall time."""
        return float(self.speed.by)
