"""Proves with the real engine that a sped-up rule changes its state at t/N where the original does at t."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from pathlib import Path

from pytest_obscheck.rulelab.promtool import Answer, Query, Trial, ask
from pytest_obscheck.rulelab.series import STORY, VARIANTS, Layout, Series, Variant, generate, layout
from pytest_obscheck.speed.durations import spelled
from pytest_obscheck.speed.origins import Source
from pytest_obscheck.speed.promql import Speed, VirtualClock
from pytest_obscheck.speed.rules import HOLDS, Rule
from pytest_obscheck.speed.trees import Kind, Tree, parsed

BITS = 50
"""Evaluations in one number: a double holds 53 bits exactly."""
CLOCK = VirtualClock(Fraction(STORY, 1000))
"""The virtual clock of a proof: the speeds of its cases must have it."""
TIE = 1e-9
LOOKS = 5
FIELDS = ("alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations")


class Proof(Enum):
    """How far a proof went."""

    PROVED = "proved"
    QUIET = "proved quiet only"
    DIFFERENT = "different"
    FAILED = "not proved"


@dataclass(frozen=True)
class Outcome:
    """What the engine said of one rule, at every factor; ``told`` is what differs."""

    proof: Proof
    told: str = ""


@dataclass(frozen=True)
class Case:
    """One rule to prove: the user's own, and what it became at each factor."""

    rule: Rule
    sped: Sequence[tuple[Speed, Rule]]


@dataclass(frozen=True)
class _Play:
    """A rule with the series it is tried on and what the engine said of the original."""

    case: Case
    tree: Tree
    when: Layout
    series: Sequence[Series]
    answer: Answer = field(default_factory=Answer)


def _layout(rule: Rule, tree: Tree, factors: Sequence[Fraction]) -> Layout:
    return layout(tree, [int(rule.duration(field)) for field in HOLDS], factors)


def prove(promtool: Path, cases: Sequence[Case]) -> list[Outcome]:
    """Return the outcome of each case: series are made for the original until it changes its state, then N times closer."""
    plays = _moving(promtool, cases)
    trials = [trial for play in plays for trial in _sped_trials(play)]
    answers = iter(ask(promtool, trials))
    return [_judged(play, [(speed, next(answers)) for speed, _ in play.case.sped]) for play in plays]


def _moving(promtool: Path, cases: Sequence[Case]) -> list[_Play]:
    """Return each original with the first series over which it changes its state; with the first of all if none does."""
    best: dict[int, _Play] = {}
    open_ones = list(range(len(cases)))
    for variant in VARIANTS:
        plays = [_play(cases[number], variant) for number in open_ones]
        answers = ask(promtool, [_trial(play, play.case.rule, play.when.step, play.when.start) for play in plays])
        for number, play, answer in zip(open_ones, plays, answers, strict=True):
            tried = _Play(play.case, play.tree, play.when, play.series, answer)
            if number not in best or _interest(tried) > _interest(best[number]):
                best[number] = tried
        open_ones = [number for number in open_ones if _interest(best[number]) < 3]
        if not open_ones:
            break
    return [best[number] for number in range(len(cases))]


def _interest(play: _Play) -> int:
    """Return 3 for an alert that fires and ends (a recording that takes several values), 0 for one that stays quiet."""
    answers = play.answer.values
    if play.case.rule.kind == "record":
        return 3 if len({tuple(sorted(values.items())) for values in answers.values()}) > 1 else 0
    states = [pair for tag, values in answers.items() if tag.startswith("states") for pair in values.items()]
    firing = [int(mask).bit_count() for labels, mask in states if 'alertstate="firing"' in labels]
    series = {labels for labels, _ in states if 'alertstate="firing"' in labels}
    if not firing:
        return 1 if states else 0
    return 3 if sum(firing) < play.when.length * len(series) else 2


def _play(case: Case, variant: Variant) -> _Play:
    tree = parsed(case.rule.expr)
    when = _layout(case.rule, tree, [speed.by for speed, _ in case.sped])
    return _Play(case, tree, when, generate(tree, when, variant))


def _trial(play: _Play, rule: Rule, step: int, start: int, shrink: Fraction = Fraction(1)) -> Trial:
    fields = {name: rule.fields[name] for name in FIELDS if rule.fields.get(name) is not None}
    series = [_shrunk(each, shrink).notation() for each in play.series]
    return Trial(fields, series, step, start, tuple(_queries(rule, play.when, step, start)), _names(rule, play.tree))


def _names(rule: Rule, tree: Tree) -> frozenset[str]:
    read = [node.name for node in tree.walk() if node.kind is Kind.SELECTOR]
    return frozenset() if any(name in ("", "ALERTS", "ALERTS_FOR_STATE") for name in read) else frozenset({rule.name, *read})


def _shrunk(series: Series, shrink: Fraction) -> Series:
    if not series.flow:
        return series
    return Series(series.labels, tuple(None if value is None else value / float(shrink) for value in series.values))


def _queries(rule: Rule, when: Layout, step: int, start: int) -> Iterator[Query]:
    """Ask for the state at every evaluation, packed into numbers bit by bit, and for the value here and there."""
    looks = sorted(
        {round(number * (when.length - 1) / LOOKS) for number in range(1, LOOKS + 1)} | {when.phases[0] + when.phases[1] - 1}
    )
    if rule.kind == "record":
        yield from (Query(f"value.{at}", rule.name, at * step) for at in looks)
        return
    for block in range(0, when.length, BITS):
        zero = f"{(start + block * step) / 1000:.3f}"
        last = min(block + BITS, when.length) - 1
        width = spelled((last - block) * step + step // 2)
        number = f"round(ALERTS{{alertname={_quoted(rule.name)}}} * 0 + (time() - {zero}) / {step / 1000:.3f})"
        states = f"sum_over_time((2 ^ {number})[{width}:{spelled(step)}])"
        yield Query(f"states.{block}", states, last * step)
    yield from (Query(f"value.{at}", rule.expr, at * step) for at in looks)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _sped_trials(play: _Play) -> Iterator[Trial]:
    for speed, rule in play.case.sped:
        step = Fraction(play.when.step) / speed.by
        yield _trial(
            play, rule, int(step), int(speed.clock.wall * 1000), speed.by if speed.source is Source.REAL else Fraction(1)
        )


def _judged(play: _Play, answers: Sequence[tuple[Speed, Answer]]) -> Outcome:
    for speed, answer in answers:
        error = play.answer.error or answer.error
        if error:
            return Outcome(Proof.FAILED, error)
        told = _difference(play, answer)
        if told:
            return Outcome(Proof.DIFFERENT, f"at N = {float(speed.by):g}: {told}")
    return Outcome(Proof.PROVED if _interest(play) >= 2 else Proof.QUIET)


def _difference(play: _Play, other: Answer) -> str:
    for tag, values in play.answer.values.items():
        theirs = other.values.get(tag, {})
        kind, _, at = tag.partition(".")
        told = _states(values, theirs, int(at)) if kind == "states" else _values(values, theirs, int(at))
        if told:
            return told
    return ""


def _states(one: Mapping[str, float], other: Mapping[str, float], block: int) -> str:
    for labels in sorted({*one, *other}):
        changed = int(one.get(labels, 0)) ^ int(other.get(labels, 0))
        if changed:
            at = (changed & -changed).bit_length() - 1
            here = int(one.get(labels, 0)) >> at & 1
            seen, other_seen = ("there", "missing") if here else ("missing", "there")
            return f"{labels} is {seen} at evaluation {block + at}, sped up it is {other_seen}"
    return ""


def _values(one: Mapping[str, float], other: Mapping[str, float], at: int) -> str:
    for labels in sorted({*one, *other}):
        if labels not in one or labels not in other:
            where = "original" if labels in one else "sped-up rule"
            return f"only the {where} has a value for {labels} at evaluation {at}"
        if not _equal(one[labels], other[labels]):
            return f"{labels} is {one[labels]:g} at evaluation {at}, sped up {other[labels]:g}"
    return ""


def _equal(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other)) or math.isclose(one, other, rel_tol=TIE, abs_tol=TIE)
