"""One HTTP/1.1 connection: requests in, answers out, and the news that the other side has gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import h11

CHUNK = 65536
HEADERS_LIMIT = 65536
HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te", b"trailer",
     b"transfer-encoding", b"upgrade")
)  # fmt: skip
Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Request:
    """One request with its whole body; ``target`` as on the request line, header names in lower case."""

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: bytes) -> str:
        """Return the first header of that (lower-case) name, or nothing."""
        return next((value.decode("latin-1") for key, value in self.headers if key == name), "")


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


def without(headers: Headers, names: Container[bytes]) -> Any:
    """Return the headers but those; the very same where none is left out, which spares h11 from checking them again."""
    return [pair for pair in headers if pair[0] not in names] if any(pair[0] in names for pair in headers) else headers


Answer = Callable[[Request], Awaitable[Response]]


def said(status: int, text: str) -> Response:
    """Return an answer with a line of text."""
    return Response(status, f"{text}\n".encode(), ((b"content-type", b"text/plain; charset=utf-8"),))


class Line(asyncio.StreamReaderProtocol):
    """A stream that cancels the task which works for the other side as soon as that side has gone."""

    def __init__(self, connected: Callable[[Wire], Awaitable[None]]) -> None:
        """Call ``connected`` with the connection once it is there."""
        self.worker: asyncio.Task[None] | None = None
        super().__init__(asyncio.StreamReader(), self._begin)
        self._connected = connected

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:
        return self._connected(Wire(reader, writer, h11.SERVER, self))

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


class Wire:
    """One side of a connection, and h11's idea of where both sides stand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, role: Any, line: Line | None = None) -> None:
        """Take over a connection on which nothing was said yet."""
        self.reader, self.writer, self.line = reader, writer, line
        self.state = h11.Connection(role, max_incomplete_event_size=HEADERS_LIMIT)

    async def event(self) -> Any:
        """Return the next thing that the other side says; ``h11.RemoteProtocolError`` where it is not HTTP."""
        while (event := self.state.next_event()) is h11.NEED_DATA:
            self.state.receive_data(await self.reader.read(CHUNK))
        return event

    def put(self, *events: Any) -> None:
        """Send events."""
        self.writer.write(b"".join([self.state.send(event) or b"" for event in events]))

    def hold(self, worker: asyncio.Task[None] | None) -> None:
        """Name the task to cancel when the other side goes; ``None`` for nobody."""
        if self.line:
            self.line.worker = worker

    async def body(self) -> bytes:
        """Return the rest of the message that has begun."""
        parts = []
        while not isinstance(event := await self.event(), h11.EndOfMessage):
            parts.append(event.data)
        return b"".join(parts)

    async def encrypted(self, context: Any) -> Wire:
        """Return the same connection within TLS, as its server."""
        await self.writer.start_tls(context)
        return Wire(self.reader, self.writer, h11.SERVER, self.line)


async def serve(wire: Wire, answer: Answer) -> None:
    """Answer every request of a connection until either side has enough; never raises."""
    try:
        await _serve(wire, answer)
    except h11.RemoteProtocolError as error:
        _refuse(wire, error)
    except (OSError, asyncio.CancelledError):
        wire.writer.transport.abort()
    finally:
        wire.writer.close()


async def _serve(wire: Wire, answer: Answer) -> None:
    while (request := await _request(wire)) is not None:
        wire.hold(asyncio.current_task())
        response = await answer(request)
        whole = await _respond(wire, response)
        wire.hold(None)
        if response.then:
            await response.then(wire)
        if not whole or response.then or wire.state.our_state is not h11.DONE:
            return
        wire.state.start_next_cycle()


async def _request(wire: Wire) -> Request | None:
    event = await wire.event()
    if not isinstance(event, h11.Request):
        return None
    if wire.state.they_are_waiting_for_100_continue:
        wire.put(h11.InformationalResponse(status_code=100, headers=[]))
    return Request(event.method.decode(), event.target.decode("latin-1"), event.headers, await wire.body())


async def _respond(wire: Wire, response: Response) -> bool:
    """Send an answer; whether all of it could be had and sent."""
    try:
        await _send(wire, response)
    except BaseException as error:
        response.done(error)
        # An answer that breaks off must look broken: a clean end would pass a cut body off as a whole one.
        wire.writer.transport.abort()
        if not isinstance(error, OSError):
            raise
        return False
    response.done(None)
    return True


async def _send(wire: Wire, response: Response) -> None:
    reason = response.reason or _phrase(response.status)
    if not isinstance(response.body, bytes):
        head = h11.Response(status_code=response.status, headers=without(response.headers, ()), reason=reason)
        await _stream(wire, head, response.body)
    elif response.then:
        # h11 switches protocols on a 2xx to CONNECT: no length, no end.
        wire.put(h11.Response(status_code=response.status, headers=list(response.headers), reason=reason))
    else:
        length = [] if response.status == HTTPStatus.NO_CONTENT else [(b"content-length", b"%d" % len(response.body))]
        headers = [*response.headers, *length]
        head = h11.Response(status_code=response.status, headers=headers, reason=reason)
        wire.put(head, h11.Data(data=response.body), h11.EndOfMessage())
    await wire.writer.drain()


async def _stream(wire: Wire, head: h11.Response, body: AsyncIterator[bytes]) -> None:
    # The head waits for the first piece of the body: one packet instead of two is a fifth of a scrape's cost.
    events: list[Any] = [head]
    async for chunk in body:
        wire.put(*events, h11.Data(data=chunk))
        events = []
        await wire.writer.drain()
    wire.put(*events, h11.EndOfMessage())


def _phrase(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""


def _refuse(wire: Wire, error: h11.RemoteProtocolError) -> None:
    if wire.state.our_state in (h11.IDLE, h11.SEND_RESPONSE):
        text = f"this is not HTTP/1.1: {error}\n".encode()
        status = error.error_status_hint
        head = h11.Response(status_code=status, headers=[(b"content-length", b"%d" % len(text))], reason=_phrase(status))
        wire.put(head, h11.Data(data=text), h11.EndOfMessage())
