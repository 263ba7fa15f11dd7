"""What the service does by itself, again and again: looking at its queue and its business, and keeping its history."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import nan

from service.archive import Archive
from service.business import show_business
from service.history import History
from service.logs import write_lines
from service.parts import Parts
from service.timing import now
from service.vocabulary import QUEUE

LOG = logging.getLogger(__name__)
_AT_THE_END = 1.0
"""Seconds for saving what is not saved yet."""


@dataclass
class Rounds:
    """Does the rounds, ``interval`` seconds apart. ``archive`` is ``None`` where nothing outlives the process."""

    parts: Parts
    history: History
    archive: Archive | None
    interval: float

    async def begin(self) -> None:
        """Do what the first requests would have to wait for: imports, connections, and reading the history."""
        await asyncio.gather(
            *(_tried(each) for each in (self.parts.queue.open, self.parts.cache.check, self._queue, self._archive))
        )

    async def go(self) -> None:
        """Do the rounds for ever; one that fails does not keep the others, or the next, from being done."""
        while True:
            await asyncio.gather(*(_tried(each) for each in (self._queue, self._business, self._archive)))
            self.history.live(now())
            await asyncio.sleep(self.interval)

    async def end(self) -> None:
        """Save what is not saved yet, if that can be done soon: who ends a service does not wait for a dead database."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_AT_THE_END):
                await _tried(self._save_whole)
        write_lines()

    async def _queue(self) -> None:
        metrics = self.parts.metrics
        try:
            backlog = await self.parts.queue.backlog()
        except Exception:
            # An old figure would look like a queue that stands still: unknown is neither 0 nor what it was.
            metrics.queue_depth.labels(QUEUE).set(nan)
            metrics.queue_age.set(nan)
            raise
        metrics.queue_depth.labels(QUEUE).set(backlog.depth)
        metrics.queue_age.set(backlog.age)

    async def _business(self) -> None:
        # An embedded database that nobody has used is empty, and opening it takes time that a start has not.
        if self.archive or self.parts.database.opened:
            await show_business(self.parts.database, self.parts.metrics)

    async def _save_whole(self) -> None:
        if self.archive:
            await self.archive.save(whole=True)

    async def _archive(self) -> None:
        if self.archive:
            await self.archive.load()
            await self.archive.save()


async def keep_writing_lines(interval: float = 0.1) -> None:
    """Write log lines that were kept back, for ever."""
    while True:
        write_lines()
        await asyncio.sleep(interval)


async def _tried(work: Callable[[], Awaitable[object]]) -> None:
    try:
        await work()
    except Exception as error:  # noqa: BLE001  logged, and tried again in the next round
        LOG.warning("a round failed", extra={"error_type": type(error).__name__, "error": str(error)})
