"""One connection: what the other side says, read as it comes, and the news that it has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

from pytest_obscheck.inbox.arrival import Door, Stamped
from pytest_obscheck.inbox.messages import CutOff, End, Head, Malformed, Messages

ROOM = 1 << 18
"""Bytes that are read at once, each time into the same memory: streams would map and unmap fresh pages for each read."""

PLENTY = 8
"""Pieces that may wait to be heard before the other side is made to wait, too."""


class Wire(asyncio.BufferedProtocol):
    """One side of a connection; ``busy``: its task works for the other side, and is cancelled as soon as that side has gone."""

    _transport: asyncio.Transport

    def __init__(
        self,
        *,
        requests: bool,
        begin: Callable[[Wire], Coroutine[Any, Any, None]] | None = None,
        door: Door | None = None,
    ) -> None:
        """Hear requests, or else answers; ``begin`` becomes the task of a connection that came through a door."""
        self.messages = Messages(requests)
        self.busy = False
        self._begin, self._door = begin, door
        self._socket: Stamped | None = None
        self._task: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._memory = memoryview(bytearray(ROOM))
        self._news: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._trouble: Exception | None = None
        self._over = self._full = False

    async def event(self) -> Head | bytes | End:
        """Return the next thing that the other side says; ``Malformed`` or ``OSError`` where it is none."""
        while not self.messages.events:
            if self._trouble:
                raise self._trouble
            if self._over:
                return End(stream=True)
            await self._more()
        return self.messages.events.popleft()

    async def _more(self) -> None:
        if self._full:
            self._full = False
            self._transport.resume_reading()
        self._news = self._loop.create_future()
        await self._news

    async def say(self, data: bytes) -> None:
        """Say something, and wait until there is room for more; ``ConnectionResetError`` where the other side has gone."""
        self._transport.write(data)
        if self._room:
            await self._room
        if self._transport.is_closing():
            raise ConnectionResetError("the connection is lost")

    def close(self) -> None:
        """Say no more than what is on its way."""
        self._transport.close()

    def abort(self) -> None:
        """Leave at once."""
        self._transport.abort()

    @property
    def arrived(self) -> float:
        """Return the Unix second at which the kernel had what the other side said last; 0 where that is not known."""
        return self._socket.arrived if self._socket else 0.0

    @property
    def waits(self) -> bool:
        """Whether the other side is there and says nothing."""
        return not (self._over or self._trouble or self.messages.events or self._transport.is_closing())

    async def encrypt(self, context: Any) -> None:
        """Go on within TLS, as its server."""
        self.messages = Messages(requests=True)
        inside = await self._loop.start_tls(self._transport, self, context, server_side=True)
        self._transport = cast("asyncio.Transport", inside)

    # The names from here on are asyncio's.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, with the socket that knows when what it says had arrived."""
        self._transport = cast("asyncio.Transport", transport)
        if self._door:
            self._socket = self._door.taken(transport.get_extra_info("socket").fileno())
        if self._begin:
            self._task = self._loop.create_task(self._begin(self))

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to put what comes."""
        return self._memory

    def buffer_updated(self, nbytes: int) -> None:
        """Hear what came."""
        self._hear(self._memory[:nbytes])
        if len(self.messages.events) > PLENTY:
            self._full = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Hear that the other side sends no more; whoever half-closes has gone, as Go's servers see it too."""
        self._gone()
        # Within TLS nobody can go on speaking.
        return self._transport.get_extra_info("sslcontext") is None

    def connection_lost(self, exc: Exception | None) -> None:
        """Hear that the connection is no more."""
        self._trouble = self._trouble or exc
        self.resume_writing()
        self._gone()

    def pause_writing(self) -> None:
        """Hear that the other side takes no more for now."""
        self._room = self._loop.create_future()

    def resume_writing(self) -> None:
        """Hear that it takes more."""
        _told(self._room)
        self._room = None

    def _hear(self, data: bytes | memoryview) -> None:
        try:
            self.messages.feed(data)
        except (CutOff, Malformed) as error:
            self._trouble = self._trouble or error
        _told(self._news)

    def _gone(self) -> None:
        if not self._over:
            self._over = True
            self._hear(b"")
        if self._task and self.busy:
            self._task.cancel()


def _told(waiting: asyncio.Future[None] | None) -> None:
    """Let whoever waits go on."""
    if waiting and not waiting.done():
        waiting.set_result(None)
