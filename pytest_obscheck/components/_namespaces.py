"""The network in which somebody listens at an address: a container has one of its own (network_namespaces(7))."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROC = Path("/proc")
_CLONE_NEWNET = 0x40000000
_LISTENS = "0A"


@contextmanager
def inside(address: str) -> Iterator[None]:
    """Have this thread, and what it opens, in the network where somebody listens at an IPv4 address and port.

    ``OSError`` where that is not seen from here, or not allowed: it needs CAP_SYS_ADMIN. What was opened stays there.
    """
    host, _, port = address.rpartition(":")
    if host.startswith("127."):
        yield
        return
    with (PROC / "thread-self/ns/net").open("rb") as home, _of(host, int(port)).open("rb") as there:
        _enter(there.fileno())
        try:
            yield
        finally:
            _enter(home.fileno())


def _of(host: str, port: int) -> Path:
    # As proc_net_tcp of the kernel's documentation writes an address: the four bytes as one number of this machine.
    wanted = f"{int.from_bytes(socket.inet_aton(host), 'little'):08X}:{port:04X}"
    seen = set()
    for process in PROC.glob("[0-9]*"):
        with suppress(OSError):
            network = (process / "ns/net").readlink()
            if network not in seen and any(row[1:4:2] == [wanted, _LISTENS] for row in _sockets(process)):
                return process / "ns/net"
            seen.add(network)
    raise ProcessLookupError(f"nobody listens at {host}:{port}")


def _sockets(process: Path) -> list[list[str]]:
    return [line.split() for line in (process / "net/tcp").read_text(encoding="ascii").splitlines()[1:]]


def _enter(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
