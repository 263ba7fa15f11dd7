"""What the forward proxy adds to a scrape of 10,000 samples, in plain text and within TLS, beside the same scrape without it.

Run it: ``python tests/performance/scrape.py`` (about 15 seconds). The three ways take turns, over connections that are kept.
Judged is the packed text that Prometheus asks for; what an exporter that does not pack costs (a megabyte) is only told.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scraped import a_scene, be_target, text

from pytest_obscheck.clock import SystemClock, until

HOST = "api.prod.example"
SAMPLES, ROUNDS = 10_000, 300
LIMITS = {"through the proxy": 3.0, "within TLS": 8.0}
"""Milliseconds that may be added to the 99th percentile."""
BODY = text(SAMPLES)
PACKED = gzip.compress(BODY, 6)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n%sContent-Length: %d\r\n\r\n"
ANSWERS = {
    b"identity": HEAD % (b"", len(BODY)) + BODY,
    b"gzip": HEAD % (b"Content-Encoding: gzip\r\n", len(PACKED)) + PACKED,
}
ASK = "GET {url} HTTP/1.1\r\nHost: {host}\r\nAccept: text/plain\r\nAccept-Encoding: {encoding}\r\n\r\n"


class Target(asyncio.Protocol):
    """Says the same text to every request, packed where that is asked for."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer a request."""
        assert isinstance(self._transport, asyncio.WriteTransport)
        self._transport.write(ANSWERS[b"gzip" if b"gzip" in data else b"identity"])


@dataclass
class Way:
    """One way to the target: its connection, what is written to it, and how long each scrape took, in seconds."""

    connection: Any
    request: bytes
    took: list[float] = field(default_factory=list)

    def scrape(self, length: int) -> None:
        """Ask once, and read the answer to its end."""
        clock = SystemClock()
        asked = clock.now()
        self.connection.sendall(self.request)
        got, whole = b"", 0
        while not whole or len(got) < whole:
            got += self.connection.recv(1 << 20)
            if not whole and b"\r\n\r\n" in got:
                whole = got.index(b"\r\n\r\n") + 4 + length
        self.took.append(clock.now() - asked)
        assert b" 200 " in got[:20], got[:200]
        assert len(got) == whole

    def late(self) -> float:
        """Return the 99th percentile in milliseconds."""
        return sorted(self.took)[int(len(self.took) * 0.99)] * 1000

    def middle(self) -> float:
        """Return the median in milliseconds."""
        return sorted(self.took)[len(self.took) // 2] * 1000


def ways(target: str, proxy: str, folder: Path, encoding: str) -> dict[str, Way]:
    """Return the three ways, connected."""

    def connected(address: str) -> socket.socket:
        host, _, port = address.rpartition(":")
        return socket.create_connection((host, int(port)), timeout=10)

    def asking(url: str, host: str) -> bytes:
        return ASK.format(url=url, host=host, encoding=encoding).encode()

    tunnel = connected(proxy)
    tunnel.sendall(f"CONNECT {HOST}:8443 HTTP/1.1\r\nHost: {HOST}:8443\r\n\r\n".encode())
    assert b" 200 " in tunnel.recv(4096)
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    return {
        "asked directly": Way(connected(target), asking("/metrics", target)),
        "through the proxy": Way(connected(proxy), asking(f"http://{HOST}:8080/metrics", f"{HOST}:8080")),
        "within TLS": Way(context.wrap_socket(tunnel, server_hostname=HOST), asking("/metrics", HOST)),
    }


async def compared(folder: Path) -> list[str]:
    """Print what each way takes; return what is over its limit."""
    async with a_scene(folder, [f"{HOST}:8080", f"{HOST}:8443"]) as scene:
        until(SystemClock(), (folder / "ca.pem").exists, 5.0)
        found = [measured(scene.address, scene.proxy, folder, encoding) for encoding in ("gzip", "identity")]
        return [line for lines in found for line in lines]


def measured(address: str, proxy: str, folder: Path, encoding: str) -> list[str]:
    """Scrape by each way in turn; print what it took, and return what is over its limit."""
    length = len(PACKED) if encoding == "gzip" else len(BODY)
    found = ways(address, proxy, folder, encoding)
    for _ in range(ROUNDS):
        for way in found.values():
            way.scrape(length)
    direct, over = found["asked directly"], []
    sys.stdout.write(f"{SAMPLES} samples, {encoding} ({length // 1000} kB):\n")
    for name, way in found.items():
        added = way.late() - direct.late()
        sys.stdout.write(f"  {name:18} p50 {way.middle():5.2f} ms  p99 {way.late():5.2f} ms  added to p99 {added:5.2f} ms\n")
        if encoding == "gzip" and added > LIMITS.get(name, added):
            over.append(f"{name}: {added:.2f} ms are added to p99, and {LIMITS[name]:.0f} ms are allowed\n")
    return over


def main() -> int:
    """Print all ways; 1 where one is over its limit."""
    with tempfile.TemporaryDirectory() as folder:
        over = asyncio.run(compared(Path(folder)))
    sys.stdout.write("".join(over))
    return 1 if over else 0


if __name__ == "__main__":
    asyncio.run(be_target(Target)) if sys.argv[1:] == ["target"] else sys.exit(main())
