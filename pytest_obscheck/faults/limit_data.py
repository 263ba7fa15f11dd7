"""Cut a member's answers short."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_obscheck.faults import _toxic
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack


@dataclass(frozen=True)
class LimitData:
    """Close a connection when ``bytes`` bytes came back over it, by a toxiproxy limit_data toxic.

    ``to`` is the member, ``of`` the one caller that suffers (all, unless given), ``toxicity`` the share of connections.
    """

    to: str
    bytes: int
    of: str = ""
    toxicity: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is not a number of bytes."""
        _toxic.whole("bytes", self.bytes, least=0, like=1024)
        _toxic.likelihood("toxicity", self.toxicity)

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why no such way can be cut short."""
        yield from _toxic.problems(plan, self.to, self.of)

    def inject(self, stack: Stack) -> None:
        """Begin to count and cut."""
        _toxic.inject(self._toxic(), stack)

    def confirm(self, stack: Stack) -> Effect:
        """Read the toxic back: a probe's answer is too short to be cut."""
        return _toxic.read_back(self._toxic(), stack)

    def heal(self, stack: Stack) -> None:
        """Cut no more."""
        _toxic.heal(self._toxic(), stack)

    def _toxic(self) -> _toxic.Toxic:
        return _toxic.Toxic("limit_data", self.to, self.of, {"bytes": self.bytes}, toxicity=self.toxicity)

    def __str__(self) -> str:
        """Return it in words."""
        return f"answers of {self.to} are cut after {self.bytes} bytes"
