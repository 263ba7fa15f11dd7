"""One HTTP/1.1 connection: requests in, answers out, and the news that the other side has gone."""

from __future__ import annotations

import asyncio
import errno
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pytest_obscheck.errors import PortTaken
from pytest_obscheck.inbox.arrival import Door, Stamped
from pytest_obscheck.inbox.messages import LAST_CHUNK, End, Head, Headers, Malformed, Messages, answer_head, chunk, value

CHUNK = 65536
STARTED = b"x-request-start"
"""The header in which a proxy says at which Unix second a request had come to it, like ``t=1700000000.123``."""

TRUSTED = 5.0
"""Seconds: what is said to have arrived before that was on its way too long, or a clock was set."""

BODILESS = (204, 304)


@dataclass(frozen=True)
class Request:
    """One request with its whole body; ``target`` as on the request line, header names in lower case.

    ``arrived``: the Unix second at which the kernel had all of it; 0 where that is not known.
    """

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""
    version: str = "1.1"
    keeps: bool = True
    arrived: float = 0.0

    def header(self, name: bytes) -> str:
        """Return the first header of that (lower-case) name, or nothing."""
        return value(self.headers, name)

    def began(self, now: float) -> float:
        """Return the Unix second at which it was made, as far as that is known: it may have waited, here or at a proxy."""
        told = re.fullmatch(r"t=([0-9]{1,12}\.[0-9]{1,9})", self.header(STARTED))
        at = float(told[1]) if told else self.arrived
        return at if 0 <= now - at <= TRUSTED else now


@dataclass(frozen=True)
class Response:
    """One answer. ``body`` may still be on its way; ``done`` is told once how sending it ended (``None``: well).

    ``then`` takes over a connection that ceases to speak plain HTTP: the answer was a 200 to CONNECT.
    """

    status: int
    body: bytes | AsyncIterator[bytes] = b""
    headers: Headers = ()
    reason: bytes = b""
    done: Callable[[BaseException | None], None] = field(default=lambda _: None)
    then: Callable[[Wire], Awaitable[None]] | None = None


Answer = Callable[[Request], Awaitable[Response]]


def said(status: int, text: str) -> Response:
    """Return an answer with a line of text."""
    return Response(status, f"{text}\n".encode(), ((b"content-type", b"text/plain; charset=utf-8"),))


class Line(asyncio.StreamReaderProtocol):
    """A stream that cancels the task which works for the other side as soon as that side has gone."""

    def __init__(self, connected: Callable[[Wire], Awaitable[None]], door: Door) -> None:
        """Call ``connected`` with the connection, which came through a door, once it is there."""
        self.worker: asyncio.Task[None] | None = None
        self.socket: Stamped | None = None
        super().__init__(asyncio.StreamReader(), self._begin)
        self._connected, self._door = connected, door

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, with the socket that knows when what it says had arrived."""
        self.socket = self._door.taken(transport.get_extra_info("socket").fileno())
        super().connection_made(transport)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:
        return self._connected(Wire(reader, writer, Messages(requests=True), self))

    def eof_received(self) -> bool | None:
        """Hear that the other side sends no more; whoever half-closes has gone, as Go's servers see it too."""
        self._gone()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Hear that the connection is no more."""
        self._gone()
        super().connection_lost(exc)

    def _gone(self) -> None:
        if self.worker:
            self.worker.cancel()


@dataclass(frozen=True)
class Wire:
    """One side of a connection, and what the other side said."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    messages: Messages
    line: Line | None = None

    async def event(self) -> Head | bytes | End:
        """Return the next thing that the other side says; ``Malformed`` or ``CutOff`` where it is none."""
        while not self.messages.events:
            self.messages.feed(await self.reader.read(CHUNK))
        return self.messages.events.popleft()

    def hold(self, worker: asyncio.Task[None] | None) -> None:
        """Name the task to cancel when the other side goes; ``None`` for nobody."""
        if self.line:
            self.line.worker = worker

    def arrived(self) -> float:
        """Return the Unix second at which the kernel had what the other side said last; 0 where that is not known."""
        return self.line.socket.arrived if self.line and self.line.socket else 0.0

    async def encrypted(self, context: Any) -> Wire:
        """Return the same connection within TLS, as its server."""
        await self.writer.start_tls(context)
        return Wire(self.reader, self.writer, Messages(requests=True), self.line)


async def listen(address: str, answer: Answer) -> asyncio.Server:
    """Answer every connection to an address; ``PortTaken`` where it cannot be had."""

    async def connected(wire: Wire) -> None:
        await serve(wire, answer)

    return await welcome(address, lambda door: Line(connected, door))


async def welcome(address: str, protocol: Callable[[Door], asyncio.BaseProtocol]) -> asyncio.Server:
    """Give every connection to an address a protocol; ``PortTaken`` where it cannot be had."""
    try:
        door = Door(address)
        return await asyncio.get_running_loop().create_server(lambda: protocol(door), sock=door)
    except OSError as error:
        why = "already in use" if error.errno == errno.EADDRINUSE else str(error.strerror)
        raise PortTaken(f"port {address} cannot be had ({why})") from None


async def serve(wire: Wire, answer: Answer) -> None:
    """Answer every request of a connection until either side has enough; never raises."""
    try:
        await _serve(wire, answer)
    except Malformed as error:
        text = f"this is not HTTP/1.1: {error}\n".encode()
        wire.writer.write(answer_head(400, b"", [(b"content-length", b"%d" % len(text)), (b"connection", b"close")]) + text)
    except (OSError, asyncio.CancelledError):
        wire.writer.transport.abort()
    finally:
        wire.writer.close()


async def _serve(wire: Wire, answer: Answer) -> None:
    while (request := await _request(wire)) is not None:
        wire.hold(asyncio.current_task())
        response = await answer(request)
        whole = await _respond(wire, request, response)
        wire.hold(None)
        if response.then:
            await response.then(wire)
        if not whole or response.then or not _stays(request):
            return


def _stays(request: Request) -> bool:
    """Whether more requests may come; after an upgrade that was refused nobody knows what the client says."""
    return request.keeps and request.version == "1.1" and not request.header(b"upgrade") and request.method != "CONNECT"


async def _request(wire: Wire) -> Request | None:
    head = await wire.event()
    if not isinstance(head, Head):
        return None
    if value(head.headers, b"expect").lower() == "100-continue":
        wire.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    parts = []
    while isinstance(event := await wire.event(), bytes):
        parts.append(event)
    target, body = head.line.decode("latin-1"), b"".join(parts)
    return Request(head.method, target, head.headers, body, head.version, head.keeps, wire.arrived())


async def _respond(wire: Wire, request: Request, response: Response) -> bool:
    """Send an answer; whether all of it could be had and sent. One that breaks off is left without its end."""
    try:
        await _send(wire, request, response)
    except BaseException as error:
        response.done(error)
        if not isinstance(error, OSError):
            raise
        return False
    response.done(None)
    return True


async def _send(wire: Wire, request: Request, response: Response) -> None:
    headers = list(response.headers)
    if not _stays(request) and not response.then:
        headers.append((b"connection", b"close"))
    if not isinstance(response.body, bytes):
        await _stream(wire, response, response.body, headers, chunked=_chunked(request, response))
    elif response.then or response.status in BODILESS:
        wire.writer.write(answer_head(response.status, response.reason, headers))
    else:
        headers.append((b"content-length", b"%d" % len(response.body)))
        body = b"" if request.method == "HEAD" else response.body
        wire.writer.write(answer_head(response.status, response.reason, headers) + body)
    await wire.writer.drain()


async def _stream(
    wire: Wire, response: Response, body: AsyncIterator[bytes], headers: list[tuple[bytes, bytes]], *, chunked: bool
) -> None:
    if chunked:
        headers.append((b"transfer-encoding", b"chunked"))
    # The head waits for the first piece of the body: one packet instead of two is a fifth of a scrape's cost.
    held = answer_head(response.status, response.reason, headers)
    async for piece in body:
        wire.writer.write(held + (chunk(piece) if chunked else piece))
        held = b""
        await wire.writer.drain()
    wire.writer.write(held + (LAST_CHUNK if chunked else b""))


def _chunked(request: Request, response: Response) -> bool:
    """Whether the length is unknown, there is a body, and the client can be told where it ends."""
    bodiless = request.method == "HEAD" or response.status in BODILESS
    return not bodiless and request.version == "1.1" and not value(response.headers, b"content-length")
