"""An alert that fired is no longer firing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_obscheck.expectations._alertstates import AlertStates, seen
from pytest_obscheck.expectations._behind import Behind, lookback, why_quiet
from pytest_obscheck.expectations._holes import outlasted
from pytest_obscheck.expectations._timeline import Moment, moments
from pytest_obscheck.matching import braces
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import History, Look
from pytest_obscheck.when import Sight, Window


@dataclass(frozen=True)
class Resolved:
    """An alert fired earlier in the story and has stopped; it is dated by the evaluation that found it inactive."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)

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

    def outlasts(self, history: History, span: Window, until: float) -> float:
        """Return how long rules must go unevaluated to hide a firing."""
        return outlasted(history, self.name, span, until)

    def evidence(self) -> Look:
        """Return the look at all alerts."""
        return AlertStates()

    def autopsy(self) -> Behind:
        """Return the look at the series behind the rule."""
        return Behind(self.name, tuple(sorted(self.labels.items())))

    def holds(self, history: History) -> Sequence[Sight]:
        """Return, moment by moment, whether an earlier firing is over."""
        sights: list[Sight] = []
        fired, over = False, None
        for moment in moments(history, self.name, self.labels):
            at = history.story(moment.at)
            firing = "firing" in moment.states()
            fired = fired or firing
            over = None if firing or not fired else at if over is None and not moment.blind else over
            sights.append(_sight(history, moment, fired, over))
        return sights

    def tell(self, history: History, window: Window) -> str:
        """Return why nothing resolved: it is still firing, or it never fired at all, and why not."""
        states = {s.state for look in seen(history, self.name, self.labels) for s in look.samples}
        if "firing" in states:
            return ""
        why = "it was pending and no more" if states else why_quiet(history.journal, self.autopsy())
        return f"it never fired: {why}" if why else "it never fired"

    def __str__(self) -> str:
        """Return the expectation in words."""
        return f"alert {self.name}{braces(dict(self.labels))} resolves"


def _sight(history: History, moment: Moment, fired: bool, over: float | None) -> Sight:
    at = history.story(moment.at)
    if moment.blind:
        return Sight(at, None, moment.blind)
    if over is not None:
        return Sight(at, holds=True, words=f"resolved at {history.spoken(over)}")
    return Sight(at, holds=False, words="it is still firing" if fired else "it has not fired")
