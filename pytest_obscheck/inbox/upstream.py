"""Kept-alive connections to the stack's own members."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import h11

from pytest_obscheck.inbox.wire import HOP_BY_HOP, Headers, Request, Wire, without


class UpstreamFailed(ConnectionError):
    """A member cannot be reached, or broke off; the message says which and how."""


@dataclass(frozen=True)
class Reply:
    """The head of a member's answer; ``chunks`` is its body, ``close`` must be called once."""

    address: str
    status: int
    reason: bytes
    headers: Headers
    wire: Wire
    idle: list[Wire]

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives, undecoded; ``UpstreamFailed`` where it breaks off."""
        try:
            while not isinstance(event := await self.wire.event(), h11.EndOfMessage):
                yield bytes(event.data)
        except (OSError, h11.RemoteProtocolError) as error:
            raise UpstreamFailed(f"{self.address} broke off in the middle of its answer ({error})") from None

    def close(self) -> None:
        """Keep the connection where its answer was read to the end, else drop it."""
        state = self.wire.state
        if state.our_state is h11.DONE and state.their_state is h11.DONE:
            state.start_next_cycle()
            self.idle.append(self.wire)
        else:
            self.wire.writer.transport.abort()


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
                wire.writer.transport.abort()
            idle.clear()


def _waiting(idle: list[Wire]) -> Wire | None:
    while idle:
        wire = idle.pop()
        if not wire.reader.at_eof() and not wire.writer.is_closing():
            return wire
        wire.writer.close()
    return None


async def _connect(address: str) -> Wire:
    host, _, port = address.rpartition(":")
    try:
        reader, writer = await asyncio.open_connection(host, int(port))
    except OSError as error:
        raise UpstreamFailed(f"{address} cannot be reached ({error.strerror or error})") from None
    return Wire(reader, writer, h11.CLIENT)


async def _exchange(wire: Wire, address: str, request: Request, idle: list[Wire]) -> Reply:
    try:
        head = await _head(wire, request)
    except (OSError, h11.RemoteProtocolError) as error:
        wire.writer.transport.abort()
        raise UpstreamFailed(f"{address} gave no answer ({error})") from None
    except BaseException:
        wire.writer.transport.abort()
        raise
    return Reply(address, head.status_code, bytes(head.reason), without(head.headers, HOP_BY_HOP), wire, idle)


async def _head(wire: Wire, request: Request) -> h11.Response:
    headers = without(request.headers, _OURS)
    if request.body or request.header(b"content-length"):
        headers = [*headers, (b"content-length", b"%d" % len(request.body))]
    head = h11.Request(method=request.method, target=request.target, headers=headers)
    wire.put(head, h11.Data(data=request.body), h11.EndOfMessage())
    await wire.writer.drain()
    while isinstance(event := await wire.event(), h11.InformationalResponse):
        pass
    if not isinstance(event, h11.Response):
        raise h11.RemoteProtocolError("it closed the connection")
    return event


# The body was read whole, so that its length is known and nobody has to be asked to continue.
_OURS = HOP_BY_HOP | {b"content-length", b"expect"}
