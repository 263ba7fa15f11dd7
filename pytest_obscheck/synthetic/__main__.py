"""Run the synthetic target: ``python -m pytest_obscheck.synthetic CONFIG.json``."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from pytest_obscheck.clock import SystemClock
from pytest_obscheck.errors import ConfigError, PortTaken
from pytest_obscheck.inbox.wire import listen
from pytest_obscheck.synthetic.config import Config, read
from pytest_obscheck.synthetic.scripts import Scripts
from pytest_obscheck.synthetic.target import Control, StoryClock, Target

USAGE = "usage: python -m pytest_obscheck.synthetic CONFIG.json"


def main(argv: list[str]) -> int:
    """Serve until SIGTERM and return 0; 2 with one sentence where that cannot be."""
    if len(argv) != 1:
        sys.stderr.write(f"{USAGE}\n")
        return 2
    try:
        asyncio.run(_run(read(Path(argv[0]))))
    except (ConfigError, PortTaken) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


async def _run(config: Config) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    clock = StoryClock(SystemClock().now, config.speed, config.story)
    scripts = Scripts(config.page)
    await listen(config.http, Target(scripts, clock).answer)
    await listen(config.control, Control(scripts, clock).answer)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await stop.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
