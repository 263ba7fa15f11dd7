"""A service with counters, its traffic, its scrapes, and what Prometheus makes of them.

Traffic, counters, scrapes, ``rate`` and ``histogram_quantile`` are simulated here, after the source of Prometheus and apart
from the code under test.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from pytest_obscheck.expectations.sla import Sla
from pytest_obscheck.journal import Event, Journal
from pytest_obscheck.protocols import History
from pytest_obscheck.when import Sight

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, math.inf)
BOUNDS = tuple("+Inf" if le == math.inf else f"{le:g}" for le in BUCKETS)
ZERO = 1_700_000_000.0
END = 12.0
TARGET = {"job": "shop", "instance": "shop-1:80"}


@dataclass(frozen=True)
class World:
    """The settings of one simulation: requests a second, share of failures, scrape interval, what goes wrong with scrapes."""

    rate: float
    bad: float
    interval: float
    over: float
    transport: float
    missed: float = 0.0
    restart: float | None = None
    lazy: bool = True
    slow: float = 0.05
    endpoints: tuple[tuple[str, float, float], ...] = (("/checkout", 0.8, 1.0), ("/", 0.2, 1.0))
    statuses: tuple[int, ...] = (500, 502, 503)


@dataclass(frozen=True)
class Done:
    """One request: client's start and end, when the server counted it, and what it was."""

    start: float
    end: float
    counted: float
    seconds: float
    name: str
    status: int


Key = tuple[tuple[str, str], ...]
Raw = dict[Key, list[tuple[float, float]]]


@dataclass
class Counters:
    """The counters of the service: what is counted is gone after a restart, and series are born with their first request."""

    world: World
    waiting: list[Done]
    counts: dict[Key, float] = field(default_factory=dict)
    began: float = ZERO

    def __post_init__(self) -> None:
        """Begin with nothing."""
        self.waiting.reverse()
        self._begin()

    def go_on(self, until: float) -> None:
        """Count every request that the server had counted by then."""
        while self.waiting and self.waiting[-1].counted <= until:
            if self._restarted(self.waiting[-1].counted):
                self._begin()
            self._count(self.waiting.pop())
        if self._restarted(until):
            self._begin()

    def _restarted(self, at: float) -> bool:
        over = self.world.restart is not None and at > ZERO + self.world.restart
        if over:
            self.began, self.world = at, replace(self.world, restart=None)
        return over

    def _begin(self) -> None:
        names = [name for name, _, _ in self.world.endpoints]
        statuses = () if self.world.lazy else (200, *self.world.statuses)
        self.counts = {_requests(name, status): 0.0 for name in names for status in statuses}

    def _count(self, done: Done) -> None:
        keys = [_requests(done.name, done.status), _latency("count", done.name), *BOUNDS[bisect_left(BUCKETS, done.seconds) :]]
        for key in keys:
            mine = _latency("bucket", done.name, key) if isinstance(key, str) else key
            self.counts[mine] = self.counts.get(mine, 0.0) + 1
        for le in BOUNDS:
            self.counts.setdefault(_latency("bucket", done.name, le), 0.0)
        total = _latency("sum", done.name)
        self.counts[total] = self.counts.get(total, 0.0) + done.seconds


@dataclass
class Simulated:
    """A world that was played: the requests and every scraped sample."""

    world: World
    random: Random
    requests: list[Done] = field(default_factory=list)
    raw: Raw = field(default_factory=lambda: defaultdict(list))
    late: list[list[float]] = field(default_factory=list)
    zero: float = ZERO

    def play(self) -> Simulated:
        """Make traffic, then scrape it."""
        at = 0.0
        while at < END + 2:
            at += self.random.expovariate(self.world.rate * (3 if int(at) % 3 else 0.3))
            self.requests.append(self._request(ZERO + at))
        # The load goes on long enough that nothing of interest is still under way when the log ends.
        self.requests.append(self._request(ZERO + END + 60))
        self._scrapes()
        return self

    def _request(self, start: float) -> Done:
        name, _, slowness = self.random.choices(self.world.endpoints, [share for _, share, _ in self.world.endpoints])[0]
        seconds = self.random.lognormvariate(math.log(self.world.slow * slowness), 0.8)
        there, back, noting = (self.random.uniform(0, self.world.transport / 2) for _ in range(3))
        status = self.random.choice(self.world.statuses) if self.random.random() < self.world.bad else 200
        answered = start + there + seconds
        return Done(start, answered + back, answered + noting, seconds, name, status)

    def _scrapes(self) -> None:
        at = ZERO + self.random.uniform(0, self.world.interval)
        counter = Counters(self.world, sorted(self.requests, key=lambda done: done.counted))
        while at < ZERO + END:
            stamp = round(at, 3)
            took = self.random.uniform(0.001, min(0.05, self.world.interval / 3))
            exposed = stamp + self.random.uniform(0, 0.002) + self.random.uniform(0, took)
            counter.go_on(exposed)
            if self.random.random() >= self.world.missed:
                for key, value in counter.counts.items():
                    self.raw[key].append((stamp, value))
                self.raw[_key("process_start_time_seconds")].append((stamp, counter.began))
                self.late.append([stamp, took])
            at += self.world.interval

    # ── what Prometheus makes of it ──

    def rates(self, at: float, name: str, **labels: str) -> dict[Key, float]:
        """Return ``rate(name{labels}[over])`` at an instant."""
        found = {}
        for key, points in self.raw.items():
            if key[0] == ("__name__", name) and all(dict(key).get(k) in v.split("|") for k, v in labels.items()):
                rate = _rate([p for p in points if at - self.world.over < p[0] <= at], at - self.world.over, at)
                if rate is not None:
                    found[key] = rate
        return found

    def right(self, figure: str, at: float) -> float | None:
        """Return what a correct rule gives."""
        if figure == "mean":
            total = sum(self.rates(at, "latency_seconds_count").values())
            return sum(self.rates(at, "latency_seconds_sum").values()) / total if total else None
        if figure in ("p50", "p95", "p99"):
            return self.quantile({"p50": 0.5, "p95": 0.95, "p99": 0.99}[figure], at)
        everything = sum(self.rates(at, "http_requests_total").values())
        if figure == "throughput":
            return everything
        bad = sum(self.rates(at, "http_requests_total", status="500|502|503").values())
        ratio = bad / everything if everything else None
        if ratio is None:
            return None
        return {"availability": 1 - ratio, "error_rate": ratio, "burn_rate": ratio / 0.01}[figure]

    def quantile(self, q: float, at: float) -> float | None:
        """Return ``histogram_quantile(q, sum by (le) (rate(latency_seconds_bucket[over])))``."""
        counts: dict[float, float] = defaultdict(float)
        for key, rate in self.rates(at, "latency_seconds_bucket").items():
            counts[float(dict(key)["le"])] += rate
        return _bucket_quantile(q, sorted(counts.items())) if counts else None

    # ── what the expectation is shown ──

    def sight(self, sla: Sla, at: float, *values: float | None) -> Sight:
        """Return what the expectation says of figures that were read at an instant."""
        names = {"mean": ("latency_seconds_sum", "latency_seconds_count")}
        wanted = names.get(sla.figure, ("latency_seconds_bucket",) if sla.figure[0] == "p" else ("http_requests_total",))
        leaves = [{"selector": name, "at": at, "recorded": False, "series": self._series(at, name)} for name in wanted]
        late = [{"labels": TARGET, "points": [p for p in self.late if at - self.world.over < p[0] <= at]}]
        begun = self._series(at, "process_start_time_seconds")
        data = {
            "at": at,
            "values": list(values),
            "leaves": leaves,
            "late": late,
            "begun": begun,
            "transport": self.world.transport,
        }
        journal = self.journal()
        look = Event("look", at + 0.4, {"key": str(sla.evidence()), "data": data})
        (sight,) = sla.holds(History((look,), journal))
        return sight

    def _series(self, at: float, name: str) -> list[dict[str, Any]]:
        found = []
        for key, points in self.raw.items():
            inside = [list(point) for point in points if at - self.world.over < point[0] <= at]
            if key[0] == ("__name__", name) and inside:
                found.append({"labels": dict(key), "points": inside})
        return found

    def journal(self) -> Journal:
        """Return a journal with the request log."""
        rows = [f"{d.end:.6f},GET,{d.name},{d.status},{d.end - d.start:.6f},10," for d in self.requests]
        journal = Journal()
        journal.write("load", ZERO - 1, name="locust", phase="begun")
        journal.write("zero", ZERO, speed=1.0)
        log = "\n".join(["end,method,name,status,seconds,bytes,error", *rows, ""])
        journal.write("load", ZERO + END + 90, name="locust", phase="ended", requests=log)
        return journal


@cache
def _requests(name: str, status: int) -> Key:
    return _key("http_requests_total", method="GET", endpoint=name, status=str(status))


@cache
def _latency(what: str, name: str, le: str = "") -> Key:
    return _key(f"latency_seconds_{what}", method="GET", endpoint=name, **({"le": le} if le else {}))


def _key(name: str, **labels: str) -> Key:
    return (("__name__", name), *sorted({**TARGET, **labels}.items()))


def _rate(points: Sequence[tuple[float, float]], start: float, end: float) -> float | None:
    """Follow extrapolatedRate of promql/functions.go line by line."""
    if len(points) < 2:
        return None
    result = points[-1][1] - points[0][1]
    for (_, before), (_, after) in pairwise(points):
        if after < before:
            result += before
    to_start, to_end, sampled = (
        round(span, 3) for span in (points[0][0] - start, end - points[-1][0], points[-1][0] - points[0][0])
    )
    average = sampled / (len(points) - 1)
    if to_start >= average * 1.1:
        to_start = average / 2
    if result > 0 and points[0][1] >= 0:
        to_start = min(to_start, sampled * (points[0][1] / result))
    if to_end >= average * 1.1:
        to_end = average / 2
    return result * ((sampled + to_start + to_end) / sampled) / round(end - start, 3)


def _bucket_quantile(q: float, buckets: Sequence[tuple[float, float]]) -> float | None:
    """Follow BucketQuantile of promql/quantile.go."""
    counts, top = [], 0.0
    for _, count in buckets:
        top = max(top, count)
        counts.append(top)
    if not counts[-1]:
        return None
    rank = q * counts[-1]
    place = next((n for n in range(len(counts) - 1) if counts[n] >= rank), len(counts) - 1)
    if place == len(counts) - 1:
        return buckets[-2][0]
    start, before = (buckets[place - 1][0], counts[place - 1]) if place else (0.0, 0.0)
    return start + (buckets[place][0] - start) * (rank - before) / (counts[place] - before)


def worlds(seed: int, **fixed: Any) -> Simulated:
    """Return a random world, played."""
    random = Random(seed)  # noqa: S311 - a simulation
    interval = random.choice([0.1, 0.2, 0.5])
    settings: dict[str, Any] = {
        "rate": random.choice([3, 10, 40]),
        "bad": random.choice([0.0, 0.02, 0.2, 0.7]),
        "interval": interval,
        "over": interval * random.choice([5, 7.3, 10]),
        "transport": random.choice([0.0, 0.002, 0.02]),
        "missed": random.choice([0.0, 0.0, 0.15]),
        "restart": random.choice([None, None, random.uniform(4, 9)]),
        "lazy": random.random() < 0.6,
        "slow": random.choice([0.004, 0.05, 0.8]),
    }
    return Simulated(World(**{**settings, **fixed}), random).play()


def claim(figure: str, over: float, **fields: Any) -> Sla:
    """Return the claim that some query gives a figure."""
    objective = {"objective": 99.0} if figure == "burn_rate" else {}
    return Sla(figure, f"{over * 1000:.0f}ms", query="some_rule", **objective, **fields)  # type: ignore[arg-type]


@pytest.fixture
def simulate() -> Callable[..., Simulated]:
    """Return what plays a random world: by its seed, with settings that are fixed."""
    return worlds


@pytest.fixture
def claimed() -> Callable[..., Sla]:
    """Return what claims that some query gives a figure over so many seconds."""
    return claim
