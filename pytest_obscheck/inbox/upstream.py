"""Kept-alive connections to the stack's own members."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from pytest_obscheck.inbox.connection import Wire
from pytest_obscheck.inbox.messages import HOP_BY_HOP, CutOff, End, Head, Headers, Malformed, request_head, without
from pytest_obscheck.inbox.wire import BODILESS, Request

# The body was read whole: its length is known and nobody has to be asked to continue.
OURS = HOP_BY_HOP | {b"content-length", b"expect"}


class UpstreamFailed(ConnectionError):
    """A member cannot be reached, or broke off; the message says which and how."""


@dataclass
class Reply:
    """The head of a member's answer, and its body, piece by piece; ``close`` must be called once."""

    address: str
    status: int
    reason: bytes
    headers: Headers
    wire: Wire
    idle: list[Wire]
    bodiless: bool
    keeps: bool
    whole: bool = False

    def __aiter__(self) -> Reply:
        """Return itself: its pieces can be had once."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next piece of the body, undecoded, as it arrives; ``UpstreamFailed`` where it breaks off."""
        if self.bodiless:
            raise StopAsyncIteration
        try:
            event = await self.wire.event()
        except (OSError, Malformed) as error:
            raise UpstreamFailed(f"{self.address} broke off in the middle of its answer ({error})") from None
        if isinstance(event, bytes):
            return event
        self.whole = isinstance(event, End) and not event.stream
        raise StopAsyncIteration

    def close(self) -> None:
        """Keep the connection where its answer was read to the end, else drop it."""
        if self.whole and self.keeps:
            self.idle.append(self.wire)
        else:
            self.wire.abort()


@dataclass(frozen=True)
class Upstreams:
    """Connections that wait for their next request, by address."""

    _idle: dict[str, list[Wire]] = field(default_factory=dict)

    async def ask(self, address: str, request: Request) -> Reply:
        """Send a request and return the head of the answer; ``UpstreamFailed`` where none came. Waits without end."""
        idle = self._idle.setdefault(address, [])
        wire = _waiting(idle)
        if wire:
            try:
                return await _exchange(wire, address, request, idle)
            except UpstreamFailed:
                # It may have closed just as we wrote; only what may be said twice is said again.
                if request.method not in ("GET", "HEAD"):
                    raise
        return await _exchange(await _connect(address), address, request, idle)

    def close(self) -> None:
        """Give up the connections that wait."""
        for idle in self._idle.values():
            for wire in idle:
                wire.abort()
            idle.clear()


def _waiting(idle: list[Wire]) -> Wire | None:
    while idle:
        wire = idle.pop()
        if wire.waits:
            return wire
        wire.close()
    return None


async def _connect(address: str) -> Wire:
    host, _, port = address.rpartition(":")
    try:
        _, wire = await asyncio.get_running_loop().create_connection(lambda: Wire(requests=False), host, int(port))
    except OSError as error:
        raise UpstreamFailed(f"{address} cannot be reached ({error.strerror or error})") from None
    return wire


async def _exchange(wire: Wire, address: str, request: Request, idle: list[Wire]) -> Reply:
    try:
        head = await _head(wire, request)
    except (OSError, Malformed) as error:
        wire.abort()
        raise UpstreamFailed(f"{address} gave no answer ({error})") from None
    except BaseException:
        wire.abort()
        raise
    bodiless = request.method == "HEAD" or head.status in BODILESS
    return Reply(address, head.status, head.line, without(head.headers, HOP_BY_HOP), wire, idle, bodiless, head.keeps)


async def _head(wire: Wire, request: Request) -> Head:
    headers = without(request.headers, OURS)
    if request.body or request.header(b"content-length"):
        headers.append((b"content-length", b"%d" % len(request.body)))
    await wire.say(request_head(request.method, request.target, headers) + request.body)
    while isinstance(event := await wire.event(), Head):
        if event.status >= 200:
            return event
        await wire.event()
    raise CutOff("it closed the connection")
