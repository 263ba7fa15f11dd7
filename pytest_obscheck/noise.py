"""Whether noise could have decided a claim: at a speed, the window of a rule over real services holds N times fewer events.

The share of events on which a rule rests is not known before services, loads and faults have met. So the counters are read when
the story is over, between its faults' beginnings and cures, and what comes too near to the threshold is *unknown*. What does so
before any fault, while ranges are filled under load, needs no story: it is refused before it begins.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pytest_obscheck.abilities import AboutAlert, AltersSamples
from pytest_obscheck.capabilities import AnswersPromQL, Series
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.journal import Journal
from pytest_obscheck.protocols import Stack
from pytest_obscheck.scenario import Claim, Scenario
from pytest_obscheck.speed import SIGMAS, Share, Source, as_read, check_margin, rewrite, shares, sigmas
from pytest_obscheck.verdict import SEEN, TOO_SLOW, VOID, Outcome, Report
from pytest_obscheck.when import Always, Never, Once, Window

NOISE = "noise would decide"
POINTS = 200
"""At how many instants of a story its counters are read, at most."""

LAG = 0.2
"""Wall seconds, beyond two scrapes, until counters tell what a fault has made of the requests."""

OWN = 2.0
"""Deviations by which a share that was measured for a short time is itself taken to be off: one in forty is farther off."""

TURNS = {"injected": "confirmed", "healed": "gone"}

_AT_MOST = re.compile(r"a speed of at most (\d+)")


@dataclass(frozen=True)
class Noise:
    """The counters behind alerts that compare shares of what real services count; looked at once, when a story is over."""

    names: tuple[str, ...]
    every: float = 0.0

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return for each alert what it compares: ``where``, ``sign``, ``threshold``, ``span`` and ``counts``."""
        facts, speed = stack.plan.facts, stack.plan.pace.speed
        rules = [rule for rule in facts.alerts if rule.name in self.names and speed.changes]
        found: dict[str, list[dict[str, Any]]] = {}
        for rule in rules:
            for share in shares(rule.expr, facts.recordings):
                if as_read(share.all.text, speed).source is Source.REAL:
                    counts = _counts(stack, share, since, until)
                    told = {"sign": share.sign, "threshold": share.threshold, "span": share.span, "counts": counts}
                    found.setdefault(rule.name, []).append({"where": rule.where, **told})
        return {"alerts": found}

    def __str__(self) -> str:
        """Return the key."""
        return f"noise of {', '.join(self.names)}"


def noise_of(claims: Sequence[Claim]) -> Noise:
    """Return the look at what is behind the alerts of claims."""
    named = (claim.expectation.alertname() for claim in claims if isinstance(claim.expectation, AboutAlert))
    return Noise(tuple(sorted({name for name in named if name})))


def _counts(stack: Stack, share: Share, since: float, until: float) -> list[dict[str, Any]]:
    """Return the counters of each share: for every instant the Unix second, some of the events, and all."""
    prometheus, step = stack.that(AnswersPromQL), max(0.2, (until - since) / POINTS)
    texts = [rewrite(each.text, stack.plan.pace.speed) for each in (share.some, share.all)]
    some, every = (prometheus.query_range(text, since, until, step) for text in texts)
    return [{"labels": dict(each.labels), "points": list(_joined(each, some, alone=len(every) == 1))} for each in every]


def _joined(every: Series, some: Sequence[Series], *, alone: bool) -> Iterator[list[float]]:
    """Yield the counters of one share; events of a kind that never happened have no counter yet."""
    mine = [each for each in some if alone or dict(each.labels) == dict(every.labels)]
    known = [dict(each.points) for each in mine]
    yield from ([at, sum(points.get(at, 0.0) for points in known), total] for at, total in every.points)


# ── judging ──────────────────────────────────────────────────────────────────


def undecided(journal: Journal, claim: Claim, window: Window, *, fired: bool) -> str:
    """Return that noise would decide a claim about an alert in a window, and what would be better; ``""`` where it would not.

    ``fired``: it is enough that the alert fires somewhere in the window; else every part of the story in it counts.
    """
    name = claim.expectation.alertname() if isinstance(claim.expectation, AboutAlert) else ""
    looked = [event.data["data"]["alerts"] for event in journal.of("autopsy") if "alerts" in event.data.get("data", {})]
    for each in [each for alerts in looked for each in alerts.get(name, ())]:
        share = Margin(each["sign"], each["threshold"], each["span"], journal.speed)
        parts = [part for counts in each["counts"] for part in _parts(journal, counts["points"], window)]
        worst = share.worst(parts, fired=fired)
        if worst is not None and (words := share.words(f"{name} ({each['where']})", worst)):
            return words
    return ""


def calm(scenario: Scenario) -> list[Claim]:
    """Return the claims about alerts that count what happens before any fault; none where samples are altered."""
    if any(isinstance(fault.what, AltersSamples) for fault in scenario.faults):
        return []
    first = min((fault.window.start for fault in scenario.faults), default=math.inf)
    return [
        claim
        for claim in scenario.claims
        if isinstance(claim.phrase, Always | Never | Once)
        and claim.phrase.span.start < first
        and isinstance(claim.expectation, AboutAlert)
    ]


def foregone(alerts: Mapping[str, Sequence[Mapping[str, Any]]], by: float) -> str:
    """Return that noise decides claims about alerts by what was counted before any fault; ``""`` where it may not.

    What was counted in a few seconds is noisy itself: only what is too near to the threshold were it ``OWN`` deviations farther
    away is told.
    """
    for name, each in [(name, each) for name, found in alerts.items() for each in found]:
        share = Margin(each["sign"], each["threshold"], each["span"], by)
        for points in [counts["points"] for counts in each["counts"] if len(counts["points"]) > 1]:
            part, lasted = _part(points), points[-1][0] - points[0][0]
            own = OWN * math.sqrt(share.span / by / lasted)
            if part is not None and share.sigmas(part) + own < SIGMAS:
                return share.words(f"{name} ({each['where']})", part)
    return ""


def too_fast(report: Report) -> str:
    """Return why a speed was too high to tell whether a story passes: the machine, noise; ``""`` where that was not all.

    What failed stays as it is: nobody plays a story until it passes.
    """
    if report.outcome is not Outcome.UNKNOWN:
        return ""
    said = [verdict.words.partition(SEEN)[0] for verdict in report.claims if verdict.outcome is Outcome.UNKNOWN]
    said += [note.removeprefix(f"{VOID}: ") for note in report.notes]
    words = [each if each.startswith(NOISE) else each.partition(" (")[0] for each in said]
    return next((each for each in words if each.startswith((TOO_SLOW, NOISE))), "")


def at_most(words: str) -> int:
    """Return the speed at which noise would decide nothing, as the words of ``undecided`` say; 1 where they name none."""
    found = _AT_MOST.search(words)
    return int(found[1]) if found else 1


@dataclass(frozen=True)
class Part:
    """A part of a story in which no fault begins or ends: the share of events, and how many there are in a wall second."""

    share: float
    rate: float


@dataclass(frozen=True)
class Margin:
    """What a rule compares a share with, over how many story seconds, at which speed."""

    sign: str
    threshold: float
    span: float
    by: float

    def worst(self, parts: Sequence[Part], *, fired: bool) -> Part | None:
        """Return the part that noise comes nearest to deciding; of those in which it fires, the one it comes least near to."""
        firing = [part for part in parts if self._fires(part.share)] if fired else []
        if firing:
            return max(firing, key=self.sigmas)
        return min(parts, key=self.sigmas, default=None)

    def words(self, where: str, part: Part) -> str:
        """Return that noise would decide a part of a story, and what would be better; ``""`` where it would not."""
        try:
            check_margin(where, part.share, self.threshold, part.rate, self.span, self.by)
        except ConfigError as error:
            return f"{NOISE} it: {error}"
        return ""

    def _fires(self, share: float) -> bool:
        return share > self.threshold if self.sign.startswith(">") else share < self.threshold

    def sigmas(self, part: Part) -> float:
        """Return how many standard deviations a part is away from the threshold."""
        return sigmas(part.share, self.threshold, part.rate, self.span, self.by)


def _parts(journal: Journal, points: Sequence[Sequence[float]], window: Window) -> Iterator[Part]:
    """Yield the parts of a story that a window meets, from the counters in it."""
    for start, end in _between(journal, *((points[0][0], points[-1][0]) if points else (0.0, 0.0))):
        inside = [point for point in points if start <= point[0] <= end]
        if journal.story(start) < window.end and window.start < journal.story(end) and len(inside) > 1:
            part = _part(inside)
            if part is not None:
                yield part


def _part(points: Sequence[Sequence[float]]) -> Part | None:
    """Return what counters tell from their first point to the last; ``None`` where nothing was counted."""
    some, every = (_grown([point[which] for point in points]) for which in (1, 2))
    return Part(min(1.0, some / every), every / (points[-1][0] - points[0][0])) if every > 0 else None


def _between(journal: Journal, start: float, end: float) -> Iterator[tuple[float, float]]:
    """Yield the Unix seconds between which no fault takes hold or goes, and scrapes know what it is like."""
    run = journal.last("run")
    lag = LAG + 2 * (run.data["scrape"] if run else 0.0) / journal.speed
    for begun, over in sorted(_turns(journal)):
        if begun > start:
            yield start, min(begun, end)
        start = max(start, over + lag)
    yield start, end


def _turns(journal: Journal) -> Iterator[tuple[float, float]]:
    """Yield from when to when each fault takes hold, and from when to when it goes."""
    for event in journal.of("fault"):
        if event.data["phase"] in TURNS:
            done = journal.last("fault", name=event.data["name"], phase=TURNS[event.data["phase"]])
            yield event.wall, max(event.wall, done.wall if done else event.wall)


def _grown(values: Sequence[float]) -> float:
    """Return by how much a counter grew; where it fell it began anew."""
    return sum(max(0.0, after - before) for before, after in pairwise(values))
