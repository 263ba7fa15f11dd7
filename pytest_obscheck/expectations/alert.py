"""An alert is inactive, pending or firing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pytest_obscheck.expectations._alertstates import AlertStates, Seen, seen
from pytest_obscheck.expectations._behind import Behind, lookback, what_lacks, why_quiet
from pytest_obscheck.expectations._holes import outlasted, would_be_quiet
from pytest_obscheck.expectations._theory import theory
from pytest_obscheck.expectations._timeline import Moment, State, missed, moments
from pytest_obscheck.matching import braces, subset
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import History, Look
from pytest_obscheck.when import Sight, Window, spoken

STATES = ("inactive", "pending", "firing")


@dataclass(frozen=True)
class Alert:
    """An alert is in a state: ``firing`` (also the default), ``pending``, or ``inactive`` (neither of the two).

    ``labels`` and ``annotations`` are what the alert must carry, annotations as they were rendered; ``~regex`` matches.
    A firing is dated by the sample that Prometheus wrote for it, not by the moment somebody looked.
    """

    name: str
    state: Literal["inactive", "pending", "firing"] = "firing"
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a state that Prometheus does not have."""
        if self.state not in STATES:
            raise ValueError(f"{self.state!r} is not a state of an alert; write one of {', '.join(STATES)}")

    def problems(self, plan: Plan) -> Iterable[str]:
        """Yield that no rule file has such an alert, or none with such labels."""
        yield from plan.facts.unknown_alert(self.name)
        yield from plan.facts.contradicted(self.name, self.labels)

    def alertname(self) -> str:
        """Return the name of the alert."""
        return self.name

    def exprs(self, alerts: Mapping[str, Sequence[str]]) -> Sequence[str]:
        """Return the expressions behind the alert."""
        return alerts.get(self.alertname(), ())

    def history(self, alerts: Mapping[str, Sequence[str]]) -> float:
        """Return the seconds that they look back on."""
        return lookback(self.exprs(alerts))

    def is_firing(self) -> bool:
        """Whether it is claimed to fire, in whichever words."""
        return self.state == "firing" and not self.annotations

    def outlasts(self, history: History, span: Window, until: float) -> float:
        """Return how long rules must go unevaluated to hide a firing; what does not have to hold may be hidden at once."""
        return outlasted(history, self.name, span, until) if self.state == "firing" else 0.0

    def would_be_quiet(self, history: History, span: Window) -> bool:
        """Whether evaluations that were missed in a span would have found nothing."""
        return self.state != "inactive" and would_be_quiet(history.journal, self.autopsy(), span)

    def evidence(self) -> Look:
        """Return the look at all alerts."""
        return AlertStates()

    def autopsy(self) -> Behind:
        """Return the look at the series behind the rule."""
        return Behind(self.name, tuple(sorted(self.labels.items())))

    def lacks(self, history: History) -> str:
        """Return which metric or label there is none of: without them the alert is always inactive."""
        return what_lacks(history.journal, self.autopsy()) if self.state != "inactive" else ""

    def holds(self, history: History) -> Sequence[Sight]:
        """Return, moment by moment, whether the alert was in the state."""
        readings = self._readings(history) if self.annotations else {}
        band = theory(history.journal, self.name) if self.state == "firing" else ""
        return [self._sight(history, moment, readings, band) for moment in moments(history, self.name, self.labels)]

    def _sight(
        self, history: History, moment: Moment, readings: Mapping[float, Sequence[Mapping[str, Any]]], band: str
    ) -> Sight:
        at = history.story(moment.at)
        if moment.blind:
            return Sight(at, None, moment.blind)
        mine = next((state for state in moment.active if state.name == self.state), None)
        if mine is not None and self.annotations:
            return self._annotated(at, _words(history, mine), readings, moment.at)
        shown = mine or next(iter(moment.active), None)
        holds = mine is not None or (self.state == "inactive" and not moment.active)
        return Sight(at, holds, _words(history, shown) + (band if mine else "") if shown else "inactive")

    def _readings(self, history: History) -> dict[float, list[Mapping[str, Any]]]:
        """Return the alerts in the state, with their annotations, by the Unix second at which the rules were read."""
        found = {}
        for event in history.looks:
            rules = event.data.get("data", {}).get("rules")
            if rules is not None:
                alerts = [alert for rule in rules.get(self.name, ()) for alert in rule["alerts"]]
                mine = [a for a in alerts if a["state"] == self.state and subset(a["labels"], self.labels)]
                found[event.data["data"]["until"]] = mine
        return found

    def _annotated(self, at: float, words: str, readings: Mapping[float, Sequence[Mapping[str, Any]]], wall: float) -> Sight:
        """Return whether the annotations were as wanted when they were last read; unknown before they were."""
        last = max((read for read in readings if read <= wall), default=None)
        alerts = readings[last] if last is not None else ()
        if not alerts:
            return Sight(at, None, f"{words}; its annotations were not read yet")
        wrong = [_wrong(alert["annotations"], self.annotations) for alert in alerts]
        if "" in wrong:
            return Sight(at, holds=True, words=f"{words}, annotated as wanted")
        return Sight(at, holds=False, words=wrong[0])

    def tell(self, history: History, window: Window) -> str:
        """Return why the alert was not in the state: too early or late, pending, other labels, or nothing behind it."""
        looks = seen(history, self.name, {})
        samples = [sample for look in looks for sample in look.samples]
        same = [sample for sample in samples if sample.state == self.state]
        mine = [sample for sample in same if subset(sample.labels, self.labels)]
        if mine:
            return "" if self.annotations else missed([history.story(sample.at) for sample in mine], window)
        if self.state == "inactive":
            return ""
        if same:
            return f"it is {self.state} with other labels: {braces(dict(same[0].labels))}"
        quiet = why_quiet(history.journal, self.autopsy(), lambda at: window.start <= history.story(at) <= window.end)
        return self._waiting(history, looks, window, quiet) or quiet

    def _waiting(self, history: History, looks: Sequence[Seen], window: Window, quiet: str) -> str:
        rule = next((rule for look in reversed(looks) for rule in look.rules), None)
        known = [moment for moment in moments(history, self.name, self.labels) if not moment.blind]
        inside = [moment for moment in known if history.story(moment.at) <= window.end]
        if rule is None or self.state != "firing" or not any("pending" in moment.states() for moment in inside):
            return ""
        if quiet and not any("pending" in m.states() and history.story(m.at) >= window.start for m in inside):
            return ""
        # Prometheus says the hold as it runs: in wall seconds.
        hold = float(rule["duration"] or 0) * history.journal.speed
        return _still_pending(history, inside, hold, window, _where(history, self.name))

    def __str__(self) -> str:
        """Return the expectation in words."""
        verb = {"firing": "fires", "pending": "is pending", "inactive": "is inactive"}[self.state]
        return f"alert {self.name}{braces(dict(self.labels))} {verb}{_annotated_words(self.annotations)}"


def _annotated_words(annotations: Mapping[str, str]) -> str:
    return " with " + ", ".join(f"{key}={value!r}" for key, value in annotations.items()) if annotations else ""


def _words(history: History, state: State) -> str:
    shown = {key: value for key, value in state.labels.items() if key in ("instance", "job")}
    verb = "fired" if state.name == "firing" else state.name
    return f"{verb} at {history.spoken(history.story(state.since))}{' ' + braces(shown) if shown else ''}"


def _wrong(annotations: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    wrong = [key for key, value in wanted.items() if not subset(annotations, {key: value})]
    return "; ".join(f"its annotation {key} is {annotations.get(key, '')!r} instead of {wanted[key]!r}" for key in wrong)


def _still_pending(history: History, inside: Sequence[Moment], hold: float, window: Window, where: str) -> str:
    """Return since when the last pending of the window lasts, and when it would fire; or that it ended."""
    last = max(number for number, moment in enumerate(inside) if "pending" in moment.states())
    since = history.story(min(state.since for state in inside[last].active))
    needs = f"needs `for: {_prometheus(hold)}`{where}"
    if last + 1 < len(inside):
        return f"pending from {spoken(since)} to {spoken(history.story(inside[last + 1].at))} only, {needs}"
    fires = since + hold
    return f"pending since {spoken(since)}, {needs}; it would fire at {spoken(fires)}: {spoken(fires - window.end)} too late"


def _where(history: History, name: str) -> str:
    plan = history.journal.last("plan")
    alerts = plan.data["alerts"] if plan else {}
    return f" ({alerts[name]['where']})" if name in alerts else ""


def _prometheus(span: float) -> str:
    """Return seconds as rule files write them."""
    for size, unit in ((3600, "h"), (60, "m")):
        if span >= size and span % size == 0:
            return f"{span / size:g}{unit}"
    return f"{span:g}s"
