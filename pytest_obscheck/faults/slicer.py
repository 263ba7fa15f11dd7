"""Let a member's answers come in small pieces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_obscheck.faults import _toxic
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack
from pytest_obscheck.when import Duration, seconds


@dataclass(frozen=True)
class Slicer:
    """Cut what comes back from a member into small pieces, by a toxiproxy slicer toxic.

    ``to`` is the member, ``of`` the one caller that suffers (all, unless given), ``size`` the bytes of a piece on average, give
    or take ``variation`` bytes, ``pause`` the time between two pieces, ``toxicity`` the share of connections.
    """

    to: str
    size: int
    variation: int = 0
    pause: Duration = "0s"
    of: str = ""
    toxicity: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is not a piece."""
        _toxic.whole("size", self.size, least=1, like=64)
        _toxic.whole("variation", self.variation, least=0, like=8)
        if self.variation >= self.size:
            raise ValueError(
                f"variation: {self.variation} leaves nothing of a piece of {self.size} bytes; write it like 0, below size"
            )
        _toxic.span("pause", self.pause)
        _toxic.likelihood("toxicity", self.toxicity)

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why no such way can be sliced."""
        yield from _toxic.problems(plan, self.to, self.of)

    def inject(self, stack: Stack) -> None:
        """Begin to slice."""
        _toxic.inject(self._toxic(), stack)

    def confirm(self, stack: Stack) -> Effect:
        """Read the toxic back: the first byte of an answer comes as early as ever."""
        return _toxic.read_back(self._toxic(), stack)

    def heal(self, stack: Stack) -> None:
        """Slice no more."""
        _toxic.heal(self._toxic(), stack)

    def _toxic(self) -> _toxic.Toxic:
        microseconds = round(seconds(self.pause) * 1_000_000)
        attributes = {"average_size": self.size, "size_variation": self.variation, "delay": microseconds}
        return _toxic.Toxic("slicer", self.to, self.of, attributes, toxicity=self.toxicity)

    def __str__(self) -> str:
        """Return it in words."""
        return f"answers of {self.to} come in pieces of {self.size} bytes"
