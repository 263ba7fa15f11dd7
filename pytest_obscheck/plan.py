"""What is known of a stack before anything starts: what its configurations say, and what follows from them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_obscheck.errors import LookFailed, Problem, did_you_mean
from pytest_obscheck.matching import label_matches
from pytest_obscheck.objective import Objective
from pytest_obscheck.speed import Pace


@dataclass(frozen=True)
class AlertRule:
    """One alerting rule as the user wrote it; ``where`` is ``file:line``, ``hold`` its ``for``, ``member`` who evaluates it."""

    name: str
    expr: str
    hold: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    group: str
    interval: str
    where: str
    member: str = ""


@dataclass(frozen=True)
class Route:
    """One way out of Alertmanager: a host (and path, where there is one) that leads to a sink, and the receiver it serves.

    ``resolved``: whether it is also told that an alert is over. ``member``: who sends it.
    ``seen``: whether what goes that way arrives at a sink of this run; an Alertmanager that runs elsewhere goes its own ways.
    """

    host: str
    path: str
    sink: str
    receiver: str
    where: str = ""
    resolved: bool = True
    seen: bool = True
    member: str = ""


@dataclass(frozen=True)
class Matcher:
    """What one label of an alert must be; ``sign`` is ``=``, ``!=``, ``=~`` or ``!~``."""

    name: str
    sign: str
    value: str

    def fits(self, value: str) -> bool:
        """Whether a label with this value matches; an absent label is the empty string."""
        found = re.fullmatch(self.value, value) is not None if "~" in self.sign else value == self.value
        return found is not self.sign.startswith("!")

    def __str__(self) -> str:
        """Return it as alertmanager.yml has it: ``severity="page"``."""
        return f'{self.name}{self.sign}"{self.value}"'


@dataclass(frozen=True)
class Inhibition:
    """An alert that matches ``sources`` mutes those that match ``targets`` where the labels in ``equal`` are alike."""

    sources: tuple[Matcher, ...]
    targets: tuple[Matcher, ...]
    equal: tuple[str, ...]
    where: str = ""


@dataclass(frozen=True)
class Branch:
    """One route of Alertmanager's tree: to whom it leads, what alerts must match from the root down to come there.

    ``by``: the labels by which it groups. ``wait``, ``interval`` and ``repeat`` are its ``group_wait``, ``group_interval`` and
    ``repeat_interval``, inherited where it does not say.
    """

    receiver: str
    matchers: tuple[Matcher, ...] = ()
    by: tuple[str, ...] = ()
    wait: str = "30s"
    interval: str = "5m"
    where: str = ""
    repeat: str = "4h"


@dataclass(frozen=True)
class Check:
    """What a tool (``promtool``, ``amtool``) must find in order: a user's file as it stands, or the ``text`` made of it.

    Line for line the text is the file's, so that what is wrong with it has its place there.
    """

    tool: str
    path: Path
    text: str = ""


NATIVE, EXEMPLARS, CREATED = "native histograms", "exemplars", "created timestamps"
"""What a target may have only for who asks for it."""


@dataclass(frozen=True)
class Facts:
    """What one component's configuration says before anything starts.

    ``branches``: Alertmanager's routes, each with what it groups by; ``inhibitions``: which alerts mute which.
    ``scraped``: the targets. ``jobs``: the jobs that scrape each address, none where relabelling may rename them.
    ``checks``: what tools must find in order. ``files``: what was read, by the path that messages use. ``notes``: what a
    program accepts in silence and is hardly meant; ``unmatched``: those of them that are globs of rule files without a file.
    ``secrets``: where a placeholder stands for something in a working copy.
    ``offers``: what targets have only for who asks for it, with what to tell where nobody does; ``takes``: what is asked for.
    """

    alerts: tuple[AlertRule, ...] = ()
    recordings: Mapping[str, str] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    branches: tuple[Branch, ...] = ()
    inhibitions: tuple[Inhibition, ...] = ()
    scraped: tuple[str, ...] = ()
    jobs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    notes: tuple[Problem, ...] = ()
    secrets: tuple[Problem, ...] = ()
    offers: tuple[tuple[str, Problem], ...] = ()
    takes: frozenset[str] = frozenset()
    unmatched: tuple[Problem, ...] = ()

    def unknown_alert(self, name: str) -> Iterator[str]:
        """Yield that no rule file has an alert, which one is nearest, and where rule files are missing; nothing if one has."""
        known = {rule.name for rule in self.alerts}
        if name not in known:
            yield "; ".join([f"no rule file has an alert {name!r}", did_you_mean(name, known), *self.gaps()])

    def contradicted(self, name: str, labels: Mapping[str, str]) -> Iterator[str]:
        """Yield that every rule of an alert's name gives a label another value than is claimed: no such alert ever is."""
        rules = [rule for rule in self.alerts if rule.name == name]
        for label, wanted in labels.items():
            given = [rule.labels.get(label, "{{ unknown }}") for rule in rules]
            if rules and not any("{{" in value or label_matches(value, wanted) for value in given):
                values = " or ".join(sorted({repr(value) for value in given}))
                yield f"no alert {name!r} has {label}={wanted!r}; its rule gives it {values} ({rules[0].where})"

    def relabelled(self) -> bool:
        """Whether labels of alerts may become others on the way to Alertmanager."""
        return any("alert_relabel_configs" in text for text in self.files.values())

    def gaps(self) -> list[str]:
        """Return for each glob of rule files without a file that there is none, and where it stands."""
        return [f"{each.what} ({each.where})" for each in self.unmatched]


def _unplayed(groups: list[Mapping[str, Any]], test: Mapping[str, Any]) -> str:
    raise LookFailed(f"nothing can play {len(groups)} rule groups for {test!r} here")


@dataclass(frozen=True)
class Plan:
    """What is known of a whole stack before anything starts.

    ``members``: name → component type. ``proxied``: target → the members whose way to it goes through a fault proxy.
    ``hosts``: production ``host:port`` → member. ``parse``: says what is wrong with a PromQL text, ``""`` for nothing.
    ``play``: plays rule groups offline, and says what is against an entry of ``tests`` of promtool's unit tests.
    ``pace``: how much faster story time passes than wall time, and what that does not suit.
    ``objectives``: the service level objectives of the specs that the stack names. ``unlike``: the members whose programs are
    of other versions than production's. ``networked``: whether each member has a network of its own to be taken off;
    ``limiting``: whether each has a cgroup of its own.
    """

    home: Path
    members: Mapping[str, str]
    proxied: Mapping[str, tuple[str, ...]]
    hosts: Mapping[str, str]
    facts: Facts
    sinks: tuple[str, ...]
    parse: Callable[[str], str]
    play: Callable[[list[Mapping[str, Any]], Mapping[str, Any]], str] = _unplayed
    pace: Pace = field(default_factory=Pace)
    objectives: tuple[Objective, ...] = ()
    unlike: tuple[Problem, ...] = ()
    networked: bool = False
    limiting: bool = False

    def unknown_member(self, name: str) -> Iterator[str]:
        """Yield that no member is called so, and which one is nearest; nothing where there is one."""
        if name not in self.members:
            yield f"no member called {name!r}; {did_you_mean(name, self.members)}"
