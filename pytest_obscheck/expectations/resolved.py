"""An alert that fired is no longer firing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_obscheck.expectations._alertstates import AlertStates, Seen, seen, unknown_alert
from pytest_obscheck.expectations._behind import Behind, lookback, why_quiet
from pytest_obscheck.matching import braces
from pytest_obscheck.protocols import History, Look, Plan
from pytest_obscheck.when import Sight, Window, spoken


@dataclass(frozen=True)
class Resolved:
    """An alert fired earlier in the story and has stopped; it is dated by the evaluation that found it inactive."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)

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
        """Return, look by look, whether an earlier firing is over."""
        sights: list[Sight] = []
        last: float | None = None
        over = False
        for look in seen(history, self.name, self.labels):
            end = history.story(look.until)
            if look.blind:
                sights.append(Sight(end, None, look.blind))
                continue
            last = max((s.at for s in look.samples if s.state == "firing"), default=last)
            if any(sample.state == "firing" for sample in look.now):
                sights.append(Sight(end, holds=False, words="it is still firing"))
                over = False
            elif last is None:
                sights.append(Sight(end, holds=False, words="it has not fired"))
            else:
                at = end if over else min(history.story(last + _interval(look)), end)
                sights.append(Sight(at, holds=True, words=f"resolved at {spoken(at)}"))
                over = True
        return sights

    def tell(self, history: History, window: Window) -> str:
        """Return why nothing resolved: it is still firing, or it never fired at all, and why not."""
        states = {s.state for look in seen(history, self.name, self.labels) for s in look.samples}
        if "firing" in states:
            return ""
        why = "it was pending and no more" if states else why_quiet(history.journal, self.name)
        return f"it never fired: {why}" if why else "it never fired"

    def __str__(self) -> str:
        """Return the expectation in words."""
        return f"alert {self.name}{braces(dict(self.labels))} resolves"


def _interval(look: Seen) -> float:
    return next((float(rule["interval"] or 0) for rule in look.rules), 0.0)
