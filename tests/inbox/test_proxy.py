from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from pytest_obscheck.inbox.authority import Authority
from pytest_obscheck.inbox.ledger import Ledger
from pytest_obscheck.inbox.mailbox import Mailbox
from pytest_obscheck.inbox.proxy import Proxy
from pytest_obscheck.inbox.samples import Alterations
from pytest_obscheck.inbox.wire import Request, listen
from pytest_obscheck.plan import Route

HOST = "api-1.prod.example:8080"
GET = f"GET http://{HOST}/metrics HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: Prometheus/3.14\r\n\r\n".encode()
TEXT = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: 5\r\n\r\nup 1\n"

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Member:
    """A member of the stack: says ``answer`` to every request, and notes what it was asked."""

    answer: bytes = TEXT
    heads: list[bytes] = field(default_factory=list)
    connections: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    closes: bool = False
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        self.writers.append(writer)
        while head := await self._head(reader):
            self.heads.append(head)
            self.asked.set()
            writer.write(self.answer)
            if self.closes:
                break
        self.gone.set()
        writer.close()

    async def _head(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, OSError):
            return b""
        length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
        return head + await reader.readexactly(length)


@dataclass
class World:
    """A proxy in front of one member."""

    proxy: Proxy
    port: int
    server: asyncio.Server

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a new connection to the proxy."""
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def said(self, request: bytes) -> bytes:
        """Return all that the proxy says to one request, whose connection it is asked to close."""
        reader, writer = await self.connect()
        writer.write(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        try:
            return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def world(member: Member, routes: tuple[Route, ...] = ()) -> AsyncIterator[World]:
    upstream = await asyncio.start_server(member.talk, "127.0.0.1", 0)
    hosts = {HOST: f"127.0.0.1:{upstream.sockets[0].getsockname()[1]}"}
    mailbox, ledger = Mailbox(routes, lambda: 7.0), Ledger(lambda: 7.0)
    proxy = Proxy(hosts, mailbox, ledger, Alterations(), Authority(lambda: 7.0))

    server = await listen("127.0.0.1:0", proxy.answer)
    try:
        yield World(proxy, server.sockets[0].getsockname()[1], upstream)
    finally:
        server.close()
        upstream.close()
        proxy.upstreams.close()
        for writer in member.writers:
            writer.transport.abort()
        await settled()


async def settled() -> None:
    """Let every task end and every aborted connection be forgotten."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), 2)
    await asyncio.sleep(0)


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def test_a_scrape_tells_its_target_when_it_was_asked_for() -> None:
    scrape = GET.replace(b"\r\n\r\n", b"\r\nX-Prometheus-Scrape-Timeout-Seconds: 1\r\nX-Request-Start: t=1.0\r\n\r\n")

    async def story() -> list[bytes]:
        member = Member()
        async with world(member) as w:
            await w.said(scrape)
            return member.heads

    (head,) = asyncio.run(story())

    assert head.endswith(b"\r\nx-request-start: t=7.000000\r\n\r\n")
    assert b"t=1.0" not in head


def test_a_request_reaches_the_member_behind_productions_name() -> None:
    async def story() -> tuple[bytes, list[bytes], object]:
        member = Member()
        async with world(member) as w:
            return await w.said(GET), member.heads, w.proxy.ledger.scrapes()

    answer, heads, scrapes = asyncio.run(story())

    assert (
        answer
        == b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: 5\r\nconnection: close\r\n\r\nup 1\n"
    )
    assert heads == [f"GET /metrics HTTP/1.1\r\nhost: {HOST}\r\nuser-agent: Prometheus/3.14\r\n\r\n".encode()]
    assert scrapes == {HOST: {"count": 1, "errors": 0, "status": 200, "aborted": 0}}


def test_connections_are_kept_on_both_sides() -> None:
    async def story() -> tuple[int, int]:
        member = Member()
        async with world(member) as w:
            reader, writer = await w.connect()
            for _ in range(3):
                writer.write(GET)
                await reader.readuntil(b"up 1\n")
            writer.close()
        return member.connections, len(member.heads)

    assert asyncio.run(story()) == (1, 3)


@pytest.mark.parametrize(
    ("framing", "closes", "arrived"),
    [
        (b"content-length: 5\r\n\r\nup 1\n", False, b"up 1\n"),
        (b"transfer-encoding: chunked\r\n\r\n2\r\nup\r\n3\r\n 1\n\r\n0\r\n\r\n", False, b"2\r\nup\r\n3\r\n 1\n\r\n0\r\n\r\n"),
        (b"\r\nup 1\n", True, b"5\r\nup 1\n\r\n0\r\n\r\n"),
    ],
    ids=["content-length", "chunked", "until close"],
)
def test_a_body_of_any_framing_arrives_whole(framing: bytes, closes: bool, arrived: bytes) -> None:
    async def story() -> bytes:
        async with world(Member(b"HTTP/1.1 200 OK\r\n" + framing, closes=closes)) as w:
            return await w.said(GET)

    assert body_of(asyncio.run(story())) == arrived


def test_a_compressed_body_stays_as_it_is() -> None:
    packed = gzip.compress(b"up 1\n", mtime=0)

    async def story() -> bytes:
        head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n"
        async with world(Member(head % len(packed) + packed)) as w:
            return await w.said(GET)

    answer = asyncio.run(story())

    assert body_of(answer) == packed
    assert b"content-encoding: gzip" in answer


@pytest.mark.parametrize(
    "rest",
    [b"Content-Length: 4\r\n\r\n[{}]", b"Transfer-Encoding: chunked\r\n\r\n4\r\n[{}]\r\n0\r\n\r\n"],
    ids=["content-length", "chunked"],
)
def test_a_posted_body_reaches_the_member(rest: bytes) -> None:
    async def story() -> tuple[bytes, dict[str, dict[str, int]]]:
        member = Member()
        async with world(member) as w:
            await w.said(f"POST http://{HOST}/api/v2/alerts HTTP/1.1\r\nHost: {HOST}\r\n".encode() + rest)
            return member.heads[0], w.proxy.ledger.scrapes()

    head, scrapes = asyncio.run(story())

    assert head == f"POST /api/v2/alerts HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 4\r\n\r\n[{{}}]".encode()
    assert scrapes == {}


@pytest.mark.parametrize(
    ("line", "body"),
    [
        (b"GET http://db.prod.example/x HTTP/1.1", b"db.prod.example:80 is not part of this stack, and nothing leaves it\n"),
        (b"CONNECT DB.prod.example:443 HTTP/1.1", b"db.prod.example:443 is not part of this stack, and nothing leaves it\n"),
    ],
)
def test_an_unknown_host_is_refused_and_noted(line: bytes, body: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    async def story() -> tuple[bytes, list[dict[str, object]]]:
        async with world(Member()) as w:
            for _ in range(2):
                answer = await w.said(line + b"\r\nHost: db\r\nUser-Agent: blackbox\r\n\r\n")
            return answer, w.proxy.ledger.strangers()

    answer, strangers = asyncio.run(story())

    host = body.split(b" ")[0].decode()
    assert (answer.split(b"\r\n")[0], body_of(answer)) == (b"HTTP/1.1 403 Forbidden", body)
    assert strangers == [{"host": host, "by": "blackbox", "count": 2, "first": 7.0}]
    assert capsys.readouterr().err == f"refused {host} to blackbox: nothing in this stack is called so\n"


@pytest.mark.parametrize("name", ["api-1.prod.example", "what.the.client.calls.it"])
def test_a_tunnel_ends_here_with_a_certificate_for_the_name_that_is_asked_for(name: str) -> None:
    async def story() -> tuple[bytes, list[bytes]]:
        member = Member()
        async with world(member) as w:
            reader, writer = await w.connect()
            writer.write(f"CONNECT {HOST} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 200 Connection established\r\n\r\n"
            trust = ssl.create_default_context(cadata=w.proxy.authority._ca.cert_pem.bytes().decode())
            await writer.start_tls(trust, server_hostname=name)
            writer.write(f"GET /metrics HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            answer = await reader.readuntil(b"up 1\n")
            writer.close()
            return answer, member.heads

    answer, heads = asyncio.run(story())

    assert answer == TEXT
    assert heads == [f"GET /metrics HTTP/1.1\r\nhost: {HOST}\r\n\r\n".encode()]


def test_a_dead_member_is_a_bad_gateway_and_an_error() -> None:
    async def story() -> tuple[bytes, str, dict[str, dict[str, int]]]:
        async with world(Member()) as w:
            w.server.close()
            return await w.said(GET), w.proxy.hosts[HOST], w.proxy.ledger.scrapes()

    answer, address, scrapes = asyncio.run(story())

    words = f"{HOST}: {address} cannot be reached (Connect call failed {('127.0.0.1', int(address[10:]))})\n"
    assert (answer.split(b"\r\n")[0], body_of(answer).decode()) == (b"HTTP/1.1 502 Bad Gateway", words)
    assert scrapes == {HOST: {"count": 1, "errors": 1, "status": 502, "aborted": 0}}


def test_a_client_that_goes_away_takes_its_request_along() -> None:
    async def story() -> dict[str, dict[str, int]]:
        member = Member(answer=b"")
        async with world(member) as w:
            _, writer = await w.connect()
            writer.write(GET)
            await member.asked.wait()
            writer.close()
            await asyncio.wait_for(member.gone.wait(), 2)
            return w.proxy.ledger.scrapes()

    assert asyncio.run(story()) == {HOST: {"count": 1, "errors": 0, "status": 0, "aborted": 1}}


def test_an_answer_that_breaks_off_does_not_look_whole() -> None:
    async def story() -> tuple[object, dict[str, dict[str, int]]]:
        async with world(Member(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nup 1\n", closes=True)) as w:
            reader, writer = await w.connect()
            writer.write(GET)
            try:
                ending: object = await reader.readexactly(len(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n") + 9)
            except (asyncio.IncompleteReadError, ConnectionResetError):
                ending = "broken"
            writer.close()
            return ending, w.proxy.ledger.scrapes()

    ending, scrapes = asyncio.run(story())

    assert ending == "broken"
    assert scrapes == {HOST: {"count": 1, "errors": 1, "status": 502, "aborted": 0}}


@pytest.mark.parametrize(
    ("method", "answered"),
    [
        (b"HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"),
        (b"DELETE", b"HTTP/1.1 204 No Content\r\n\r\n"),
        (b"GET", b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n"),
    ],
)
def test_an_answer_without_a_body_ends_with_its_head(method: bytes, answered: bytes) -> None:
    async def story() -> tuple[bytes, int]:
        member = Member(answered)
        async with world(member) as w:
            reader, writer = await w.connect()
            for _ in range(2):
                writer.write(GET.replace(b"GET", method))
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2)
            writer.close()
            return head, len(member.heads)

    assert asyncio.run(story()) == (b"HTTP/1.1 " + answered.rpartition(b"HTTP/1.1 ")[2], 2)


def test_a_client_that_waits_is_told_to_send_its_body() -> None:
    head = f"POST http://{HOST}/x HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n".encode()

    async def story() -> tuple[bytes, bytes]:
        member = Member()
        async with world(member) as w:
            reader, writer = await w.connect()
            writer.write(head)
            told = await reader.readuntil(b"\r\n\r\n")
            writer.write(b"[]")
            await reader.readuntil(b"up 1\n")
            writer.close()
            return told, member.heads[0]

    sent = f"POST /x HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 2\r\n\r\n[]".encode()
    assert asyncio.run(story()) == (b"HTTP/1.1 100 Continue\r\n\r\n", sent)


def test_a_client_of_http_1_0_gets_a_body_that_ends_with_the_connection() -> None:
    async def story() -> bytes:
        answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nup 1\n\r\n0\r\n\r\n"
        async with world(Member(answer)) as w:
            return await w.said(GET.replace(b"HTTP/1.1", b"HTTP/1.0"))

    assert asyncio.run(story()) == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nup 1\n"


def test_a_connection_that_the_member_closed_is_not_used_again() -> None:
    async def story() -> tuple[list[bytes], int]:
        member = Member(closes=True)
        async with world(member) as w:
            answers = [body_of(await w.said(GET)) for _ in range(3)]
            return answers, member.connections

    assert asyncio.run(story()) == ([b"up 1\n"] * 3, 3)


@pytest.mark.parametrize(
    ("request_", "status", "body"),
    [
        (
            GET.replace(b"\r\n\r\n", b"\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"),
            b"501 Not Implemented",
            f"the way to {HOST} carries plain requests only: no upgrade, no tunnel\n",
        ),
        (
            b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
            b"400 Bad Request",
            "'/metrics' is not what a forward proxy is asked; write it like 'http://host:port/path'\n",
        ),
        (b"hello\r\n\r\n", b"400 Bad Request", "this is not HTTP/1.1: Invalid method encountered\n"),
    ],
)
def test_what_is_no_plain_request_is_refused_politely(request_: bytes, status: bytes, body: str) -> None:
    async def story() -> bytes:
        async with world(Member()) as w:
            return await w.said(request_)

    answer = asyncio.run(story())

    assert (answer.split(b"\r\n")[0], body_of(answer).decode()) == (b"HTTP/1.1 " + status, body)


def test_there_is_no_tunnel_within_a_tunnel() -> None:
    proxy = Proxy({}, Mailbox((), lambda: 7.0), Ledger(lambda: 7.0), Alterations(), Authority(lambda: 7.0))

    response = asyncio.run(proxy._carry(HOST, "db:5432", Request("CONNECT", "db:5432")))

    words = f"the way to {HOST} carries plain requests only: no upgrade, no tunnel\n"
    assert (response.status, response.body) == (501, words.encode())


@pytest.mark.parametrize("packed", [False, True])
def test_a_scrape_is_altered_on_its_way_and_asked_for_as_plain_text(packed: bool) -> None:
    text = b"# TYPE up gauge\nup 1 1700000000\nother 2\n"
    body, encoding = (gzip.compress(text), b"content-encoding: gzip\r\n") if packed else (text, b"")
    answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n" + encoding + b"content-length: %d\r\n\r\n" % len(body) + body
    accept = b"Accept: application/vnd.google.protobuf;q=0.9,text/plain;version=0.0.4;q=0.5\r\nAccept-Encoding: gzip\r\n\r\n"

    async def story() -> tuple[bytes, bytes, object]:
        member = Member(answer)
        async with world(member) as w:
            w.proxy.alterations.put("k", {"series": "up", "target": HOST, "action": "set", "value": 0})
            said = await w.said(GET[:-2] + accept)
            return said, member.heads[-1], w.proxy.alterations.told("k")

    said, head, told = asyncio.run(story())

    assert body_of(said) == b"# TYPE up gauge\nup 0 1700000000\nother 2\n"
    assert b"content-encoding" not in said
    assert head.endswith(b"accept: text/plain;version=0.0.4;q=0.5\r\naccept-encoding: identity\r\n\r\n")
    assert told == {"scrapes": 1, "samples": 1, "seen": []}


def test_a_routed_host_is_answered_by_the_sink_of_its_longest_path() -> None:
    routes = (
        Route("hooks.prod.example:80", "", "webhook", "everyone"),
        Route("hooks.prod.example:80", "/team-b", "webhook", "team-b"),
        Route("hooks.prod.example:80", "/team-b", "webhook", "team-a"),
    )
    post = b"POST http://hooks.prod.example%s HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n%s"

    async def story() -> tuple[list[bytes], list[tuple[str, str, int, float]]]:
        async with world(Member(), routes) as w:
            asked = [post % (b"/team-b/x", b"{}"), post % (b"/team-c", b"{}"), post % (b"", b"no")]
            answers = [(await w.said(request)).split(b"\r\n")[0] for request in asked]
            _, noted = w.proxy.mailbox.since(0)
            return answers, [(d["receiver"], d["status"], d["answered"], d["wall"]) for d in noted]

    answers, noted = asyncio.run(story())

    assert answers == [b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK", b"HTTP/1.1 400 Bad Request"]
    assert noted == [("team-a or team-b", "", 200, 7.0), ("everyone", "", 200, 7.0), ("everyone", "invalid", 400, 7.0)]


# name: "x", type: HISTOGRAM, metric { histogram { sample_count: 3, positive_span { offset: 1 length: 1 } } }
NATIVE = bytes.fromhex("110a01781804220a3a080803620408021001")
REFUSED = (
    f"{HOST} exposes native histograms, in protobuf, where no sample can be altered;"
    " let the target itself misbehave, or scrape it with `scrape_native_histograms: false`"
)


@pytest.mark.parametrize(
    ("action", "native", "heads", "told"),
    [
        ("set", True, 1, {"scrapes": 1, "samples": 0, "seen": [], "refused": REFUSED}),
        ("set", False, 2, {"scrapes": 0, "samples": 0, "seen": []}),
        ("garble", True, 1, {"scrapes": 0, "samples": 0, "seen": []}),
    ],
)
def test_native_histograms_are_not_lost_for_the_sake_of_an_alteration(
    action: str, native: bool, heads: int, told: object
) -> None:
    body = NATIVE if native else NATIVE.replace(b"\x62", b"\x1a")
    answer = (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.google.protobuf\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    )

    async def story() -> tuple[bytes, list[bytes], object]:
        member = Member(answer)
        async with world(member) as w:
            w.proxy.alterations.put("k", {"series": "up", "target": HOST, "action": action, "value": 0})
            accept = b"Accept: application/vnd.google.protobuf;q=0.9,text/plain;q=0.5\r\nAccept-Encoding: gzip\r\n\r\n"
            return body_of(await w.said(GET[:-2] + accept)), member.heads, w.proxy.alterations.told("k")

    said, asked, did = asyncio.run(story())

    assert (said, len(asked), did) == (body, heads, told)
    assert (b"accept: application/vnd.google.protobuf" in asked[0].lower()) is (action == "set")
