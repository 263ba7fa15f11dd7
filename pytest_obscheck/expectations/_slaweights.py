"""How much each request may weigh in what Prometheus computes from scraped counters: the error at the edges of a window.

A correct counter at a scrape holds the requests that were counted before the target answered. Nothing is assumed but this:

- A request is counted between its client's start and its client's end, or at most ``delay`` later (a server may count after the
  last byte is sent).
- The sample that Prometheus dates ``t`` was exposed between ``t`` and ``t + D``, where ``D`` is that scrape's
  ``scrape_duration_seconds``. Timestamps are aligned by up to 2 ms (``ScrapeTimestampTolerance``, scrape/scrape.go) and have
  whole milliseconds: ``TOLERANCE``.

So a request is *surely* inside, *perhaps* inside or *not* inside the stretch between the first and the last sample of the
window. What was counted there is extrapolated to the window's edges by the factor of ``extrapolatedRate``
(promql/functions.go), which depends on the samples' times alone (and, for a counter younger than the window's edge, on its
first value). A request therefore adds at least ``low`` and at most ``high`` to ``increase()``: the factor where it surely
counts, 0 where it surely does not.

A counter that is reset between two samples (it falls, or ``process_start_time_seconds`` changes) loses what came after the
first of them and before the restart: in that step no request is sure to count; a series that is exposed again only with its
next request loses until then. A missed scrape needs no rule of its own: the times of the remaining samples say it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from pytest_obscheck.expectations._slalog import Request

TOLERANCE = 0.003
"""Seconds by which a sample's time may differ from the instant at which its scrape began."""

Points = Sequence[tuple[float, float]]
Labels = Mapping[str, str]
Steps = tuple[tuple[float, float], ...]


def extrapolation(points: Points, start: float, end: float, *, counter: bool = True) -> float:
    """Return by what ``increase()`` over ``(start, end]`` multiplies the difference between first and last sample.

    As ``extrapolatedRate`` of Prometheus 3: each edge is extrapolated to, unless it is 1.1 mean sample distances or more
    away: then by half a distance only; and a counter is never extrapolated below zero. 0 where there are fewer than two
    samples.
    """
    if len(points) < 2:
        return 0.0
    first, last = points[0][0], points[-1][0]
    # Prometheus counts in whole milliseconds; floats of Unix seconds do not hold more either.
    sampled, before, after = (round(span, 3) for span in (last - first, first - start, end - last))
    distance = sampled / (len(points) - 1)
    to_start, to_end = (edge if edge < 1.1 * distance else distance / 2 for edge in (before, after))
    grown = increase(points)
    if counter and grown > 0 and points[0][1] >= 0:
        to_start = min(to_start, sampled * points[0][1] / grown)
    return (sampled + to_start + to_end) / sampled


def increase(points: Points) -> float:
    """Return what a counter gained from its first to its last sample, resets made good as Prometheus does it."""
    lost = sum(before for (_, before), (_, after) in pairwise(points) if after < before)
    return points[-1][1] - points[0][1] + lost


@dataclass(frozen=True)
class Counted:
    """The stretch of samples by which one series, or an unknown one of one target, counts requests.

    ``factors``: least and largest factor of extrapolation. ``late``: longest scrape. ``resets``: steps in which the target
    began anew.
    """

    labels: Labels
    first: float
    last: float
    factors: tuple[float, float]
    late: float
    resets: Steps = ()

    def weight(self, request: Request, delay: float) -> tuple[float, float]:
        """Return the least and the most that a request adds to ``increase()`` of this series."""
        low, high = self.factors
        if not self._perhaps(request, delay, self.first, self.last):
            return 0.0, 0.0
        surely = request.start > self._exposed(self.first) and request.end + delay <= self.last - TOLERANCE
        lost = any(self._perhaps(request, delay, *step) for step in self.resets)
        return (low if surely and not lost else 0.0), high

    def _exposed(self, at: float) -> float:
        return at + TOLERANCE + self.late

    def _perhaps(self, request: Request, delay: float, first: float, last: float) -> bool:
        return request.end + delay > first - TOLERANCE and request.start <= self._exposed(last)


@dataclass(frozen=True)
class Series:
    """One raw series behind a figure: its labels and its samples inside the window."""

    labels: Labels
    points: tuple[tuple[float, float], ...]

    @property
    def target(self) -> tuple[str, str]:
        """Return job and instance."""
        return self.labels.get("job", ""), self.labels.get("instance", "")

    @property
    def name(self) -> str:
        """Return the metric's name."""
        return self.labels.get("__name__", "")

    @property
    def counts(self) -> bool:
        """Whether it is a counter, by the naming that the exposition format asks for."""
        return self.name.endswith(("_total", "_count", "_bucket", "_sum"))


def times(series: Iterable[Series]) -> dict[tuple[str, str], list[float]]:
    """Return, for each target, the times of all its samples."""
    found: dict[tuple[str, str], set[float]] = {}
    for each in series:
        found.setdefault(each.target, set()).update(at for at, _ in each.points)
    return {target: sorted(seen) for target, seen in found.items()}


@dataclass(frozen=True)
class Recording:
    """All that was scraped of what a figure rests on, in the window ``(start, end]``.

    For each target ``late`` has its longest scrape, ``begun`` the steps between two samples in which its process began anew.
    """

    start: float
    end: float
    series: tuple[Series, ...]
    late: Mapping[tuple[str, str], float]
    begun: Mapping[tuple[str, str], Steps] = field(default_factory=dict)

    def resets(self) -> dict[tuple[str, str], Steps]:
        """Return, for each target, the steps in which its process began anew, or any of its counters fell."""
        found = {target: set(steps) for target, steps in self.begun.items()}
        for each in self.series:
            if each.counts:
                falls = {(a, b) for (a, before), (b, after) in pairwise(each.points) if after < before}
                found.setdefault(each.target, set()).update(falls)
        return {target: tuple(sorted(steps)) for target, steps in found.items()}

    def counted(self) -> list[Counted]:
        """Return the stretch of each series that counts requests (of a histogram: its ``+Inf`` bucket)."""
        fell = self.resets()
        counts = [each for each in self.series if each.labels.get("le", "+Inf") == "+Inf" and not each.name.endswith("_sum")]
        chosen = [each for each in counts if each.counts] or counts
        return [self._counted(each, fell.get(each.target, ())) for each in chosen if each.points]

    def targets(self) -> list[Counted]:
        """Return, for each target, the stretch of a series that nobody has seen: whether it is young is not known."""
        fell = self.resets()
        found = []
        for target, seen in times(self.series).items():
            points = [(at, 0.0) for at in seen]
            full = extrapolation(points, self.start, self.end)
            least = extrapolation(points, points[0][0], self.end) if points else 0.0
            stretch = (seen[0], seen[-1]) if seen else (self.end, self.end)
            found.append(Counted({}, *stretch, (least, full), self.late.get(target, 0.0), fell.get(target, ())))
        return found

    def _counted(self, series: Series, fell: Steps) -> Counted:
        factor = extrapolation(series.points, self.start, self.end, counter=series.counts)
        first, last = series.points[0][0], series.points[-1][0]
        # A series that its target exposes again only later, with the next such request, may hide the reset until then.
        own = tuple(
            (a, b) for (a, _), (b, _) in pairwise(series.points) if any(a < later and earlier < b for earlier, later in fell)
        )
        return Counted(series.labels, first, last, (factor, factor), self.late.get(series.target, 0.0), own)


_KINDS: tuple[tuple[str, Callable[[Request], str]], ...] = (
    (r"[1-5][0-9][0-9]", lambda request: str(request.status)),
    (r"[1-5]xx", lambda request: f"{request.status // 100}xx"),
    (r"[A-Z]+", lambda request: request.method),
    (r"/.*|unmatched", lambda request: request.name),
)
"""What a label is about, by the look of all its values: status code, its class, method, path."""


def kin(request: Request, known: Sequence[Counted]) -> list[Counted]:
    """Return the series in which a request may be counted; those of another status, method or path are left out.

    A label speaks of the status only where each of its values looks like one, and of the path only where a series has the
    request's own.
    """
    left = list(known)
    for label in sorted({name for each in known for name in each.labels}):
        values = {each.labels.get(label, "") for each in known} - {""}
        for pattern, said in _KINDS:
            if all(re.fullmatch(pattern, value) for value in values):
                mine = said(request)
                if (mine in values or pattern[0] == "[") and request.answered:
                    left = [each for each in left if each.labels.get(label, mine) == mine]
                break
    return left


def weights(
    requests: Sequence[Request], recording: Recording, delay: float, *, only_answered: bool
) -> list[tuple[float, float]]:
    """Return the least and the most that each request adds to an increase over the window.

    A request that was never answered must count like any other, unless ``only_answered``: then it may.
    """
    known, unknown = recording.counted(), recording.targets()
    memory: dict[tuple[str, str, int], list[Counted]] = {}
    found = []
    for request in requests:
        key = (request.method, request.name, request.status)
        if key not in memory:
            memory[key] = (kin(request, known) if request.answered else []) or unknown
        each = [counted.weight(request, delay) for counted in memory[key]] or [(0.0, 0.0)]
        low, high = min(low for low, _ in each), max(high for _, high in each)
        found.append((0.0 if only_answered and not request.answered else low, high))
    return found
