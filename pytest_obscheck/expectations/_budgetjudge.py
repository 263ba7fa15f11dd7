"""When burn-rate alerts had to fire, computed from the requests of a story, and what they did.

At every instant the error ratio over each window has bounds, replayed from the scrapes that there were (as for ``sla``). Where
the lower bounds of both windows of a pair are above its burn rate, its alert burns *surely*; where the upper ones are, it does
*perhaps*. Between the first such instant and the alert lie its ``for``, one evaluation of a recording rule and one of the
alert. So it must fire not before the first perhaps, plus ``for``; not later than the first surely, plus ``for`` and two
evaluations; and nowhere else. The exact instant is that at which the ratios of the requests themselves are above the burn rate.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pytest_obscheck.expectations._slafigures import Indicator
from pytest_obscheck.expectations._slajudge import Reading, bound_of
from pytest_obscheck.expectations._slalog import RequestLog, matching, request_log
from pytest_obscheck.expectations._timeline import moments
from pytest_obscheck.journal import Event, Journal
from pytest_obscheck.objective import Pair, duration
from pytest_obscheck.protocols import History
from pytest_obscheck.slo.burning import MustFire
from pytest_obscheck.slo.comparing import Finding, compare
from pytest_obscheck.when import Sight, spoken

INSTANTS = 150
"""How many instants of a story are computed at most."""

NEAR = 5.0
"""Seconds beyond a window's edges within which a request may count in it."""

LAG = 0.4
"""Seconds by which the last instant stays behind the last look, so that scrapes that were under way are there."""


Points = Sequence[tuple[Mapping[str, str], Sequence[Sequence[float]]]]
"""For each series its labels and its samples, in order."""


@dataclass(frozen=True)
class Claimed:
    """What is claimed: an objective, its alerts by their long window, and which requests count and which of them are bad."""

    objective: str
    alerts: Mapping[str, str]
    requests: str
    failed: str
    faster: float | None


@dataclass(frozen=True)
class Seen:
    """Every raw sample of a story, by series; ``start`` and ``end`` are the Unix seconds that they cover."""

    start: float
    end: float
    series: Points
    late: Points
    begun: Points
    transport: float

    def reading(self, indicator: Indicator, at: float, over: float) -> Reading:
        """Return what a rule that is evaluated at an instant reads."""
        series = _cut(self.series, at - over, at)
        leaf = {"selector": "", "at": at, "recorded": True, "series": [each for each in series if each["points"]]}
        late, begun = (_cut(each, at - 2 * over, at) for each in (self.late, self.begun))
        data = {"at": at, "values": [], "leaves": [leaf], "late": late, "begun": begun}
        return Reading(indicator, data, over, transport=self.transport)


def _cut(series: Points, start: float, end: float) -> list[dict[str, Any]]:
    return [
        {"labels": labels, "points": points[bisect_right(points, start, key=_time) : bisect_right(points, end, key=_time)]}
        for labels, points in series
    ]


def _time(point: Sequence[float]) -> float:
    return point[0]


def _seen(looks: Sequence[Event]) -> Seen | None:
    """Put all looks together, each sample once."""
    found = [event.data["data"] for event in looks if "data" in event.data]
    if not found:
        return None
    series, begun = (_merged(each for data in found for each in data[key]) for key in ("series", "begun"))
    late = _merged(each for data in found for each in data["late"])
    transport = max((data["transport"] or 0.0 for data in found), default=0.0)
    return Seen(found[0]["since"], found[-1]["until"] - LAG, series, late, begun, transport)


def _merged(series: Iterable[Mapping[str, Any]]) -> Points:
    labels: dict[str, Mapping[str, str]] = {}
    points: dict[str, dict[float, float]] = {}
    for each in series:
        key = str(sorted(each["labels"].items()))
        labels[key] = each["labels"]
        points.setdefault(key, {}).update((at, value) for at, value in each["points"])
    return [(labels[key], sorted(points[key].items())) for key in labels]


@dataclass(frozen=True)
class Burning:
    """What is known of one alert at one instant: whether it burns exactly, surely, perhaps; ``blind`` says why nothing is."""

    at: float
    exactly: bool = False
    surely: bool = False
    perhaps: bool = False
    blind: str = ""


@dataclass(frozen=True)
class Watched:
    """One alert: its pairs of windows, the objective's period and budget, and what the rule adds in wall seconds."""

    name: str
    pairs: Sequence[Pair]
    period: float
    budget: float
    hold: float
    interval: float

    def limit(self, pair: Pair) -> float:
        """Return the error ratio beyond which a pair burns."""
        return pair.factor(self.period) * self.budget


@dataclass(frozen=True)
class Happened:
    """What happened: the requests that count, the samples, which requests are bad, and the story's speed."""

    log: RequestLog
    seen: Seen
    claimed: Claimed
    journal: Journal

    def window(self, at: float, over: float) -> tuple[float, float, float]:
        """Return the error ratio over so many story seconds, and its bounds; 0 where there is none."""
        wall = over / self.journal.speed
        indicator = Indicator("error_rate", wall, self.claimed.failed, self.claimed.faster)
        edges = (at - wall - NEAR, at + NEAR)
        low, high = (bisect_right(self.log.requests, edge, key=lambda request: request.end) for edge in edges)
        near = self.log.requests[low:high]
        bound = bound_of(self.seen.reading(indicator, at, wall), near)
        exact = indicator.truth([request for request in near if at - wall < request.end <= at])
        return (exact or 0.0, *(bound if bound[0] <= bound[1] else (0.0, 0.0)))


def sights(claimed: Claimed, history: History, looks: Sequence[Event]) -> list[Sight]:
    """Return a sight for every instant, and one for everything that an alert did wrong."""
    log, seen, journal = request_log(history.journal), _seen(looks), history.journal
    trouble = log.trouble or ("" if seen else "the samples behind the alerts were not read")
    if trouble or seen is None:
        return [Sight(journal.story(event.wall), None, trouble) for event in history.looks]
    mine = replace(log, requests=tuple(matching(log.requests, claimed.requests)))
    happened = Happened(mine, seen, claimed, journal)
    told: list[tuple[float, Finding]] = []
    blind: dict[float, str] = {}
    for watched in _watched(claimed, history):
        burning = list(_burning(watched, happened))
        blind |= {journal.story(each.at): each.blind for each in burning}
        told += _judged(watched, burning, _fired(history, watched.name), journal)
    words = _words(told, happened)
    calm = [Sight(at, None if why else True, why or words) for at, why in blind.items()]
    wrong = [Sight(at, holds=False, words=finding.words) for at, finding in told if not finding.right]
    return sorted([*calm, *wrong], key=lambda sight: sight.at)


def _objective(claimed: Claimed, journal: Journal) -> Mapping[str, Any]:
    plan = journal.last("plan")
    found: Mapping[str, Any] = plan.data["objectives"][claimed.objective] if plan else {}
    return found


def _watched(claimed: Claimed, history: History) -> Iterator[Watched]:
    target = _objective(claimed, history.journal)
    pairs = [Pair(**each) for each in target["pairs"]]
    for name in dict.fromkeys(claimed.alerts.values()):
        mine = [pair for pair in pairs if claimed.alerts.get(duration(pair.long)) == name]
        hold, interval = _rule(history, name)
        wanted = mine[0].hold
        hold = hold if wanted is None else wanted / history.journal.speed
        yield Watched(name, mine, target["period"], round(1 - target["target"], 12), hold, interval)


def _rule(history: History, name: str) -> tuple[float, float]:
    """Return ``for`` and the interval of a rule, as Prometheus last said: in wall seconds, whatever the story's speed."""
    found = [event.data["data"]["rules"].get(name, ()) for event in history.looks if "rules" in event.data.get("data", {})]
    rule: Mapping[str, Any] = next((rules[0] for rules in reversed(found) if rules), {})
    return float(rule.get("duration") or 0.0), float(rule.get("interval") or 0.0)


def _burning(watched: Watched, happened: Happened) -> Iterator[Burning]:
    zero = happened.journal.zero or 0.0
    span = happened.seen.end - zero
    step = max(watched.interval / 2, span / INSTANTS, 0.02)
    longest = max(pair.long for pair in watched.pairs) / happened.journal.speed
    for number in range(max(0, math.floor(span / step))):
        at = zero + number * step
        gap = happened.log.gap(at - longest, at)
        yield Burning(at, blind=gap) if gap else _at(at, watched, happened)


def _at(at: float, watched: Watched, happened: Happened) -> Burning:
    """Return whether any pair burns in both of its windows: by the exact ratio, its lower and its upper bound."""
    found = []
    for pair in watched.pairs:
        windows = [happened.window(at, over) for over in (pair.long, pair.short)]
        found.append([all(window[n] > watched.limit(pair) for window in windows) for n in range(3)])
    exactly, surely, perhaps = (any(each[n] for each in found) for n in range(3))
    return Burning(at, exactly, surely, perhaps)


def _fired(history: History, name: str) -> list[float]:
    """Return the story seconds at which an alert began to fire."""
    found, up = [], False
    for moment in moments(history, name, {}):
        if not moment.blind:
            firing = "firing" in moment.states()
            if firing and not up:
                found.append(history.story(min(state.since for state in moment.active if state.name == "firing")))
            up = firing
    return found


def _stretches(burning: Sequence[Burning]) -> Iterator[Sequence[Burning]]:
    found: list[Burning] = []
    for each in burning:
        if each.perhaps and not each.blind:
            found.append(each)
        elif found:
            yield found
            found = []
    if found:
        yield found


def _judged(
    watched: Watched, burning: Sequence[Burning], fired: Sequence[float], journal: Journal
) -> list[tuple[float, Finding]]:
    """Return a finding for each stretch in which the alert had to fire, and for each time it fired without cause."""
    step = burning[1].at - burning[0].at if len(burning) > 1 else 0.0
    lag, slack = 2 * watched.interval, step
    told: list[tuple[float, Finding]] = []
    left = list(fired)
    for stretch in _stretches(burning):
        begin, end = stretch[0].at + watched.hold - slack, stretch[-1].at + lag + slack
        mine = [at for at in left if journal.story(begin - lag) <= at <= journal.story(end)]
        must = _must(watched, stretch, _exact(burning, stretch), journal, (lag, slack))
        if must is not None and stretch[0].at > burning[0].at:
            told += [(mine[0] if mine else must.latest, finding) for finding in compare([must], {str(must.pair): mine[:1]})]
        left = [at for at in left if at not in mine]
    lasting = f" for {spoken(watched.hold * journal.speed)}" if watched.hold else ""
    return told + [
        (at, Finding(False, f"{watched.name} fired at {spoken(at)}, but nothing burnt that fast{lasting}")) for at in left
    ]


def _exact(burning: Sequence[Burning], stretch: Sequence[Burning]) -> float:
    """Return when the requests themselves began to burn, for a stretch in which the scrapes say so."""
    before = [each for each in burning if each.at <= stretch[-1].at]
    last = next((n for n in reversed(range(len(before))) if before[n].exactly), 0)
    while last and before[last - 1].exactly:
        last -= 1
    return before[last].at


def _must(
    watched: Watched, stretch: Sequence[Burning], exact: float, journal: Journal, around: tuple[float, float]
) -> MustFire | None:
    """Return when the alert must fire in a stretch; ``None`` where it need not: it does not surely burn for long enough."""
    lag, slack = around
    sure = next((run for run in _runs(stretch) if run[-1].at - run[0].at >= watched.hold + lag + slack), None)
    if sure is None:
        return None
    ends = (exact, stretch[0].at - slack, sure[0].at + lag + slack, sure[-1].at - watched.hold)
    at, earliest, latest, until = (journal.story(each + watched.hold) for each in ends)
    pair = watched.pairs[0]
    return MustFire(pair, pair.factor(watched.period), at, earliest, latest, until)


def _runs(stretch: Sequence[Burning]) -> Iterator[Sequence[Burning]]:
    yield from _stretches([replace(each, perhaps=each.surely) for each in stretch])


def _words(told: Sequence[tuple[float, Finding]], happened: Happened) -> str:
    target, requests = _objective(happened.claimed, happened.journal), happened.log.requests
    bad = Indicator("error_rate", 1.0, happened.claimed.failed, happened.claimed.faster).truth(requests) or 0.0
    span = (requests[-1].end - requests[0].end) * happened.journal.speed if requests else 0.0
    spent = bad / (1 - target["target"]) * span / target["period"]
    said = "; ".join(finding.words for _, finding in told) or "no alert had to fire, and none did"
    return f"{spent * 100:.1f}% of the budget of {duration(target['period'])} spent; {said}"
