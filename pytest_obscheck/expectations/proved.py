"""An alert whose horizon no sensible speed brings within reach is proved offline, by promtool."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_obscheck.expectations._behind import lookback, selectors
from pytest_obscheck.matching import expanded
from pytest_obscheck.plan import AlertRule, Plan
from pytest_obscheck.protocols import History, Look, Stack
from pytest_obscheck.when import Duration, Sight, Window, seconds, spoken


@dataclass(frozen=True)
class Offline:
    """What promtool says against a test of one alert's rule and the recordings behind it. ``asked`` is the test, as JSON."""

    alert: str
    asked: str
    every: float = 600.0

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``until``, ``wrong`` (promtool's words) and ``unread``, the metrics that the rule reads and the test lacks."""
        facts = stack.plan.facts
        rule = next(rule for rule in facts.alerts if rule.name == self.alert)
        test = json.loads(self.asked)
        for each in test["alert_rule_test"]:
            each["exp_alerts"] = [_completed(rule, alert) for alert in each["exp_alerts"]]
        wrong = stack.plan.play(_groups(rule, facts.recordings), test)
        given = {each["series"].partition("{")[0].strip() for each in test["input_series"]} | set(facts.recordings)
        read = {each.name for expr in expanded(rule.expr, facts.recordings) for each in selectors(expr)}
        return {"until": until, "wrong": wrong, "unread": sorted(read - given)}

    def __str__(self) -> str:
        """Return the key."""
        return f"offline {self.alert} {zlib.crc32(self.asked.encode()):08x}"


def _groups(rule: AlertRule, recordings: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """Return a group with the recordings that a rule rests on, at any depth, and one with the rule."""
    needed = expanded(rule.expr, recordings)
    recorded = [{"record": name, "expr": expr} for name, expr in recordings.items() if expr in needed]
    alert = {"alert": rule.name, "expr": rule.expr, "labels": dict(rule.labels), "annotations": dict(rule.annotations)}
    groups: list[Mapping[str, Any]] = [{"name": "recordings", "rules": recorded}] if recorded else []
    return [*groups, {"name": "alert", "rules": [{**alert, "for": rule.hold} if rule.hold else alert]}]


def _completed(rule: AlertRule, alert: Mapping[str, Any]) -> dict[str, Any]:
    """Return an expected alert with all that the rule itself says: promtool compares labels and annotations as a whole."""
    labels, annotations = {**rule.labels, **alert["labels"]}, {**rule.annotations, **alert["annotations"]}
    return {"exp_labels": labels, "exp_annotations": annotations}


@dataclass(frozen=True)
class Proved:
    """An alert's rule as the user wrote it, played by promtool over ``series`` in its notation, with no server and no clock.

    It must be silent at ``quiet`` and firing at ``fires`` (one of them may be left out: a near miss has no ``fires``), counted
    from the first sample, with these ``labels`` and ``annotations`` besides those that the rule itself has word for word. A
    sample and an evaluation come every ``interval``. For alerts that look back so far that they cannot be waited for.
    """

    alert: str
    series: Mapping[str, str]
    interval: Duration = "1m"
    quiet: Duration = ""
    fires: Duration = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a proof of nothing."""
        if not self.quiet and not self.fires:
            raise ValueError("proved: it says neither when the alert is quiet nor when it fires; write fires: 3d or quiet: 3d")
        for each in (self.interval, *filter(None, (self.quiet, self.fires))):
            seconds(each)

    def problems(self, plan: Plan) -> Iterable[str]:
        """Yield that no rule file has such an alert."""
        yield from plan.facts.unknown_alert(self.alert)

    def exprs(self, alerts: Mapping[str, Sequence[str]]) -> Sequence[str]:
        """Return nothing: no series of the stack bears on it."""
        return ()

    def history(self, alerts: Mapping[str, Sequence[str]]) -> float:
        """Return that it waits for no history: its series are its own."""
        return 0.0

    def takes(self) -> str:
        """Return what a live story beside it would miss."""
        return "the processors for promtool"

    def evidence(self) -> Look:
        """Return the look at what promtool makes of it."""
        inputs = [{"series": name, "values": values} for name, values in self.series.items()]
        test = {"interval": self.interval, "input_series": inputs, "alert_rule_test": list(self._tests())}
        return Offline(self.alert, json.dumps(test))

    def _tests(self) -> Iterator[dict[str, Any]]:
        wanted = {"labels": dict(self.labels), "annotations": dict(self.annotations)}
        for at, alerts in ((self.quiet, []), (self.fires, [wanted])):
            if at:
                yield {"eval_time": at, "alertname": self.alert, "exp_alerts": alerts}

    def holds(self, history: History) -> Sequence[Sight]:
        """Return a sight for each time that promtool played it: always the same, unless the rule files change."""
        sights = []
        for event in history.looks:
            at, error = history.story(event.wall), event.data.get("error")
            wrong = "" if error else self._wrong(event.data["data"])
            words = error or wrong or f"so says promtool{self._why(history)}"
            sights.append(Sight(at, None if error else not wrong, words))
        return sights

    def _wrong(self, found: Mapping[str, Any]) -> str:
        """Return what promtool found, in short where nothing fires that should: it would print all that is missing."""
        wrong, unread = str(found["wrong"]), found.get("unread", ())
        if not self.fires or not re.search(r"got: ?\[\]", wrong):
            return wrong
        why = f": the rule reads {', '.join(unread)}, of which the story has no series" if unread else ""
        return f"promtool says that it does not fire at {self.fires}{why}"

    def _why(self, history: History) -> str:
        plan, speed = history.journal.last("plan"), history.journal.speed
        span = lookback(plan.data["alerts"][self.alert]["exprs"]) if plan and self.alert in plan.data["alerts"] else 0.0
        if not span:
            return ""
        return f"; offline, for it looks back {spoken(span)}, which takes {spoken(span / speed)} at speed {speed:g}"

    def tell(self, history: History, window: Window) -> str:
        """Return nothing: promtool's words say it."""
        return ""

    def __str__(self) -> str:
        """Return the expectation in words."""
        said = [f"is quiet at {self.quiet}"] if self.quiet else []
        said += [f"fires at {self.fires}"] if self.fires else []
        return f"alert {self.alert}, played offline, {' and '.join(said)}"
