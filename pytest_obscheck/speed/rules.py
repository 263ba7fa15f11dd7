"""Rule files: what is in them, what of it holds time, and the working copy for a sped-up stack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from pytest_obscheck.document import Document
from pytest_obscheck.errors import Problem
from pytest_obscheck.speed.classes import Class, Finding, Metric, classify, in_story_time
from pytest_obscheck.speed.durations import milliseconds
from pytest_obscheck.speed.factor import Span, span
from pytest_obscheck.speed.logql import speaks_logql
from pytest_obscheck.speed.origins import Source
from pytest_obscheck.speed.promql import Speed, as_read, durations, rewrite
from pytest_obscheck.speed.templates import sped_template

Spot = tuple[str | int, ...]
HOLDS = ("for", "keep_firing_for")
DECISION = "obscheck_speed"
"""The annotation of an alert by which the user decides how its sped-up form is to be read."""
GROUP = ("interval", "query_offset")
TEMPLATES = ("labels", "annotations")


@dataclass(frozen=True)
class Rule:
    """One rule as the user wrote it; ``kind`` is ``alert`` or ``record``, ``where`` is file:line."""

    file: str
    where: str
    group: str
    kind: str
    name: str
    expr: str
    spot: Spot
    fields: Mapping[str, Any]

    @property
    def reading(self) -> str:
        """Return how the user decided to read it at real rates: ``physical``, ``story``, or ``""``."""
        notes = self.fields.get("annotations")
        return str(notes.get(DECISION, "")) if isinstance(notes, Mapping) else ""

    def duration(self, field: str) -> Fraction:
        """Return a field in milliseconds, 0 where it is missing; ``ValueError`` where it is none."""
        return milliseconds(str(self.fields.get(field) or 0))


def rules_of(document: Document, shown: str = "") -> Iterator[Rule]:
    """Yield the rules of a file in its order; what has neither a name nor an expression is left to promtool."""
    shown = shown or str(document.path)
    for number, group in _rows(document.value, "groups"):
        for place, fields in _rows(group, "rules"):
            spot: Spot = ("groups", number, "rules", place)
            kind = "alert" if "alert" in fields else "record"
            if kind in fields and "expr" in fields:
                where = f"{shown}:{document.line(*spot, kind)}"
                named = (str(group.get("name", "")), kind, str(fields[kind]), str(fields["expr"]).strip())
                yield Rule(shown, where, *named, spot, fields)


def _rows(value: Any, key: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    found = value.get(key) if isinstance(value, Mapping) else None
    if isinstance(found, list):
        yield from ((number, row) for number, row in enumerate(found) if isinstance(row, Mapping))


def spans_of(document: Document, shown: str = "") -> Iterator[Span]:
    """Yield every duration of a rule file in story time; Loki's rules have none, and ``classify`` says why some others."""
    shown = shown or str(document.path)
    if speaks_logql(document.value):
        return
    for number, group in _rows(document.value, "groups"):
        for field in GROUP:
            if group.get(field) is not None:
                yield from span(group[field], f"{shown}:{document.line('groups', number, field)}", field)
    for rule in rules_of(document, shown):
        for field in HOLDS:
            if rule.fields.get(field) is not None:
                yield from span(rule.fields[field], f"{rule.name} ({rule.where})", field)
        yield from _leaves(rule)


def _leaves(rule: Rule) -> Iterator[Span]:
    try:
        found = durations(rule.expr)
    except ValueError:
        return
    yield from (Span(length, f"{rule.name} ({rule.where})", what) for what, length in found if length)


def speed_rules(
    document: Document, speed: Speed, leave: Iterable[Spot] = (), metrics: Mapping[str, Metric] | None = None
) -> None:
    """Edit a rule file for the sped-up stack; rules at the spots of ``leave`` stay as they are.

    ``limit`` counts alerts and stays. ``metrics``: as for ``classify``, for rules that the user reads in story time.
    ``ValueError`` where a duration does not divide: ask ``check_divides`` first.
    """
    for number, group in _rows(document.value, "groups") if not speaks_logql(document.value) else ():
        _shorten(document, ("groups", number), group, GROUP, speed)
    left = set(leave)
    for rule in [each for each in rules_of(document) if each.spot not in left]:
        _speed_rule(document, rule, read_as(rule, speed, metrics))


def read_as(rule: Rule, speed: Speed, metrics: Mapping[str, Metric] | None = None) -> Speed:
    """Return the speed as it holds for one rule: the user's reading of it is part of it."""
    speed = as_read(rule.expr, speed)
    if speed.source is Source.SCRIPTED or rule.reading != "story":
        return speed
    return replace(speed, story=in_story_time(rule.expr, metrics))


def _speed_rule(document: Document, rule: Rule, speed: Speed) -> None:
    _change(document, (*rule.spot, "expr"), rule.expr, rewrite(rule.expr, speed))
    _shorten(document, rule.spot, rule.fields, HOLDS, speed)
    for field in TEMPLATES:
        texts = rule.fields.get(field)
        for name, text in texts.items() if isinstance(texts, Mapping) else ():
            if isinstance(text, str):
                _change(document, (*rule.spot, field, name), text, sped_template(text, speed))


def _shorten(document: Document, spot: Spot, fields: Mapping[str, Any], names: Sequence[str], speed: Speed) -> None:
    for name in names:
        if fields.get(name) is not None:
            before = str(fields[name])
            after = before if not milliseconds(before) else speed.shorter(before)
            _change(document, (*spot, name), before, after)


def _change(document: Document, spot: Spot, before: str, after: str) -> None:
    if after != before:
        document.set(spot, after)


def misfit(where: str, called: str, finding: Finding, speed: Speed) -> Problem | None:
    """Return why a speed would make another rule of this one; ``None`` where it would not."""
    if finding.grade not in (Class.DECISION, Class.CANNOT):
        return None
    verb = "needs your decision" if finding.grade is Class.DECISION else "cannot go"
    what = f"{called} {verb} at speed {float(speed.by):g}: {finding.reason}"
    right = f"{finding.equivalent}; or run it at speed 1" if finding.grade is Class.DECISION else finding.equivalent
    return Problem(where, what, right)


def misfits(rules: Sequence[Rule], speed: Speed, metrics: Mapping[str, Metric] | None = None) -> dict[Spot, Problem]:
    """Return where in a file the rules are that a speed would make other rules, and why."""
    found = {
        rule.spot: misfit(rule.where, f"{rule.kind} {rule.name}", classify(rule.expr, speed, metrics, rule.reading), speed)
        for rule in rules
    }
    return {spot: problem for spot, problem in found.items() if problem is not None}
