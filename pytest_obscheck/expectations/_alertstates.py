"""What every claim about an alert looks at: the states of all alerts, and whether their rules are loaded and healthy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from pytest_obscheck.capabilities import EvaluatesRules, ask_each
from pytest_obscheck.matching import subset
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import History, Stack

OVERLAP = 2.0
"""Seconds that a look reaches back beyond its own time, for samples that were written late."""


@dataclass(frozen=True)
class AlertStates:
    """The ``ALERTS`` series of all who evaluate rules: raw samples since the last look, and the state now.

    Once a second the rules themselves, too; and when an alert has just ended: is its rule still there?
    """

    every: float = 0.2

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``samples`` and ``now`` (lists of labels and points) and, once a second, ``rules``.

        ``silent``: alerts of which nothing is known, since who evaluates them does not answer, and its words.
        """
        evaluators = stack.all(EvaluatesRules) or {"": stack.that(EvaluatesRules)}
        told, silent = ask_each(evaluators, lambda each: each.alert_states(since - OVERLAP, until))
        found: dict[str, Any] = {
            "since": since,
            "until": until,
            "samples": [each.data() for samples, _ in told.values() for each in samples],
            "now": [each.data() for _, now in told.values() for each in now],
        }
        if since == until or math.floor(since) != math.floor(until) or _ended(found):
            read, mute = ask_each(evaluators, lambda each: each.rules())
            found["rules"] = _rules(group for groups in read.values() for group in groups)
            silent |= mute
        unknown = _unknown(stack.plan, silent) if silent else {}
        return {**found, "silent": unknown} if unknown else found

    def __str__(self) -> str:
        """Return the key."""
        return "alerts"


def _unknown(plan: Plan, silent: Mapping[str, str]) -> dict[str, str]:
    """Return why nothing is known of which alerts: of those that another one evaluates, too, something is."""
    known = {rule.name for rule in plan.facts.alerts if rule.member not in silent}
    return {rule.name: silent[rule.member] for rule in plan.facts.alerts if rule.member in silent and rule.name not in known}


def _ended(found: Mapping[str, Any]) -> bool:
    """Whether an alert that was active a moment ago is not any more."""
    now = [each["labels"] for each in found["now"]]
    return any(each["labels"] not in now for each in found["samples"])


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

    ``blind`` says why the look says nothing of what is not active. ``failed``: it says nothing at all. ``sure``: the rule was
    read again afterwards, so that what is absent is known to be quiet and not gone.
    """

    since: float
    until: float
    samples: tuple[Sample, ...] = ()
    now: tuple[Sample, ...] = ()
    rules: tuple[Mapping[str, Any], ...] = ()
    blind: str = ""
    failed: bool = False
    sure: bool = False


def seen(history: History, name: str, labels: Mapping[str, str]) -> list[Seen]:
    """Return what each look says of the alert, each sample once, in order."""
    known: set[tuple[float, str, tuple[tuple[str, str], ...]]] = set()
    readings = _readings(history, name)
    found = []
    for event, (before, after) in zip(history.looks, readings, strict=True):
        why = _failed(event.data, name)
        if why:
            found.append(Seen(event.wall, event.wall, rules=before or (), blind=why, failed=True))
            continue
        data = event.data["data"]
        fresh = [sample for sample in _samples(data["samples"], name, labels) if _new(sample, known)]
        now = tuple(_samples(data["now"], name, labels))
        # A rule that was sick at either of the two readings around a look may have been so when the look was taken.
        blind = _blind(name, before) or _blind(name, after)
        samples = tuple(sorted(fresh, key=lambda s: s.at))
        found.append(Seen(data["since"], data["until"], samples, now, before or (), blind, sure=after is not None))
    return found


def _failed(data: Mapping[str, Any], name: str) -> str:
    """Return why a look says nothing of an alert: it failed, or who evaluates that alert did not answer."""
    said: str = data["error"] if "error" in data else data["data"].get("silent", {}).get(name, "")
    return said


Reading = tuple[Mapping[str, Any], ...]


def _readings(history: History, name: str) -> list[tuple[Reading | None, Reading | None]]:
    """Return, look by look, the rules of this name as last read and as read next; its own reading counts as both."""
    own = [_reading(event.data, name) for event in history.looks]
    before = list(accumulate(own, _latest))
    after = list(accumulate(reversed(own), _latest))[::-1]
    return list(zip(before, after, strict=True))


def _reading(data: Mapping[str, Any], name: str) -> Reading | None:
    rules = data.get("data", {}).get("rules")
    return None if rules is None or _failed(data, name) else tuple(rules.get(name, ()))


def _latest(before: Reading | None, now: Reading | None) -> Reading | None:
    return before if now is None else now


def _new(sample: Sample, known: set[tuple[float, str, tuple[tuple[str, str], ...]]]) -> bool:
    key = (sample.at, sample.state, tuple(sorted(sample.labels.items())))
    fresh = key not in known
    known.add(key)
    return fresh


def _samples(series: Iterable[Mapping[str, Any]], name: str, labels: Mapping[str, str]) -> Iterable[Sample]:
    for each in series:
        if each["labels"].get("alertname") != name:
            continue
        own = {key: value for key, value in each["labels"].items() if key not in ("__name__", "alertstate")}
        if subset(own, labels):
            for at, _ in each["points"]:
                yield Sample(at, each["labels"]["alertstate"], own)


def _blind(name: str, rules: Reading | None) -> str:
    if rules is None:
        return ""
    if not rules:
        return f"no rule called {name!r} is loaded"
    sick = next((rule for rule in rules if rule["health"] == "err"), None)
    return f"the rule {name!r} is not healthy: {sick['lastError']}" if sick else ""
