"""The probe log as the truth of an availability: what the harness's own probes of a service saw.

Two probes that follow each other and went alike tell of all the time between them; two that went otherwise leave that time
open. An outage that begins and ends between two probes is not seen: whatever samples is blind to what is shorter than its step.
A figure that averages samples (``avg_over_time(up[5m])``) is right where each sample says what the probes say of the instant at
which it was scraped; it lies between what it would be if every open sample were bad, and good.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pytest_obscheck.expectations._slabounds import HAIR
from pytest_obscheck.expectations._slafigures import Indicator
from pytest_obscheck.expectations._slajudge import Reading, recordings, scrapes
from pytest_obscheck.expectations._slaweights import TOLERANCE, Recording
from pytest_obscheck.expectations._slawords import Between, compared, said, shown
from pytest_obscheck.journal import Event

BLIND = 1.0
"""Seconds between an answer and the next question beyond which nobody looked."""


@dataclass(frozen=True)
class Probe:
    """One question, when it was asked and answered (Unix seconds), and whether it went well."""

    asked: float
    answered: float
    well: bool


@dataclass(frozen=True)
class Stretch:
    """A stretch of Unix seconds, and whether the service was well in it; ``None`` where the probes leave that open."""

    start: float
    end: float
    well: bool | None

    def inside(self, start: float, end: float) -> float:
        """Return how many seconds of it lie in ``start .. end``."""
        return max(0.0, min(end, self.end) - max(start, self.start))


@dataclass(frozen=True)
class ProbeLog:
    """Every probe in order."""

    probes: tuple[Probe, ...]

    def stretches(self) -> Iterator[Stretch]:
        """Yield the time from the first question to the last answer in stretches, one after the other."""
        at = self.probes[0].asked if self.probes else 0.0
        for before, after in pairwise(self.probes):
            known = before.well is after.well and after.asked - before.answered <= BLIND
            # A probe that went otherwise than the one before did so at some instant until its answer.
            end = after.asked if known else after.answered
            yield Stretch(at, end, before.well if known else None)
            at = end

    def well(self, start: float, end: float) -> bool | None:
        """Return whether the service was well in all of a window, or in none of it; ``None`` where neither is sure."""
        seen = {each.well for each in self.stretches() if each.start <= end and start <= each.end}
        return seen.pop() if len(seen) == 1 else None

    def share(self, start: float, end: float, well: bool | None) -> float:
        """Return in which share of a window the service was surely well, or surely not, or one of the two (``None``)."""
        return sum(each.inside(start, end) for each in self.stretches() if each.well is well) / (end - start)

    def gap(self, start: float, end: float) -> str:
        """Return why the probes do not tell of all of a window; ``""`` where they do."""
        if not self.probes or start < self.probes[0].asked:
            return "it begins before the first probe"
        if end > self.probes[-1].answered:
            return "its last part was not probed yet"
        quiet = [(a.answered, b.asked) for a, b in pairwise(self.probes) if b.asked - a.answered > BLIND]
        return next((f"nobody probed for {shown('mean', b - a)}" for a, b in quiet if a < end and start < b), "")


def probe_log(looks: Sequence[Event], faster: float | None) -> ProbeLog:
    """Return the log of looks at an endpoint; a probe went well that had a 2xx, and within ``faster`` seconds."""
    return ProbeLog(tuple(_probe(event, event.data["data"], faster) for event in looks if "data" in event.data))


def _probe(event: Event, answer: Mapping[str, Any], faster: float | None) -> Probe:
    quick = faster is None or answer.get("seconds", 0.0) <= faster
    return Probe(event.wall, event.wall + event.data.get("took", 0.0), quick and 200 <= answer.get("status", 0) < 300)


def judged_by_probes(reading: Reading, log: ProbeLog) -> tuple[bool | None, str]:
    """Return whether an availability (or what follows from it) lies where the probes say, in words with truth and bound."""
    start, end = reading.since, reading.end
    if len(reading.data["values"]) > 1:
        return False, f"the figure is {len(reading.data['values'])} series instead of one number; aggregate them, or choose one"
    if gap := log.gap(start, end):
        return None, f"the window is not covered by probes: {gap}"
    open_ = log.share(start, end, None)
    truth = reading.indicator.of_errors(log.share(start, end, well=False) + open_ / 2)
    count = sum(start < each.asked <= end for each in log.probes)
    words = f"{said(reading.indicator.figure)}: truth {shown(reading.indicator.figure, truth)} of {count} probes"
    if reading.value is None:
        return False, f"{words}, but the figure has no value"
    low, high, why = _bound(reading, log)
    slack = reading.rounding + HAIR * max(1.0, abs(reading.value))
    told = compared(reading.indicator.figure, words, Between(reading.value, truth, low, high, why))
    return low - slack <= reading.value <= high + slack, told


def _bound(reading: Reading, log: ProbeLog) -> tuple[float, float, Sequence[str]]:
    """Return between what a right figure lies: an average of samples, or of the time that a service knows of itself."""
    pace = sorted(after.asked - before.asked for before, after in pairwise(log.probes))
    why = [f"probes {shown('mean', pace[len(pace) // 2])} apart"] if pace else []
    if "leaves" not in reading.data:
        start, end = reading.since + reading.resolution, reading.end - reading.resolution
        span = (end - start) / (reading.end - reading.since)
        errors = log.share(start, end, well=False) * span, 1 - log.share(start, end, well=True) * span
        return (*_ordered(reading.indicator, errors), why)
    found = [_bad(recording, log) for recording in recordings(reading)]
    whole = [each for each in found if each is not None]
    if not whole:
        return math.inf, -math.inf, why
    errors = min(low for low, _ in whole), max(high for _, high in whole)
    return (*_ordered(reading.indicator, errors), [*scrapes(recordings(reading)[0]), *why])


def _ordered(indicator: Indicator, errors: tuple[float, float]) -> tuple[float, float]:
    ends = [indicator.of_errors(each) for each in errors]
    return min(ends), max(ends)


def _bad(recording: Recording, log: ProbeLog) -> tuple[float, float] | None:
    """Return the least and the largest share of samples that say the service was not well; ``None`` without a sample."""
    seen = [(at, recording.late.get(each.target, 0.0)) for each in recording.series for at, _ in each.points]
    states = [log.well(at - TOLERANCE, at + late + TOLERANCE) for at, late in seen]
    if not states:
        return None
    return states.count(False) / len(states), 1 - states.count(True) / len(states)
