"""Every alert has the series that it needs to be able to fire."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.capabilities import AnswersPromQL
from pytest_obscheck.errors import did_you_mean
from pytest_obscheck.expectations._behind import Selector, selectors
from pytest_obscheck.matching import expanded
from pytest_obscheck.plan import AlertRule, Plan
from pytest_obscheck.protocols import History, Look, Stack
from pytest_obscheck.when import Sight, Window

FIXED = ("job", "le")
"""Labels whose values are there from the start; of any other, a value may come yet."""


@dataclass(frozen=True)
class Unfireable:
    """Which alerts name a metric, a label, a job or a bucket that no series has, in their expression or a recording rule's."""

    every: float = 2.0

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``until`` and ``missing``: alert → why it can never fire."""
        series = _Known(stack.that(AnswersPromQL), until)
        facts = stack.plan.facts
        missing = {rule.name: words for rule in facts.alerts if (words := _missing(series, rule, facts.recordings))}
        return {"until": until, "missing": missing}

    def __str__(self) -> str:
        """Return the key."""
        return "unfireable"


class _Known:
    """What is known of the series of one moment, each metric asked for once."""

    def __init__(self, prometheus: AnswersPromQL, at: float) -> None:
        """Ask for the names of all metrics."""
        self.names = set(prometheus.metric_names())
        self._prometheus, self._at = prometheus, at
        self._labels: dict[str, list[str]] = {}
        self._values: dict[tuple[str, str], set[str]] = {}

    def labels(self, name: str) -> list[str]:
        """Return the label names of a metric."""
        if name not in self._labels:
            self._labels[name] = [label for label in self._prometheus.label_names(name) if label != "__name__"]
        return self._labels[name]

    def values(self, name: str, label: str) -> set[str]:
        """Return the values that a label has on the series of a metric."""
        if (name, label) not in self._values:
            found = self._prometheus.query(f"count by ({label}) ({name})", self._at)
            self._values[name, label] = {series.labels.get(label, "") for series in found}
        return self._values[name, label]


def _missing(series: _Known, rule: AlertRule, recordings: Mapping[str, str]) -> str:
    """Return why an alert can never fire; ``""`` where all is there, or where it waits for something to be absent."""
    if "absent" in rule.expr:
        return ""
    wanted = [selector for expr in expanded(rule.expr, recordings) for selector in selectors(expr)]
    found = [_lacking(series, selector) for selector in wanted if selector.name not in recordings]
    said = "; ".join(dict.fromkeys(words for words in found if words))
    return f"{said} ({rule.where})" if said else ""


def _lacking(series: _Known, selector: Selector) -> str:
    if selector.name not in series.names:
        near = did_you_mean(selector.name, series.names)
        return f"no series is called {selector.name!r}" + (f"; {near}" if near.startswith("did you mean") else "")
    for label, text in selector.matchers:
        if not _needs(text):
            continue
        if label not in series.labels(selector.name):
            return f"no series of {selector.name} has a label {label!r}; {did_you_mean(label, series.labels(selector.name))}"
        value = text.partition('="')[2].rstrip('"')
        if label in FIXED and text.startswith(f'{label}="') and value not in (known := series.values(selector.name, label)):
            return f"no series of {selector.name} has {text}; {did_you_mean(value, known)}"
    return ""


def _needs(text: str) -> bool:
    """Whether a matcher needs the label to be there: it is positive, and does not match the empty value."""
    found = re.fullmatch(r'[^=!~]+(=~|=)"(.*)"', text, re.DOTALL)
    if found is None:
        return False
    return not (re.fullmatch(found[2], "") if found[1] == "=~" else found[2] == "")


@dataclass(frozen=True)
class Fireable:
    """Every alert of the rule files (or the named ``alerts``) has series of the names, labels, jobs and buckets that it needs.

    Values of other labels are not judged: that nothing has ``status="500"`` yet is good news. ``besides`` are left out.
    """

    alerts: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()

    def problems(self, plan: Plan) -> Iterable[str]:
        """Yield the names that no rule file has."""
        for name in (*self.alerts, *self.besides):
            yield from plan.facts.unknown_alert(name)

    def evidence(self) -> Look:
        """Return the look at what the rules ask for."""
        return Unfireable()

    def holds(self, history: History) -> Sequence[Sight]:
        """Return a sight for every look; one that does not hold names every alert and what it lacks."""
        sights = []
        for event in history.looks:
            at = history.story(event.wall)
            if "error" in event.data:
                sights.append(Sight(at, None, event.data["error"]))
                continue
            wrong = {name: why for name, why in event.data["data"]["missing"].items() if self._judged(name)}
            lines = "\n".join(f"{name} can never fire: {why}" for name, why in sorted(wrong.items()))
            sights.append(Sight(at, not wrong, lines or f"all can, at {history.spoken(at)}"))
        return sights

    def _judged(self, name: str) -> bool:
        return name not in self.besides and (not self.alerts or name in self.alerts)

    def tell(self, history: History, window: Window) -> str:
        """Return nothing: the last look says it."""
        return ""

    def __str__(self) -> str:
        """Return the expectation in words."""
        who = ", ".join(self.alerts) if self.alerts else "every alert"
        return f"{who} can fire" + (f" (besides {', '.join(self.besides)})" if self.besides else "")
