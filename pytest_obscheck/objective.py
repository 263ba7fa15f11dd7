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


HOUR, DAY = 3600.0, 86400.0
UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))


@dataclass(frozen=True)
class Pair:
    """A long and a short window (seconds) of one alert, the share of the budget that it waits for, and whom it tells.

    ``hold``: for how many seconds both must burn, where the objective says so and not only the rule.
    """

    long: float
    short: float
    share: float
    severity: str
    hold: float | None = None

    def factor(self, period: float) -> float:
        """Return the burn rate at which both windows must burn."""
        return self.share * period / self.long

    def __str__(self) -> str:
        """Return its windows."""
        windows = dict.fromkeys((duration(self.long), duration(self.short)))
        return f"{self.severity} {'/'.join(windows)}"


def duration(span: float) -> str:
    """Return seconds as Prometheus writes them: ``1h``, ``3d``, ``90s``, ``1500ms``."""
    whole = round(span * 1000)
    unit, size = next((unit, size) for unit, size in UNITS if whole % size == 0)
    return f"{whole // size}{unit}"


PAIRS = (
    Pair(HOUR, HOUR / 12, 0.02, "page"),
    Pair(6 * HOUR, HOUR / 2, 0.05, "page"),
    Pair(DAY, 2 * HOUR, 0.10, "ticket"),
    Pair(3 * DAY, 6 * HOUR, 0.10, "ticket"),
)
"""The workbook's table; Sloth's default windows are the same."""


@dataclass(frozen=True)
class Objective:
    """``target`` (such as 0.999) of all events are good over ``period`` seconds; ``pairs`` are the windows of its alerts."""

    name: str
    service: str
    target: float
    period: float
    indicator: Indicator
    pairs: tuple[Pair, ...] = PAIRS
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
