"""Whether Grafana gives every panel the word that it gets without one, and how long 300 panels take through it.

Run it: ``python tests/performance/through_grafana.py DASHBOARD.json…`` (a minute or two), with a Grafana that is installed. The
series are made up to suit the dashboards. On the first three of them a renamed metric must turn exactly its panels red.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import renaming
from figures import Figure, tell

from pytest_obscheck.clock import SystemClock
from pytest_obscheck.panel.interpolation import interpolated
from pytest_obscheck.panel.times import SCRAPE, Range, duration, interval, interval_values
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Stack
from pytest_obscheck.signals import ShowsDashboards

C = TypeVar("C")
PANELS = 300
LIMIT = 10.0
RENAMED = 3
LENGTHS = (60, 300, 900, 3600, 6 * 3600, 86400, 7 * 86400, 30 * 86400, 365 * 86400)
WIDTHS = (100, 500, 1000, 1920)
CLOCK = SystemClock()


@dataclass
class Direct:
    """A stack in which nothing shows dashboards."""

    stack: Stack
    plan: Plan

    def that(self, capability: type[C], named: str | None = None) -> C:
        """Return the member that can do this."""
        return self.stack.that(capability, named)

    def all(self, capability: type[C]) -> Mapping[str, C]:
        """Return every member that can do this, no Grafana among them."""
        return {} if capability is ShowsDashboards else self.stack.all(capability)


def macros(grafana: Any) -> Iterator[tuple[str, str]]:
    """Yield a query with the intervals that we put in, and as Grafana's back end puts them in, for each length and width."""
    expr = "rate(up[$__rate_interval]) + rate(up[$__interval]) + $__interval_ms + $__range_s"
    for length in LENGTHS:
        for points in WIDTHS:
            span = Range(CLOCK.now() - length, CLOCK.now())
            step = interval(span, points, SCRAPE)
            ours = interpolated(expr, {**span.values(), **interval_values(step, SCRAPE)})
            query = {"refId": "A", "expr": expr, "range": True, "intervalMs": round(step * 1000), "maxDataPoints": points}
            source = {"datasource": {"uid": "made-up", "type": "prometheus"}}
            body = {"queries": [{**query, **source}], "from": str(round(span.start * 1000)), "to": str(round(span.end * 1000))}
            (frame, *_) = grafana.api.client.POST("/ds/query", json=body)["results"]["A"]["frames"]
            said = frame["schema"]["meta"]["executedQueryString"]
            yield _in_seconds(ours), _in_seconds(said.partition("Expr: ")[2].partition("\n")[0])


def _in_seconds(expr: str) -> str:
    """Return a query with its ranges in seconds: Grafana writes 75 s as 1m15s."""
    return re.sub(r"\[(\w+)\]", lambda found: f"[{duration(found[1]):g}]", expr)


def figures(paths: Sequence[Path]) -> Iterator[Figure]:
    """Yield the panels whose words differ, how many were compared, the time of 300, and what renamed metrics did."""
    with renaming.made_up(paths, grafana=True) as (stack, look):
        now = CLOCK.now()
        direct = look.look(Direct(stack, stack.plan), now, now)
        began = CLOCK.now()
        through = look.look(stack, now, now)
        took = CLOCK.now() - began
        intervals = list(macros(stack.that(ShowsDashboards)))
    for ours, theirs in intervals:
        if ours != theirs:
            yield Figure("an interval that Grafana works out otherwise", ours, theirs, holds=False)
    wrong = sum(ours != theirs for ours, theirs in intervals)
    yield Figure("intervals that Grafana works out otherwise", f"{wrong} of {len(intervals)}", "0", not wrong)
    different = [(one, other) for one, other in zip(direct, through, strict=True) if one["word"] != other["word"]]
    for one, other in different:
        said = f"{one['word']}: {one['words']}"[:70]
        yield Figure(f"{one['board']} / {one['panel']}"[:58], said, f"{other['word']}: {other['words']}"[:90], holds=False)
    yield Figure("words of panels", str(dict(Counter(each["word"] for each in through))))
    yield Figure("panels whose word is another one through Grafana", f"{len(different)} of {len(through)}", "0", not different)
    per = took / len(through) * PANELS
    yield Figure(f"{PANELS} panels through Grafana", f"{per:.1f} s", f"<= {LIMIT:g} s", per <= LIMIT)
    yield from renaming.figures(paths[:RENAMED], grafana=True)


if __name__ == "__main__":
    sys.exit(tell(figures([Path(argument) for argument in sys.argv[1:]])))
