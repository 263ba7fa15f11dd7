"""Stop a component from running without ending it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_obscheck.capabilities import Pausable
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack


@dataclass(frozen=True)
class Freeze:
    """Stop every process of a component from being scheduled, by SIGSTOP; its connections stay, and nothing answers."""

    component: str

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why there is nothing to freeze."""
        yield from plan.unknown_member(self.component)

    def inject(self, stack: Stack) -> None:
        """Stop it from running."""
        stack.that(Pausable, named=self.component).pause()

    def confirm(self, stack: Stack) -> Effect:
        """Look whether it is stopped."""
        paused = stack.that(Pausable, named=self.component).paused()
        return Effect(paused, "frozen" if paused else "running")

    def heal(self, stack: Stack) -> None:
        """Let it run on."""
        stack.that(Pausable, named=self.component).resume()

    def stops(self) -> str:
        """Return the component: it does nothing meanwhile."""
        return self.component

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.component} is frozen"
