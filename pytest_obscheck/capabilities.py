"""What a member of the stack can do. Ask for a capability, not for a product."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from pytest_obscheck.errors import LookFailed
from pytest_obscheck.protocols import Delivery

M = TypeVar("M")
T = TypeVar("T")


def does(capability: type) -> str:
    """Return what whoever has a capability does, as its docstring begins: ``evaluates PromQL``."""
    first = re.split("[.;]", capability.__doc__ or f"Does what {capability.__name__} says", maxsplit=1)[0]
    return first[0].lower() + first[1:]


def ask_each(members: Mapping[str, M], ask: Callable[[M], T]) -> tuple[dict[str, T], dict[str, str]]:
    """Return what each member answers, and why others do not, by their names; ``LookFailed`` where there are others only."""
    answers, silent = dict[str, T](), dict[str, str]()
    for name, member in members.items():
        try:
            answers[name] = ask(member)
        except LookFailed as error:
            silent[name] = str(error)
    if silent and not answers:
        raise LookFailed("; ".join(silent.values()))
    return answers, silent


@dataclass(frozen=True)
class Series:
    """One time series: its labels and its samples as (Unix seconds, value)."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]

    def data(self) -> dict[str, Any]:
        """Return it as JSON values, for a journal."""
        return {"labels": dict(self.labels), "points": [list(point) for point in self.points]}


@dataclass(frozen=True)
class Answer:
    """What an HTTP endpoint said: status code, JSON (``None`` where it is none), text, and seconds until the last byte."""

    status: int
    json: Any
    text: str
    seconds: float


@runtime_checkable
class AnswersPromQL(Protocol):
    """Evaluates PromQL; every method raises ``LookFailed`` where it cannot."""

    def query(self, expr: str, at: float) -> list[Series]:
        """Evaluate at one Unix second; a range selector gives every raw sample with its own timestamp."""

    def query_range(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        """Evaluate at every ``step`` seconds."""

    def metric_names(self) -> list[str]:
        """Return the names of all metrics that have a series."""

    def label_names(self, selector: str) -> list[str]:
        """Return the label names that the series of a selector have."""


@runtime_checkable
class TellsTime(Protocol):
    """Has a clock of its own, which dates what it measures."""

    def time(self) -> float:
        """Return the Unix second that it is there; ``LookFailed`` where it does not say."""


@runtime_checkable
class ScrapesTargets(Protocol):
    """Scrapes targets."""

    def targets(self) -> list[Mapping[str, Any]]:
        """Return the active targets: ``labels``, ``health``, ``lastError``, ``scrapePool``, as Prometheus's API names them."""


@runtime_checkable
class EvaluatesRules(Protocol):
    """Evaluates alerting and recording rules."""

    def rules(self) -> list[Mapping[str, Any]]:
        """Return the rule groups with their rules, health, last evaluation, and active alerts."""

    def alert_states(self, since: float, until: float) -> tuple[list[Series], list[Series]]:
        """Return the ``ALERTS`` series of all alerts: raw samples between two Unix seconds, and those active at the second."""

    def missed(self) -> Mapping[str, float]:
        """Return for how many wall seconds each rule group was not evaluated though it should have been, since the start."""


@runtime_checkable
class HoldsAlerts(Protocol):
    """Receives alerts, groups and routes them."""

    def alerts(self) -> list[Mapping[str, Any]]:
        """Return the alerts it holds: ``labels``, ``status`` (state, silencedBy, inhibitedBy), ``receivers``, ``mutedBy``."""

    def silences(self) -> list[Mapping[str, Any]]:
        """Return its silences."""


@runtime_checkable
class CatchesNotifications(Protocol):
    """Holds what reached the sinks."""

    def arrived(self, since: float, until: float) -> list[Delivery]:
        """Return the deliveries that were noted after the Unix second ``since``, up to and with ``until``, in order."""

    def refused(self) -> list[Mapping[str, Any]]:
        """Return the hosts that were asked for and are unknown: ``host``, ``by``, ``count``."""


@runtime_checkable
class PassesSamples(Protocol):
    """Sees scraped samples pass and can alter them."""

    def alter(self, key: str, rule: Mapping[str, Any]) -> None:
        """Begin to alter samples; ``rule`` is documented at ``pytest_obscheck.inbox.samples``."""

    def restore(self, key: str) -> None:
        """End an alteration; nothing where there is none."""

    def altered(self, key: str) -> Mapping[str, Any]:
        """Return what an alteration did so far: ``scrapes``, ``samples`` altered, ``seen`` (the nearest series)."""


@runtime_checkable
class ShowsCertificates(Protocol):
    """Ends TLS in the place of members, with certificates of its own."""

    def shorten(self, name: str, left: float) -> None:
        """Show whoever connects to a production name a certificate that ends in so many seconds, or ended so many ago."""

    def renew(self, name: str) -> None:
        """Show a certificate that lasts again; nothing where it does."""

    def lasts(self, name: str) -> float | None:
        """Return in how many seconds the certificate that is shown for a name ends; ``None`` where it lasts."""


@runtime_checkable
class FollowsStory(Protocol):
    """Has a time of its own that passes with the story's."""

    def begin(self, zero: float, speed: float) -> None:
        """Let it begin at the Unix second ``zero``; ``speed`` story seconds pass in one of wall time. ``LookFailed``."""


@runtime_checkable
class PlaysSeries(Protocol):
    """Exposes series that somebody wrote down, and can let some of them pass as another script says."""

    def play(self, key: str, script: Mapping[str, Any]) -> None:
        """Begin a script, ``interval`` (seconds) and ``series`` in promtool's notation; counters go on from where they are."""

    def stop(self, key: str) -> None:
        """End a script; nothing where it is not played."""

    def playing(self, key: str) -> Mapping[str, float | None] | None:
        """Return what the series of a script have now, by their text; ``None`` where it is not played."""

    def exposed(self) -> Mapping[str, str]:
        """Return what a scrape gets: the value of each series, by its text."""


@runtime_checkable
class ReportsHealth(Protocol):
    """Answers HTTP requests about its own state."""

    def ask(self, path: str, timeout: float) -> Answer:
        """Return its answer to a GET; ``LookFailed`` where nothing answers."""


@runtime_checkable
class TakesRequests(Protocol):
    """Does what it is asked by HTTP."""

    def send(self, method: str, path: str, body: str, count: int) -> None:
        """Send the same request (``body``: JSON, or nothing) one time after another; ``LookFailed`` where it is not done."""


@runtime_checkable
class ProxiesTraffic(Protocol):
    """Carries the connections between members, and can harm them. An edge is a proxy named ``checkout→payments``."""

    def edges(self) -> Sequence[str]:
        """Return the names of all edges."""

    def add(self, edge: str, toxic: Mapping[str, Any]) -> None:
        """Add a toxic (``name``, ``type``, ``stream``, ``toxicity``, ``attributes``) and read it back."""

    def remove(self, edge: str, name: str) -> None:
        """Remove a toxic; nothing where there is none."""

    def toxics(self, edge: str) -> Sequence[str]:
        """Return the names of the toxics that the edge has now."""

    def enable(self, edge: str, on: bool) -> None:
        """Let an edge carry connections, or refuse them all; read back."""

    def enabled(self, edge: str) -> bool:
        """Whether the edge carries connections."""

    def exchange(self, edge: str, size: int, timeout: float) -> float | None:
        """Send a probe of ``size`` bytes through the edge; seconds until the first byte back, ``None`` where none came."""

    def traffic(self, edge: str) -> int:
        """Return the bytes that went through the edge so far, the harness's own probes left out."""


@runtime_checkable
class SaysReady(Protocol):
    """Can tell whether it can do its work now."""

    def ready(self) -> bool:
        """Whether it can; never raises."""


@runtime_checkable
class SaysWhyUnready(Protocol):
    """Can tell what it was asked and answered, where it is not ready."""

    def why_unready(self) -> str:
        """Return it, and what would be right."""


@runtime_checkable
class Pausable(Protocol):
    """Can be stopped from running without being ended."""

    def pause(self) -> None:
        """Stop it."""

    def paused(self) -> bool:
        """Whether it is stopped."""

    def resume(self) -> None:
        """Let it run on; nothing when it does."""


@runtime_checkable
class Killable(Protocol):
    """Can be ended at once."""

    def kill(self) -> None:
        """End it."""

    def alive(self) -> bool:
        """Whether it is there."""

    def start(self) -> None:
        """Start it again; nothing when it runs."""


@runtime_checkable
class Disconnectable(Protocol):
    """Can be taken off its network without being ended."""

    def disconnect(self) -> None:
        """Take it off."""

    def connected(self) -> bool:
        """Whether it is on its network."""

    def connect(self) -> None:
        """Put it back, same addresses; nothing when it is there."""


QUOTA_PERIOD = 100_000
"""Microseconds in which a quota of processor time is counted: the kernel's own default."""


@runtime_checkable
class Limitable(Protocol):
    """Has a cgroup of its own, whose limits can be changed while it runs."""

    def limit(self, controller: str, most: float) -> None:
        """Let it have so many processors (``cpu``) or bytes (``memory``) and no more; ``inf``: as many as there are."""

    def limited(self, controller: str) -> float:
        """Return how many of them it may have; ``inf`` where nothing limits it."""


@runtime_checkable
class OnThisMachine(Protocol):
    """Is made of processes that this machine can see."""

    def pids(self) -> Sequence[int]:
        """Return the ids of all its living processes."""

    def folder(self) -> Path:
        """Return the folder that holds all its data."""


@runtime_checkable
class StandsInLine(Protocol):
    """Shares this machine's processors with others, and knows how long it waited for them."""

    def waited(self) -> Mapping[str, float]:
        """Return for how many seconds each of its threads could have run and did not, since that began, by the thread's id."""


@runtime_checkable
class Restartable(Protocol):
    """Can be stopped and started again, same ports, same data."""

    def stop(self) -> None:
        """Ask it to end, then end it."""

    def start(self) -> None:
        """Start it again; nothing when it runs."""

    def alive(self) -> bool:
        """Whether it is there."""
