"""Run the intake: ``python -m pytest_obscheck.intake HOST:PORT``."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence

from pytest_obscheck.clock import SystemClock
from pytest_obscheck.errors import PortTaken
from pytest_obscheck.inbox.wire import listen
from pytest_obscheck.intake.reports import Reports


def main(argv: Sequence[str]) -> int:
    """Take reports until SIGTERM; 2 where the address cannot be had."""
    if len(argv) != 1:
        sys.stderr.write("usage: python -m pytest_obscheck.intake HOST:PORT\n")
        return 2
    try:
        asyncio.run(_run(argv[0]))
    except PortTaken as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


async def _run(address: str) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await listen(address, Reports(SystemClock().now).answer)
    await stop.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
