"""For people who write extensions: time that obeys, a stack that is a dictionary, and journals in a line."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pytest_obscheck.capabilities import FollowsStory, Series, does
from pytest_obscheck.journal import Journal
from pytest_obscheck.judge import settled
from pytest_obscheck.plan import Facts, Plan
from pytest_obscheck.runner import Play, play
from pytest_obscheck.scenario import Planned, Scenario

C = TypeVar("C")


@dataclass
class FakeClock:
    """A clock that moves only when somebody sleeps: a story of four minutes takes milliseconds."""

    time: float = 1_000_000.0

    def now(self) -> float:
        """Return Unix seconds."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Let that many seconds pass, at once."""
        self.time += max(0.0, seconds)


@dataclass
class Inline:
    """Hands that do each piece of work at once, before anything else happens."""

    def give(self, work: Callable[[], None]) -> None:
        """Do it."""
        work()

    def join(self) -> None:
        """Return: nothing is left to wait for."""


def a_plan(facts: Facts | None = None, **members: str) -> Plan:
    """Return the plan of a stack with these members (name → component type); ``checkout`` reaches every other by proxy."""
    proxied = {name: ("checkout",) for name in members if name != "checkout"}
    return Plan(Path(), members, proxied, {}, facts or Facts(), ("email", "pagerduty", "slack", "webhook"), lambda _: "")


@dataclass
class FakeTraffic:
    """A load that only remembers what it was told."""

    told: list[str] = field(default_factory=list)
    log: str = "end,method,name,status,seconds,bytes,error,id\n"
    dies: str = ""

    def waiting(self) -> bool:
        """Say that it is prepared."""
        return True

    def begin(self) -> None:
        """Remember it."""
        self.told.append("begin")

    def end(self) -> None:
        """Remember it."""
        self.told.append("end")

    def trouble(self) -> str:
        """Return why it ended by itself, if it was told to."""
        return self.dies

    def requests(self) -> str:
        """Return its log."""
        return self.log


@dataclass
class FakeStack:
    """A stack whose members are whatever objects it is given; they are found by the methods that they have."""

    members: Mapping[str, Any] = field(default_factory=dict)
    plan: Plan = field(default_factory=a_plan)
    loads: dict[str, FakeTraffic] = field(default_factory=dict)
    missing: str = ""

    def that(self, capability: type[C], named: str | None = None) -> C:
        """Return the first member, or the named one, that can do this; ``LookupError`` where there is none."""
        found = self.all(capability)
        if named is not None and named in found:
            return found[named]
        if named is None and found:
            return next(iter(found.values()))
        who = f"{named!r} is no member that" if named else "no member"
        raise LookupError(f"{who} {does(capability)}; those that do: {', '.join(found) or 'none'}")

    def all(self, capability: type[C]) -> Mapping[str, C]:
        """Return every member that can do this."""
        return {name: member for name, member in self.members.items() if isinstance(member, capability)}

    def traffic(self, planned: Planned) -> FakeTraffic:
        """Return the load of that entry."""
        return self.loads.setdefault(planned.name, FakeTraffic())

    def unscraped(self) -> str:
        """Return what it was told is missing."""
        return self.missing

    def unready(self, expected: AbstractSet[str]) -> str:
        """Return what it was told is missing."""
        return self.missing

    def begin(self, zero: float, speed: float) -> None:
        """Tell the members that follow the story."""
        for member in self.all(FollowsStory).values():
            member.begin(zero, speed)

    def autopsy(self) -> dict[str, dict[str, Any]]:
        """Return nothing: what a fake knows, its test knows."""
        return {}


OF_SCRAPES = ("up", "scrape_duration_seconds")
"""The metrics of each scrape, as ``FakePrometheus.scraped`` has their values."""


@dataclass
class FakePrometheus:
    """A Prometheus with one group of rules, evaluated every ``interval`` seconds of the clock from ``zero`` on.

    ``states``: alert → stretches of story time in which it is ``pending`` or ``firing``, the ends left out:
    ``{"Slow": [(2.0, 5.0, "firing")]}``. ``sick``: alert → stretches in which its rule fails with this error, or is ``gone``.
    ``scraped``: instance → story second of each scrape → ``up`` and the seconds that it took: ``{"api:80": {1.0: (0, 0.25)}}``;
    each may take ``timeout``.
    """

    clock: FakeClock
    states: Mapping[str, Sequence[tuple[float, float, str]]]
    interval: float = 0.2
    sick: Mapping[str, Sequence[tuple[float, float, str]]] = field(default_factory=dict)
    zero: float = 1_000_000.0
    scraped: Mapping[str, Mapping[float, tuple[float, float]]] = field(default_factory=dict)
    timeout: str = "250ms"

    def query(self, expr: str, at: float) -> list[Series]:
        """Answer ``ALERTS`` and ``ALERTS[200ms]``, and of scrapes ``up[200ms]`` and the like; nothing for anything else."""
        of_scrapes = re.fullmatch(rf"({'|'.join(OF_SCRAPES)})\[([0-9]+)ms\]", expr)
        if of_scrapes is not None:
            return self._scrapes(OF_SCRAPES.index(of_scrapes[1]), at - int(of_scrapes[2]) / 1000, at)
        found = re.fullmatch(r"ALERTS(\[([0-9]+)ms\])?", expr)
        if found is None:
            return []
        last = math.floor(round((at - self.zero) / self.interval, 6))
        ticks = range(last, last - 1, -1)
        if found[2]:
            ticks = range(last, math.floor(round((at - int(found[2]) / 1000 - self.zero) / self.interval, 6)), -1)
        return [series for tick in reversed(ticks) for series in self._evaluated(tick, None if found[2] else at)]

    def _evaluated(self, tick: int, at: float | None) -> list[Series]:
        story = round(tick * self.interval, 6)
        active = {name: self._in(self.states, name, story) for name in self.states if not self._in(self.sick, name, story)}
        when = self.zero + story if at is None else at
        return [
            Series({"__name__": "ALERTS", "alertname": name, "alertstate": state}, ((when, 1.0),))
            for name, state in active.items()
            if state
        ]

    def _scrapes(self, which: int, after: float, until: float) -> list[Series]:
        return [
            Series(
                {"instance": instance},
                tuple((self.zero + story, told[which]) for story, told in each.items() if after < self.zero + story <= until),
            )
            for instance, each in self.scraped.items()
        ]

    @staticmethod
    def _in(script: Mapping[str, Sequence[tuple[float, float, str]]], name: str, story: float) -> str:
        return next((word for start, end, word in script.get(name, ()) if start <= story < end), "")

    def query_range(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        """Answer nothing."""
        return []

    def metric_names(self) -> list[str]:
        """Answer the one metric that there is."""
        return ["ALERTS"]

    def label_names(self, selector: str) -> list[str]:
        """Answer the labels of an alert."""
        return ["alertname", "alertstate"]

    def rules(self) -> list[Mapping[str, Any]]:
        """Answer every rule that is loaded now, with its health."""
        story = self.clock.now() - self.zero
        health = {name: self._in(self.sick, name, story) for name in self.states}
        rules: list[Mapping[str, Any]] = [
            {
                "type": "alerting",
                "name": name,
                "health": "err" if said else "ok",
                "lastError": said,
                "duration": 0,
                "alerts": [],
            }
            for name, said in health.items()
            if said != "gone"
        ]
        return [{"name": "rules", "interval": self.interval, "rules": rules}]

    def alert_states(self, since: float, until: float) -> tuple[list[Series], list[Series]]:
        """Answer ``ALERTS`` for those Unix seconds, and for the last of them."""
        return self.query(f"ALERTS[{max(1, math.ceil((until - since) * 1000))}ms]", until), self.query("ALERTS", until)

    def missed(self) -> Mapping[str, float]:
        """Answer that no evaluation was missed."""
        return {}

    def targets(self) -> list[Mapping[str, Any]]:
        """Answer those that were scraped."""
        return [{"labels": {"instance": name}, "scrapeTimeout": self.timeout, "lastError": ""} for name in self.scraped]


def played(scenario: Scenario, stack: FakeStack, clock: FakeClock) -> Journal:
    """Play a story on a fake stack, at once: every look and every fault is done before anything else happens."""
    return play(Play(scenario, stack, clock, Journal(), Inline(), settled))


def a_journal(zero: float = 1000.0, **looks: list[tuple[float, Any]]) -> Journal:
    """Return the journal of a story that is over, with looks: ``a_journal(alerts=[(0.2, {...}), (0.4, "refused")])``.

    Each look has its story second. Text in place of data is a look that failed with this message. An underscore of a key
    stands for a space.
    """
    journal = Journal()
    journal.write("zero", zero, speed=1.0)
    for key, seen in looks.items():
        for at, data in seen:
            said = {"error": data} if isinstance(data, str) else {"data": data}
            journal.write("look", zero + at, key=key.replace("_", " "), **said)
    journal.write("over", max(event.wall for event in journal.events), why="settled")
    return journal
