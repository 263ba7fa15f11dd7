"""When what a socket received had arrived."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.inbox.arrival import Door, Stamped
from pytest_obscheck.inbox.authority import Authority
from pytest_obscheck.inbox.connection import Wire
from pytest_obscheck.inbox.wire import Request, Response, serve, welcome

CLOCK = SystemClock()
NEAR = 0.02

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says it")


def waits(sent: float) -> None:
    """Let a twentieth of a second pass after something was sent."""
    until(CLOCK, lambda: CLOCK.now() > sent + 3 * NEAR, 5)


def received(taken: Stamped) -> bytes:
    return taken.recv(5)


def received_into(taken: Stamped) -> bytes:
    buffer = bytearray(5)
    taken.recv_into(buffer)
    return bytes(buffer)


@pytest.mark.parametrize("receive", [received, received_into])
def test_what_waited_in_the_kernel_has_the_time_at_which_it_came(receive: Callable[[Stamped], bytes]) -> None:
    with Door("127.0.0.1:0") as door:
        door.listen()
        with socket.create_connection(door.getsockname()) as client, door.accept()[0] as taken:
            stamped = door.taken(taken.fileno())
            assert stamped is taken
            # The kernel begins to note times soon after the first who wants it, not at once.
            client.sendall(b"first")
            waits(CLOCK.now())
            assert receive(stamped) == b"first"
            before = CLOCK.now()
            client.sendall(b"hello")
            sent = CLOCK.now()
            waits(sent)

            assert receive(stamped) == b"hello"
            assert before - NEAR <= stamped.arrived <= sent + NEAR
            assert door.taken(taken.fileno()) is None


def test_a_request_within_tls_has_it_as_well(tmp_path: Path) -> None:
    authority = Authority(CLOCK.now)
    authority.write(tmp_path / "ca.pem")
    found: list[float] = []

    async def answer(request: Request) -> Response:
        found.append(request.arrived)
        return Response(204)

    async def connected(wire: Wire) -> None:
        await wire.encrypt(authority.context("localhost"))
        await serve(wire, answer)

    async def story() -> float:
        trust = ssl.create_default_context(cadata=(tmp_path / "ca.pem").read_text())
        async with await welcome("127.0.0.1:0", lambda door: Wire(requests=True, begin=connected, door=door)) as server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname="localhost")
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            sent = CLOCK.now()
            waits(sent)
            await reader.readuntil(b"\r\n\r\n")
            writer.close()
        return sent

    sent = asyncio.run(story())

    assert found == [pytest.approx(sent, abs=NEAR)]


def test_nothing_is_known_before_anything_came() -> None:
    with Door("127.0.0.1:0") as door:
        door.listen()
        with socket.create_connection(door.getsockname()), door.accept()[0] as taken:
            assert taken.arrived == 0
