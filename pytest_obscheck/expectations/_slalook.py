"""How a figure is read, with all that its error depends on: the samples behind it, the scrapes, and the way to the service."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from pytest_obscheck.capabilities import Answer, AnswersPromQL, ReportsHealth, Series
from pytest_obscheck.clock import SystemClock
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.expectations._behind import Selector, selectors
from pytest_obscheck.protocols import Stack
from pytest_obscheck.speed import rewrite

LAG = 0.4
"""Seconds by which an evaluation stays behind, so that scrapes that are under way are there."""

TRIES = 3
PROBES = 4
TIMEOUT = 3.0
MISSING = object()
SCRAPE = "scrape_duration_seconds"
START = "process_start_time_seconds"


@runtime_checkable
class Reachable(Protocol):
    """A member that can be asked whether it is ready, which costs it next to nothing."""

    def ready(self) -> bool:
        """Whether it is."""

    def ask(self, path: str, timeout: float) -> Answer:
        """Return its answer to a GET."""


@dataclass(frozen=True)
class QueryFigure:
    """A PromQL expression at one instant, and the raw samples of every selector in it and in the recording rules behind it.

    A figure that a rule recorded is dated by the rule's sample: what it was computed from are the samples up to that instant.
    """

    query: str
    over: float
    every: float = 0.5

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``at``, ``values`` (one for each series), ``leaves`` and ``transport`` (seconds, or ``None``)."""
        prometheus, at = stack.that(AnswersPromQL), round(until - LAG, 3)
        query, over = rewrite(self.query, stack.plan.pace.speed), self.over / stack.plan.pace.by
        for _ in range(TRIES):
            before = _values(prometheus.query(query, at))
            leaves = _leaves(prometheus, query, stack.plan.facts.recordings, at, over)
            late, begun = (prometheus.query(f"{name}[{_ms(2 * over)}]", at) for name in (SCRAPE, START))
            if before == _values(prometheus.query(query, at)):
                # A sample that was written between the two would be in one and not in the other.
                found = {"at": at, "values": before, "leaves": leaves, "late": [each.data() for each in late]}
                return {**found, "begun": [each.data() for each in begun], "transport": transport(stack, None)}
        raise LookFailed("the figure changed while its samples were read")

    def __str__(self) -> str:
        """Return the key."""
        return f"sla {self.query} over {self.over:g}s"


@dataclass(frozen=True)
class FieldFigure:
    """A number in the JSON that a service's endpoint answers."""

    service: str
    path: str
    field: str
    since: str = ""
    every: float = 0.5

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``at``, ``until``, ``values`` (one or none), ``words`` where there is no number, ``since``, ``transport``."""
        member = stack.that(ReportsHealth, named=self.service)
        at = SystemClock().now()
        answer = member.ask(self.path, timeout=TIMEOUT)
        value, words = _number(answer, self.field)
        found = {"at": at, "until": at + answer.seconds, "values": [] if value is None else [value], "words": words}
        begun = _instant(_dug(answer.json, self.since)) if self.since else None
        return {**found, "since": begun, "transport": transport(stack, self.service)}

    def asks(self) -> str:
        """Return the service and the path."""
        return f"{self.service} {self.path}"

    def __str__(self) -> str:
        """Return the key."""
        return f"sla {self.service} {self.path} {self.field} {self.since}".rstrip()


def transport(stack: Stack, service: str | None) -> float | None:
    """Return the longest of a few round trips to a service (the last, unless named); ``None`` where it does not answer."""
    members = stack.all(Reachable)
    name = service or next(reversed(list(members)), "")
    clock, seen = SystemClock(), []
    for _ in range(PROBES if name in members else 0):
        begun = clock.now()
        if members[name].ready():
            seen.append(clock.now() - begun)
    return max(seen, default=None)


def _number(answer: Answer, field: str) -> tuple[float | None, str]:
    value = _dug(answer.json, field)
    if value is MISSING:
        return None, f"status {answer.status}, and its JSON has no field {field!r}"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None, f"{field} is {value!r}"
    return float(value), ""


def _dug(value: Any, field: str) -> Any:
    for key in field.split("."):
        if isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        elif isinstance(value, Mapping) and key in value:
            value = value[key]
        else:
            return MISSING
    return value


def _instant(value: Any) -> float | None:
    """Return the Unix seconds of a number or of an RFC 3339 text; ``None`` for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else None
    except ValueError:
        return None


def _values(series: Iterable[Series]) -> list[float | None]:
    """Return the value of each series; ``None`` for NaN and infinities, which JSON does not have."""
    return [each.points[-1][1] if math.isfinite(each.points[-1][1]) else None for each in series]


def _ms(seconds: float) -> str:
    return f"{max(1, math.ceil(seconds * 1000))}ms"


def _leaves(
    prometheus: AnswersPromQL, expr: str, recordings: Mapping[str, str], at: float, over: float, recorded: bool = False
) -> list[dict[str, Any]]:
    """Return the raw samples of each selector at the instant at which they were read: the rule's, where one recorded them."""
    found: list[dict[str, Any]] = []
    for selector in selectors(expr):
        if selector.name not in recordings:
            raw = prometheus.query(f"{selector}[{_ms(over)}]", at)
            found.append({"selector": str(selector), "at": at, "recorded": recorded, "series": [each.data() for each in raw]})
            continue
        stamps = [each.points[-1][1] for each in prometheus.query(f"timestamp({selector})", at)]
        deeper = _leaves(prometheus, recordings[selector.name], recordings, max(stamps), over, True) if stamps else []
        found.extend(_narrowed(leaf, selector) for leaf in deeper)
    return found


def _narrowed(leaf: dict[str, Any], selector: Selector) -> dict[str, Any]:
    """Leave out the series that a matcher on the recorded series rules out."""
    wanted = {name: text.removeprefix(f'{name}="')[:-1] for name, text in selector.matchers if re.match(r'[^=!~]+="', text)}
    kept = [s for s in leaf["series"] if all(s["labels"].get(name, value) == value for name, value in wanted.items())]
    return {**leaf, "series": kept}
