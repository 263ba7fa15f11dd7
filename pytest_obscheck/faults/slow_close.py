"""Make connections to a member slow to end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_obscheck.faults import _toxic
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack
from pytest_obscheck.when import Duration


@dataclass(frozen=True)
class SlowClose:
    """Delay the end of every connection that a member closes, by a toxiproxy slow_close toxic.

    ``to`` is the member, ``of`` the one caller that suffers (all, unless given), ``by`` the delay, ``toxicity`` the share of
    connections.
    """

    to: str
    by: Duration
    of: str = ""
    toxicity: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is not a delay."""
        _toxic.span("by", self.by, least=0.001)
        _toxic.likelihood("toxicity", self.toxicity)

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why no such way can be harmed."""
        yield from _toxic.problems(plan, self.to, self.of)

    def inject(self, stack: Stack) -> None:
        """Begin to keep connections open."""
        _toxic.inject(self._toxic(), stack)

    def confirm(self, stack: Stack) -> Effect:
        """Read the toxic back: an end that comes late cannot be told from a member that keeps connections open."""
        return _toxic.read_back(self._toxic(), stack)

    def heal(self, stack: Stack) -> None:
        """Let connections end when they end."""
        _toxic.heal(self._toxic(), stack)

    def _toxic(self) -> _toxic.Toxic:
        attributes = {"delay": _toxic.milliseconds(self.by)}
        return _toxic.Toxic("slow_close", self.to, self.of, attributes, toxicity=self.toxicity)

    def __str__(self) -> str:
        """Return it in words."""
        return f"connections to {self.to} end {self.by} late"
