"""A target is scraped, or is down."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.capabilities import AnswersPromQL
from pytest_obscheck.errors import did_you_mean
from pytest_obscheck.matching import braces
from pytest_obscheck.protocols import History, Look, Plan, Stack
from pytest_obscheck.when import Sight, Window, spoken

OVERLAP = 2.0


@dataclass(frozen=True)
class Ups:
    """The ``up`` series of every target: raw samples since the last look, and the value now."""

    every: float = 0.2

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``samples`` and ``now``, lists of labels and points."""
        prometheus = stack.that(AnswersPromQL)
        span = max(1, math.ceil((until - since + OVERLAP) * 1000))
        found = {"samples": prometheus.query(f"up[{span}ms]", until), "now": prometheus.query("up", until)}
        plain = {
            key: [{"labels": dict(s.labels), "points": [list(p) for p in s.points]} for s in series]
            for key, series in found.items()
        }
        return {"until": until, **plain}

    def __str__(self) -> str:
        """Return the key."""
        return "up"


@dataclass(frozen=True)
class Scraped:
    """A target's scrapes succeed (``up: true``) or fail (``up: false``). ``target`` is its ``instance`` label, or its job."""

    target: str
    up: bool = True

    def problems(self, plan: Plan) -> Iterable[str]:
        """Yield that no scrape configuration has this target; labels that relabelling makes are not known before the start."""
        if plan.facts.scraped and self.target not in plan.facts.scraped:
            yield f"no scrape configuration has a target {self.target!r}; {did_you_mean(self.target, plan.facts.scraped)}"

    def evidence(self) -> Look:
        """Return the look at ``up``."""
        return Ups()

    def holds(self, history: History) -> Sequence[Sight]:
        """Return a sight for every scrape, and one for the end of every look."""
        sights: list[Sight] = []
        known: set[float] = set()
        for event in history.looks:
            if "error" in event.data:
                sights.append(Sight(history.story(event.wall), None, event.data["error"]))
                continue
            data = event.data["data"]
            for at, value in self._points(data["samples"]):
                if at not in known:
                    known.add(at)
                    sights.append(self._sight(history.story(at), value))
            now = self._points(data["now"])
            end = history.story(data["until"])
            sights.append(self._sight(end, now[-1][1]) if now else Sight(end, not self.up, "it has no `up` series"))
        return sorted(sights, key=lambda sight: sight.at)

    def _points(self, series: Iterable[Mapping[str, Any]]) -> list[tuple[float, float]]:
        return [(at, value) for each in series if self._mine(each["labels"]) for at, value in each["points"]]

    def _mine(self, labels: Mapping[str, str]) -> bool:
        return self.target in (labels.get("instance"), labels.get("job"))

    def _sight(self, at: float, value: float) -> Sight:
        return Sight(at, (value == 1) == self.up, f"{'up' if value == 1 else 'down'} at {spoken(at)}")

    def tell(self, history: History, window: Window) -> str:
        """Return what Prometheus said of the target last."""
        event = history.journal.last("targets")
        found = [t for t in event.data["targets"] if self._mine(t["labels"])] if event else []
        if not found:
            return ""
        said = found[0].get("lastError") or "no error"
        return f"Prometheus says of {braces(dict(found[0]['labels']))}: {said}" if self.up else ""

    def __str__(self) -> str:
        """Return the expectation in words."""
        return f"target {self.target} is {'up' if self.up else 'down'}"
