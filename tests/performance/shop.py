"""What the reference service takes: for a health answer, for an SLA figure over thirty days, and for its own instrumentation.

Run it: ``python tests/performance/shop.py`` (about two minutes). Instrumentation is measured in CPU time per order: one process
serves with and without it (``twins.py``), and each gets every other order, so that whatever else the machine does befalls both.
There are several such processes; the interval is that of their medians, and the figure holds where all of it does.
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
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from figures import ROOT, Figure, cpu_seconds, median, milliseconds, tell

from pytest_obscheck.clock import SystemClock
from pytest_obscheck.expectations._median import median_of

HEALTH_RATE, HEALTH_SECONDS = 200, 5.0
HEALTH_LIMIT, SLA_LIMIT, OVERHEAD_LIMIT = 0.1, 0.5, 5.0
PROCESSES, ROUNDS, ORDERS, WARM = 12, 30, 10, 3
AFTERWARDS = 0.002
"""Wall seconds in which a service has done what it does after an answer."""
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
    async with program(["-m", module], [port], path, {"PORT": str(port), **environment}) as pid:
        yield pid, port


@asynccontextmanager
async def program(words: Sequence[str], ports: Sequence[int], path: str, environment: Mapping[str, str]) -> AsyncIterator[int]:
    """Run a Python program until it answers at all its ports; give its process id."""
    stack = ROOT / "stack"
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(stack), "PYTHONHASHSEED": "0", **environment}
    command = [sys.executable, *words]
    with subprocess.Popen(command, cwd=stack, env=own, stderr=subprocess.DEVNULL) as process:  # noqa: ASYNC220
        try:
            for port in ports:
                await _answering(port, path)
            yield process.pid
        finally:
            process.terminate()


async def _answering(port: int, path: str) -> None:
    for _ in range(400):
        with contextlib.suppress(OSError, AssertionError):
            await drive(port, asking("GET", path), 1000, 0.01)
            return
        await asyncio.sleep(0.05)


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


@dataclass(frozen=True)
class Customer:
    """Someone with a connection of their own to a service, and a look at its CPU clock."""

    pid: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def cost(self) -> float:
        """Place an order; return the CPU seconds that it took, with what is done after the answer."""
        before = cpu_seconds(self.pid)
        self.writer.write(asking("POST", "/checkout", ORDER))
        assert b" 201 " in await answer(self.reader)
        await asyncio.sleep(AFTERWARDS)
        return cpu_seconds(self.pid) - before


async def in_turns(on: Customer, off: Customer) -> float:
    """Place orders with both in turns; return by how many per cent the first's cost more, in the middle of all rounds."""
    shares: list[float] = []
    for _ in range(WARM + ROUNDS):
        spent = dict.fromkeys((on, off), 0.0)
        for number in range(ORDERS):
            # Each goes first as often as the other.
            for customer in (on, off) if number % 2 else (off, on):
                spent[customer] += await customer.cost()
        shares.append(100 * (spent[on] / spent[off] - 1))
    return median(shares[WARM:])


async def twins(payments: str, *, swapped: bool) -> float:
    """Return what instrumentation costs in one process, which was told of the instrumented twin first, or last."""
    on, off = ports = [await free(), await free()]
    told = [f"{on}=on", f"{off}=off"]
    words = [str(ROOT / "tests/performance/twins.py"), *(reversed(told) if swapped else told)]
    async with program(words, ports, "/health/liveness", {"PAYMENTS_URL": payments}) as pid:
        customers = [Customer(pid, *await asyncio.open_connection("127.0.0.1", port)) for port in ports]
        share = await in_turns(*customers)
        for customer in customers:
            customer.writer.close()
    return share


async def instrumentation() -> Figure:
    """Compare what the same orders cost with instrumentation and without, in several processes."""
    async with running("service.payments", "/health", {}) as (_, payments):
        shares = [await twins(f"http://127.0.0.1:{payments}", swapped=number % 2 == 1) for number in range(PROCESSES)]
    found = median_of(shares)
    assert found, "six processes are the fewest of which anything can be said"
    shown = (
        f"{found.value:+.1f} % CPU an order, with 95 % between {found.low:+.1f} and {found.high:+.1f} in {PROCESSES} processes"
    )
    good = found.high < OVERHEAD_LIMIT
    return Figure(f"instrumentation, {PROCESSES * ROUNDS * ORDERS} orders each", shown, f"< {OVERHEAD_LIMIT:g} %", good)


def figures() -> Iterator[Figure]:
    """Yield the figures of the service."""
    for measured in (health, figures_of_a_month, instrumentation):
        yield asyncio.run(measured())


if __name__ == "__main__":
    sys.exit(tell(figures()))
