"""Make the way to a member narrow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_obscheck.faults import _toxic
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack

CHUNK = 8 * 1024
"""Bytes of the largest probe: PostgreSQL resets a connection that has more to say."""
VISIBLE = 0.01
"""Seconds below which a probe cannot tell narrow from wide."""


@dataclass(frozen=True)
class Bandwidth:
    """Let only ``rate`` KB a second through in each direction, by toxiproxy bandwidth toxics.

    ``to`` is the member, ``of`` the one caller that suffers (all, unless given), ``toxicity`` the share of connections.
    A KB is 1,000 bytes, as toxiproxy counts.
    """

    to: str
    rate: int
    of: str = ""
    toxicity: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is not a rate."""
        _toxic.whole("rate", self.rate, least=1, like=100)
        _toxic.likelihood("toxicity", self.toxicity)

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why no such way can be narrowed."""
        yield from _toxic.problems(plan, self.to, self.of)

    def inject(self, stack: Stack) -> None:
        """Begin to hold bytes back."""
        _toxic.inject(self._toxic(), stack)

    def confirm(self, stack: Stack) -> Effect:
        """Measure how long a probe takes whose size fits the rate; a high rate can only be read back."""
        there = _toxic.present(self._toxic(), stack)
        size, expected = self._probe()
        if there and (self.toxicity < 1 or expected < VISIBLE):
            return _toxic.read_back(self._toxic(), stack)
        met = _toxic.traffic(stack, self.to, self.of)
        measured = _toxic.measure(stack, self.to, self.of, size=size, timeout=10 * expected + _toxic.PATIENCE)
        return Effect(there and measured.slower(0.8 * expected), measured.words(f"a probe of {size} bytes took"), met)

    def heal(self, stack: Stack) -> None:
        """Hold nothing back any more."""
        _toxic.heal(self._toxic(), stack)

    def _probe(self) -> tuple[int, float]:
        # toxiproxy splits a chunk into pieces of 100 ms, so the first byte needs that long at most.
        size = max(_toxic.PROBE, min(self.rate * 200, CHUNK))
        return size, min(0.1, size / (self.rate * 1000))

    def _toxic(self) -> _toxic.Toxic:
        streams = ("upstream", "downstream")
        return _toxic.Toxic("bandwidth", self.to, self.of, {"rate": self.rate}, streams, self.toxicity)

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.rate} KB/s to {self.to}"
