"""A stack that is not there: its members note what is done to them and answer what a test wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.capabilities import ProxiesTraffic
from pytest_obscheck.errors import FaultFailed, LookFailed
from pytest_obscheck.plan import Facts, Plan


@dataclass
class FakeProxy:
    """Carries toxics; ``times`` are the answers to probes, the last one again and again."""

    names: Sequence[str] = ("checkout→payments",)
    times: list[float | None] = field(default_factory=lambda: [0.004])
    bytes: int = 0
    carried: dict[str, dict[str, Mapping[str, Any]]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    stuck: set[str] = field(default_factory=set)
    probes: list[tuple[str, int, float]] = field(default_factory=list)

    def edges(self) -> Sequence[str]:
        return self.names

    def add(self, edge: str, toxic: Mapping[str, Any]) -> None:
        self.carried.setdefault(edge, {})[toxic["name"]] = toxic

    def remove(self, edge: str, name: str) -> None:
        self._move(edge)
        self.carried.get(edge, {}).pop(name, None)

    def toxics(self, edge: str) -> Sequence[str]:
        return list(self.carried.get(edge, {}))

    def enable(self, edge: str, on: bool) -> None:
        self._move(edge)
        (self.closed.discard if on else self.closed.add)(edge)

    def enabled(self, edge: str) -> bool:
        return edge not in self.closed

    def exchange(self, edge: str, size: int, timeout: float) -> float | None:
        self.probes.append((edge, size, timeout))
        return self.times.pop(0) if len(self.times) > 1 else self.times[0]

    def traffic(self, edge: str) -> int:
        return self.bytes if edge in self.names else 0

    def _move(self, edge: str) -> None:
        if edge in self.stuck:
            raise FaultFailed(f"{edge}: stuck")

    def told(self) -> list[tuple[str, str, str, float, Any]]:
        """Return every toxic: edge, kind, direction, toxicity, attributes."""
        toxics = [(edge, toxic) for edge, there in self.carried.items() for toxic in there.values()]
        return [(edge, t["type"], t["stream"], t["toxicity"], t["attributes"]) for edge, t in toxics]


@dataclass
class FakeMember:
    """A component that runs, is frozen or is gone; ``stubborn`` ones do not change."""

    running: bool = True
    frozen: bool = False
    off: bool = False
    stubborn: bool = False
    done: list[str] = field(default_factory=list)

    def pause(self) -> None:
        self.frozen = not self.stubborn

    def paused(self) -> bool:
        return self.frozen

    def resume(self) -> None:
        self.frozen = False

    def disconnect(self) -> None:
        self.off = not self.stubborn

    def connected(self) -> bool:
        return not self.off

    def connect(self) -> None:
        self.off = False

    def kill(self) -> None:
        self.done.append("kill")
        self.running = self.stubborn

    def stop(self) -> None:
        self.done.append("stop")
        self.running = self.stubborn

    def start(self) -> None:
        self.done.append("start")
        self.running = True

    def alive(self) -> bool:
        return self.running


@dataclass
class FakeMonitoring:
    """An inbox and a Prometheus in one: notes rules, and says of scrapes and targets what a test wants, or nothing at all.

    ``did`` is what every alteration did so far.
    """

    did: Mapping[str, Any] = field(default_factory=lambda: {"scrapes": 1, "samples": 2, "seen": []})
    scraped: Sequence[Mapping[str, Any]] = ()
    silent: bool = False
    rules: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def alter(self, key: str, rule: Mapping[str, Any]) -> None:
        self._answer()
        self.rules[key] = rule

    def restore(self, key: str) -> None:
        self._answer()
        self.rules.pop(key, None)

    def altered(self, key: str) -> Mapping[str, Any]:
        if key not in self.rules:
            raise LookFailed(f"no alteration called {key!r}")
        return self.did

    def targets(self) -> Sequence[Mapping[str, Any]]:
        return self.scraped

    def _answer(self) -> None:
        if self.silent:
            raise LookFailed("inbox: not answered")


@dataclass
class FakeStack:
    """Finds its proxy by capability and its members by name."""

    plan: Plan
    proxy: FakeProxy = field(default_factory=FakeProxy)
    members: dict[str, Any] = field(default_factory=dict)
    inbox: FakeMonitoring = field(default_factory=FakeMonitoring)

    def that(self, capability: type[Any], named: str | None = None) -> Any:
        if named is not None:
            return self.members[named]
        return self.proxy if capability is ProxiesTraffic else self.inbox


@pytest.fixture
def plan() -> Plan:
    """A shop: checkout reaches payments through the fault proxy, and the ledger directly."""
    members = {"checkout": "service", "payments": "service", "ledger": "service", "toxiproxy": "toxiproxy"}
    return Plan(
        home=Path(),
        members=members,
        proxied={"payments": ("checkout",)},
        hosts={"node-1.shop.example:9100": "node_exporter"},
        facts=Facts(),
        sinks=(),
        parse=lambda text: "unclosed braces" if text.count("{") != text.count("}") else "",
    )


@pytest.fixture
def stack(plan: Plan) -> FakeStack:
    """A stack of that shop."""
    return FakeStack(plan, members={"checkout": FakeMember()})
