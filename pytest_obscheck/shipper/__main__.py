"""Run the shipper: ``python -m pytest_obscheck.shipper CONFIG.json``. Its counts are at ``/metrics``."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from pytest_obscheck.clock import Clock, SystemClock
from pytest_obscheck.errors import PortTaken
from pytest_obscheck.inbox.wire import Request, Response, listen, said
from pytest_obscheck.shipper.following import Follower, written_at
from pytest_obscheck.shipper.pushing import APIS, Entry, Push

EVERY = 0.1
"""Seconds between two looks at the files."""


def main(argv: Sequence[str]) -> int:
    """Follow and push until SIGTERM, then push what is left; 2 where it is not told what."""
    if len(argv) != 1:
        sys.stderr.write("usage: python -m pytest_obscheck.shipper CONFIG.json\n")
        return 2
    try:
        asyncio.run(_run(json.loads(Path(argv[0]).read_text(encoding="utf-8"))))
    except PortTaken as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


async def _run(config: Mapping[str, Any]) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    followers = {name: Follower(Path(path)) for name, path in config["logs"].items()}
    async with httpx.AsyncClient(trust_env=False) as client:
        push = Push(client, config["url"], config["labels"], APIS[config["api"]])
        await listen(config["listen"], partial(_counts, push))
        while not stop.is_set():
            await turn(followers, push, SystemClock())
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY)
        await turn(followers, push, SystemClock())


async def _counts(push: Push, _: Request) -> Response:
    return said(200, push.metrics().rstrip())


async def turn(followers: Mapping[str, Follower], push: Push, clock: Clock) -> None:
    """Read what was added, and send what waits; say it where that becomes impossible."""
    for name, follower in followers.items():
        for line in follower.lines():
            push.add(Entry(written_at(line, clock.now()), name, line))
    before = push.trouble
    await push.flush()
    if push.trouble and push.trouble != before:
        sys.stderr.write(f"{push.url} does not take lines: {push.trouble}\n")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
