"""How much faster story time may pass on a stack: what the user asks, what limits it, and the rules that it does not suit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from math import floor, lcm

from pytest_obscheck.abilities import HoldsTime
from pytest_obscheck.errors import ConfigError, Problem
from pytest_obscheck.matching import expanded
from pytest_obscheck.plan import AlertRule, Facts, Plan
from pytest_obscheck.protocols import Place
from pytest_obscheck.speed import (
    FASTEST,
    Class,
    Finding,
    Metric,
    Origins,
    Pace,
    Source,
    Span,
    Speed,
    Timing,
    VirtualClock,
    check_speed,
    classify,
    divisors,
    factor,
    flows_in_use,
    largest,
    misfit,
)
from pytest_obscheck.speed.rules import DECISION
from pytest_obscheck.stack.file import Member, StackFile
from pytest_obscheck.when import instant

AUTO = "auto"
FASTEST_REAL = 200
"""The shortest scrape interval of real exporters that ``auto`` chooses, in milliseconds: looks come no more often either."""
EACH = 10
"""Milliseconds of wall time for each target and scrape interval: with many targets, one machine keeps up with fewer scrapes."""


@dataclass(frozen=True)
class Moment:
    """When a stack is planned: the Unix second, and the instant that its virtual clock is to show when a story begins."""

    wall: float = 0.0
    chosen: str = ""


def checked(asked: str, where: str) -> str:
    """Return a speed that the option ``where`` asks for; ``ConfigError`` where it is neither a speed nor ``auto``."""
    if asked != AUTO:
        factor(asked, where, auto=True)
    return asked


def pace(asked: str, stack: StackFile, facts: Facts, place: Callable[[Member], Place], now: Moment) -> Pace:
    """Return the pace that the user asks for; ``ConfigError`` where the configuration does not allow it."""
    if asked != AUTO and factor(asked, auto=True) == 1:
        return _unsped(now)
    timings = {
        name: member.component.timing(place(member))
        for name, member in stack.members.items()
        if isinstance(member.component, HoldsTime)
    }
    spans = [span for each in timings.values() for span in each.spans]
    scrape = max((each.scrape for each in timings.values()), default=Fraction(0))
    source = Source.SCRIPTED if _scripted(stack, facts, timings) else Source.REAL
    origins = _origins(stack, facts, timings) if source is Source.REAL else None
    by, words = _by(asked, spans, scrape, _fastest(source, max(len(facts.scraped), len(facts.jobs))), source)
    if by == 1 and now.chosen:
        return _unsped(now)
    evaluation = max((each.evaluation for each in timings.values()), default=Fraction(0)) or Speed.evaluation
    clock = _clock(spans, evaluation, by, now) if origins or source is Source.SCRIPTED else VirtualClock()
    if now.chosen and clock == VirtualClock():
        what = f"no target of this stack is synthetic, and the clock of real ones does not show {now.chosen}"
        raise ConfigError([Problem("instant", what, "take it out, or script what the calendar rules read")])
    words += f"; its clock begins at {now.chosen}" if now.chosen else ""
    speed = Speed(by, source, evaluation, clock, origins=origins)
    if origins:
        words = words.replace("samples", f"samples, and scripted ones of {', '.join(_follow_story(timings))}", 1)
    fixed = {receiver: problem for each in timings.values() for receiver, problem in each.fixed.items()}
    metrics = flows_in_use([*(rule.expr for rule in facts.alerts), *facts.recordings.values()])
    return Pace(speed, words, dict(_unfit(facts, speed, metrics)), fixed, metrics, float(scrape) / 1000)


def _unsped(now: Moment) -> Pace:
    """Return the pace of a story that passes as wall time does; its clock is the wall's."""
    if now.chosen:
        raise ConfigError([Problem("instant", f"at speed 1 it is now, not {now.chosen}", "play it at a speed, such as 60")])
    return Pace()


def half(by: float) -> int:
    """Return the largest factor that is no more than half of one, and divides whatever that one does."""
    return max(each for each in divisors(int(by)) if 2 * each <= by)


def no_more(by: float, highest: int) -> int:
    """Return the largest factor that is not above another, and divides whatever the first one does."""
    return max(each for each in divisors(int(by)) if each <= max(1, highest))


def slowed(made: Plan, before: float, why: str) -> Plan:
    """Return a plan that says what its speed was before, and why that was too much."""
    words = f"{made.pace.words or 'speed 1'}; auto: {made.pace.by:g}, for at {before:g} {why}"
    return replace(made, pace=replace(made.pace, words=words))


def _fastest(source: Source, targets: int) -> int:
    """Return the shortest scrape interval that ``auto`` chooses, in milliseconds."""
    return max(EACH * targets, FASTEST) if source is Source.SCRIPTED else FASTEST_REAL


def _by(asked: str, spans: Sequence[Span], scrape: Fraction, fastest: int, source: Source) -> tuple[Fraction, str]:
    """Return the factor and what set or limited it."""
    said = f"{source.value} samples"
    if asked != AUTO:
        by = factor(asked)
        check_speed(spans, by, scrape)
        return by, said
    limit = largest(spans, scrape, fastest, paced=True)
    return Fraction(limit.factor), f"{said}; auto: {limit}"


def _scripted(stack: StackFile, facts: Facts, timings: Mapping[str, Timing]) -> bool:
    """Whether every target that is scraped follows the story: one real process among them, and rates are real ones."""
    hosts = {host: name for name, member in stack.members.items() for host in member.hosts}
    leads = {hosts.get(address, "") for address in facts.jobs}
    return bool(leads) and all(name in timings and timings[name].scripted for name in leads)


def _follow_story(timings: Mapping[str, Timing]) -> list[str]:
    return [name for name, timing in timings.items() if timing.scripted]


def _origins(stack: StackFile, facts: Facts, timings: Mapping[str, Timing]) -> Origins | None:
    """Return which series are scripted on a stack whose other targets are real; ``None`` where none are."""
    scripted: dict[str, list[Mapping[str, str]]] = {}
    follow = {host: name for name in _follow_story(timings) for host in stack.members[name].hosts}
    for name in _follow_story(timings):
        jobs = {job for host in stack.members[name].hosts for job in facts.jobs.get(host, ())}
        for labels in timings[name].series:
            told: list[Mapping[str, str]] = [{"job": job, **labels} for job in jobs] or [labels]
            scripted.setdefault(labels["__name__"], []).extend(told)
    real = frozenset(job for target, names in facts.jobs.items() if target not in follow for job in names)
    return Origins(scripted, real, facts.recordings) if scripted else None


def _clock(spans: Sequence[Span], evaluation: Fraction, by: Fraction, now: Moment) -> VirtualClock:
    """Return a clock that begins now, on a multiple of every step of a subquery, on which Prometheus evaluates those.

    With an instant of the user's choice it stands at that until a story begins.
    """
    steps = [each.length for each in spans if each.what == "step"] or [evaluation]
    below = lcm(*(each.denominator for each in steps))
    step = Fraction(lcm(*(int(each * below) for each in steps)), below * 1000)
    quicker = step / by
    shown = instant(now.chosen) if now.chosen else now.wall
    return VirtualClock(floor(shown / step) * step, floor(now.wall / quicker) * quicker, quicker, stands=bool(now.chosen))


def _unfit(facts: Facts, speed: Speed, metrics: Mapping[str, Metric]) -> Iterator[tuple[str, Problem]]:
    """Yield the rules that the speed would make other rules, or that rest on such a recording rule, by name."""

    @cache
    def found(expr: str, reading: str) -> Finding:
        return classify(expr, speed, metrics, reading)

    for name, expr in facts.recordings.items():
        problem = misfit("", f"record {name}", found(expr, ""), speed)
        if problem is not None:
            yield name, problem
    for rule in facts.alerts:
        worst = min(_findings(rule, facts.recordings, found), key=lambda finding: -list(Class).index(finding.grade))
        problem = misfit(rule.where, f"alert {rule.name}", worst, speed)
        if problem is not None:
            yield rule.name, problem


def _findings(rule: AlertRule, recordings: Mapping[str, str], found: Callable[[str, str], Finding]) -> Iterator[Finding]:
    """Yield the class of an alert and of all behind it; what it reads as physical, it may rest on as it is."""
    reading = rule.annotations.get(DECISION, "")
    yield found(rule.expr, reading)
    for expr in expanded(rule.expr, recordings)[1:]:
        yield found(expr, reading if reading == "physical" else "")
