"""The forward proxy: what production calls a host leads to a member of the stack, to a sink, or nowhere."""

from __future__ import annotations

import asyncio
import gzip
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from pytest_obscheck.inbox.authority import Authority
from pytest_obscheck.inbox.ledger import Ledger
from pytest_obscheck.inbox.mailbox import Mailbox
from pytest_obscheck.inbox.messages import value, without
from pytest_obscheck.inbox.protobuf import has_native
from pytest_obscheck.inbox.samples import Alteration, Alterations, altered
from pytest_obscheck.inbox.upstream import Reply, UpstreamFailed, Upstreams
from pytest_obscheck.inbox.wire import STARTED, Request, Response, Wire, said, serve

_ABSOLUTE = re.compile(r"(https?)://(?:[^/?#@]*@)?([^/?#@]+)([^#]*)", re.IGNORECASE)
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
            await serve(await wire.encrypted(context), inside)

        return Response(200, reason=b"Connection established", then=tunnel)

    async def _carry(self, host: str, path: str, request: Request) -> Response:
        if request.header(b"upgrade") or request.method == "CONNECT":
            return said(501, f"the way to {host} carries plain requests only: no upgrade, no tunnel")
        routes = self.mailbox.routed(host, path)
        if routes:
            return self.mailbox.accept(routes, replace(request, target=path))
        if host in self.hosts:
            return await self._forward(host, replace(request, target=path))
        return self._refused(host, request)

    def _refused(self, host: str, request: Request) -> Response:
        by = request.header(b"user-agent")
        if self.ledger.refused(host, by):
            sys.stderr.write(f"refused {host} to {by or 'a client without a name'}: nothing in this stack is called so\n")
        return said(403, f"{host} is not part of this stack, and nothing leaves it")

    async def _forward(self, host: str, request: Request) -> Response:
        counted = self.ledger if request.method == "GET" else None
        alterations = self.alterations.of(host) if counted else []
        try:
            if counted:
                await self.alterations.delay(host)
            kept = await self._native(host, request) if any(each.by_line for each in alterations) else None
            if kept:
                for each in alterations:
                    each.refuse(host)
                return self._noted(host, kept, None, counted)
            began = request.began(self.ledger.now())
            asked = dated(request, began) if request.header(SCRAPE) else request
            reply = await self.upstreams.ask(self.hosts[host], readable(asked) if alterations else asked)
            if alterations and alterable(reply):
                response = await self._altered(reply, alterations, began)
            else:
                response = Response(reply.status, reply.chunks(), reply.headers, reply.reason)
        except UpstreamFailed as error:
            return self._noted(host, said(502, f"{host}: {error}"), None, counted)
        except asyncio.CancelledError:
            if counted:
                counted.aborted(host)
            raise
        return self._noted(host, response, reply, counted)

    async def _native(self, host: str, request: Request) -> Response | None:
        """Return the answer that holds native histograms, which a text would lose; ``None`` where there are none."""
        if PROTOBUF not in request.header(b"accept").lower():
            return None
        reply = await self.upstreams.ask(self.hosts[host], uncompressed(request))
        body = await _whole(reply)
        found = value(reply.headers, b"content-type").lower().startswith(PROTOBUF) and has_native(body)
        dropped = without(reply.headers, (b"content-length",))
        return Response(reply.status, body, dropped, reply.reason) if found else None

    def _noted(self, host: str, response: Response, reply: Reply | None, counted: Ledger | None) -> Response:
        def done(error: BaseException | None) -> None:
            if reply:
                reply.close()
            if not counted:
                return
            if error is None or isinstance(error, UpstreamFailed):
                counted.answered(host, response.status if error is None else 502)
            else:
                counted.aborted(host)

        return replace(response, done=done)

    async def _altered(self, reply: Reply, alterations: list[Alteration], began: float) -> Response:
        body = await _whole(reply, close=False)
        plain = gzip.decompress(body) if value(reply.headers, b"content-encoding").lower() == "gzip" else body
        dropped = (b"content-length", b"content-encoding")
        headers = without(reply.headers, dropped)
        return Response(reply.status, altered(plain, alterations, began), headers, reply.reason)


async def _whole(reply: Reply, *, close: bool = True) -> bytes:
    """Return the whole body of an answer; one that breaks off is closed."""
    try:
        body = b"".join([chunk async for chunk in reply.chunks()])
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
    return host if re.search(r":[0-9]+$", host) else f"{host}:{port}"


def _path(text: str) -> str:
    return text if text.startswith("/") else f"/{text}"


def readable(request: Request) -> Request:
    """Return the request as one who must read the answer sends it: no compression, no protobuf."""
    accepted = [kind.strip() for kind in request.header(b"accept").split(",")]
    texts = [kind for kind in accepted if kind.lower().startswith(TEXT_TYPES)] or ["text/plain;version=0.0.4"]
    asked = (b"accept", ",".join(texts).encode("latin-1"))
    return uncompressed(replace(request, headers=[*without(request.headers, (b"accept",)), asked]))


def dated(request: Request, began: float) -> Request:
    """Return the request with when it was made: whoever answers for that moment is right however busy the machine is."""
    said = (STARTED, f"t={began:.6f}".encode())
    return replace(request, headers=[*without(request.headers, (STARTED,)), said])


def uncompressed(request: Request) -> Request:
    """Return the request for an answer that is not compressed."""
    return replace(request, headers=[*without(request.headers, (b"accept-encoding",)), (b"accept-encoding", b"identity")])


def alterable(reply: Reply) -> bool:
    """Whether an answer is text exposition that can be read."""
    encoded = value(reply.headers, b"content-encoding").lower() in ("", "identity", "gzip")
    return reply.status == 200 and encoded and value(reply.headers, b"content-type").lower().startswith(TEXT_TYPES)
