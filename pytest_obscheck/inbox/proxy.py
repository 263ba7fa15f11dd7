"""The forward proxy: what production calls a host leads to a member of the stack, to a sink, or nowhere."""

from __future__ import annotations

import asyncio
import gzip
import re
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pytest_obscheck.inbox.authority import Authority
from pytest_obscheck.inbox.connection import Wire
from pytest_obscheck.inbox.ledger import Ledger
from pytest_obscheck.inbox.mailbox import Mailbox
from pytest_obscheck.inbox.messages import Headers, value, without
from pytest_obscheck.inbox.protobuf import has_native
from pytest_obscheck.inbox.samples import Alteration, Alterations, altered
from pytest_obscheck.inbox.upstream import Reply, UpstreamFailed, Upstreams
from pytest_obscheck.inbox.wire import STARTED, Request, Response, said, serve

_ABSOLUTE = re.compile(r"(https?)://(?:[^/?#@]*@)?([^/?#@]+)([^#]*)", re.IGNORECASE)
_PORT = re.compile(r":[0-9]+$")
_PORTS = {"http": 80, "https": 443}
TEXT_TYPES = ("text/plain", "application/openmetrics-text")
PROTOBUF = "application/vnd.google.protobuf"
SCRAPE = b"x-prometheus-scrape-timeout-seconds"
"""The header by which a scrape can be told from other requests."""


@dataclass(frozen=True)
class Proxy:
    """Carries requests; ``hosts`` maps production's ``host:port`` to local addresses."""

    hosts: Mapping[str, str]
    mailbox: Mailbox
    ledger: Ledger
    alterations: Alterations
    authority: Authority
    upstreams: Upstreams = field(default_factory=Upstreams)

    async def answer(self, request: Request) -> Response:
        """Answer a request to the proxy itself: absolute-form or CONNECT."""
        if request.method == "CONNECT":
            return self._connect(request)
        found = _ABSOLUTE.fullmatch(request.target)
        if not found:
            return said(400, f"{request.target!r} is not what a forward proxy is asked; write it like 'http://host:port/path'")
        return await self._carry(whole_host(found[2], _PORTS[found[1].lower()]), _path(found[3]), request)

    def _connect(self, request: Request) -> Response:
        host = whole_host(request.target, 443)
        if host not in self.hosts and not self.mailbox.serves(host):
            return self._refused(host, request)
        try:
            context = self.authority.context(host.rpartition(":")[0].strip("[]"))
        except ValueError as error:
            return said(502, f"no certificate can be made for {host} ({error})")

        async def inside(request: Request) -> Response:
            return await self._carry(host, request.target, request)

        async def tunnel(wire: Wire) -> None:
            await wire.encrypt(context)
            await serve(wire, inside)

        return Response(200, reason=b"Connection established", then=tunnel)

    async def _carry(self, host: str, path: str, request: Request) -> Response:
        if request.header(b"upgrade") or request.method == "CONNECT":
            return said(501, f"the way to {host} carries plain requests only: no upgrade, no tunnel")
        routes = self.mailbox.routed(host, path)
        if routes:
            return self.mailbox.accept(routes, replace(request, target=path))
        if host in self.hosts:
            return await self._forward(host, path, request)
        return self._refused(host, request)

    def _refused(self, host: str, request: Request) -> Response:
        by = request.header(b"user-agent")
        if self.ledger.refused(host, by):
            sys.stderr.write(f"refused {host} to {by or 'a client without a name'}: nothing in this stack is called so\n")
        return said(403, f"{host} is not part of this stack, and nothing leaves it")

    async def _forward(self, host: str, path: str, request: Request) -> Response:
        counted = self.ledger if request.method == "GET" else None
        alterations = self.alterations.of(host) if counted else []
        try:
            if counted:
                await self.alterations.delay(host)
            if alterations and (kept := await self._native(host, path, request, alterations)):
                return replace(kept, done=_noting(host, kept.status, None, counted))
            began = request.began(self.ledger.now())
            headers = dated(request.headers, began) if request.header(SCRAPE) else request.headers
            reply = await self._asked(host, path, request, readable(headers) if alterations else headers)
            done = _noting(host, reply.status, reply, counted)
            if alterations and alterable(reply):
                return replace(await self._altered(reply, alterations, began), done=done)
            return Response(reply.status, reply, reply.headers, reply.reason, done)
        except UpstreamFailed as error:
            return replace(said(502, f"{host}: {error}"), done=_noting(host, 502, None, counted))
        except asyncio.CancelledError:
            if counted:
                counted.aborted(host)
            raise

    async def _asked(self, host: str, path: str, request: Request, headers: Headers) -> Reply:
        return await self.upstreams.ask(self.hosts[host], Request(request.method, path, headers, request.body))

    async def _native(self, host: str, path: str, request: Request, alterations: Sequence[Alteration]) -> Response | None:
        """Return the answer that holds native histograms, which a text would lose; ``None`` where there are none."""
        if not any(each.by_line for each in alterations) or PROTOBUF not in request.header(b"accept").lower():
            return None
        reply = await self._asked(host, path, request, uncompressed(request.headers))
        body = await _whole(reply)
        if not (value(reply.headers, b"content-type").lower().startswith(PROTOBUF) and has_native(body)):
            return None
        for each in alterations:
            each.refuse(host)
        return Response(reply.status, body, without(reply.headers, (b"content-length",)), reply.reason)

    async def _altered(self, reply: Reply, alterations: list[Alteration], began: float) -> Response:
        body = await _whole(reply, close=False)
        plain = gzip.decompress(body) if value(reply.headers, b"content-encoding").lower() == "gzip" else body
        dropped = (b"content-length", b"content-encoding")
        headers = without(reply.headers, dropped)
        return Response(reply.status, altered(plain, alterations, began), headers, reply.reason)


def _noting(host: str, status: int, reply: Reply | None, counted: Ledger | None) -> Callable[[BaseException | None], None]:
    """Return what is told how sending an answer ended: the ledger hears of it, and the connection behind it is free."""

    def done(error: BaseException | None) -> None:
        if reply:
            reply.close()
        if not counted:
            return
        if error is None or isinstance(error, UpstreamFailed):
            counted.answered(host, status if error is None else 502)
        else:
            counted.aborted(host)

    return done


async def _whole(reply: Reply, *, close: bool = True) -> bytes:
    """Return the whole body of an answer; one that breaks off is closed."""
    try:
        body = b"".join([piece async for piece in reply])
    except BaseException:
        reply.close()
        raise
    if close:
        reply.close()
    return body


def at_the_door(proxy: Proxy, address: str) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers those who come without a proxy to an address: as if they had asked the proxy for it."""

    async def answer(request: Request) -> Response:
        return await proxy.answer(replace(request, target=f"http://{address}{request.target}"))

    return answer


def whole_host(authority: str, port: int) -> str:
    """Return ``host:port`` in lower case, with the port that was left out."""
    host = authority.lower()
    return host if _PORT.search(host) else f"{host}:{port}"


def _path(text: str) -> str:
    return text if text.startswith("/") else f"/{text}"


def readable(headers: Headers) -> Headers:
    """Return the headers of one who must read the answer: no compression, no protobuf."""
    accepted = [kind.strip() for kind in value(headers, b"accept").split(",")]
    texts = [kind for kind in accepted if kind.lower().startswith(TEXT_TYPES)] or ["text/plain;version=0.0.4"]
    return uncompressed([*without(headers, (b"accept",)), (b"accept", ",".join(texts).encode("latin-1"))])


def dated(headers: Headers, began: float) -> Headers:
    """Return the headers with when they were sent: whoever answers for that moment is right however busy the machine is."""
    return [*without(headers, (STARTED,)), (STARTED, b"t=%.6f" % began)]


def uncompressed(headers: Headers) -> Headers:
    """Return the headers for an answer that is not compressed."""
    return [*without(headers, (b"accept-encoding",)), (b"accept-encoding", b"identity")]


def alterable(reply: Reply) -> bool:
    """Whether an answer is text exposition that can be read."""
    encoded = value(reply.headers, b"content-encoding").lower() in ("", "identity", "gzip")
    return reply.status == 200 and encoded and value(reply.headers, b"content-type").lower().startswith(TEXT_TYPES)
