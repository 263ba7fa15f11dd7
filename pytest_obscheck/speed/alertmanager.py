"""alertmanager.yml and Alertmanager's flags for a sped-up stack."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from pytest_obscheck.document import Document
from pytest_obscheck.errors import Problem
from pytest_obscheck.speed.durations import milliseconds
from pytest_obscheck.speed.factor import Span, span
from pytest_obscheck.speed.flags import flag_spans, sped_flags, values
from pytest_obscheck.speed.promql import Speed

ROUTE = {"group_wait": "30s", "group_interval": "5m", "repeat_interval": "4h"}
FLAGS = {
    # Forgotten, it keeps empty groups alive, and pages come minutes of story time late.
    "dispatch.maintenance-interval": "30s",
    "alerts.gc-interval": "30m",
    "data.retention": "120h",
    "data.maintenance-interval": "15m",
}
CLUSTER = {
    "cluster.peer-timeout": "15s",
    "cluster.settle-timeout": "1m",
    "cluster.pushpull-interval": "1m",
}
_INTERVALS = ("mute_time_intervals", "active_time_intervals")
Spot = tuple[str | int, ...]


def routes(value: Any) -> Iterator[tuple[Spot, Mapping[str, Any]]]:
    """Yield every route of the tree with where it is, the root first."""
    root = value.get("route") if isinstance(value, Mapping) else None
    if isinstance(root, Mapping):
        yield from _below(("route",), root)


def _below(spot: Spot, route: Mapping[str, Any]) -> Iterator[tuple[Spot, Mapping[str, Any]]]:
    yield spot, route
    children = route.get("routes")
    for number, child in enumerate(children if isinstance(children, list) else ()):
        if isinstance(child, Mapping):
            yield from _below((*spot, "routes", number), child)


def _settings(document: Document) -> Iterator[tuple[Spot, str]]:
    """Yield where every duration is, or would be, and what it says: the defaults of Alertmanager too."""
    value = document.value if isinstance(document.value, Mapping) else {}
    settings = value.get("global")
    yield ("global", "resolve_timeout"), str((settings if isinstance(settings, Mapping) else {}).get("resolve_timeout", "5m"))
    for spot, route in routes(value):
        said = {**(ROUTE if spot == ("route",) else {}), **{name: route[name] for name in ROUTE if route.get(name) is not None}}
        yield from (((*spot, name), str(text)) for name, text in said.items())


def alertmanager_spans(document: Document, shown: str = "") -> Iterator[Span]:
    """Yield every duration of alertmanager.yml that is story time, given or by default."""
    for spot, text in _settings(document):
        yield from span(text, f"{shown or document.path}:{document.line(*spot)}", str(spot[-1]))


def speed_alertmanager(document: Document, speed: Speed) -> None:
    """Edit alertmanager.yml: every wait and interval divided, defaults written out. Receivers' timeouts are physical."""
    for spot, text in _settings(document):
        if milliseconds(text):
            document.set(spot, speed.shorter(text))


def alertmanager_fixed(document: Document, shown: str = "") -> Iterator[tuple[str, Problem]]:
    """Yield the receivers of the routes that cannot be sped up, and why: they hang on the wall clock."""
    for spot, route in routes(document.value):
        for name in _INTERVALS:
            if route.get(name):
                what = f"{name} hangs on the wall clock, which Alertmanager reads itself"
                right = (
                    "run it at speed 1; what is muted at an instant of your choice, `obscheck intervals FILE --at INSTANT` says"
                )
                where = f"{shown or document.path}:{document.line(*spot, name)}"
                yield receiver_of(document.value, spot), Problem(where, what, right)


def receiver_of(value: Any, spot: Spot) -> str:
    """Return the receiver of a route: its own, or that of the nearest route above."""
    found, node = "", value
    for step in spot:
        node = node[step]
        if isinstance(node, Mapping):
            found = str(node.get("receiver") or found)
    return found


def alertmanager_flags(args: Sequence[str], speed: Speed, known: Collection[str] | None = None) -> tuple[str, ...]:
    """Return production's flags with those of time divided and their defaults written out.

    ``known``: the names that this version has. What the network needs (probes, gossip, TCP) is physical.
    """
    return sped_flags(args, _flags(args), speed, known)


def known_flags(version: str) -> frozenset[str]:
    """Return which flags of time a version of Alertmanager has; before 0.29 empty groups lived for 30 s of wall time."""
    found = re.match(r"v?(\d+)\.(\d+)", version)
    older = found is not None and (int(found[1]), int(found[2])) < (0, 29)
    return frozenset({*FLAGS, *CLUSTER}) - (frozenset({"dispatch.maintenance-interval"}) if older else frozenset())


def alertmanager_flag_spans(args: Sequence[str]) -> Iterator[Span]:
    """Yield the durations that Alertmanager's flags hold, given or by default."""
    return flag_spans(args, _flags(args), "alertmanager")


def _flags(args: Sequence[str]) -> Mapping[str, str]:
    clustered = values(args, ("cluster.listen-address",)).get("cluster.listen-address")
    return {**FLAGS, **CLUSTER} if clustered else FLAGS
