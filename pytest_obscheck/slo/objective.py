"""One service level objective: which events are bad, how many may be, over which period."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_obscheck.when import spoken

WINDOW = "{{.window}}"
"""What stands for the window in a query, as Sloth writes it."""


@dataclass(frozen=True)
class Events:
    """An indicator by counting: PromQL of all events and of the bad, or else the good ones; ``{{.window}}`` is the range."""

    total: str
    bad: str = ""
    good: str = ""

    def error_ratio(self, window: str) -> str:
        """Return the PromQL of the share of bad events over a window such as ``5m``."""
        total = _over(self.total, window)
        if self.bad:
            return f"({_over(self.bad, window)}) / ({total})"
        return f"1 - (({_over(self.good, window)}) / ({total}))"


@dataclass(frozen=True)
class Ratio:
    """An indicator that is a ratio already: PromQL of the share of bad (or, unless ``bad``, of good) events."""

    query: str
    bad: bool = True

    def error_ratio(self, window: str) -> str:
        """Return the PromQL of the share of bad events over a window."""
        query = _over(self.query, window)
        return query if self.bad else f"1 - ({query})"


@dataclass(frozen=True)
class Threshold:
    """An indicator by comparing: the moments at which ``query`` satisfies ``sign value`` are good."""

    query: str
    sign: str
    value: float

    def error_ratio(self, window: str) -> str:
        """Return the PromQL of the share of moments that are bad, looked at once a minute."""
        return f"1 - avg_over_time((({_over(self.query, window)}) {self.sign} bool {self.value:g})[{window}:1m])"


Indicator = Events | Ratio | Threshold


def _over(query: str, window: str) -> str:
    return query.replace(WINDOW, window)


@dataclass(frozen=True)
class Objective:
    """``target`` (such as 0.999) of all events are good over ``period`` seconds."""

    name: str
    service: str
    target: float
    period: float
    indicator: Indicator
    where: str = field(default="", compare=False)

    @property
    def budget(self) -> float:
        """Return the share of events that may be bad: the error budget."""
        # 1 - 0.999 is 0.0010000000000000009.
        return round(1 - self.target, 12)

    @property
    def budget_seconds(self) -> float:
        """Return how long everything may be bad in a period: 43.2 minutes for 99.9 % of 30 days."""
        return self.budget * self.period

    def burn_rate(self, errors: float) -> float:
        """Return how many times faster than allowed a share of bad events uses the budget up; 1 takes exactly one period."""
        return errors / self.budget

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.service} {self.name}: {self.target * 100:.10g}% over {spoken(self.period)}"
