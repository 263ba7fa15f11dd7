"""A metric appears, and has a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.capabilities import AnswersPromQL
from pytest_obscheck.expectations._behind import Beneath, lookback, what_lacks, why_absent
from pytest_obscheck.matching import Comparison, ComparisonText
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import History, Look, Stack
from pytest_obscheck.speed import rewrite
from pytest_obscheck.when import Sight, Window

STEP = 0.2
"""Seconds between the instants at which an expression is evaluated."""

LAG = 0.3
"""Seconds by which an evaluation stays behind, so that samples that are being written are there."""


@dataclass(frozen=True)
class Evaluations:
    """A PromQL expression, evaluated five times a second and fetched once a second; at a speed, what it says there."""

    expr: str
    every: float = 1.0

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``since``, ``until`` and ``series``: each with labels and points."""
        start, end = since - LAG, max(since, until - LAG)
        expr = rewrite(self.expr, stack.plan.pace.speed)
        series = stack.that(AnswersPromQL).query_range(expr, start, end, STEP)
        plain = [{"labels": dict(each.labels), "points": [list(point) for point in each.points]} for each in series]
        return {"since": start, "until": end, "series": plain}

    def __str__(self) -> str:
        """Return the key."""
        return f"metric {self.expr}"


@dataclass(frozen=True)
class Metric:
    """A PromQL expression has a value at all, or one that satisfies ``is``, such as ``'> 0.5'``.

    Of several series every one must satisfy it; ``never`` means that at no moment any of them does.
    """

    expr: str
    is_: ComparisonText | None = None

    def __post_init__(self) -> None:
        """Refuse a comparison that cannot be read."""
        if self.is_ is not None:
            Comparison.parse(self.is_)

    def problems(self, plan: Plan) -> Iterable[str]:
        """Yield why the expression does not parse, with the position marked."""
        wrong = plan.parse(self.expr)
        if wrong:
            yield f"metric: {self.expr!r} is not PromQL: {wrong}"
        else:
            yield from plan.pace.misfits("metric", self.expr)

    def exprs(self, alerts: Mapping[str, Sequence[str]]) -> Sequence[str]:
        """Return the expression itself."""
        return (self.expr,)

    def history(self, alerts: Mapping[str, Sequence[str]]) -> float:
        """Return the seconds that it looks back on."""
        return lookback(self.exprs(alerts))

    def evidence(self) -> Look:
        """Return the evaluations of the expression."""
        return Evaluations(self.expr)

    def autopsy(self) -> Beneath:
        """Return the look at the series that the expression reads."""
        return Beneath(self.expr)

    def lacks(self, history: History) -> str:
        """Return which metric or label there is none of: without them the expression has no value, or not the one meant."""
        return what_lacks(history.journal, self.autopsy())

    def holds(self, history: History) -> Sequence[Sight]:
        """Return a sight for every instant at which the expression was evaluated."""
        sights: list[Sight] = []
        for event in history.looks:
            if "error" in event.data:
                sights.append(Sight(history.story(event.wall), None, event.data["error"]))
            else:
                sights.extend(self._sights(history, event.data["data"]))
        return sorted(sights, key=lambda sight: sight.at)

    def _sights(self, history: History, data: Mapping[str, Any]) -> Iterable[Sight]:
        values: dict[float, list[float]] = {}
        for series in data["series"]:
            for at, value in series["points"]:
                values.setdefault(at, []).append(float(value))
        count = int((data["until"] - data["since"]) / STEP + 1e-6)
        for number in range(count + 1):
            at = round(data["since"] + number * STEP, 3)
            near = next((found for t, found in values.items() if abs(t - at) < STEP / 4), [])
            yield self._sight(history, history.story(at), near)

    def _sight(self, history: History, at: float, values: Sequence[float]) -> Sight:
        if not values:
            return Sight(at, holds=False, words="it has no series")
        shown = ", ".join(f"{value:.4g}" for value in values[:3]) + (" …" if len(values) > 3 else "")
        if self.is_ is None:
            return Sight(at, holds=True, words=f"{shown} at {history.spoken(at)}")
        wanted = Comparison.parse(self.is_)
        each = [wanted.holds(value) for value in values]
        return Sight(at, all(each), f"{shown} at {history.spoken(at)}", partly=any(each))

    def tell(self, history: History, window: Window) -> str:
        """Return what keeps the expression from having series; nothing where it had one: the last value says it."""
        series = [each for event in history.looks if "data" in event.data for each in event.data["data"]["series"]]
        return "" if series else why_absent(history.journal, self.autopsy())

    def __str__(self) -> str:
        """Return the expectation in words."""
        return f"metric {self.expr} is {self.is_}" if self.is_ else f"metric {self.expr} appears"
