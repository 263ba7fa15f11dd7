"""Make a member slow to answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_obscheck.faults import _toxic
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack
from pytest_obscheck.when import Duration, seconds


@dataclass(frozen=True)
class Latency:
    """Delay every byte that comes back from a member, by a toxiproxy latency toxic.

    ``to`` is the member, ``of`` the one caller that suffers (all, unless given), ``by`` the delay, give or take
    ``jitter``, ``toxicity`` the share of connections that get it.
    """

    to: str
    by: Duration
    jitter: Duration = "0s"
    of: str = ""
    toxicity: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is not a delay."""
        by = _toxic.span("by", self.by, least=0.001)
        if _toxic.span("jitter", self.jitter) > by:
            raise ValueError(
                f"jitter: {self.jitter!r} is more than the delay itself; write it like '100ms', at most {self.by!r}"
            )
        _toxic.likelihood("toxicity", self.toxicity)

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why no such way can be slowed."""
        yield from _toxic.problems(plan, self.to, self.of)

    def inject(self, stack: Stack) -> None:
        """Begin to delay."""
        _toxic.inject(self._toxic(), stack)

    def confirm(self, stack: Stack) -> Effect:
        """Measure how long a probe takes; it must take four fifths of the delay at least."""
        there = _toxic.present(self._toxic(), stack)
        if there and self.toxicity < 1:
            return _toxic.read_back(self._toxic(), stack)
        met = _toxic.traffic(stack, self.to, self.of)
        by, jitter = seconds(self.by), seconds(self.jitter)
        timeout = 2 * by + _toxic.PATIENCE if there else _toxic.PATIENCE
        measured = _toxic.measure(stack, self.to, self.of, timeout=timeout)
        return Effect(there and measured.slower(0.8 * (by - jitter)), measured.words("p50"), met)

    def heal(self, stack: Stack) -> None:
        """Delay no more."""
        _toxic.heal(self._toxic(), stack)

    def _toxic(self) -> _toxic.Toxic:
        attributes = {"latency": _toxic.milliseconds(self.by), "jitter": _toxic.milliseconds(self.jitter)}
        return _toxic.Toxic("latency", self.to, self.of, attributes, toxicity=self.toxicity)

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.by} latency to {self.to}"
