"""Who is told when an alert of the new stack fires, as far as its files say so for certain."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.plan import Branch, Facts, Matcher
from pytest_obscheck.rulelab.lintrules import Rule
from pytest_obscheck.scaffold.finding import Files
from pytest_obscheck.stack.planning import sinks
from pytest_obscheck.when import seconds


@dataclass(frozen=True)
class Page:
    """A message that a receiver has of an alert at a sink, ``wait`` seconds after it fires.

    ``named``: whether it names the alert; what a template of the user's says nobody knows.
    """

    sink: str
    receiver: str
    wait: float
    named: bool = True


@dataclass(frozen=True)
class _Node:
    """A route, with those below it. ``timed``: whether it sends at some times only."""

    branch: Branch
    below: tuple[_Node, ...]
    goes_on: bool
    timed: bool


def pages(files: Files, facts: Facts) -> dict[str, list[Page]]:
    """Return who is told of which alert, by its name; nobody where that hangs on series, on the time, or on other alerts."""
    config = files.alertmanager.value if files.alertmanager else None
    # Resources add routes to those of the file.
    if not isinstance(config, Mapping) or not facts.branches or files.routes or not _sends(files):
        return {}
    root = _node(config["route"], iter(facts.branches))
    own = {str(each.get("name")): each for each in config.get("receivers") or ()}
    labels = [_labels(rule, _outer(files)) for rule in files.alerts]
    found: dict[str, list[Page]] = {}
    for mine in labels:
        others = [each for each in labels if each is not mine]
        # Of two alerts with one name nobody can tell whose message it was.
        alone = all(each["alertname"] != mine["alertname"] for each in others)
        if alone and not _muted(mine, facts, others):
            found[mine["alertname"]] = [page for node in _led(root, mine) for page in _sent(node, facts, own)]
    return found


def _sends(files: Files) -> bool:
    """Whether Prometheus gives alerts to Alertmanager with the labels that their rules give them."""
    if files.prometheus is None:
        return True
    alerting = files.prometheus.value.get("alerting") or {}
    return bool(alerting.get("alertmanagers")) and not alerting.get("alert_relabel_configs")


def _outer(files: Files) -> Mapping[str, Any]:
    """Return the labels that Prometheus gives to every alert."""
    said = (files.prometheus.value.get("global") or {}) if files.prometheus else {}
    return said.get("external_labels") or {}


def _labels(rule: Rule, outer: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels that an alert has for certain."""
    fixed = {name: str(value) for name, value in rule.labels.items() if "{{" not in str(value)}
    unsure = rule.labels.keys() - fixed.keys()
    return {**{name: str(value) for name, value in outer.items() if name not in unsure}, **fixed, "alertname": rule.name}


def _node(route: Mapping[str, Any], branches: Iterator[Branch]) -> _Node:
    """Return a route as a tree; the branches come in the order of the file."""
    branch = next(branches)
    below = tuple(_node(each, branches) for each in route.get("routes") or () if isinstance(each, Mapping))
    timed = bool(route.get("mute_time_intervals") or route.get("active_time_intervals"))
    return _Node(branch, below, bool(route.get("continue")), timed)


def _led(node: _Node, labels: Mapping[str, str]) -> list[_Node]:
    """Return the routes that an alert takes, from one that it has come to, up to the first that it may take or not."""
    found: list[_Node] = []
    for each in node.below:
        fits = _fits(each.branch.matchers, labels)
        if fits is None:
            return found
        found += _led(each, labels) if fits else []
        if fits and not each.goes_on:
            return found
    return found or [node]


def _fits(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool | None:
    """Whether labels match; ``None`` where that hangs on a label that series may have or not."""
    if any(each.name in labels and not each.fits(labels[each.name]) for each in matchers):
        return False
    return True if all(each.name in labels for each in matchers) else None


def _muted(labels: Mapping[str, str], facts: Facts, others: Sequence[Mapping[str, str]]) -> bool:
    """Whether another alert may mute an alert with these labels, should it fire at the same time."""
    rules = [rule for rule in facts.inhibitions if _fits(rule.targets, labels) is not False]
    return any(_fits(rule.sources, other) is not False for rule in rules for other in others)


def _sent(node: _Node, facts: Facts, receivers: Mapping[str, Any]) -> Iterator[Page]:
    """Yield the messages of a route, one for each sink."""
    receiver, wait = node.branch.receiver, seconds(node.branch.wait)
    keys = {sink.name: key for key, sink in sinks().items()}
    for sink in dict.fromkeys(way.sink for way in facts.routes if way.receiver == receiver and not node.timed):
        said = json.dumps(receivers.get(receiver, {}).get(keys[sink]), default=str)
        yield Page(sink, receiver, wait, named="{{" not in said)
