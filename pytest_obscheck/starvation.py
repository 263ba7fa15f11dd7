"""Whether the machine let those run who play a story: for how long they stood in line for a processor."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_obscheck.abilities import StarvesMember
from pytest_obscheck.capabilities import StandsInLine
from pytest_obscheck.journal import Event, Journal
from pytest_obscheck.protocols import Stack
from pytest_obscheck.scenario import Scenario
from pytest_obscheck.verdict import TOO_SLOW
from pytest_obscheck.vitals import lasted
from pytest_obscheck.when import Window, spoken

STARVED = 0.4
"""The share of the time for which a thread must have stood in line for a processor for its slowness to be the machine's.

On an idle machine it is below 0.1; with two processes that never rest beside it on two processors, 0.1 to 0.3."""

ENOUGH = 0.5
"""Wall seconds over which such a share says something."""

Waits = Mapping[str, Mapping[str, float]]
"""For how many seconds each thread has stood in line since it began, by who it belongs to and its id."""


@dataclass(frozen=True)
class Queues:
    """How long the members, and what drives load, stood in line for a processor."""

    every: float = 1.0

    def look(self, stack: Stack, since: float, until: float) -> Waits:
        """Return the seconds of each thread, to the millisecond; one that never stood in line is left out."""
        every = {name: who.waited() for name, who in stack.all(StandsInLine).items()}
        return {
            name: {thread: span for thread, exact in waits.items() if (span := round(exact, 3))}
            for name, waits in every.items()
        }

    def __str__(self) -> str:
        """Return the key."""
        return "queues"


def stood(then: Waits, now: Waits) -> dict[str, float]:
    """Return for how many seconds between two looks the most unfortunate thread of each stood in line.

    Thread by thread: one that has waited for long before would hide what others wait for now. A thread that is new began after
    the look before; who was not there then says nothing.
    """
    return {
        name: max((span - then[name].get(thread, 0.0) for thread, span in waits.items()), default=0.0)
        for name, waits in now.items()
        if name in then
    }


def starved(journal: Journal, window: Window, scenario: Scenario, bystanders: Collection[str] = ()) -> str:
    """Return who was kept from a processor for much of a second of the window, and by none of the story's faults.

    Not ``bystanders``: members on whom nothing hangs of what is judged.
    """
    spared = {
        fault.what.starves(): lasted(journal, fault) for fault in scenario.faults if isinstance(fault.what, StarvesMember)
    }
    for before, event in _apart([event for event in journal.of("look", key="queues") if "data" in event.data]):
        span, took = Window(journal.story(before.wall), journal.story(event.wall)), event.wall - before.wall
        waits = stood(before.data["data"], event.data["data"]) if span.meets(window) else {}
        for name, waited in waits.items():
            harm, share = spared.get(name), min(1.0, waited / took)
            if share >= STARVED and name not in bystanders and not (harm and span.meets(harm)):
                return f"{TOO_SLOW}: {name} stood in line for a processor for {share:.0%} of the time before {spoken(span.end)}"
    return ""


def _apart(looks: Sequence[Event]) -> Iterator[tuple[Event, Event]]:
    """Yield each look with the newest one before it that is far enough away to compare with."""
    for number, event in enumerate(looks):
        before = next((each for each in reversed(looks[:number]) if event.wall - each.wall >= ENOUGH), None)
        if before is not None:
            yield before, event
