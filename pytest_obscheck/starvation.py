"""Whether the machine let those run who play a story: for how long they stood in line for a processor, and all for the disk."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

PRESSURE = Path("/proc/pressure/io")

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


@dataclass(frozen=True)
class Stalls:
    """How long nobody on this machine could run, since all that wanted to waited for the disk."""

    every: float = 1.0
    pressure: Path = PRESSURE

    def look(self, stack: Stack, since: float, until: float) -> dict[str, float]:
        """Return ``disk``: the seconds since the machine began, as the kernel counts them; nothing where it does not."""
        with suppress(OSError):
            told = re.search(r"^full .*total=(\d+)$", self.pressure.read_text(encoding="ascii"), re.MULTILINE)
            return {"disk": round(int(told[1]) / 1e6, 3)} if told else {}
        return {}

    def __str__(self) -> str:
        """Return the key."""
        return "stalls"


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


def starved(journal: Journal, window: Window, scenario: Scenario) -> str:
    """Return who was kept from running for much of a second of the window, and by none of the story's faults."""
    return _in_line(journal, window, scenario) or _stalled(journal, window)


def _in_line(journal: Journal, window: Window, scenario: Scenario) -> str:
    spared = {
        fault.what.starves(): lasted(journal, fault) for fault in scenario.faults if isinstance(fault.what, StarvesMember)
    }
    for span, shares in _shares(journal, "queues", window, stood):
        for name, share in shares.items():
            harm = spared.get(name)
            if share >= STARVED and not (harm and _meet(span, harm)):
                return f"{TOO_SLOW}: {name} stood in line for a processor for {share:.0%} of the time before {spoken(span.end)}"
    return ""


def _stalled(journal: Journal, window: Window) -> str:
    for span, shares in _shares(journal, "stalls", window, _passed):
        if shares.get("disk", 0.0) >= STARVED:
            share = f"{shares['disk']:.0%} of the time before {spoken(span.end)}"
            return f"{TOO_SLOW}: nobody could run, for all waited for its disk, for {share}"
    return ""


def _passed(then: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    return {name: now[name] - then[name] for name in now if name in then}


def _shares(
    journal: Journal, key: str, window: Window, passed: Callable[[Any, Any], Mapping[str, float]]
) -> Iterator[tuple[Window, Mapping[str, float]]]:
    """Yield what passed between two looks that a window meets, by name, as shares of the time."""
    for before, event in _apart([event for event in journal.of("look", key=key) if "data" in event.data]):
        span = Window(journal.story(before.wall), journal.story(event.wall))
        if _meet(span, window):
            took = event.wall - before.wall
            between = passed(before.data["data"], event.data["data"])
            yield span, {name: min(1.0, spent / took) for name, spent in between.items()}


def _apart(looks: Sequence[Event]) -> Iterator[tuple[Event, Event]]:
    """Yield each look with the newest one before it that is far enough away to compare with."""
    for number, event in enumerate(looks):
        before = next((each for each in reversed(looks[:number]) if event.wall - each.wall >= ENOUGH), None)
        if before is not None:
            yield before, event


def _meet(one: Window, other: Window) -> bool:
    return one.start < other.end and other.start < one.end
