"""Whether the monitoring kept up while a story was played: what to look at, and what it says of a window."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pytest_obscheck.abilities import AltersSamples, StopsMember
from pytest_obscheck.capabilities import AnswersPromQL, EvaluatesRules, ScrapesTargets, Series, ask_each
from pytest_obscheck.journal import Event, Journal
from pytest_obscheck.protocols import Stack
from pytest_obscheck.scenario import Claim, Planned, Scenario
from pytest_obscheck.verdict import TOO_SLOW
from pytest_obscheck.when import Window, seconds, spoken

TOOK = "scrape_duration_seconds"
_LEAST = 1e-6
AROUND = 1.0
"""Wall seconds around a lost scrape in which what else was lost makes one hole with it, and in which its end is looked for."""

RECOVERY = 2.0
"""Wall seconds after a cure in which what goes wrong is still put down to the fault."""


@dataclass(frozen=True)
class Vitals:
    """Rule evaluations that were missed, and scrapes that timed out."""

    every: float = 1.0

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``missed`` (seconds since the start, by rule group) and ``timeouts`` (instance and Unix second of each)."""
        targets = stack.that(ScrapesTargets).targets()
        # Not by what a target says of itself: between two looks there may be many scrapes, of which it shows the last.
        missed, _ = ask_each(stack.all(EvaluatesRules), lambda each: each.missed())
        told = {f"{name}: {group}": seconds for name, groups in missed.items() for group, seconds in groups.items()}
        return {"missed": told, "timeouts": _lost(stack, _limits(targets), since, until)}

    def __str__(self) -> str:
        """Return the key."""
        return "vitals"


def _limits(targets: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the scrape timeout of each instance, in seconds."""
    return {t["labels"].get("instance", "?"): seconds(t["scrapeTimeout"]) for t in targets if t.get("scrapeTimeout")}


def _lost(stack: Stack, limits: Mapping[str, float], since: float, until: float) -> list[tuple[str, float]]:
    """Return of which instances a scrape failed that took as long as it may, and when it had taken that long."""
    # It is dated by its begin, and written when it has failed: what happened meanwhile may be why.
    span = max(1, math.ceil((until - since + max(limits.values(), default=0.0)) * 1000))
    took = {(_of(s), at): value for s in _asked_for(stack, TOOK, span, until) for at, value in s.points}
    failed = [(_of(s), at) for s in _asked_for(stack, "up", span, until) for at, value in s.points if value == 0]
    return [(name, at + limits[name]) for name, at in failed if took.get((name, at), 0.0) >= limits.get(name, math.inf)]


def _asked_for(stack: Stack, name: str, span: int, until: float) -> list[Series]:
    return [series for member in stack.all(AnswersPromQL).values() for series in member.query(f"{name}[{span}ms]", until)]


def _of(series: Series) -> str:
    return series.labels.get("instance", "?")


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
    asked, counted = _asked(journal, str(claim.expectation.evidence())), _asked(journal, "vitals")
    found = []
    for fault in scenario.faults:
        member = fault.what.stops() if isinstance(fault.what, StopsMember) else ""
        span = lasted(journal, fault)
        if span is not None and member in {*asked, *counted}:
            found.append(Stoppage(str(fault.what), member, span, member in asked, member in counted))
    return found


def _asked(journal: Journal, key: str) -> Sequence[str]:
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


def unwell(
    journal: Journal,
    window: Window,
    stopped: Sequence[Stoppage],
    outlasts: Callable[[Window], float] = _nothing,
    mild: Collection[str] = (),
) -> str:
    """Return why what happened in a window cannot be known: the harness, a rule evaluation or a scrape came too late.

    ``outlasts``: how many story seconds without an evaluation or a sample, somewhere in a span, hide nothing yet. ``mild``: the
    names of the faults for which no scrape takes longer.
    """
    for event in journal.of("late"):
        if journal.story(event.wall) in window:
            return f"{TOO_SLOW}: {event.data['words']} at {spoken(journal.story(event.wall))}"
    looks = [event for event in journal.of("look", key="vitals") if "data" in event.data]
    for before, event in pairwise(looks):
        hole = _hole(before, event)
        # It is counted when it is over, at any time since the look before.
        span = Window(journal.story(before.wall - max(0.0, hole)), journal.story(event.wall + event.data.get("took", 0.0)))
        met = hole >= _LEAST and window.start <= span.end and span.start < window.end
        if met and hole * journal.speed >= outlasts(span):
            said = _missed(span, stopped)
            if said:
                return said
    return next((said for event in looks if (said := _timed_out(journal, event, window, outlasts, mild))), "")


def _hole(before: Event, event: Event) -> float:
    """Return for how many wall seconds the same rules were not evaluated between two looks, at most."""
    then, now = before.data["data"]["missed"], event.data["data"]["missed"]
    return max((seconds - then.get(group, 0.0) for group, seconds in now.items()), default=0.0)


def _missed(span: Window, stopped: Sequence[Stoppage]) -> str:
    words = f"a rule evaluation was missed before {spoken(span.end)}"
    cause = next((each for each in stopped if each.evaluator and each.met(span)), None)
    if cause is None:
        return f"{TOO_SLOW}: {words}"
    return f"{cause}: {words}" if cause.asked else ""


def _timed_out(
    journal: Journal, event: Event, window: Window, outlasts: Callable[[Window], float], mild: Collection[str]
) -> str:
    for instance, wall in event.data["data"]["timeouts"]:
        at = journal.story(wall)
        if at in window and not _harmed(journal, wall, mild) and _unscraped(journal, instance, wall, outlasts):
            return f"{TOO_SLOW}: the scrape of {instance} timed out at {spoken(at)}, with no fault on it"
    return ""


def _unscraped(journal: Journal, instance: str, wall: float, outlasts: Callable[[Window], float]) -> bool:
    """Whether the samples that were lost with a scrape, and with others of the target around it, may hide something."""
    looks = [event for event in journal.of("look", key="vitals") if "data" in event.data]
    lost = [
        at for event in looks for name, at in event.data["data"]["timeouts"] if name == instance and abs(at - wall) < AROUND
    ]
    run = journal.last("run")
    interval: float = (run.data.get("scrape") if run else 0.0) or AROUND
    hole: float = (max(lost) - min(lost)) * journal.speed + interval
    return hole >= outlasts(Window(journal.story(min(lost) - AROUND), journal.story(max(lost) + AROUND)))


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
