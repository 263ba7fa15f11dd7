"""The burn-rate alerts of an objective fire when what happened to the requests says that they must, and only then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_obscheck.errors import did_you_mean
from pytest_obscheck.expectations._alertstates import AlertStates
from pytest_obscheck.expectations._behind import lookback
from pytest_obscheck.expectations._budgetjudge import Claimed, sights
from pytest_obscheck.expectations._budgetlook import RawSamples
from pytest_obscheck.objective import duration
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import History, Look
from pytest_obscheck.when import Duration, Sight, Window, seconds


@dataclass(frozen=True)
class Budget:
    """Each burn-rate alert of an objective fires when the log of the loads' requests says that it must, and at no other time.

    ``objective`` is the name of one in the specs (OpenSLO or Sloth) that stack.yaml lists under ``objectives``. ``alerts`` says
    which alert watches which pair of its windows: ``{1h: ErrorBudgetBurn1h, 6h: ErrorBudgetBurn6h}``, by the longer one.

    Budget, burn rates and the instants are computed from the requests, ``requests``, ``failed`` and ``faster`` being as in
    ``sla``. An instant has a band: what scrapes cut off at the edges of the windows, and two evaluations.
    """

    objective: str
    alerts: Mapping[str, str]
    requests: str = ""
    failed: Literal["5xx", "error"] = "5xx"
    faster: Duration | None = None

    def __post_init__(self) -> None:
        """Refuse what watches nothing."""
        if not self.alerts:
            raise ValueError("alerts is empty; write which alert watches which window, like {1h: ErrorBudgetBurn1h}")

    def problems(self, plan: Plan) -> Iterable[str]:
        """Yield that there is no such objective, pair of windows, or alert."""
        known = {each.name: each for each in plan.objectives}
        if self.objective not in known:
            listed = "" if known else "; list its spec in stack.yaml under 'objectives:'"
            yield f"no objective called {self.objective!r}{listed or '; ' + did_you_mean(self.objective, known)}"
        longs = [duration(pair.long) for each in plan.objectives if each.name == self.objective for pair in each.pairs]
        for long, alert in self.alerts.items():
            if longs and long not in longs:
                yield f"{self.objective} has no pair of windows with {long!r} as the longer one; it has {', '.join(longs)}"
            yield from plan.facts.unknown_alert(alert)

    def exprs(self, alerts: Mapping[str, Sequence[str]]) -> Sequence[str]:
        """Return the expressions behind the alerts."""
        return [expr for name in self.alerts.values() for expr in alerts.get(name, ())]

    def history(self, alerts: Mapping[str, Sequence[str]]) -> float:
        """Return the seconds that they look back on."""
        return lookback(self.exprs(alerts))

    def counts_samples(self) -> bool:
        """Return that bounds are computed from the samples that there were."""
        return True

    def evidence(self) -> Look:
        """Return the look at all alerts."""
        return AlertStates()

    def further_looks(self) -> Sequence[Look]:
        """Return the look at what the alerts are computed from."""
        return (self._samples(),)

    def _samples(self) -> RawSamples:
        return RawSamples(tuple(dict.fromkeys(self.alerts.values())))

    def holds(self, history: History) -> Sequence[Sight]:
        """Return, instant by instant, whether every alert has done what it had to; nothing before the request log is there."""
        faster = None if self.faster is None else seconds(self.faster)
        claimed = Claimed(self.objective, self.alerts, self.requests, self.failed, faster)
        return sights(claimed, history, history.journal.of("look", key=str(self._samples())))

    def tell(self, history: History, window: Window) -> str:
        """Return nothing: the sight that decided says it."""
        return ""

    def __str__(self) -> str:
        """Return the expectation in words."""
        of = f" of {self.requests}" if self.requests else ""
        names = ", ".join(dict.fromkeys(self.alerts.values()))
        return f"{names} fires when the budget of {self.objective}{of} burns, and only then"
