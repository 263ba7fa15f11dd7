"""Scrapes that were lost for want of time: what to note of them, for how long a target brought nothing, and who brings what."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.capabilities import AnswersPromQL, Series
from pytest_obscheck.grounds import SOURCES
from pytest_obscheck.journal import Event, Journal
from pytest_obscheck.protocols import Stack
from pytest_obscheck.when import Window, seconds

TOOK = "scrape_duration_seconds"
AROUND = 1.0
"""Wall seconds by which lost scrapes are apart that are no longer one hole, whatever lies between."""


def scrapes(
    stack: Stack, targets: Sequence[Mapping[str, Any]], since: float, until: float
) -> dict[str, list[tuple[str, float]]]:
    """Return ``timeouts``, the failed scrapes that took as long as they may, and ``scraped``, others of these instances.

    Each by its instance and the Unix second at which it had taken that long, or would have.
    """
    limits = _limits(targets)
    # It is dated by its begin, and written when it has failed: what happened meanwhile may be why.
    span = max(1, math.ceil((until - since + max(limits.values(), default=0.0)) * 1000))
    took = {(_of(s), at): value for s in _asked_for(stack, TOOK, span, until) for at, value in s.points}
    every = [(_of(s), at, value) for s in _asked_for(stack, "up", span, until) for at, value in s.points]
    lost = [(name, at) for name, at, up in every if up == 0 and took.get((name, at), 0.0) >= limits.get(name, math.inf)]
    met = {name for name, _ in lost}
    good = [(name, at) for name, at, up in every if up and name in met]
    timeouts, scraped = ([(name, at + limits[name]) for name, at in found] for found in (lost, good))
    return {"timeouts": timeouts, "scraped": scraped}


def _limits(targets: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the scrape timeout of each instance, in seconds."""
    return {t["labels"].get("instance", "?"): seconds(t["scrapeTimeout"]) for t in targets if t.get("scrapeTimeout")}


def _asked_for(stack: Stack, name: str, span: int, until: float) -> list[Series]:
    return [series for member in stack.all(AnswersPromQL).values() for series in member.query(f"{name}[{span}ms]", until)]


def _of(series: Series) -> str:
    return series.labels.get("instance", "?")


def lost_any(journal: Journal) -> bool:
    """Whether a scrape was lost while a story was played."""
    return any(event.data.get("data", {}).get("timeouts") for event in journal.of("look", key="vitals"))


def hole(looks: Sequence[Event], instance: str, wall: float, pause: float) -> Window:
    """Return from the first to the last lost scrape, in Unix seconds, of those between which no sample was there for long.

    ``pause``: for how many wall seconds a sample must have been there so that rules were evaluated with it.
    """
    lost, good = (_times(looks, kind, instance) for kind in ("timeouts", "scraped"))
    first = last = wall
    for at in reversed([each for each in lost if each < wall]):
        if _parted(at, first, good, pause):
            break
        first = at
    for at in [each for each in lost if each > wall]:
        if _parted(last, at, good, pause):
            break
        last = at
    return Window(first, last)


def _times(looks: Sequence[Event], kind: str, instance: str) -> list[float]:
    return sorted({at for event in looks for name, at in event.data["data"].get(kind, ()) if name == instance})


def _parted(one: float, other: float, good: Sequence[float], pause: float) -> bool:
    """Whether two lost scrapes are two holes: rules were evaluated in between, with a sample that was there."""
    between = next((at for at in good if one < at < other), None)
    return other - one > max(AROUND, 2 * pause) or (between is not None and other - between >= pause)


@dataclass(frozen=True)
class Sources:
    """Which instances brought each of some metrics, at any time of the story. Looked at once, when it is over."""

    metrics: tuple[str, ...]
    every: float = 0.0

    def look(self, stack: Stack, since: float, until: float) -> dict[str, list[str]]:
        """Return the values of the label ``instance`` of all series of each metric that has any."""
        expr = f'last_over_time({{__name__=~"{"|".join(self.metrics)}"}}[{max(1, math.ceil((until - since) * 1000))}ms])'
        asked = f"group by (__name__, instance) ({expr})"
        found: dict[str, list[str]] = {}
        for series in (each for member in stack.all(AnswersPromQL).values() for each in member.query(asked, until)):
            found.setdefault(series.labels.get("__name__", ""), []).append(series.labels.get("instance", ""))
        return found

    def __str__(self) -> str:
        """Return the key."""
        return SOURCES
