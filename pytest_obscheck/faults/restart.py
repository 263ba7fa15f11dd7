"""Make a component stop and come back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_obscheck.capabilities import Restartable
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack


@dataclass(frozen=True)
class Restart:
    """Stop a component in the orderly way, by SIGTERM, and start it again when the window ends.

    The harm has taken hold when it is seen not to run, so what runs after the cure is a new process; the window says how
    long it is away, and a window of no length is the quickest restart there is.
    """

    component: str

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why there is nothing to restart."""
        yield from plan.unknown_member(self.component)

    def inject(self, stack: Stack) -> None:
        """Stop it."""
        stack.that(Restartable, named=self.component).stop()

    def confirm(self, stack: Stack) -> Effect:
        """Look whether its process is there."""
        alive = stack.that(Restartable, named=self.component).alive()
        return Effect(not alive, "running" if alive else "stopped")

    def heal(self, stack: Stack) -> None:
        """Start it again."""
        stack.that(Restartable, named=self.component).start()

    def stops(self) -> str:
        """Return the component: it does nothing meanwhile."""
        return self.component

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.component} is restarted"
