"""A figure of a service level agrees with what really happened to the requests of the story's loads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pytest_obscheck.errors import did_you_mean
from pytest_obscheck.expectations._answers import Answers
from pytest_obscheck.expectations._behind import selectors
from pytest_obscheck.expectations._slafigures import LATENCIES, RATIOS, Indicator
from pytest_obscheck.expectations._slajudge import Reading, judged
from pytest_obscheck.expectations._slalog import RequestLog, matching, request_log
from pytest_obscheck.expectations._slalook import FieldFigure, QueryFigure
from pytest_obscheck.expectations._slaprobes import judged_by_probes, probe_log
from pytest_obscheck.expectations._slawords import said
from pytest_obscheck.journal import Event
from pytest_obscheck.matching import expanded
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import History, Look
from pytest_obscheck.when import Duration, Sight, Window, seconds

FIGURES = ("availability", "error_rate", "burn_rate", "throughput", "mean", "p50", "p95", "p99")
UNITS: Mapping[str, tuple[tuple[str, ...], float]] = {
    "ratio": (("availability", "error_rate"), 1.0),
    "percent": (("availability", "error_rate"), 0.01),
    "seconds": (LATENCIES, 1.0),
    "milliseconds": (LATENCIES, 0.001),
    "per second": (("throughput",), 1.0),
    "per minute": (("throughput",), 1 / 60),
}
"""Unit → the figures that come in it, and what one of it is in the figure's own unit."""


@dataclass(frozen=True)
class Sla:
    """A figure over ``over`` lies where a correct one must lie, computed from the log of every request that the loads made.

    The figure is the value of ``query``, or the number in ``field`` of what ``service`` answers at ``path``, in ``unit``.
    ``requests`` filters the log: ``POST /checkout``, ``/checkout``, ``GET ~/orders/.*``. A request is bad with no answer or a
    5xx (``failed: error``: with what the load calls an error), and when it took longer than ``faster``. ``answered: true``
    leaves out what got no answer, which no counter of the server can hold. ``objective`` (percent) is for ``burn_rate``.

    Each sight is a window ``(T - over, T]`` that ends when the figure was computed, so ``always: 5s .. 9s`` judges windows that
    end there; ``eventually`` is content with one, which a wrong figure may hit by chance. It is judged when the load has ended
    and its log is there. Without a request in it there is no data: nothing is proved, and a figure that has a value is wrong
    all the same; ``idle: true`` wants just that: no request, no value.

    The log holds what clients saw; a server sees a request for a shorter time. How much shorter it may be, ``transport``, is
    measured beside the story by asking the service whether it is ready, unless given; the bound of a latency begins that much
    lower.

    With ``probes`` (a service and a path: ``checkout /health/readiness``) the truth of an availability, an error rate or a burn
    rate is what the harness's own probes of it saw, five times a second: well is a 2xx (within ``faster``). It is for figures
    of time, such as ``avg_over_time(up[5m])``, and needs no load.

    A service's own window may be off by ``resolution`` at either end, or began when the field ``since`` of its answer says. Its
    figure may be rounded to ``decimals``, and computed from a histogram with these ``buckets``.
    """

    figure: Literal["availability", "error_rate", "burn_rate", "throughput", "mean", "p50", "p95", "p99"]
    over: Duration
    query: str = ""
    service: str = ""
    path: str = ""
    field: str = ""
    since: str = ""
    requests: str = ""
    failed: Literal["5xx", "error"] = "5xx"
    faster: Duration | None = None
    answered: bool = False
    objective: float | None = None
    unit: Literal["ratio", "percent", "seconds", "milliseconds", "per second", "per minute"] | None = None
    idle: bool = False
    probes: str = ""
    transport: Duration | None = None
    resolution: Duration = "1s"
    decimals: int | None = None
    buckets: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what makes no figure, or two."""
        wrong = [*self._unlike(), *self._sourceless(), *self._unprobed()]
        if wrong:
            raise ValueError(wrong[0])

    def _unlike(self) -> Iterable[str]:
        if self.figure not in FIGURES:
            yield f"there is no figure {self.figure!r}; {did_you_mean(self.figure, FIGURES)}"
        if seconds(self.over) <= 0:
            yield f"over: {self.over!r} is no window; write it like 5m"
        if (self.figure == "burn_rate") != (self.objective is not None):
            yield "burn_rate and objective go together; write objective: 99.9"
        if self.objective is not None and not 1 < self.objective < 100:
            yield f"objective: {self.objective:g} is not between 1 and 100; write it in percent, like 99.9"
        if self.unit is not None and self.figure not in UNITS[self.unit][0]:
            yield f"unit: {self.figure} is not measured in {self.unit!r}"
        if self.faster is not None and self.figure not in RATIOS:
            yield f"faster: {self.figure} has no bad requests; it belongs to {', '.join(RATIOS)}"

    def _sourceless(self) -> Iterable[str]:
        asked = [name for name in ("service", "path", "field", "since") if getattr(self, name)]
        if self.query and asked:
            yield f"query and {asked[0]} are two sources of one figure; keep one of them"
        elif not self.query and not {"service", "path", "field"} <= set(asked):
            yield "no source of the figure; write 'query: …', or 'service:', 'path:' and 'field:' together"

    def _unprobed(self) -> Iterable[str]:
        if not self.probes:
            return
        if self.figure not in RATIOS:
            yield f"probes tell no {said(self.figure)}; they are for {', '.join(RATIOS)}"
        if len(self.probes.split()) != 2:
            yield f"probes: {self.probes!r} is no service and path; write them like 'checkout /health/readiness'"
        beside = [name for name in ("requests", "answered", "idle") if getattr(self, name)]
        if beside:
            yield f"probes and {beside[0]} are two truths; keep one of them"

    @property
    def probing(self) -> Answers:
        """Return the look at what is probed."""
        service, path = self.probes.split()
        return Answers(service, path)

    @property
    def indicator(self) -> Indicator:
        """Return what is measured, in story seconds."""
        faster = None if self.faster is None else seconds(self.faster)
        budget = 1.0 if self.objective is None else 1 - self.objective / 100
        return Indicator(self.figure, seconds(self.over), self.failed, faster, budget, self.answered)

    def problems(self, plan: Plan) -> Iterable[str]:
        """Yield that the query does not parse, or that the stack has no such service."""
        wrong = plan.parse(self.query) if self.query else ""
        if wrong:
            yield f"sla: {self.query!r} is not PromQL: {wrong}"
        elif self.query:
            yield from plan.pace.misfits("sla", self.query)
        services = [name for name, kind in plan.members.items() if kind == "service"]
        for name in (self.service, self.probing.service if self.probes else ""):
            if name and name not in plan.members:
                yield f"no service called {name!r}; {did_you_mean(name, services)}"
        if self.service in services and plan.pace.speed.changes:
            yield f"{self.service} computes its own figures in wall time, which has no speed; claim it at speed 1"
        yield from self._counting(plan) if self.probes else ()

    def _counting(self, plan: Plan) -> Iterable[str]:
        exprs = expanded(self.query, plan.facts.recordings) if self.query else ()
        names = [each.name for expr in exprs for each in selectors(expr) if each.name.endswith(("_total", "_count", "_bucket"))]
        if names:
            yield f"sla: probes tell of time, and {names[0]} counts events; leave 'probes' out, or ask a gauge such as up"

    def exprs(self, alerts: Mapping[str, Sequence[str]]) -> Sequence[str]:
        """Return the query."""
        return (self.query,) if self.query else ()

    def history(self, alerts: Mapping[str, Sequence[str]]) -> float:
        """Return the length of the window, which must be filled before the story begins."""
        return seconds(self.over)

    def counts_samples(self) -> bool:
        """Whether the bound is computed from the samples that there were; probes tell of time, whatever was scraped."""
        return not self.probes

    def evidence(self) -> Look:
        """Return the look at the figure and at what it rests on."""
        if self.query:
            return QueryFigure(self.query, seconds(self.over))
        return FieldFigure(self.service, self.path, self.field, self.since)

    def further_looks(self) -> Sequence[Look]:
        """Return the look at what is probed."""
        return (self.probing,) if self.probes else ()

    def holds(self, history: History) -> Sequence[Sight]:
        """Return a sight for each window, none of which holds or breaks before the truth is known."""
        if self.probes:
            faster = None if self.faster is None else seconds(self.faster)
            probes = probe_log(history.journal.of("look", key=str(self.probing)), faster)
            return [self._sight(history, event, lambda reading: judged_by_probes(reading, probes)) for event in history.looks]
        log = request_log(history.journal)
        mine = RequestLog(tuple(matching(log.requests, self.requests)), log.blind, log.trouble)
        judge = (lambda _: (None, log.trouble)) if log.trouble else (lambda reading: judged(reading, mine))
        return [self._sight(history, event, judge) for event in history.looks]

    def _sight(self, history: History, event: Event, judge: Callable[[Reading], tuple[bool | None, str]]) -> Sight:
        if "error" in event.data:
            return Sight(history.story(event.wall), None, event.data["error"])
        found = event.data["data"]
        return Sight(history.story(found["at"]), *judge(self._reading(history, found)))

    def _reading(self, history: History, data: Mapping[str, Any]) -> Reading:
        scale = UNITS[self.unit][1] if self.unit else 1.0
        rounding = 0.0 if self.decimals is None else 0.5 * 10**-self.decimals
        given = _longest(history) if self.transport is None else seconds(self.transport)
        wide = 0.0 if self.query else seconds(self.resolution)
        over = seconds(self.over) / history.journal.speed
        return Reading(self.indicator, data, over, scale, rounding * scale, given, wide, self.buckets, self.idle)

    def tell(self, history: History, window: Window) -> str:
        """Return nothing: the last window says it."""
        return ""

    def __str__(self) -> str:
        """Return the expectation in words."""
        source = self.query or f"{self.field} of {self.service} {self.path}"
        objective = f" of {self.objective:g}%" if self.objective is not None else ""
        of = f" of {self.requests}" if self.requests else ""
        truth = f"the probes of {self.probes}" if self.probes else "the request log"
        told = "has no value without a request" if self.idle else f"agrees with {truth}"
        return f"{said(self.figure)}{objective}{of} over {self.over} {told}: {' '.join(source.split())}"


def _longest(history: History) -> float:
    """Return the longest way to the service that was measured at any time of the story."""
    return max((event.data["data"].get("transport") or 0.0 for event in history.looks if "data" in event.data), default=0.0)
