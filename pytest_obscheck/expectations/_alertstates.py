"""What every claim about an alert looks at: the states of all alerts, and whether their rules are loaded and healthy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pytest_obscheck.capabilities import AnswersPromQL, EvaluatesRules, Series
from pytest_obscheck.errors import did_you_mean
from pytest_obscheck.matching import subset
from pytest_obscheck.protocols import History, Plan, Stack

OVERLAP = 2.0
"""Seconds that a look reaches back beyond its own time, for samples that were written late."""


@dataclass(frozen=True)
class AlertStates:
    """The ``ALERTS`` series: raw samples since the last look, and the state now; once a second, the rules themselves."""

    every: float = 0.2

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``samples`` and ``now`` (lists of labels and points) and, once a second, ``rules``."""
        prometheus = stack.that(AnswersPromQL)
        span = max(1, math.ceil((until - since + OVERLAP) * 1000))
        found = {
            "since": since,
            "until": until,
            "samples": _plain(prometheus.query(f"ALERTS[{span}ms]", until)),
            "now": _plain(prometheus.query("ALERTS", until)),
        }
        if math.floor(since) != math.floor(until):
            found["rules"] = _rules(stack.that(EvaluatesRules).rules())
        return found

    def __str__(self) -> str:
        """Return the key."""
        return "alerts"


def _plain(series: Iterable[Series]) -> list[dict[str, Any]]:
    return [{"labels": dict(each.labels), "points": [list(point) for point in each.points]} for each in series]


def _rules(groups: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for group in groups:
        for rule in group["rules"]:
            if rule.get("type") == "alerting":
                found.setdefault(rule["name"], []).append(_rule(group, rule))
    return found


def _rule(group: Mapping[str, Any], rule: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: rule.get(key) for key in ("health", "lastError", "lastEvaluation", "duration")}
    return {**kept, "interval": group.get("interval"), "alerts": rule.get("alerts", [])}


@dataclass(frozen=True)
class Sample:
    """One sample of ``ALERTS``: when, in which state, with which labels."""

    at: float
    state: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Seen:
    """What one look says of one alert: fresh samples, the labels active at its end, and the rule as last read.

    ``blind`` says why the look says nothing; it is empty where the look is good.
    """

    until: float
    samples: tuple[Sample, ...]
    now: tuple[Sample, ...]
    rules: tuple[Mapping[str, Any], ...]
    blind: str = ""


def seen(history: History, name: str, labels: Mapping[str, str]) -> list[Seen]:
    """Return what each look says of the alert, each sample once, in order."""
    known: set[tuple[float, str, str]] = set()
    rules: tuple[Mapping[str, Any], ...] | None = None
    found = []
    for event in history.looks:
        if "error" in event.data:
            found.append(Seen(event.wall, (), (), rules or (), event.data["error"]))
            continue
        data = event.data["data"]
        if "rules" in data:
            rules = tuple(data["rules"].get(name, ()))
        fresh = [sample for sample in _samples(data["samples"], name, labels) if _new(sample, known)]
        now = tuple(_samples(data["now"], name, labels))
        found.append(Seen(data["until"], tuple(sorted(fresh, key=lambda s: s.at)), now, rules or (), _blind(name, rules)))
    return found


def _new(sample: Sample, known: set[tuple[float, str, str]]) -> bool:
    key = (sample.at, sample.state, repr(sorted(sample.labels.items())))
    fresh = key not in known
    known.add(key)
    return fresh


def _samples(series: Iterable[Mapping[str, Any]], name: str, labels: Mapping[str, str]) -> Iterable[Sample]:
    for each in series:
        own = {key: value for key, value in each["labels"].items() if key not in ("__name__", "alertstate")}
        if own.get("alertname") == name and subset(own, labels):
            for at, _ in each["points"]:
                yield Sample(at, each["labels"]["alertstate"], own)


def _blind(name: str, rules: tuple[Mapping[str, Any], ...] | None) -> str:
    if rules is None:
        return ""
    if not rules:
        return f"no rule called {name!r} is loaded"
    sick = next((rule for rule in rules if rule["health"] == "err"), None)
    return f"the rule {name!r} is not healthy: {sick['lastError']}" if sick else ""


def unknown_alert(name: str, plan: Plan) -> Iterable[str]:
    """Yield that no rule file has an alert of this name."""
    names = {rule.name for rule in plan.facts.alerts}
    if name not in names:
        yield f"no rule file has an alert {name!r}; {did_you_mean(name, names)}"


def unix(text: str) -> float:
    """Return the Unix seconds of a timestamp as Prometheus writes it (RFC 3339 with nanoseconds)."""
    head, _, rest = text.partition(".")
    digits = "".join(char for char in rest[:9] if char.isdigit())[:6] if rest else ""
    zone = next((text[i:] for i in range(19, len(text)) if text[i] in "Z+-"), "Z")
    return datetime.fromisoformat(f"{head[:19]}.{digits or '0'}{'+00:00' if zone == 'Z' else zone}").timestamp()
