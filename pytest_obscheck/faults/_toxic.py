"""How a toxic of toxiproxy is put on every way to a member, looked at, measured and taken off again."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from statistics import median

from pytest_obscheck.capabilities import ProxiesTraffic
from pytest_obscheck.errors import FaultFailed
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack
from pytest_obscheck.when import seconds, spoken

ARROW = "→"
PROBE = 32
"""Bytes of the smallest probe. A server of HTTP/2 and HTTP/1 at one port (Loki's) answers none of less than 24."""
PATIENCE = 1.0
"""Seconds to wait for an answer on a way that is not harmed."""
ENOUGH = 0.5
"""Seconds of measuring after which no further probe is sent."""


@dataclass(frozen=True)
class Toxic:
    """One kind of toxic for the ways to ``to``; only for the one from ``of`` where that is given."""

    kind: str
    to: str
    of: str = ""
    attributes: Mapping[str, int] = field(default_factory=dict)
    streams: tuple[str, ...] = ("downstream",)
    toxicity: float = 1.0

    def specs(self) -> Iterator[dict[str, object]]:
        """Yield what toxiproxy is told, one for each direction; equal toxics have equal names."""
        mark = zlib.crc32(repr((self.to, self.of, sorted(self.attributes.items()), self.toxicity)).encode())
        for stream in self.streams:
            name = f"{self.kind}-{stream}-{mark:08x}"
            yield {
                "name": name, "type": self.kind, "stream": stream,
                "toxicity": self.toxicity, "attributes": dict(self.attributes),
            }  # fmt: skip


def ways(proxy: ProxiesTraffic, to: str, of: str) -> list[str]:
    """Return the edges that lead to a member, all or only the one from ``of``."""
    wanted = [f"{of}{ARROW}{to}"] if of else [edge for edge in proxy.edges() if edge.endswith(f"{ARROW}{to}")]
    return [edge for edge in wanted if edge in proxy.edges()]


def problems(plan: Plan, to: str, of: str) -> Iterator[str]:
    """Yield why a way to ``to`` cannot be harmed on such a stack."""
    unknown = [why for name in (to, of) if name for why in plan.unknown_member(name)]
    yield from unknown
    if unknown:
        return
    if not plan.proxied.get(to):
        yield f"no way to {to!r} goes through the fault proxy; {_proxied(plan)}"
    elif of and of not in plan.proxied[to]:
        yield f"the way from {of!r} to {to!r} does not go through the fault proxy; {_proxied(plan)}"


def _proxied(plan: Plan) -> str:
    said = [f"{to} (from {', '.join(callers)})" for to, callers in sorted(plan.proxied.items()) if callers]
    return f"proxied are: {', '.join(said)}" if said else "a service's `depends_on` names what it reaches through it"


def inject(toxic: Toxic, stack: Stack) -> None:
    """Put the toxic on every way; ``FaultFailed`` where toxiproxy does not take it."""
    proxy = stack.that(ProxiesTraffic)
    for edge in ways(proxy, toxic.to, toxic.of):
        for spec in toxic.specs():
            proxy.add(edge, spec)


def heal(toxic: Toxic, stack: Stack) -> None:
    """Take the toxic off every way; nothing where it is not. ``FaultFailed`` names every way where it stays."""
    proxy = stack.that(ProxiesTraffic)
    pairs = [(edge, str(spec["name"])) for edge in ways(proxy, toxic.to, toxic.of) for spec in toxic.specs()]
    attempt_all(partial(proxy.remove, edge, name) for edge, name in pairs)


def attempt_all(deeds: Iterable[Callable[[], None]]) -> None:
    """Do every deed, even where one fails: a cure must go as far as it can. ``FaultFailed`` with all that went wrong."""
    wrong = []
    for deed in deeds:
        try:
            deed()
        except FaultFailed as error:
            wrong.append(str(error))
    if wrong:
        raise FaultFailed("\n".join(wrong))


def present(toxic: Toxic, stack: Stack) -> bool:
    """Whether toxiproxy says that the toxic is on every way, and that there is one."""
    proxy = stack.that(ProxiesTraffic)
    edges = ways(proxy, toxic.to, toxic.of)
    names = {str(spec["name"]) for spec in toxic.specs()}
    return bool(edges) and all(names <= set(proxy.toxics(edge)) for edge in edges)


def traffic(stack: Stack, to: str, of: str = "") -> int:
    """Return the bytes that went through the ways to a member so far."""
    proxy = stack.that(ProxiesTraffic)
    return sum(proxy.traffic(edge) for edge in ways(proxy, to, of))


def read_back(toxic: Toxic, stack: Stack) -> Effect:
    """Return what toxiproxy itself says, for harm that no probe from outside can see."""
    met = traffic(stack, toxic.to, toxic.of)
    if not present(toxic, stack):
        return Effect(False, "no such toxic", met)
    share = "" if toxic.toxicity == 1 else f", for {toxic.toxicity:.0%} of the connections"
    return Effect(True, f"read back from toxiproxy{share}", met)


@dataclass(frozen=True)
class Measured:
    """The median time of a few probes on each way, ``None`` where none was answered within ``timeout`` seconds."""

    times: Mapping[str, float | None]
    timeout: float

    def slower(self, than: float) -> bool:
        """Whether every way answered, and none sooner than that many seconds."""
        return bool(self.times) and all(time is not None and time >= than for time in self.times.values())

    def silent(self) -> bool:
        """Whether no way answered."""
        return bool(self.times) and all(time is None for time in self.times.values())

    def words(self, before: str) -> str:
        """Return the times, each with the caller where there are several."""
        parts = [self._one(edge, time, before) for edge, time in self.times.items()]
        return ", ".join(parts) or "no way leads there"

    def _one(self, edge: str, time: float | None, before: str) -> str:
        caller = f" from {edge.split(ARROW, maxsplit=1)[0]}" if len(self.times) > 1 else ""
        answer = f"no answer within {spoken(self.timeout)}" if time is None else f"{before} {spoken(time)}"
        return answer + caller


def measure(stack: Stack, to: str, of: str, *, timeout: float = PATIENCE, size: int = PROBE, probes: int = 3) -> Measured:
    """Send up to ``probes`` probes over each way to a member; slow or silent ways get fewer."""
    proxy = stack.that(ProxiesTraffic)
    return Measured({edge: _median(proxy, edge, timeout, size, probes) for edge in ways(proxy, to, of)}, timeout)


def _median(proxy: ProxiesTraffic, edge: str, timeout: float, size: int, probes: int) -> float | None:
    times: list[float] = []
    while len(times) < probes and sum(times) < ENOUGH:
        time = proxy.exchange(edge, size, timeout)
        if time is None:
            return None
        times.append(time)
    return median(times)


def milliseconds(text: str) -> int:
    """Return a duration in whole milliseconds, toxiproxy's unit."""
    return round(seconds(text) * 1000)


def span(where: str, text: str, least: float = 0.0) -> float:
    """Return the seconds of a field; ``ValueError`` names the field where it is no duration, or below ``least``."""
    try:
        length = seconds(text)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    if length < least:
        raise ValueError(f"{where}: {text!r} is too short; write it like '{spoken(least)}' or longer")
    return length


def whole(where: str, number: object, least: int, like: int) -> None:
    """Refuse what is not a whole number of at least ``least``; ``ValueError`` names the field."""
    if isinstance(number, bool) or not isinstance(number, int) or number < least:
        raise ValueError(f"{where}: {number!r} is not a whole number of {least} or more; write it like {like}")


def likelihood(where: str, number: object) -> None:
    """Refuse a toxicity that is not above 0 and at most 1; ``ValueError`` names the field."""
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number <= 1:
        raise ValueError(f"{where}: {number!r} is not a share of the connections; write it like 0.5, at most 1.0")
