"""Whether the monitoring kept up while a story was played: what to look at, and what it says of a window."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pytest_obscheck.abilities import AltersSamples, StopsMember
from pytest_obscheck.capabilities import EvaluatesRules, ScrapesTargets, ask_each
from pytest_obscheck.grounds import ANYTHING, Grounds
from pytest_obscheck.journal import Event, Journal
from pytest_obscheck.protocols import Stack
from pytest_obscheck.scenario import Claim, Planned, Scenario
from pytest_obscheck.scrapes import AROUND, hole, scrapes
from pytest_obscheck.verdict import TOO_SLOW
from pytest_obscheck.when import Window, spoken

_LEAST = 1e-6

RECOVERY = 2.0
"""Wall seconds after a cure in which what goes wrong is still put down to the fault."""


@dataclass(frozen=True)
class Vitals:
    """Rule evaluations that were missed, and scrapes that timed out."""

    every: float = 1.0

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``missed`` (seconds since the start, by rule group), and what ``scrapes`` tells of lost scrapes."""
        targets = stack.that(ScrapesTargets).targets()
        # Not by what a target says of itself: between two looks there may be many scrapes, of which it shows the last.
        missed, _ = ask_each(stack.all(EvaluatesRules), lambda each: each.missed())
        told = {f"{name}: {group}": seconds for name, groups in missed.items() for group, seconds in groups.items()}
        return {"missed": told, **scrapes(stack, targets, since, until)}

    def __str__(self) -> str:
        """Return the key."""
        return "vitals"


@dataclass(frozen=True)
class Stoppage:
    """A fault of the story while which a member did nothing. ``asked``: whether the claim's own evidence comes from it.

    ``evaluator``: whether it is the member whose missed evaluations are counted. ``span`` is in story seconds.
    """

    words: str
    member: str
    span: Window
    asked: bool
    evaluator: bool

    def met(self, window: Window) -> bool:
        """Whether it fell into a window."""
        return self.span.start <= window.end and window.start <= self.span.end

    def __str__(self) -> str:
        """Return the cause."""
        return f"{self.words}, by this story itself, and {self.member} is what is asked"


def stoppages(scenario: Scenario, claim: Claim, journal: Journal) -> list[Stoppage]:
    """Return what the story's faults stopped, as far as it concerns the evidence of a claim."""
    mine, counted = asked(journal, str(claim.expectation.evidence())), asked(journal, "vitals")
    found = []
    for fault in scenario.faults:
        member = fault.what.stops() if isinstance(fault.what, StopsMember) else ""
        span = lasted(journal, fault)
        if span is not None and member in {*mine, *counted}:
            found.append(Stoppage(str(fault.what), member, span, member in mine, member in counted))
    return found


def asked(journal: Journal, key: str) -> Sequence[str]:
    """Return the members that the looks of that key ask."""
    event = journal.last("asked", key=key)
    return event.data["members"] if event else ()


def lasted(journal: Journal, fault: Planned) -> Window | None:
    """Return the story seconds in which a fault was there or its effects lasted; ``None`` where it was not injected."""
    injected, gone = (journal.last("fault", name=fault.name, phase=phase) for phase in ("injected", "gone"))
    if injected is None:
        return None
    end = journal.story(gone.wall + RECOVERY) if gone else float("inf")
    return Window(journal.story(injected.wall), end)


def _nothing(_: Window) -> float:
    return 0.0


@dataclass(frozen=True)
class Doubt:
    """What must have gone wrong with the monitoring to bear on one claim.

    ``outlasts``: how many story seconds without an evaluation or a sample, somewhere in a span, hide nothing from it yet.
    ``mild``: the names of the faults for which no scrape takes longer. ``grounds``: what the claim rests on.
    ``quiet``: whether evaluations that were missed in a span would have found nothing.
    """

    outlasts: Callable[[Window], float] = _nothing
    mild: Collection[str] = ()
    grounds: Grounds = ANYTHING
    quiet: Callable[[Window], bool] = lambda _: False


def unwell(journal: Journal, window: Window, stopped: Sequence[Stoppage], doubt: Doubt = Doubt()) -> str:
    """Return why what happened in a window cannot be known: the harness, a rule evaluation or a scrape came too late."""
    for event in journal.of("late"):
        if journal.story(event.wall) in window:
            return f"{TOO_SLOW}: {event.data['words']} at {spoken(journal.story(event.wall))}"
    holes = list(_unevaluated(journal, doubt.grounds))
    for each in holes:
        met = window.start <= each.span.end and each.span.start < window.end
        hides = met and each.lasts >= doubt.outlasts(each.span) and not doubt.quiet(each.span)
        if hides and (said := _missed(each.span, stopped)):
            return said
    lost = (_timed_out(journal, event, window, doubt, holes) for event in _looks(journal))
    return next((said for said in lost if said), "")


def _looks(journal: Journal) -> list[Event]:
    return [event for event in journal.of("look", key="vitals") if "data" in event.data]


@dataclass(frozen=True)
class _Hole:
    """Rules were not evaluated for so many story seconds, somewhere in a span."""

    span: Window
    lasts: float


def _unevaluated(journal: Journal, grounds: Grounds) -> Iterator[_Hole]:
    """Yield for how long the same rules, on which a claim rests, were not evaluated before each look, at most."""
    looks = _looks(journal)
    told = {group for event in looks for group in event.data["data"]["missed"]}
    mine = [group for group in told if grounds.evaluated(group)]
    for before, event in pairwise(looks):
        then, now = before.data["data"]["missed"], event.data["data"]["missed"]
        lasts = max((now.get(group, 0.0) - then.get(group, 0.0) for group in mine), default=0.0)
        if lasts >= _LEAST:
            # It is counted when it is over, at any time since the look before.
            span = Window(journal.story(before.wall - lasts), journal.story(event.wall + event.data.get("took", 0.0)))
            yield _Hole(span, lasts * journal.speed)


def _missed(span: Window, stopped: Sequence[Stoppage]) -> str:
    words = f"a rule evaluation was missed before {spoken(span.end)}"
    cause = next((each for each in stopped if each.evaluator and each.met(span)), None)
    if cause is None:
        return f"{TOO_SLOW}: {words}"
    return f"{cause}: {words}" if cause.asked else ""


def _timed_out(journal: Journal, event: Event, window: Window, doubt: Doubt, holes: Sequence[_Hole]) -> str:
    for instance, wall in event.data["data"]["timeouts"]:
        at = journal.story(wall)
        bears = at in window and doubt.grounds.scraped(instance) and not _harmed(journal, wall, doubt.mild)
        if bears and _unscraped(journal, instance, wall, doubt, holes):
            return f"{TOO_SLOW}: the scrape of {instance} timed out at {spoken(at)}, with no fault on it"
    return ""


def _unscraped(journal: Journal, instance: str, wall: float, doubt: Doubt, holes: Sequence[_Hole]) -> bool:
    """Whether the samples that were lost with a scrape, with others of its target and with evaluations, may hide something."""
    run = journal.last("run")
    interval: float = (run.data.get("scrape") if run else 0.0) or AROUND
    pause = max(doubt.grounds.evaluates(), interval / journal.speed)
    lost = hole(_looks(journal), instance, wall, pause)
    span = Window(journal.story(lost.start - 2 * pause), journal.story(lost.end + 2 * pause))
    # Rules that were not evaluated when there was a sample again did not see it.
    unevaluated = sum(each.lasts for each in holes if each.span.meets(span))
    return (lost.end - lost.start) * journal.speed + interval + unevaluated >= doubt.outlasts(span)


def mild(scenario: Scenario) -> frozenset[str]:
    """Return the names of the faults that only change what is measured: nothing takes longer for them."""
    faults = [fault for fault in scenario.faults if isinstance(fault.what, AltersSamples)]
    return frozenset(fault.name for fault in faults if fault.what.alters())


def _harmed(journal: Journal, wall: float, mild: Collection[str]) -> bool:
    """Whether any fault that may delay a scrape was there at that time, or just before it."""
    for event in [event for event in journal.of("fault", phase="injected") if event.data["name"] not in mild]:
        healed = journal.last("fault", name=event.data["name"], phase="gone")
        if event.data.get("began", event.wall) <= wall and (healed is None or wall <= healed.wall + RECOVERY):
            return True
    return False
