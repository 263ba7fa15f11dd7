"""The figures of a service level: the truth from requests, and the bounds of a correct figure from weighed requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_obscheck.expectations import _slabounds as bounds
from pytest_obscheck.expectations._slabounds import Buckets, Weighed
from pytest_obscheck.expectations._slalog import Request

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
LATENCIES = (*QUANTILES, "mean")
RESOLUTION = 1e-6
"""Seconds to which the request log is written."""

RATIOS = ("availability", "error_rate", "burn_rate")


@dataclass(frozen=True)
class Indicator:
    """What is measured: one figure over ``over`` seconds, and which requests are bad.

    ``failed`` is ``5xx`` (no answer, or a 5xx) or ``error`` (what the load calls an error); ``faster``: seconds beyond which
    a request is bad. ``budget``: 1 minus the objective. ``answered``: requests that got no answer do not count.
    """

    figure: str
    over: float
    failed: str = "5xx"
    faster: float | None = None
    budget: float = 1.0
    answered: bool = False

    @property
    def only_answered(self) -> bool:
        """Whether unanswered requests are left out; they have no latency."""
        return self.answered or self.figure in LATENCIES

    @property
    def timed(self) -> bool:
        """Whether it depends on how long requests took."""
        return self.figure in LATENCIES or self.faster is not None

    def bad(self, request: Request, seconds: float) -> bool:
        """Whether a request that took so long was bad."""
        slow = self.faster is not None and seconds > self.faster
        return slow or (bool(request.error) if self.failed == "error" else not request.answered or request.status >= 500)

    def truth(self, requests: Sequence[Request]) -> float | None:
        """Return the figure over the requests that ended in a window; ``None`` where there is no data."""
        counted = [request for request in requests if request.answered or not self.only_answered]
        if self.figure == "throughput":
            return len(counted) / self.over
        if not counted:
            return None
        seconds = [request.seconds for request in counted]
        if self.figure in QUANTILES:
            return bounds.quantile(QUANTILES[self.figure], seconds)
        if self.figure == "mean":
            return sum(seconds) / len(seconds)
        return self.of_errors(sum(self.bad(request, request.seconds) for request in counted) / len(counted))

    def of_errors(self, ratio: float) -> float:
        """Return the figure for a share of bad requests."""
        return {"availability": 1 - ratio, "error_rate": ratio, "burn_rate": ratio / self.budget}[self.figure]


@dataclass(frozen=True)
class Source:
    """What is known of where a figure comes from.

    ``transport``: seconds of a request that the source cannot see. ``buckets``: of a histogram, if it is one. ``skew``: by
    what the extrapolation of one part of a ratio (such as a histogram's sum) may differ from the other's (its count).
    ``apart``: of the parts of a ratio one may have lost what another has. ``span``: least and largest seconds that a rate may
    be divided by.
    """

    transport: float
    span: tuple[float, float]
    buckets: Buckets = ()
    skew: tuple[float, float] = (1.0, 1.0)
    apart: bool = False


def between(
    indicator: Indicator, requests: Sequence[Request], weights: Sequence[tuple[float, float]], source: Source
) -> tuple[float, float]:
    """Return the bounds of a correct figure."""
    pairs = [(request, weight) for request, weight in zip(requests, weights, strict=True) if weight[1]]
    if indicator.figure in LATENCIES:
        items = [Weighed(weight, _latency(request, source)) for request, weight in pairs]
        return _latency_between(indicator.figure, items, source)
    if indicator.figure == "throughput":
        low, high = bounds.sum_between([Weighed(weight, (1.0, 1.0)) for _, weight in pairs])
        return low / source.span[1], high / source.span[0]
    items = [Weighed(weight, _badness(indicator, request, source)) for request, weight in pairs]
    found = bounds.ratio_between(items) if source.apart else bounds.mean_between(items)
    if found == bounds.NOTHING:
        return found
    return _spread([indicator.of_errors(ratio) for ratio in _skewed(found, source.skew)])


def _skewed(bad: tuple[float, float], skew: tuple[float, float]) -> Sequence[float]:
    """Return the extremes of a share of bad requests, whether a rule counts the bad ones or the good ones."""
    counted = [ratio * each for ratio in bad for each in skew]
    return [*counted, *(1 - (1 - ratio) * each for ratio in bad for each in skew)]


def _spread(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)


def _latency(request: Request, source: Source) -> tuple[float, float]:
    least = request.seconds - request.lag - source.transport if request.answered else 0.0
    return max(0.0, least - RESOLUTION), request.seconds + RESOLUTION


def _badness(indicator: Indicator, request: Request, source: Source) -> tuple[float, float]:
    if indicator.only_answered and not request.answered:
        return 0.0, 1.0
    least, most = _latency(request, source)
    return float(indicator.bad(request, least)), float(indicator.bad(request, most))


def _latency_between(figure: str, items: Sequence[Weighed], source: Source) -> tuple[float, float]:
    if figure == "mean":
        low, high = (bounds.ratio_between if source.apart else bounds.mean_between)(items)
        return low * source.skew[0], high * source.skew[1]
    if source.buckets:
        return bounds.bucket_quantile_between(QUANTILES[figure], items, source.buckets, apart=source.apart)
    return bounds.quantile_between(QUANTILES[figure], items)
