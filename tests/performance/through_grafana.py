"""Whether Grafana gives every panel the word that it gets without one, and how long 300 panels take through it.

Run it: ``python tests/performance/through_grafana.py DASHBOARD.json…`` (a minute or two), with a ``grafana`` on PATH. The
series are made up to suit the dashboards. On the first three of them a renamed metric must turn exactly its panels red.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import renaming
from figures import Figure, tell

from pytest_obscheck.clock import SystemClock
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Stack
from pytest_obscheck.signals import ShowsDashboards

C = TypeVar("C")
PANELS = 300
LIMIT = 10.0
RENAMED = 3
CLOCK = SystemClock()


@dataclass
class Direct:
    """A stack in which nothing shows dashboards."""

    stack: Stack
    plan: Plan

    def that(self, capability: type[C], named: str | None = None) -> C:
        """Return the member that can do this."""
        return self.stack.that(capability, named)

    def all(self, capability: type[C]) -> Mapping[str, C]:
        """Return every member that can do this, no Grafana among them."""
        return {} if capability is ShowsDashboards else self.stack.all(capability)


def figures(paths: Sequence[Path]) -> Iterator[Figure]:
    """Yield the panels whose words differ, how many were compared, the time of 300, and what renamed metrics did."""
    with renaming.made_up(paths, grafana=True) as (stack, look):
        now = CLOCK.now()
        direct = look.look(Direct(stack, stack.plan), now, now)
        began = CLOCK.now()
        through = look.look(stack, now, now)
        took = CLOCK.now() - began
    different = [(one, other) for one, other in zip(direct, through, strict=True) if one["word"] != other["word"]]
    for one, other in different:
        said = f"{one['word']}: {one['words']}"[:70]
        yield Figure(f"{one['board']} / {one['panel']}"[:58], said, f"{other['word']}: {other['words']}"[:90], holds=False)
    yield Figure("words of panels", str(dict(Counter(each["word"] for each in through))))
    yield Figure("panels whose word is another one through Grafana", f"{len(different)} of {len(through)}", "0", not different)
    per = took / len(through) * PANELS
    yield Figure(f"{PANELS} panels through Grafana", f"{per:.1f} s", f"<= {LIMIT:g} s", per <= LIMIT)
    yield from renaming.figures(paths[:RENAMED], grafana=True)


if __name__ == "__main__":
    sys.exit(tell(figures([Path(argument) for argument in sys.argv[1:]])))
