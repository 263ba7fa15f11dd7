"""Whether anybody listens at an address: what costs a twentieth of a question that nobody answers."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import suppress

AT_MOST = 0.02
"""Wall seconds that an address of this machine, or of a network on it, may take to say that nobody does."""


def listened_at(addresses: Iterable[str]) -> bool:
    """Whether somebody listens at one of these addresses (``host:port``), by TCP."""
    return any(map(_listened, addresses))


def _listened(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with suppress(OSError), socket.socket() as asking:
        asking.settimeout(AT_MOST)
        return asking.connect_ex((host, int(port))) == 0
    return False
