"""What the reference service takes: for a health answer, for an SLA figure over thirty days, and for its own instrumentation.

Run it: ``python tests/performance/shop.py`` (about two minutes). Instrumentation is measured in CPU time per order: two
services, with and without it, have the same orders in turns so short that whatever else the machine does befalls both. Where
its memory happens to lie makes a process some per cent faster or slower for its whole life, so there are several pairs, and the
interval is that of the pairs' medians: the figure holds where all of it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from figures import ROOT, Figure, median, milliseconds, tell

from pytest_obscheck.clock import SystemClock
from pytest_obscheck.expectations._median import median_of

HEALTH_RATE, HEALTH_SECONDS = 200, 5.0
HEALTH_LIMIT, SLA_LIMIT, OVERHEAD_LIMIT = 0.1, 0.5, 5.0
PAIRS, ROUNDS, ORDERS, ORDERS_RATE = 10, 8, 50, 250
CONNECTIONS = 10
MONTH_OF_MINUTES = 30 * 24 * 60
CLOCK = SystemClock()
ORDER = json.dumps({"item": "book", "amount": 12.5}).encode()
SLA = ("/monitoring/sla", "/monitoring/sla/availability", "/sla/status", "/sla/uptime")


def asking(method: str, path: str, body: bytes = b"") -> bytes:
    """Return a request as it goes over the wire."""
    head = f"{method} {path} HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def answer(reader: asyncio.StreamReader) -> bytes:
    """Read one answer with a length; return its status line."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(length)
    return head.split(b"\r\n", 1)[0]


async def drive(port: int, request: bytes, rate: float, seconds: float) -> list[float]:
    """Ask so often for so long, whether answers are slow or not; return how long each took from when it was due."""
    took: list[float] = []
    begin = CLOCK.now() + 0.05

    async def customer(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for turn in range(number, int(rate * seconds), CONNECTIONS):
            due = begin + turn / rate
            await asyncio.sleep(max(0.0, due - CLOCK.now()))
            writer.write(request)
            status = await answer(reader)
            assert b" 20" in status, status
            took.append(CLOCK.now() - due)
        writer.close()

    await asyncio.gather(*(customer(number) for number in range(CONNECTIONS)))
    return sorted(took)


async def free() -> int:
    """Return a port at which nobody listens."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
        return port


@asynccontextmanager
async def running(module: str, path: str, environment: Mapping[str, str]) -> AsyncIterator[tuple[int, int]]:
    """Run a part of the service until it answers; give its process id and its port."""
    port = await free()
    own = {"PATH": os.environ["PATH"], "PORT": str(port), "PYTHONHASHSEED": "0", **environment}
    command = [sys.executable, "-m", module]
    with subprocess.Popen(command, cwd=ROOT / "stack", env=own, stderr=subprocess.DEVNULL) as process:  # noqa: ASYNC220
        try:
            for _ in range(400):
                with contextlib.suppress(OSError, AssertionError):
                    await drive(port, asking("GET", path), 1000, 0.01)
                    break
                await asyncio.sleep(0.05)
            yield process.pid, port
        finally:
            process.terminate()


def cpu_nanoseconds(pid: int) -> int:
    """Return the CPU time of a process's threads, finer than ticks of 10 ms (proc(5), schedstat)."""
    return sum(int(each.read_text().split()[0]) for each in Path(f"/proc/{pid}/task").glob("*/schedstat"))


async def health() -> Figure:
    """Ask a service with a real dependency whether it is ready, 200 times a second."""
    async with running("service.payments", "/health", {}) as (_, payments):
        environment = {"PAYMENTS_URL": f"http://127.0.0.1:{payments}"}
        async with running("service", "/health/liveness", environment) as (_, port):
            took = await drive(port, asking("GET", "/health/readiness"), HEALTH_RATE, HEALTH_SECONDS)
    late = took[int(len(took) * 0.99)]
    shown = f"p50 {milliseconds(median(took))}, p99 {milliseconds(late)}"
    return Figure(
        f"health answers, {HEALTH_RATE} requests/s", shown, f"p99 < {milliseconds(HEALTH_LIMIT)}", late < HEALTH_LIMIT
    )


def a_month(folder: Path) -> str:
    """Fill a database with what a service saw in each minute of thirty days; return its address."""
    current = int(CLOCK.now()) // 60
    buckets = json.dumps([40, 9, 5, 3, 2, 1, 0, 0, 0, 0, 0, 0])
    rows = [("checkout-1", current - n, 60.0, 60, n % 100 == 0, 1.5, buckets) for n in range(1, MONTH_OF_MINUTES)]
    with contextlib.closing(sqlite3.connect(folder / "shop.db")) as database:
        database.executemany("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        database.commit()
    return f"sqlite:///{folder}/shop.db"


async def figures_of_a_month() -> Figure:
    """Ask each SLA endpoint twenty times for thirty days that were really kept."""
    with tempfile.TemporaryDirectory() as name:
        address = {"DATABASE_URL": f"sqlite:///{name}/shop.db"}
        async with running("service", "/health/liveness", address):
            pass
        a_month(Path(name))
        async with running("service", "/health/liveness", address) as (_, port):
            took = [each for path in SLA for each in await drive(port, asking("GET", path), 10, 2.0)]
    worst = max(took)
    shown = f"p50 {milliseconds(median(took))}, worst {milliseconds(worst)}"
    return Figure("SLA endpoints over 30 d of data", shown, f"< {milliseconds(SLA_LIMIT)}", worst < SLA_LIMIT)


async def cost(pid: int, port: int) -> int:
    """Give a service its orders; return the CPU time that it took for them."""
    before = cpu_nanoseconds(pid)
    await drive(port, asking("POST", "/checkout", ORDER), ORDERS_RATE, ORDERS / ORDERS_RATE)
    return cpu_nanoseconds(pid) - before


async def rounds(on: tuple[int, int], off: tuple[int, int]) -> list[float]:
    """Give both services the same orders in turns; return by how many per cent the first took more, for each round."""
    shares: list[float] = []
    for number in range(-2, ROUNDS):
        # Each goes first as often as the other; the first two rounds are for warming up.
        order = (on, off) if number % 2 else (off, on)
        spent = {service: await cost(*service) for service in order}
        shares += [100 * (spent[on] / spent[off] - 1)] if number >= 0 else []
    return shares


async def instrumentation() -> Figure:
    """Compare what the same orders cost with instrumentation and without, in several pairs of processes."""
    pairs: list[list[float]] = []
    async with running("service.payments", "/health", {}) as (_, payments):
        to = {"PAYMENTS_URL": f"http://127.0.0.1:{payments}"}
        for _ in range(PAIRS):
            async with (
                running("service", "/health/liveness", {**to, "INSTRUMENTATION": "on"}) as on,
                running("service", "/health/liveness", {**to, "INSTRUMENTATION": "off"}) as off,
            ):
                pairs.append(await rounds(on, off))
    found = median_of([median(pair) for pair in pairs])
    assert found, "six pairs are the fewest of which anything can be said"
    shown = f"{found.value:+.1f} % CPU an order, with 95 % between {found.low:+.1f} and {found.high:+.1f} in {PAIRS} pairs"
    good = found.high < OVERHEAD_LIMIT
    return Figure(f"instrumentation, {PAIRS * ROUNDS * ORDERS} orders each", shown, f"< {OVERHEAD_LIMIT:g} %", good)


def figures() -> Iterator[Figure]:
    """Yield the figures of the service."""
    for measured in (health, figures_of_a_month, instrumentation):
        yield asyncio.run(measured())


if __name__ == "__main__":
    sys.exit(tell(figures()))
