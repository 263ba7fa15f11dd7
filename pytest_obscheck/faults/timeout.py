"""Make a member silent while its connections stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_obscheck.faults import _toxic
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack
from pytest_obscheck.when import Duration, seconds

LISTEN = 0.3
"""Seconds of silence that confirm the harm."""


@dataclass(frozen=True)
class Timeout:
    """Drop every byte in both directions, by toxiproxy timeout toxics.

    ``to`` is the member, ``of`` the one caller that suffers (all, unless given). A connection is closed when it was silent
    for ``after``; ``0s`` leaves it open until the cure, which closes it. ``toxicity`` is the share of connections.
    """

    to: str
    after: Duration = "0s"
    of: str = ""
    toxicity: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is not a time."""
        _toxic.span("after", self.after)
        _toxic.likelihood("toxicity", self.toxicity)

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why no such way can fall silent."""
        yield from _toxic.problems(plan, self.to, self.of)

    def inject(self, stack: Stack) -> None:
        """Begin to drop."""
        _toxic.inject(self._toxic(), stack)

    def confirm(self, stack: Stack) -> Effect:
        """Send a probe that nothing must answer."""
        there = _toxic.present(self._toxic(), stack)
        if there and self.toxicity < 1:
            return _toxic.read_back(self._toxic(), stack)
        met = _toxic.traffic(stack, self.to, self.of)
        after = seconds(self.after)
        # The close that comes after ``after`` would count as an answer.
        silence = min(LISTEN, after / 2) if after else LISTEN
        measured = _toxic.measure(stack, self.to, self.of, timeout=silence if there else _toxic.PATIENCE)
        return Effect(there and measured.silent(), measured.words("answered after"), met)

    def heal(self, stack: Stack) -> None:
        """Drop no more."""
        _toxic.heal(self._toxic(), stack)

    def _toxic(self) -> _toxic.Toxic:
        attributes = {"timeout": _toxic.milliseconds(self.after)}
        return _toxic.Toxic("timeout", self.to, self.of, attributes, ("upstream", "downstream"), self.toxicity)

    def __str__(self) -> str:
        """Return it in words."""
        closed = f", connections closed after {self.after}" if seconds(self.after) else ""
        return f"silence on the way to {self.to}{closed}"
