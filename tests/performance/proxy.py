"""What the forward proxy costs: CPU of one core at 200 scrapes a second, beside the same scrapes without it.

Run it: ``python tests/performance/proxy.py`` (about 8 seconds). Each of 20 targets is scraped ten times a second over a
kept-alive connection; an answer has 300 series (28 kB of text).
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from figures import cpu_seconds
from scraped import a_scene, be_target, text

from pytest_obscheck.clock import SystemClock

TARGETS = 20
RATE = 200
SECONDS = 3.0
LIMIT = 10.0
BODY = text(300)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
ASK = "GET {url} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Prometheus/3\r\nAccept: text/plain\r\nAccept-Encoding: gzip\r\n\r\n"


class Target(asyncio.Protocol):
    """Says the same text to every request, as cheaply as can be."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request once."""
        assert isinstance(self._transport, asyncio.WriteTransport)
        self._transport.write(ANSWER * data.count(b"\r\n\r\n"))


@dataclass
class Measured:
    """One run: CPU seconds of the process under test, wall seconds, and how long each scrape took."""

    cpu: float = 0.0
    wall: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def percent(self) -> float:
        """Return the share of one core."""
        return 100 * self.cpu / self.wall

    def __str__(self) -> str:
        """Return the run in words."""
        ordered = sorted(self.latencies)
        middle, late = ordered[len(ordered) // 2] * 1000, ordered[int(len(ordered) * 0.99)] * 1000
        rate = len(ordered) / self.wall
        return f"{rate:5.0f} scrapes/s  {self.percent:5.1f} % of a core  p50 {middle:.2f} ms  p99 {late:.2f} ms"


async def scrape(address: str, request: bytes, number: int, measured: Measured) -> None:
    """Scrape one target at its own offset until the time is up."""
    clock, (host, _, port) = SystemClock(), address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    every = TARGETS / RATE
    begin = clock.now() + number * every / TARGETS
    for turn in range(int(SECONDS / every)):
        await asyncio.sleep(max(0.0, begin + turn * every - clock.now()))
        asked = clock.now()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head, head
        assert await reader.readexactly(len(BODY)) == BODY
        measured.latencies.append(clock.now() - asked)
    writer.close()


async def measure(pid: int, address: str, requests: list[bytes]) -> Measured:
    """Scrape all targets through an address, and return what it cost the process."""
    clock, measured = SystemClock(), Measured()
    begun, spent = clock.now(), cpu_seconds(pid)
    await asyncio.gather(*(scrape(address, request, number, measured) for number, request in enumerate(requests)))
    measured.cpu, measured.wall = cpu_seconds(pid) - spent, clock.now() - begun
    return measured


def names() -> list[str]:
    """Return what production calls the targets."""
    return [f"api-{number}.prod.example:8080" for number in range(TARGETS)]


async def compare(folder: Path) -> tuple[Measured, Measured]:
    """Return the run without the proxy, and the one through it."""
    async with a_scene(folder, names()) as scene:
        plain = [ASK.format(url="/metrics", host=name).encode() for name in names()]
        through = [ASK.format(url=f"http://{name}/metrics", host=name).encode() for name in names()]
        return await measure(scene.target, scene.address, plain), await measure(scene.inbox, scene.proxy, through)


def main() -> int:
    """Print both runs and their ratio; 1 where the proxy takes more than a tenth of a core."""
    with tempfile.TemporaryDirectory() as folder:
        plain, through = asyncio.run(compare(Path(folder)))
    sys.stdout.write(f"a target, asked directly:  {plain}\nthe proxy, in between:     {through}\n")
    ratio = through.percent / max(plain.percent, 0.1)
    sys.stdout.write(f"the proxy costs {ratio:.1f} times what a bare target costs; {LIMIT:.0f} % of a core are allowed\n")
    return 0 if through.percent <= LIMIT else 1


if __name__ == "__main__":
    asyncio.run(be_target(Target)) if sys.argv[1:] == ["target"] else sys.exit(main())
