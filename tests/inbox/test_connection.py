"""One side of a connection, over a transport that only notes what is done to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import pytest

from pytest_obscheck.inbox.connection import PLENTY, Wire

CHUNK = b"1\r\nx\r\n"
HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@dataclass
class Noted:
    """A transport; ``done`` is what was done to it."""

    done: list[str] = field(default_factory=list)

    def pause_reading(self) -> None:
        """Note it."""
        self.done.append("paused")

    def resume_reading(self) -> None:
        """Note it."""
        self.done.append("resumed")

    def write(self, data: bytes) -> None:
        """Note it."""
        self.done.append(data.decode())

    def is_closing(self) -> bool:
        """Whether the connection was lost."""
        return "lost" in self.done


def connected() -> tuple[Wire, Noted]:
    wire, transport = Wire(requests=False), Noted()
    wire.connection_made(cast("asyncio.Transport", transport))
    return wire, transport


def hears(wire: Wire, data: bytes) -> None:
    wire.get_buffer(-1)[: len(data)] = data
    wire.buffer_updated(len(data))


def test_who_says_more_than_is_heard_waits_until_all_of_it_is_heard() -> None:
    async def story() -> list[str]:
        wire, transport = connected()
        hears(wire, HEAD + PLENTY * CHUNK)
        for _ in range(PLENTY + 1):
            await wire.event()
        heard = asyncio.ensure_future(wire.event())
        await asyncio.wait([heard], timeout=0)
        transport.done.append("asked for more")
        hears(wire, CHUNK)
        assert await heard == b"x"
        return transport.done

    assert asyncio.run(story()) == ["paused", "resumed", "asked for more"]


def test_who_says_little_never_waits() -> None:
    async def story() -> list[str]:
        wire, transport = connected()
        hears(wire, HEAD + (PLENTY - 1) * CHUNK)
        return transport.done

    assert asyncio.run(story()) == []


def lost(wire: Wire, transport: Noted) -> None:
    transport.done.append("lost")
    wire.connection_lost(None)


def ready(wire: Wire, _: Noted) -> None:
    wire.resume_writing()


@pytest.mark.parametrize(("then", "error"), [(ready, None), (lost, "the connection is lost")])
def test_nothing_more_is_said_to_who_takes_no_more(then: Callable[[Wire, Noted], None], error: str | None) -> None:
    async def story() -> BaseException | None:
        wire, transport = connected()
        wire.pause_writing()
        saying = asyncio.ensure_future(wire.say(b"hello"))
        await asyncio.wait([saying], timeout=0)
        assert (transport.done, saying.done()) == (["hello"], False)
        then(wire, transport)
        await asyncio.wait([saying], timeout=1)
        assert saying.done()
        return saying.exception()

    found = asyncio.run(story())

    assert (found and str(found)) == error


def test_what_came_before_the_end_is_heard_first() -> None:
    async def story() -> list[object]:
        wire, _ = connected()
        hears(wire, HEAD + CHUNK)
        wire.connection_lost(None)
        heard: list[object] = [type(await wire.event()).__name__, await wire.event()]
        with pytest.raises(ConnectionError, match="in the middle of a message"):
            await wire.event()
        return heard

    assert asyncio.run(story()) == ["Head", b"x"]
