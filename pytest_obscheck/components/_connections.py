"""Says how many bytes the connections that are open now have brought to a local TCP port.

toxiproxy counts a connection's bytes when it ends, and a pooled connection lives as long as the service; the kernel knows
them at any time (sock_diag(7), inet_diag.h, struct tcp_info). Elsewhere than on Linux nothing is known: 0.
"""

from __future__ import annotations

import socket
import struct

from pytest_obscheck.components._namespaces import inside

_SOCK_DIAG, _BY_FAMILY, _REQUEST_DUMP = 4, 20, 0x301
_DONE, _ERROR = 3, 2
_INFO, _ESTABLISHED = 2, 1
_HEADER, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=HH")
_MESSAGE = 72
"""Bytes of struct inet_diag_msg, which the attributes follow."""
_RECEIVED = 128
"""Where tcpi_bytes_received lies in struct tcp_info."""


def received(address: str) -> int:
    """Return the bytes that the established connections to a local IPv4 address have received so far; 0 where none is seen."""
    try:
        with inside(address), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
            kernel.settimeout(1.0)
            kernel.send(_question(int(address.rpartition(":")[2])))
            return _answers(kernel)
    except (AttributeError, OSError):
        return 0


def _question(port: int) -> bytes:
    states = 1 << _ESTABLISHED
    asked = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 1 << (_INFO - 1), states)
    which = struct.pack("!H", port) + bytes(46)
    return _HEADER.pack(_HEADER.size + len(asked) + len(which), _BY_FAMILY, _REQUEST_DUMP, 1, 0) + asked + which


def _answers(kernel: socket.socket) -> int:
    total = 0
    while True:
        data = kernel.recv(1 << 17)
        while data:
            length, kind, _, _, _ = _HEADER.unpack_from(data)
            if kind in {_DONE, _ERROR}:
                return total
            total += _one(data[_HEADER.size + _MESSAGE : length])
            data = data[(length + 3) & ~3 :]


def _one(attributes: bytes) -> int:
    while len(attributes) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(attributes)
        if kind == _INFO and length >= _ATTRIBUTE.size + _RECEIVED + 8:
            (count,) = struct.unpack_from("=Q", attributes, _ATTRIBUTE.size + _RECEIVED)
            return int(count)
        attributes = attributes[max(4, (length + 3) & ~3) :]
    return 0
