"""Take a component off its network without ending it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_obscheck.capabilities import Disconnectable
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack


@dataclass(frozen=True)
class Disconnect:
    """Take a component's container off its network: it runs on, reaches nobody, and nobody reaches it, by whatever protocol.

    Only where members have networks of their own: with ``--obs-runtime=bridge``.
    """

    component: str

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why it cannot be taken off."""
        yield from plan.unknown_member(self.component)
        if not plan.networked:
            yield f"{self}: here all members share this machine's network; play it with --obs-runtime=bridge"

    def inject(self, stack: Stack) -> None:
        """Take it off."""
        stack.that(Disconnectable, named=self.component).disconnect()

    def confirm(self, stack: Stack) -> Effect:
        """Ask the daemon whether it is off."""
        on = stack.that(Disconnectable, named=self.component).connected()
        return Effect(not on, "on its network" if on else "off its network")

    def heal(self, stack: Stack) -> None:
        """Put it back, at the address that it had."""
        stack.that(Disconnectable, named=self.component).connect()

    def stops(self) -> str:
        """Return the component: nobody can ask it meanwhile."""
        return self.component

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.component} is off its network"
