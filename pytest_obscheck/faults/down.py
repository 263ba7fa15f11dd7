"""Make a member unreachable while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from pytest_obscheck.capabilities import ProxiesTraffic
from pytest_obscheck.faults import _toxic
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack


@dataclass(frozen=True)
class Down:
    """Refuse every connection to a member and drop the open ones, by disabling its proxies in toxiproxy.

    ``to`` is the member, ``of`` the one caller that suffers (all, unless given).
    """

    to: str
    of: str = ""

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why no such way can be closed."""
        yield from _toxic.problems(plan, self.to, self.of)

    def inject(self, stack: Stack) -> None:
        """Close the ways."""
        self._enable(stack, on=False)

    def confirm(self, stack: Stack) -> Effect:
        """Try to connect; a probe tells a way that refuses from one that is merely said to be closed."""
        met = _toxic.traffic(stack, self.to, self.of)
        proxy = stack.that(ProxiesTraffic)
        closed = not any(proxy.enabled(edge) for edge in _toxic.ways(proxy, self.to, self.of))
        measured = _toxic.measure(stack, self.to, self.of)
        held = closed and measured.silent()
        # While nothing can connect, no byte goes through: that the way is used shows before and after.
        return Effect(held, "connections are refused", None) if held else Effect(held, measured.words("answered after"), met)

    def heal(self, stack: Stack) -> None:
        """Open the ways again."""
        self._enable(stack, on=True)

    def _enable(self, stack: Stack, *, on: bool) -> None:
        proxy = stack.that(ProxiesTraffic)
        edges = _toxic.ways(proxy, self.to, self.of)
        _toxic.attempt_all(partial(proxy.enable, edge, on) for edge in edges)

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.to} cannot be reached" + (f" from {self.of}" if self.of else "")
