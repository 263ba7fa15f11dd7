"""How long a warm stack takes to be ready, beside the slowest of its members started alone.

Run it: ``python tests/performance/ready.py`` (about a minute).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from figures import Figure, a_project, a_session, median, milliseconds, ready_in, tell

from pytest_obscheck.clock import SystemClock
from pytest_obscheck.hands import Errands
from pytest_obscheck.toolchain.index import the_index

ROUNDS = 5
LIMIT = 2.0
"""How many times longer than its slowest member the whole stack may take."""
CLOCK = SystemClock()


def alone(home: Path) -> dict[str, float]:
    """Return the seconds that each member takes to be ready when no other is starting at the same time."""
    took = {}
    with a_session(home) as session:
        stack = session.laid_out()
        waiting, errands = list(stack.seats.values()), Errands(stack.hands)
        while waiting:
            seat = next(seat for seat in waiting if stack._may_start(seat))
            begun = CLOCK.now()
            while not seat.ready:
                stack._advance([seat], errands)
                CLOCK.sleep(0.005)
            took[seat.member.name] = CLOCK.now() - begun
            waiting.remove(seat)
    return took


def figures() -> Iterator[Figure]:
    """Yield the figures of the start: both are measured in turn, so that a busy machine harms both."""
    with a_project() as home:
        ready_in(home)
        rounds = [(ready_in(home), alone(home)) for _ in range(ROUNDS)]
    ready = median(together for together, _ in rounds)
    members = {name: median(apart[name] for _, apart in rounds) for name in rounds[0][1]}
    slowest = max(members, key=lambda name: members[name])
    ratio = ready / members[slowest]
    yield Figure("stack ready, warm", milliseconds(ready))
    shown = ", ".join(f"{name} {milliseconds(took)}" for name, took in sorted(members.items(), key=lambda each: -each[1]))
    yield Figure("  its members, each alone", shown)
    yield Figure(f"  ratio to the slowest, {slowest}", f"{ratio:.2f}", f"<= {LIMIT:g}", ratio <= LIMIT)
    built = sum(entry.seconds for each in the_index().distributions for entry in each.programs)
    yield Figure("stack ready, cold: `obscheck install`", f"{built} s from Go modules (from the index, 2 cores)")


if __name__ == "__main__":
    sys.exit(tell(figures()))
