"""Make what a target exposes unparsable, as a crashing exporter or a proxy's error page does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.faults import _scrape, _toxic
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack
from pytest_obscheck.when import Duration, seconds

_ACTIONS = {"cut": "cut", "page": "garble"}
_PARSING = ("expected", "unexpected", "invalid", "parse", "unsupported", "EOF")


@dataclass(frozen=True)
class Garbage:
    """Rewrite the text that a target exposes, in the harness's forward proxy, so that it cannot be parsed and ``up`` is 0.

    ``target`` is a production ``host:port``. ``how``: ``cut`` breaks the text off in the middle of a series, ``page`` puts the
    error page of some web server in its place, with status 200. ``patience`` is how long to wait for a scrape: longer than the
    scrape interval.
    """

    target: str
    how: Literal["cut", "page"] = "cut"
    patience: Duration = "2s"

    def __post_init__(self) -> None:
        """Refuse an unknown way."""
        if self.how not in _ACTIONS:
            raise ValueError(f"how: {self.how!r} is neither 'cut' nor 'page'; write one of them")
        _toxic.span("patience", self.patience, least=0.001)

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why there is no such target."""
        yield from _scrape.problems(plan, self.target)

    def inject(self, stack: Stack) -> None:
        """Begin to spoil."""
        _scrape.begin(self, stack, {"action": _ACTIONS[self.how], "target": self.target})

    def confirm(self, stack: Stack) -> Effect:
        """Wait for Prometheus to say that it cannot read the target; says at once when nothing is being spoilt."""
        patience = seconds(self.patience)
        did = _scrape.met(self, stack, patience)
        if did is None:
            return Effect(False, "as the target exposes it")
        if not did.get("scrapes"):
            return Effect(False, f"no scrape passed within {self.patience}; where scrapes are rarer, write a longer `patience`")
        until(SystemClock(), lambda: bool(self._error(stack)), patience, _scrape.EVERY)
        error = self._error(stack)
        return Effect(bool(error), error or f"a scrape was spoilt, but Prometheus takes {self.target} for up")

    def heal(self, stack: Stack) -> None:
        """Let the text pass as it is."""
        _scrape.end(self, stack)

    def _error(self, stack: Stack) -> str:
        errors = [str(each.get("lastError", "")) for each in _scrape.targets(stack, self.target)]
        return next((error for error in errors if any(word in error for word in _PARSING)), "")

    def __str__(self) -> str:
        """Return it in words."""
        return f"what {self.target} exposes is {'cut off' if self.how == 'cut' else 'an error page'}"
