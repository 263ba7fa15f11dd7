"""StackFile → Plan: what is known of a stack before anything starts, and every problem in the user's files."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pytest_obscheck import derive, registry, toolchain
from pytest_obscheck.abilities import StandsFor
from pytest_obscheck.errors import ConfigError, LookFailed, Problem, did_you_mean, seen_from
from pytest_obscheck.matching import expanded
from pytest_obscheck.objective import Objective
from pytest_obscheck.plan import AlertRule, Facts, Plan
from pytest_obscheck.protocols import Network, Place, Sink
from pytest_obscheck.reading import refuse
from pytest_obscheck.slo import read_spec
from pytest_obscheck.stack.file import Member, StackFile, real
from pytest_obscheck.stack.filling import Filling
from pytest_obscheck.stack.pacing import Moment, pace
from pytest_obscheck.stack.programs import asked
from pytest_obscheck.stack.unpacking import sourced

P = TypeVar("P", Problem, AlertRule)


def plan(stack: StackFile, speed: str = "1", now: Moment = Moment()) -> Plan:  # noqa: B008 - it is frozen
    """Return the plan of a stack at a speed from now on; ``ConfigError`` with every problem in the files that it names.

    The user's own files are checked with promtool and amtool, where some member has such files.
    """
    merged, problems = facts_of(stack)
    objectives, specs = _objectives(stack, problems)
    merged = _merged([merged, Facts(files=specs)])
    untaken = (told for what, told in merged.offers if what not in merged.takes)
    merged = dataclasses.replace(merged, notes=(*merged.notes, *untaken))
    if not problems:
        problems.extend(_unknown_alerts(stack, merged))
        problems.extend(_placed(stack, derive.check(merged.checks, _tool, stack.home)))
    refuse(list(dict.fromkeys(problems)))
    proxied: dict[str, tuple[str, ...]] = {}
    for source, target in stack.edges():
        proxied[target] = (*proxied.get(target, ()), source)
    paced = pace(speed, stack, merged, lambda member: place_of(stack, member), now)
    members = {name: member.type for name, member in stack.members.items()}
    hosts = {host: name for name, member in stack.members.items() for host in member.hosts}
    known, unlike = tuple(registry.names("sinks")), tuple(_unlike(stack))
    return Plan(stack.home, members, proxied, hosts, merged, known, _parse, _play, paced, objectives, unlike)


def _tool(name: str) -> derive.Tool:
    found = toolchain.find(name)
    return derive.Tool(found.path, found.version, "; ".join(filter(None, toolchain.unlike(name))))


def _unlike(stack: StackFile) -> Iterable[Problem]:
    """Yield each member whose program is of another version than production's."""
    for member in stack.members.values():
        name = asked(member.type, member.component)
        what, right = toolchain.unlike(name) if toolchain.knows(name) else ("", "")
        if what:
            yield Problem(f"{member.where}: {member.name}", what, right)


def facts_of(stack: StackFile) -> tuple[Facts, list[Problem]]:
    """Return what the configurations of all members say, and what is wrong with them as far as nothing has to run."""
    problems: list[Problem] = []
    facts = [_facts(stack, member, problems) for member in stack.members.values()]
    problems.extend(_unfilled(stack))
    problems.extend(_versions(stack))
    merged = _merged(facts)
    merged = dataclasses.replace(merged, alerts=_placed(stack, merged.alerts), notes=_placed(stack, merged.notes))
    return merged, list(_placed(stack, problems))


def _placed(stack: StackFile, found: Iterable[P]) -> tuple[P, ...]:
    """Return what has a place; one in a rendered file with the template that it is from."""
    placed = sourced(stack.home)
    return tuple(dataclasses.replace(each, where=placed(each.where)) for each in found)


def sinks() -> Mapping[str, type[Sink]]:
    """Return the registered sinks by Alertmanager's receiver key; ``ConfigError`` where two are for one."""
    found: dict[str, type[Sink]] = {}
    for name in registry.names("sinks"):
        sink = registry.find("sinks", name)
        first = found.setdefault(sink.receiver_key, sink)
        if first is not sink:
            what = f"there are two sinks for it, {first.name!r} and {sink.name!r}"
            raise ConfigError([Problem(sink.receiver_key, what, "take the entry point of one out of its pyproject.toml")])
    return found


def plan_data(made: Plan) -> dict[str, Any]:
    """Return what a journal keeps of a plan, as JSON values."""
    facts = made.facts
    alerts = {
        rule.name: {
            "where": rule.where,
            "exprs": expanded(rule.expr, facts.recordings),
            "for": rule.hold,
            "labels": dict(rule.labels),
            "interval": rule.interval,
        }
        for rule in facts.alerts
    }
    objectives = {each.name: _objective_data(each) for each in made.objectives}
    told = ("sink", "receiver", "host", "where", "resolved", "seen", "member")
    routes = [{name: getattr(route, name) for name in told} for route in facts.routes]
    return {
        "alerts": alerts,
        "recordings": sorted(facts.recordings),
        "routes": routes,
        "branches": [dataclasses.asdict(branch) for branch in facts.branches],
        "inhibitions": [dataclasses.asdict(rule) for rule in facts.inhibitions],
        "hosts": dict(made.hosts),
        "members": dict(made.members),
        "gaps": facts.gaps(),
        "objectives": objectives,
    }


def _objective_data(objective: Objective) -> dict[str, Any]:
    pairs = [dataclasses.asdict(pair) for pair in objective.pairs]
    return {"target": objective.target, "period": objective.period, "pairs": pairs, "where": objective.where}


def _objectives(stack: StackFile, problems: list[Problem]) -> tuple[tuple[Objective, ...], dict[str, str]]:
    """Return the objectives of the specs that a stack names, and the specs' texts by what messages call them."""
    found: list[Objective] = []
    texts = {}
    for path in stack.objectives:
        name = seen_from(path, stack.home)
        try:
            found.extend(read_spec(path, name))
            texts[name] = path.read_text(encoding="utf-8-sig")
        except ConfigError as error:
            problems.extend(error.problems)
    return tuple(found), texts


def _unknown_alerts(stack: StackFile, facts: Facts) -> Iterable[Problem]:
    for name, where in stack.always_firing.items():
        yield from (Problem(where, f"always_firing: {what}") for what in facts.unknown_alert(name))


def _facts(stack: StackFile, member: Member, problems: list[Problem]) -> Facts:
    try:
        found = member.component.facts(place_of(stack, member))
        checks = tuple(dataclasses.replace(each, tool=asked(each.tool, member.component)) for each in found.checks)
        routes = tuple(dataclasses.replace(each, member=member.name) for each in found.routes)
        return dataclasses.replace(found, checks=checks, routes=routes)
    except ConfigError as error:
        problems.extend(error.problems)
        return Facts()


def place_of(stack: StackFile, member: Member) -> Place:
    """Return the place of a member before there are addresses."""
    filling = Filling(stack, member.name)
    network = Network(sinks=sinks(), door=stack.door)
    return Place(member.name, stack.home, stack.home, {}, network, filling.text, open_document(stack.home), stack.mounts)


def open_document(home: Path) -> Any:
    """Return what opens a user's YAML file, calling it by its path below ``home``."""

    def opened(path: Path, **how: Any) -> derive.Document:
        path = real(path)
        return derive.Document.open(path, seen_from(path, home), **how)

    return opened


def _merged(facts: Iterable[Facts]) -> Facts:
    every = list(facts)
    return Facts(
        alerts=tuple(rule for each in every for rule in each.alerts),
        recordings={name: expr for each in every for name, expr in each.recordings.items()},
        routes=tuple(route for each in every for route in each.routes),
        branches=tuple(branch for each in every for branch in each.branches),
        inhibitions=tuple(rule for each in every for rule in each.inhibitions),
        scraped=tuple(dict.fromkeys(target for each in every for target in each.scraped)),
        jobs={target: jobs for each in every for target, jobs in each.jobs.items()},
        files={name: text for each in every for name, text in each.files.items()},
        checks=tuple(check for each in every for check in each.checks),
        notes=tuple(note for each in every for note in each.notes),
        secrets=tuple(secret for each in every for secret in each.secrets),
        offers=tuple(offer for each in every for offer in each.offers),
        takes=frozenset(what for each in every for what in each.takes),
        unmatched=tuple(glob for each in every for glob in each.unmatched),
    )


def _unfilled(stack: StackFile) -> Iterable[Problem]:
    """Say which ``${...}`` in a member's settings names nothing."""
    for member in stack.members.values():
        filling = Filling(stack, member.name)
        for text in _texts(vars(member.component)):
            for name in filling.unknown(text):
                yield Problem(member.where, f"{member.name}: '${{{name}}}' names nothing", did_you_mean(name, filling.names()))


def _versions(stack: StackFile) -> Iterable[Problem]:
    """Say which version of production's is none: nothing could be compared with it, nor installed."""
    for member in stack.members.values():
        version = member.component.version if isinstance(member.component, StandsFor) else ""
        if version and not re.match(r"v?\d", version):
            what = f"{member.name}: version {version!r} is not a version"
            yield Problem(member.where, what, "write the numbers that production runs, like '3.5' or '3.5.1'")


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


@cache
def _parse(expr: str) -> str:
    try:
        return derive.promql_problem(toolchain.find("promtool").path, expr)
    except LookFailed as error:
        return str(error)


def _play(groups: list[Mapping[str, Any]], test: Mapping[str, Any]) -> str:
    return derive.unit_test(toolchain.find("promtool").path, groups, test)
