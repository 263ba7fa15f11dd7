"""Sockets that know when what they received had arrived: on a busy machine it may have waited, and samples are of that moment.

The kernel notes it for each packet (SO_TIMESTAMPNS, socket(7)). Elsewhere than on Linux nothing is known: 0.
"""

from __future__ import annotations

import socket
import struct
import sys
from typing import Any
from weakref import WeakValueDictionary

_SO_TIMESTAMPNS = 35
_TIME = struct.Struct("@qq")
_ROOM = socket.CMSG_SPACE(_TIME.size)


class Stamped(socket.socket):
    """A connection; ``arrived`` is the Unix second at which the kernel had what was received last, 0 where it does not say."""

    arrived = 0.0

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Receive as any socket does."""
        data, told, _, _ = self.recvmsg(size, _ROOM, flags)
        self._note(told)
        return data

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        """Receive as any socket does."""
        count, told, _, _ = self.recvmsg_into([memoryview(buffer)[: size or None]], _ROOM, flags)
        self._note(told)
        return count

    def _note(self, told: list[tuple[int, int, bytes]]) -> None:
        for level, kind, data in told:
            if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
                second, nanosecond = _TIME.unpack_from(data)
                self.arrived = second + nanosecond / 1e9


class Door(socket.socket):
    """A listening socket whose connections are stamped, each to be fetched once by its number."""

    def __init__(self, address: str) -> None:
        """Listen on ``host:port``; ``OSError`` where that cannot be had."""
        host, _, port = address.rpartition(":")
        super().__init__(socket.AF_INET, socket.SOCK_STREAM)
        self._new: WeakValueDictionary[int, Stamped] = WeakValueDictionary()
        try:
            self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if sys.platform == "linux":
                # Connections inherit it, before they are accepted: their first request may wait for that, too.
                self.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self.bind((host, int(port)))
        except OSError:
            self.close()
            raise

    def accept(self) -> tuple[socket.socket, Any]:
        """Take the next connection as any socket does."""
        plain, address = super().accept()
        stamped = Stamped(fileno=plain.detach())
        self._new[stamped.fileno()] = stamped
        return stamped, address

    def taken(self, number: int) -> Stamped | None:
        """Return the connection with that file descriptor, which is forgotten."""
        return self._new.pop(number, None)
