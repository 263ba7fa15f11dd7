"""Make connections to a member break."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_obscheck.faults import _toxic
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack
from pytest_obscheck.when import Duration, seconds


@dataclass(frozen=True)
class ResetPeer:
    """Reset a connection when its first bytes come back, by a toxiproxy reset_peer toxic.

    ``to`` is the member, ``of`` the one caller that suffers (all, unless given), ``after`` how long to wait before the
    reset, ``toxicity`` the share of connections. Connections that were open before are closed instead of reset.
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
        """Yield why no such way can be reset."""
        yield from _toxic.problems(plan, self.to, self.of)

    def inject(self, stack: Stack) -> None:
        """Begin to reset."""
        _toxic.inject(self._toxic(), stack)

    def confirm(self, stack: Stack) -> Effect:
        """Send a probe whose connection must be reset before anything answers."""
        there = _toxic.present(self._toxic(), stack)
        if there and self.toxicity < 1:
            return _toxic.read_back(self._toxic(), stack)
        met = _toxic.traffic(stack, self.to, self.of)
        timeout = seconds(self.after) + _toxic.PATIENCE
        measured = _toxic.measure(stack, self.to, self.of, timeout=timeout)
        held = there and measured.silent()
        return Effect(held, "a probe was reset" if held else measured.words("answered after"), met)

    def heal(self, stack: Stack) -> None:
        """Reset no more."""
        _toxic.heal(self._toxic(), stack)

    def _toxic(self) -> _toxic.Toxic:
        attributes = {"timeout": _toxic.milliseconds(self.after)}
        return _toxic.Toxic("reset_peer", self.to, self.of, attributes, toxicity=self.toxicity)

    def __str__(self) -> str:
        """Return it in words."""
        return f"connections to {self.to} are reset"
