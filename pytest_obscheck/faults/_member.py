"""What the faults that strike one component have in common: it must exist."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_obscheck.errors import did_you_mean
from pytest_obscheck.plan import Plan


def problems(plan: Plan, component: str) -> Iterator[str]:
    """Yield why there is nothing to strike."""
    if component not in plan.members:
        yield f"no member called {component!r}; {did_you_mean(component, plan.members)}"
