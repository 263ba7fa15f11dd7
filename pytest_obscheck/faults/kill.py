"""Make a component die."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_obscheck.capabilities import Killable
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack


@dataclass(frozen=True)
class Kill:
    """End a component at once, by SIGKILL; the cure starts it again, same command, same ports, same data."""

    component: str

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why there is nothing to kill."""
        yield from plan.unknown_member(self.component)

    def inject(self, stack: Stack) -> None:
        """End it."""
        stack.that(Killable, named=self.component).kill()

    def confirm(self, stack: Stack) -> Effect:
        """Look whether its process is there."""
        alive = stack.that(Killable, named=self.component).alive()
        return Effect(not alive, "running" if alive else "not running")

    def heal(self, stack: Stack) -> None:
        """Start it again."""
        stack.that(Killable, named=self.component).start()

    def stops(self) -> str:
        """Return the component: it does nothing meanwhile."""
        return self.component

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.component} is killed"
