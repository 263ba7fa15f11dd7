"""One reading of a figure against the request log: right, wrong, or not to be told, and in which words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from pytest_obscheck.expectations import _slaweights as scraped
from pytest_obscheck.expectations._slabounds import HAIR, NOTHING
from pytest_obscheck.expectations._slafigures import LATENCIES, QUANTILES, RATIOS, Indicator, Source, between
from pytest_obscheck.expectations._slalog import Request, RequestLog
from pytest_obscheck.expectations._slaweights import Recording, Series
from pytest_obscheck.expectations._slawords import Between, because, compared, said, shown
from pytest_obscheck.verdict import TOO_SLOW

BOOT = 1.0
"""Seconds by which a process may be younger than it says: it counts from the boot, which has whole seconds."""

Answer = tuple[bool | None, str]
MILLISECOND = 0.001
"""What Unix seconds are good to, as Prometheus writes them."""


@dataclass(frozen=True)
class Reading:
    """One reading of a figure: what the look found, and how the user says it is to be read.

    ``over``: wall seconds of the window. ``scale``: one of the figure's unit in ours. ``rounding``, ``resolution``: how far
    value and window may be off by the figure's own making. ``transport``: seconds of a request that the
    figure's source cannot see.
    """

    indicator: Indicator
    data: Mapping[str, Any]
    over: float
    scale: float = 1.0
    rounding: float = 0.0
    transport: float = 0.0
    resolution: float = 0.0
    edges: tuple[float, ...] = ()
    idle: bool = False

    @property
    def end(self) -> float:
        """Return the Unix second at which the window ends: of the rule's evaluation, where one recorded the figure."""
        return max((float(leaf["at"]) for leaf in self.data.get("leaves", ())), default=float(self.data["at"]))

    @property
    def since(self) -> float:
        """Return the Unix second at which the window begins: the service's word for it, if it has one."""
        return float(self.data.get("since") or self.end - self.over)

    @property
    def value(self) -> float | None:
        """Return the figure in our unit, ``None`` for none."""
        found = self.data["values"]
        return None if not found or found[0] is None else float(found[0]) * self.scale


@dataclass(frozen=True)
class Bound:
    """Between what a correct figure lies, and why it is no closer."""

    low: float
    high: float
    why: tuple[str, ...]


def judged(reading: Reading, log: RequestLog) -> Answer:
    """Return whether the figure lies where a correct one must lie, in words that show truth, figure, bound and difference."""
    start, end = reading.since, reading.end
    until = reading.data.get("until", end)
    gap = log.gap(start - reading.resolution, until)
    if gap:
        return None, gap
    if len(reading.data["values"]) > 1:
        return False, f"the figure is {len(reading.data['values'])} series instead of one number; aggregate them, or choose one"
    if abs(end - start - reading.over) > reading.resolution + until - end + MILLISECOND:
        return False, f"its window is {shown('mean', end - start)} instead of {shown('mean', reading.over)}"
    inside = [request for request in log.requests if start < request.end <= end]
    bound = _bound(reading, log.requests, inside)
    truth = replace(reading.indicator, over=end - start).truth(inside)
    if truth is None or reading.idle:
        return _without_data(reading, _surely_inside(reading, inside), bound)
    if reading.value is None:
        return _without_value(reading, _truth(reading, truth, inside), log.requests)
    slack = reading.rounding + HAIR * max(1.0, abs(reading.value))
    holds = bound.low - slack <= reading.value <= bound.high + slack
    if holds and (slow := _swamped(reading, log.requests, inside, bound)):
        return None, slow
    if holds and _says_nothing(reading, bound):
        return None, f"{_told(reading, truth, inside, bound)}: any figure lies there, so this one proves nothing"
    return holds, _told(reading, truth, inside, bound) + ("" if holds else _unanswered(reading, inside))


def _surely_inside(reading: Reading, inside: Sequence[Request]) -> int:
    """Return how many requests count; one that may have ended before the window, and was noted late, does not surely."""
    counted = [request for request in inside if reading.idle or request.answered or not reading.indicator.only_answered]
    return sum(request.end - request.lag > reading.since for request in counted)


def _without_value(reading: Reading, truth: str, requests: Sequence[Request]) -> Answer:
    """Say why there is no value.

    Nothing can be told where a target was not scraped after any request, where the series of a selector are too young for any
    rate, or where no request is sure to lie between two scrapes.
    """
    empty = [leaf["selector"] for leaf in reading.data.get("leaves", ()) if not leaf["series"]]
    if unscraped := _unscraped(reading, requests) if empty else "":
        return None, f"{truth}; the figure has no value, for {unscraped} was not scraped in the window after any of them"
    for leaf in reading.data.get("leaves", ()):
        if leaf["series"] and all(len(each["points"]) < 2 for each in leaf["series"]):
            return None, f"{truth}; the figure has no value, for {leaf['selector']} has no two samples in the window"
    if empty:
        return False, f"{truth}, but the figure has no value (no series matches {empty[0]})"
    if "leaves" in reading.data and not _least(reading, requests):
        return None, f"{truth}; the figure has no value, for each of them may lie between a scrape and the window's edge"
    return False, f"{truth}, but the figure has no value{because(reading.data.get('words', ''))}"


def _unscraped(reading: Reading, requests: Sequence[Request]) -> str:
    """Return a target that brought no sample in the window of a time when its process had surely answered a request."""
    seen = {_target(each): [(at, -math.inf) for at, _ in each["points"]] for each in reading.data["late"]}
    # A scrape that fails has a duration, too; what a process tells of its start comes with one that does not.
    seen |= {_target(each): [(at, born + BOOT) for at, born in each["points"]] for each in reading.data.get("begun", ())}
    for (_, instance), points in seen.items():
        inside = [(at, born) for at, born in points if reading.since < at <= reading.end]
        if not any(_answered(requests, born, at - scraped.TOLERANCE - reading.transport) for at, born in inside):
            return instance
    return ""


def _answered(requests: Sequence[Request], since: float, until: float) -> bool:
    return any(request.answered and request.start >= since and request.end <= until for request in requests)


def _without_data(reading: Reading, count: int, bound: Bound) -> Answer:
    figure, value = reading.indicator.figure, reading.value
    if count:
        return False, f"{count} requests in the window: it is not idle"
    if value is None:
        return (True if reading.idle else None), "no request in the window, and no value: no data"
    if bound.low <= bound.high:
        return None, f"no request ended in the window, but one at its edge may count in {shown(figure, value)}"
    return False, f"no request in the window: no data is not {shown(figure, value)}"


def _says_nothing(reading: Reading, bound: Bound) -> bool:
    """Whether a bound reaches from no failure to nothing else, which no share is outside of."""
    figure = reading.indicator.figure
    return figure in RATIOS and {bound.low, bound.high} == {reading.indicator.of_errors(share) for share in (0.0, 1.0)}


def _swamped(reading: Reading, requests: Sequence[Request], inside: Sequence[Request], bound: Bound) -> str:
    """Return that a bound tells nothing, for by what is the load's own it reaches from zero to the figure; ``""`` else."""
    truth, late = reading.indicator.truth(inside) or 0.0, max((request.lag for request in inside), default=0.0)
    # What excludes zero tells something, however short the requests were.
    if not reading.indicator.timed or not late or bound.low > 0 or bound.high - bound.low < truth:
        return ""
    sharp = _bound(reading, [replace(request, lag=0.0) for request in requests], inside)
    if sharp.high - sharp.low >= truth:
        return ""
    figure = reading.indicator.figure
    span = f"{shown(figure, bound.low)} .. {shown(figure, bound.high)}"
    return f"{TOO_SLOW}: the load was up to {shown('mean', late)} late, and with that the bound of the {said(figure)} is {span}"


# ── bounds ───────────────────────────────────────────────────────────────────


def _bound(reading: Reading, requests: Sequence[Request], inside: Sequence[Request]) -> Bound:
    if "leaves" not in reading.data:
        return _of_field(reading, requests, inside)
    low, high = bound_of(reading, requests)
    full = recordings(reading)[0]
    return Bound(low, high, (*scrapes(full), *_seen(reading, full, inside)) if low <= high else ())


def bound_of(reading: Reading, requests: Sequence[Request]) -> tuple[float, float]:
    """Return between what a figure lies that a right rule reads from these scrapes; ``NOTHING`` where it has no value."""
    found = [_of_recording(reading, requests, recording) for recording in recordings(reading)]
    whole = [each for each in found if each != NOTHING]
    return (min(low for low, _ in whole), max(high for _, high in whole)) if whole else NOTHING


def _near(requests: Sequence[Request], start: float, end: float, delay: float) -> list[Request]:
    return [request for request in requests if request.end + delay > start and request.start <= end]


def _of_field(reading: Reading, requests: Sequence[Request], inside: Sequence[Request]) -> Bound:
    """Return the bounds of a service's own figure: its window began when it says, or about when it should."""
    delay, told = reading.transport, reading.data.get("since")
    wide = 0.0 if told else reading.resolution
    start, end, until = told or reading.end - reading.over, reading.end, reading.data["until"]
    near = _near(requests, start - wide, until, delay)
    surely = [request.start > start + wide and request.end + delay <= end - wide for request in near]
    left_out = reading.indicator.only_answered
    weights = [(float(sure and (r.answered or not left_out)), 1.0) for r, sure in zip(near, surely, strict=True)]
    buckets = [(edge, (1.0, 1.0)) for edge in reading.edges]
    span = (max(end - start - wide, reading.over / 1000), until - start + wide)
    low, high = between(reading.indicator, near, weights, Source(delay, span, buckets))
    known = f"its window is {shown('mean', end - start)}" + (f", give or take {shown('mean', wide)}" if wide else "")
    return Bound(low, high, (known, *_transport(reading, inside)))


def _weights(
    reading: Reading, requests: Sequence[Request], recording: Recording
) -> tuple[Sequence[Request], Sequence[tuple[float, float]]]:
    """Return the requests that may count, and what each may weigh."""
    delay, latest = reading.transport, max(recording.late.values(), default=0.0)
    near = _near(requests, recording.start - scraped.TOLERANCE, recording.end + latest + scraped.TOLERANCE, delay)
    return near, scraped.weights(near, recording, delay, only_answered=reading.indicator.only_answered)


def _least(reading: Reading, requests: Sequence[Request]) -> float:
    """Return how many requests are sure to count."""
    found = [_weights(reading, requests, recording)[1] for recording in recordings(reading)]
    return min((sum(low for low, _ in weights) for weights in found), default=0.0)


def _of_recording(reading: Reading, requests: Sequence[Request], recording: Recording) -> tuple[float, float]:
    near, weights = _weights(reading, requests, recording)
    span, buckets, skew = (reading.over, reading.over), _buckets(recording), _skew(reading, recording)
    source = Source(reading.transport, span, buckets, skew, apart=_apart(reading, recording))
    return between(reading.indicator, near, weights, source)


def recordings(reading: Reading) -> list[Recording]:
    """Return what was scraped; where a rule recorded the figure, also without the last scrape: it may have come too late."""
    leaves = reading.data["leaves"]
    late, begun = _late(reading.data["late"]), _begun(reading.data.get("begun", ()))
    series: dict[str, Series] = {}
    for leaf in leaves:
        for each in leaf["series"]:
            start, end = leaf["at"] - reading.over, leaf["at"]
            points = tuple((at, value) for at, value in each["points"] if start < at <= end)
            series.setdefault(str(sorted(each["labels"].items())), Series(each["labels"], points))
    full = Recording(reading.end - reading.over, reading.end, tuple(series.values()), late, begun)
    if not any(leaf["recorded"] for leaf in leaves):
        return [full]
    last = {target: seen[-1] for target, seen in scraped.times(full.series).items() if seen}
    cut = tuple(Series(s.labels, tuple(p for p in s.points if p[0] < last[s.target])) for s in full.series)
    return [full, replace(full, series=cut)]


def _late(series: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], float]:
    found = {}
    for each in series:
        found[_target(each)] = max((value for _, value in each["points"]), default=0.0)
    return found


def _target(series: Mapping[str, Any]) -> tuple[str, str]:
    return series["labels"].get("job", ""), series["labels"].get("instance", "")


def _begun(series: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], tuple[tuple[float, float], ...]]:
    """Return, for each target, the steps between two samples in which its process began anew."""
    found = {}
    for each in series:
        found[_target(each)] = tuple((a, b) for (a, before), (b, after) in pairwise(each["points"]) if before != after)
    return found


def _apart(reading: Reading, recording: Recording) -> bool:
    """Whether of the parts of a ratio one may count a request that another does not.

    It may after a reset, which shows in some series only, and where the parts were read at different instants or born at
    different scrapes.
    """
    if any(recording.resets().values()):
        return reading.indicator.figure in LATENCIES or len(_metrics(recording)) > 1
    stretches = {(each.target, each.points[0][0], each.points[-1][0]) for each in _counters(recording)}
    alike = len({leaf["at"] for leaf in reading.data["leaves"]}) < 2 and len(stretches) == len({each[0] for each in stretches})
    return len(_metrics(recording)) > 1 and not alike


def _counters(recording: Recording) -> list[Series]:
    return [each for each in recording.series if each.counts and each.points]


def _metrics(recording: Recording) -> set[str]:
    return {each.name for each in _counters(recording)}


def _skew(reading: Reading, recording: Recording) -> tuple[float, float]:
    """Return by what the extrapolation of one side of a ratio may differ from the other's."""
    if reading.indicator.figure == "mean":
        return _sums(recording)
    factors = [scraped.extrapolation(each.points, recording.start, recording.end) for each in _counters(recording)]
    factors = [factor for factor in factors if factor]
    if len(_metrics(recording)) < 2 or not factors:
        return 1.0, 1.0
    return min(factors) / max(factors), max(factors) / min(factors)


def _groups(recording: Recording, suffix: str) -> dict[str, dict[str, float]]:
    """Return, for each set of labels besides ``le`` and the name, the extrapolation of each ``le`` (or of the one series)."""
    found: dict[str, dict[str, float]] = {}
    for each in recording.series:
        if each.name.endswith(suffix) and len(each.points) > 1:
            rest = {key: value for key, value in each.labels.items() if key not in ("le", "__name__")}
            factor = scraped.extrapolation(each.points, recording.start, recording.end)
            found.setdefault(str(sorted(rest.items())), {})[each.labels.get("le", "")] = factor
    return found


def _buckets(recording: Recording) -> list[tuple[float, tuple[float, float]]]:
    """Return the edges of a histogram's finite buckets, each with its extrapolation in relation to that of ``+Inf``."""
    groups = [group for group in _groups(recording, "_bucket").values() if "+Inf" in group]
    edges = sorted({le for group in groups for le in group if le != "+Inf"}, key=float)
    found = []
    for le in edges:
        ratios = [group.get(le, group["+Inf"]) / group["+Inf"] for group in groups]
        found.append((float(le), (min(ratios), max(ratios))))
    return found


def _sums(recording: Recording) -> tuple[float, float]:
    sums, counts = _groups(recording, "_sum"), _groups(recording, "_count")
    ratios = [sums[key][""] / counts[key][""] for key in sums if key in counts]
    return (min(ratios), max(ratios)) if ratios else (1.0, 1.0)


# ── words ────────────────────────────────────────────────────────────────────


def _truth(reading: Reading, truth: float, inside: Sequence[Request]) -> str:
    counted = sum(request.answered or not reading.indicator.only_answered for request in inside)
    return f"{said(reading.indicator.figure)}: truth {shown(reading.indicator.figure, truth)} of {counted} requests"


def _told(reading: Reading, truth: float, inside: Sequence[Request], bound: Bound) -> str:
    between = Between(reading.value or 0.0, truth, bound.low, bound.high, bound.why)
    return compared(reading.indicator.figure, _truth(reading, truth, inside), between)


def _unanswered(reading: Reading, inside: Sequence[Request]) -> str:
    count = sum(not request.answered for request in inside)
    if not count or reading.indicator.only_answered:
        return ""
    return f"; {count} of the requests got no answer, and no counter of the server can hold those that never reached it"


def scrapes(recording: Recording) -> list[str]:
    """Return how many scrapes there were and how far apart, and what went wrong with them."""
    found = []
    for seen in list(scraped.times(recording.series).values())[:1]:
        steps = sorted(b - a for a, b in pairwise(seen))
        usual = steps[len(steps) // 2] if steps else 0.0
        found.append(f"{len(seen)} scrapes" + (f" {shown('mean', usual)} apart" if steps else ""))
        if steps and steps[-1] > 1.5 * usual:
            found.append(f"none for {shown('mean', steps[-1])}")
    if any(recording.resets().values()):
        found.append("a counter was reset")
    return found


def _seen(reading: Reading, recording: Recording, inside: Sequence[Request]) -> list[str]:
    figure = reading.indicator.figure
    truth = reading.indicator.truth(inside)
    edges = [0.0, *(le for le, _ in _buckets(recording))]
    found = []
    if figure in QUANTILES and truth is not None and len(edges) > 1:
        lower = max(edge for edge in edges if edge < truth or edge == 0.0)
        upper = next((f"{edge:g}" for edge in edges if edge >= truth and edge > 0), "∞")
        found.append(f"bucket {lower:g} .. {upper}s")
    return [*found, *_transport(reading, inside)]


def _transport(reading: Reading, inside: Sequence[Request]) -> list[str]:
    """Return what of a request's time the service cannot see: the way to it, and the load's own."""
    if not reading.indicator.timed:
        return []
    late = max((request.lag for request in inside), default=0.0)
    found = [f"way to the service up to {shown('mean', reading.transport)}"] if reading.transport else []
    return [*found, *([f"the load up to {shown('mean', late)} late"] if late else [])]
