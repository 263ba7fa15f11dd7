"""From looks at ``ALERTS`` to what was true when: the states of one alert, moment by moment."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import inf

from pytest_obscheck.expectations._alertstates import Sample, Seen, seen
from pytest_obscheck.protocols import History
from pytest_obscheck.when import Window, spoken

PACE = 0.5
"""Wall seconds between two moments of a long stretch that one look covers."""

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class State:
    """The state of one alert with one set of labels, and the Unix second since when it has it."""

    name: str
    since: float
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Moment:
    """What is known at one Unix second: the states that are active, or why it cannot be known."""

    at: float
    active: tuple[State, ...] = ()
    blind: str = ""

    def states(self) -> set[str]:
        """Return the names of the active states."""
        return {state.name for state in self.active}


@dataclass(frozen=True)
class _Beat:
    """At this time a state begins (``""``: ends), or, without labels, somebody looked."""

    at: float
    labels: Labels | None = None
    state: str = ""


def moments(history: History, name: str, labels: Mapping[str, str]) -> list[Moment]:
    """Return what was true when: at each sample, at each end of an alert, at the end of each look, in order.

    Samples are dated by Prometheus. An alert is over with the evaluation that no longer found it, an interval after its last
    sample: not with the look that noticed. What a later look learns about an earlier time wins.
    """
    looks = seen(history, name, labels)
    good = [look for look in looks if not look.failed]
    blank = [look.until for look in looks if look.failed]
    beats = sorted([*_changes(good, blank), *_glances(good, blank)], key=lambda beat: beat.at)
    found = [Moment(look.until, blind=look.blind) for look in looks if look.failed]
    active: dict[Labels, State] = {}
    ends = [look.until for look in good]
    for at, group in groupby(beats, key=lambda beat: beat.at):
        _apply(active, group)
        moment = _moment(at, tuple(active.values()), good[min(bisect_left(ends, at), len(good) - 1)])
        if moment is not None:
            found.append(moment)
    return sorted(found, key=lambda moment: moment.at)


def _moment(at: float, active: tuple[State, ...], look: Seen) -> Moment | None:
    """Return a moment: what is active was seen, what is not may be quiet or gone; ``None`` where that is not known yet."""
    if active:
        return Moment(at, active)
    if look.blind:
        return Moment(at, blind=look.blind)
    return Moment(at) if look.sure else None


def _apply(active: dict[Labels, State], beats: Iterable[_Beat]) -> None:
    """Bring the active states up to date."""
    for beat in beats:
        if beat.labels is None:
            continue
        if not beat.state:
            active.pop(beat.labels, None)
        elif beat.labels not in active or active[beat.labels].name != beat.state:
            active[beat.labels] = State(beat.state, beat.at, dict(beat.labels))


def _glances(looks: Sequence[Seen], blank: Sequence[float]) -> Iterator[_Beat]:
    """Yield the end of each look, and moments inside it where it reaches far back: all of it was seen.

    Not where a look failed in between: where nobody answers, perhaps nobody evaluates.
    """
    for look in looks:
        steps = 0 if _between(look.since, look.until, blank) else int((look.until - look.since) / PACE)
        yield from (_Beat(look.since + step * PACE) for step in range(1, steps + 1))
        yield _Beat(look.until)


def _between(start: float, end: float, times: Sequence[float]) -> bool:
    """Whether one of the times, which are in order, lies between two others."""
    after = bisect_left(times, start)
    return after < len(times) and times[after] < end


def missed(times: Sequence[float], window: Window, before: str = "it was last there") -> str:
    """Return by how much something came too late for a window, or was ``before`` it; ``""`` for neither. In story seconds."""
    late = [at for at in times if at > window.end]
    early = [at for at in times if at < window.start]
    if late:
        return f"it came at {spoken(min(late))}: {spoken(min(late) - window.end)} too late"
    return f"{before} at {spoken(max(early))}: {spoken(window.start - max(early))} too early" if early else ""


# ── one set of labels ────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Point:
    """At this time the alert was in a state (``""``: none), by a sample of that time or by the answer for that instant."""

    at: float
    state: str
    sampled: bool


def _changes(looks: Sequence[Seen], blank: Sequence[float]) -> Iterator[_Beat]:
    interval = max((float(rule["interval"] or 0) for look in looks for rule in look.rules), default=0.0)
    every = [_by_labels(look.samples) for look in looks], [_by_labels(look.now) for look in looks]
    for labels in dict.fromkeys(labels for side in every for found in side for labels in found):
        samples, now = ([found.get(labels, []) for found in side] for side in every)
        points = sorted(_points(looks, samples, now), key=lambda point: (point.at, not point.sampled))
        yield from (_Beat(at, labels, state) for at, state in _walk(points, interval, blank))


def _by_labels(samples: Iterable[Sample]) -> dict[Labels, list[Sample]]:
    found: dict[Labels, list[Sample]] = {}
    for sample in samples:
        found.setdefault(tuple(sorted(sample.labels.items())), []).append(sample)
    return found


def _points(looks: Sequence[Seen], samples: Sequence[list[Sample]], now: Sequence[list[Sample]]) -> Iterator[_Point]:
    earliest = inf
    for number in range(len(looks) - 1, -1, -1):
        # A sample that was written late tells the looks before it that they were too early to see it.
        if looks[number].until < earliest:
            yield _Point(looks[number].until, now[number][0].state if now[number] else "", sampled=False)
        yield from (_Point(sample.at, sample.state, sampled=True) for sample in samples[number])
        earliest = min([earliest, *(sample.at for sample in samples[number])])


def _walk(points: Iterable[_Point], interval: float, blank: Sequence[float]) -> Iterator[tuple[float, str]]:
    """Yield when each state begins; an evaluation without a sample, between two others, ends it."""
    sampled = active = -inf
    up = False
    for point in points:
        missing = point.sampled and point.at - sampled > 1.5 * interval and active < sampled + interval
        if up and ((missing and not _between(sampled, point.at, blank)) or not point.state):
            yield min(point.at, _over(sampled, active, interval)), ""
            sampled, up = -inf, False
        if point.state:
            yield point.at, point.state
            sampled, active, up = (point.at if point.sampled else sampled), point.at, True


def _over(sampled: float, active: float, interval: float) -> float:
    """Return when the evaluation after the last sample was due; infinity where that cannot be known."""
    return max(active, sampled + interval) if interval and sampled > -inf else inf
