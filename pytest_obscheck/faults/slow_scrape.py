"""Make the answers to scrapes slow, as an exporter with too much to collect does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.faults import _scrape, _toxic
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack
from pytest_obscheck.when import Duration, seconds, spoken


@dataclass(frozen=True)
class SlowScrape:
    """Delay every scrape of a target in the harness's forward proxy, before the target is asked.

    ``target`` is a production ``host:port``, ``by`` the delay: longer than the scrape timeout makes ``up`` 0. The target
    answers others as quickly as ever. ``patience`` is how long to wait for a scrape to begin: longer than the scrape interval.
    """

    target: str
    by: Duration
    patience: Duration = "2s"

    def __post_init__(self) -> None:
        """Refuse what is not a delay."""
        _toxic.span("by", self.by, least=0.001)
        _toxic.span("patience", self.patience, least=0.001)

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why there is no such target."""
        yield from _scrape.problems(plan, self.target)

    def inject(self, stack: Stack) -> None:
        """Begin to delay."""
        _scrape.begin(self, stack, {"action": "delay", "target": self.target, "value": seconds(self.by)})

    def confirm(self, stack: Stack) -> Effect:
        """Wait for Prometheus to say that a scrape took four fifths of the delay at least, or as long as it may."""
        did = _scrape.met(self, stack, seconds(self.patience))
        if did is None:
            return Effect(False, "not delayed")
        if not did.get("scrapes"):
            return Effect(False, f"no scrape came within {self.patience}; where scrapes are rarer, write a longer `patience`")
        until(SystemClock(), lambda: bool(self._slow(stack)), seconds(self.by) + seconds(self.patience), _scrape.EVERY)
        said = self._slow(stack)
        return Effect(bool(said), said or f"a scrape was delayed, but Prometheus does not show it for {self.target}")

    def heal(self, stack: Stack) -> None:
        """Delay no more, not even the scrapes that wait."""
        _scrape.end(self, stack)

    def _slow(self, stack: Stack) -> str:
        return next((said for each in _scrape.targets(stack, self.target) if (said := self._told(each))), "")

    def _told(self, target: Mapping[str, Any]) -> str:
        if "deadline exceeded" in target.get("lastError", ""):
            return "scrapes time out"
        took = float(target.get("lastScrapeDuration", 0))
        return f"a scrape took {spoken(took)}" if took >= 0.8 * seconds(self.by) else ""

    def __str__(self) -> str:
        """Return it in words."""
        return f"scrapes of {self.target} are {self.by} late"
