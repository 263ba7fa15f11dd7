"""An alert is inactive, pending or firing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pytest_obscheck.expectations._alertstates import AlertStates, Seen, seen, unix, unknown_alert
from pytest_obscheck.expectations._behind import Behind, lookback, why_quiet
from pytest_obscheck.matching import braces, subset
from pytest_obscheck.protocols import History, Look, Plan
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
        """Yield that no rule file has such an alert."""
        yield from unknown_alert(self.name, plan)

    def alertname(self) -> str:
        """Return the name of the alert."""
        return self.name

    def exprs(self, alerts: Mapping[str, Sequence[str]]) -> Sequence[str]:
        """Return the expressions behind the alert."""
        return alerts.get(self.alertname(), ())

    def history(self, alerts: Mapping[str, Sequence[str]]) -> float:
        """Return the seconds that they look back on."""
        return lookback(self.exprs(alerts))

    def evidence(self) -> Look:
        """Return the look at all alerts."""
        return AlertStates()

    def autopsy(self) -> Look:
        """Return the look at the series behind the rule."""
        return Behind(self.name)

    def holds(self, history: History) -> Sequence[Sight]:
        """Return when the alert was in the state: a sight for each sample, and one for the end of each look."""
        sights: list[Sight] = []
        for look in seen(history, self.name, self.labels):
            sights.extend(self._sights(history, look))
        return sorted(sights, key=lambda sight: sight.at)

    def _sights(self, history: History, look: Seen) -> Iterable[Sight]:
        end = history.story(look.until)
        if look.blind:
            yield Sight(end, None, look.blind)
            return
        if self.annotations:
            yield from self._annotated(history, look)
            return
        for sample in look.samples:
            at = history.story(sample.at)
            yield Sight(at, self._is(sample.state), _words(sample.state, at, sample.labels))
        states = {sample.state for sample in look.now}
        holds = any(self._is(state) for state in states) if states else self.state == "inactive"
        yield Sight(end, holds, _state_words(states))

    def _is(self, state: str) -> bool:
        return state == self.state

    def _annotated(self, history: History, look: Seen) -> Iterable[Sight]:
        end = history.story(look.until)
        active = [alert for rule in look.rules for alert in rule["alerts"] if subset(alert["labels"], self.labels)]
        for alert in active:
            if self._is(alert["state"]):
                wrong = _wrong(alert["annotations"], self.annotations)
                at = max(history.story(unix(alert["activeAt"])), 0.0)
                words = wrong or f"{_words(alert['state'], at, alert['labels'])}, annotated as wanted"
                yield Sight(end, not wrong, words)
        if not active:
            yield Sight(end, self.state == "inactive", "inactive")

    def tell(self, history: History, window: Window) -> str:
        """Return why the alert was not in the state: still pending, too late, other labels, or nothing behind it."""
        looks = seen(history, self.name, {})
        samples = [sample for look in looks for sample in look.samples]
        rule = next((rule for look in reversed(looks) for rule in look.rules), None)
        said = _late(history, [s for s in samples if s.state == self.state and subset(s.labels, self.labels)], window)
        if said:
            return said
        others = [s for s in samples if s.state == self.state and not subset(s.labels, self.labels)]
        if others:
            return f"it is {self.state} with other labels: {braces(dict(others[0].labels))}"
        if self.state == "firing" and rule is not None:
            pending = [s for s in samples if s.state == "pending" and history.story(s.at) <= window.end]
            if pending:
                return _still_pending(history, looks, rule, window) + _where(history, self.name)
        return why_quiet(history.journal, self.name)

    def __str__(self) -> str:
        """Return the expectation in words."""
        verb = {"firing": "fires", "pending": "is pending", "inactive": "is inactive"}[self.state]
        return f"alert {self.name}{braces(dict(self.labels))} {verb}{_annotated_words(self.annotations)}"


def _annotated_words(annotations: Mapping[str, str]) -> str:
    return " with " + ", ".join(f"{key}={value!r}" for key, value in annotations.items()) if annotations else ""


def _words(state: str, at: float, labels: Mapping[str, str]) -> str:
    shown = {key: value for key, value in labels.items() if key in ("instance", "job")}
    verb = "fired" if state == "firing" else state
    return f"{verb} at {spoken(at)}{' ' + braces(shown) if shown else ''}"


def _state_words(states: Iterable[str]) -> str:
    return " and ".join(sorted(states)) or "inactive"


def _wrong(annotations: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    wrong = [key for key, value in wanted.items() if not subset(annotations, {key: value})]
    return "; ".join(f"its annotation {key} is {annotations.get(key, '')!r} instead of {wanted[key]!r}" for key in wrong)


def _late(history: History, samples: list[Any], window: Window) -> str:
    after = [history.story(sample.at) for sample in samples if history.story(sample.at) > window.end]
    return f"it came at {spoken(after[0])}: {spoken(after[0] - window.end)} too late" if after else ""


def _still_pending(history: History, looks: Sequence[Seen], rule: Mapping[str, Any], window: Window) -> str:
    hold = float(rule["duration"] or 0)
    active = [unix(alert["activeAt"]) for look in looks for r in look.rules for alert in r["alerts"] if alert.get("activeAt")]
    first = min((s.at for look in looks for s in look.samples if s.state == "pending"), default=0.0)
    since = history.story(min(active, default=first))
    fires = since + hold
    return (
        f"pending since {spoken(since)}, needs `for: {_prometheus(hold)}`; "
        f"it would fire at {spoken(fires)}: {spoken(fires - window.end)} too late"
    )


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
