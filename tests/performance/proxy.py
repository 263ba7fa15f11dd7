"""What the forward proxy costs: CPU of one core at 200 scrapes a second, beside the same scrapes without it.

Run it: ``python tests/performance/proxy.py`` (about 8 seconds). Each of 20 targets is scraped ten times a second over a
kept-alive connection; an answer has 300 series (28 kB of text).
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from pytest_obscheck.clock import SystemClock

TARGETS = 20
RATE = 200
SECONDS = 3.0
LIMIT = 10.0
LINE = b'http_request_duration_seconds_bucket{method="GET",endpoint="/api/v1/thing/%d",le="%d.5"} %d\n'
BODY = b"".join(LINE % (n % 30, n, n * 7) for n in range(300))
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


def cpu_seconds(pid: int) -> float:
    """Return user and system CPU seconds of a process (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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


async def compare(folder: Path) -> tuple[Measured, Measured, float]:
    """Return the run without the proxy, the one through it, and the seconds that the inbox took to be ready."""
    clock = SystemClock()
    target, address = await begin(sys.argv[0], "target")
    listen = {name: f"127.0.0.1:{await free()}" for name in ("proxy", "smtp", "control")}
    config = {"listen": listen, "hosts": dict.fromkeys(names(), address), "folder": str(folder)}
    (folder / "inbox.json").write_text(json.dumps(config), encoding="utf-8")
    asked = clock.now()
    inbox, _ = await begin("-m", "pytest_obscheck.inbox", str(folder / "inbox.json"))
    ready = clock.now() - asked
    try:
        plain = await measure(target.pid, address, [ASK.format(url="/metrics", host=name).encode() for name in names()])
        through = [ASK.format(url=f"http://{name}/metrics", host=name).encode() for name in names()]
        return plain, await measure(inbox.pid, listen["proxy"], through), ready
    finally:
        for process in (inbox, target):
            process.terminate()
            await process.wait()


async def begin(*argv: str) -> tuple[asyncio.subprocess.Process, str]:
    """Start a Python program and return it with its first line."""
    process = await asyncio.create_subprocess_exec(sys.executable, *argv, stdout=subprocess.PIPE)
    assert process.stdout is not None
    return process, (await process.stdout.readline()).decode().strip()


async def free() -> int:
    """Return a port at which nobody listens."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
        return port


async def be_target() -> None:
    """Serve until killed, and say where."""
    server = await asyncio.get_running_loop().create_server(Target, "127.0.0.1", 0)
    sys.stdout.write("{}:{}\n".format(*server.sockets[0].getsockname()))
    sys.stdout.flush()
    await server.serve_forever()


def main() -> int:
    """Print both runs and their ratio; 1 where the proxy takes more than a tenth of a core."""
    with tempfile.TemporaryDirectory() as folder:
        plain, through, ready = asyncio.run(compare(Path(folder)))
    sys.stdout.write(f"a target, asked directly:  {plain}\nthe proxy, in between:     {through}\n")
    ratio = through.percent / max(plain.percent, 0.1)
    sys.stdout.write(f"the proxy costs {ratio:.1f} times what a bare target costs; {LIMIT:.0f} % of a core are allowed\n")
    sys.stdout.write(f"the inbox was ready after {ready * 1000:.0f} ms\n")
    return 0 if through.percent <= LIMIT else 1


if __name__ == "__main__":
    asyncio.run(be_target()) if sys.argv[1:] == ["target"] else sys.exit(main())
