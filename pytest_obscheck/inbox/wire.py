"""The server's side of HTTP/1.1: requests in, answers out."""

from __future__ import annotations

import asyncio
import errno
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from pytest_obscheck.errors import PortTaken
from pytest_obscheck.inbox.arrival import Door
from pytest_obscheck.inbox.connection import Wire
from pytest_obscheck.inbox.messages import LAST_CHUNK, Head, Headers, Malformed, answer_head, chunk, value

STARTED = b"x-request-start"
"""The header in which a proxy says at which Unix second a request had come to it, like ``t=1700000000.123``."""

_TOLD = re.compile(r"t=([0-9]{1,12}\.[0-9]{1,9})")

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
        told = _TOLD.fullmatch(self.header(STARTED))
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


async def listen(address: str, answer: Answer) -> asyncio.Server:
    """Answer every connection to an address; ``PortTaken`` where it cannot be had."""

    async def connected(wire: Wire) -> None:
        await serve(wire, answer)

    return await welcome(address, lambda door: Wire(requests=True, begin=connected, door=door))


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
        await wire.say(answer_head(400, b"", [(b"content-length", b"%d" % len(text)), (b"connection", b"close")]) + text)
    except (OSError, asyncio.CancelledError):
        wire.abort()
    finally:
        wire.close()


async def _serve(wire: Wire, answer: Answer) -> None:
    stays = True
    while stays and (request := await _request(wire)) is not None:
        wire.busy = True
        response = await answer(request)
        stays = _stays(request)
        stays = await _respond(wire, request, response, stays=stays) and stays
        wire.busy = False
        if response.then:
            await response.then(wire)


def _stays(request: Request) -> bool:
    """Whether more requests may come; after an upgrade that was refused nobody knows what the client says."""
    return request.keeps and request.version == "1.1" and not request.header(b"upgrade") and request.method != "CONNECT"


async def _request(wire: Wire) -> Request | None:
    head = await wire.event()
    if not isinstance(head, Head):
        return None
    if value(head.headers, b"expect").lower() == "100-continue":
        await wire.say(b"HTTP/1.1 100 Continue\r\n\r\n")
    parts = []
    while isinstance(event := await wire.event(), bytes):
        parts.append(event)
    target, body = head.line.decode("latin-1"), b"".join(parts)
    return Request(head.method, target, head.headers, body, head.version, head.keeps, wire.arrived)


async def _respond(wire: Wire, request: Request, response: Response, *, stays: bool) -> bool:
    """Send an answer; whether all of it could be had and sent. One that breaks off is left without its end."""
    try:
        await _send(wire, request, response, stays=stays)
    except BaseException as error:
        response.done(error)
        if not isinstance(error, OSError):
            raise
        return False
    response.done(None)
    return True


async def _send(wire: Wire, request: Request, response: Response, *, stays: bool) -> None:
    headers = list(response.headers)
    if not stays and not response.then:
        headers.append((b"connection", b"close"))
    if not isinstance(response.body, bytes):
        await _stream(wire, response, response.body, headers, chunked=_chunked(request, response))
    elif response.then or response.status in BODILESS:
        await wire.say(answer_head(response.status, response.reason, headers))
    else:
        headers.append((b"content-length", b"%d" % len(response.body)))
        body = b"" if request.method == "HEAD" else response.body
        await wire.say(answer_head(response.status, response.reason, headers) + body)


async def _stream(
    wire: Wire, response: Response, body: AsyncIterator[bytes], headers: list[tuple[bytes, bytes]], *, chunked: bool
) -> None:
    if chunked:
        headers.append((b"transfer-encoding", b"chunked"))
    # The head waits for the first piece of the body: one packet instead of two is a fifth of a scrape's cost.
    held = answer_head(response.status, response.reason, headers)
    async for piece in body:
        await wire.say(held + (chunk(piece) if chunked else piece))
        held = b""
    if last := held + (LAST_CHUNK if chunked else b""):
        await wire.say(last)


def _chunked(request: Request, response: Response) -> bool:
    """Whether the length is unknown, there is a body, and the client can be told where it ends."""
    bodiless = request.method == "HEAD" or response.status in BODILESS
    return not bodiless and request.version == "1.1" and not value(response.headers, b"content-length")
