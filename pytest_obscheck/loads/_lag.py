"""How much of what a load notes of its requests is its own doing, on a machine that has others to serve."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from pytest_obscheck.clock import Clock

NAP = 0.0001
"""Seconds that a turn of the loop takes at most without sleeping, time in line for a processor left out."""

REMEMBERED = 20_000
"""Stretches that are kept: those of twenty seconds and more, however many requests there are."""


class Lag:
    """How late this process notices an answer, and sends a request that it has begun: neither is the service's own time.

    It is busy from the end of one sleep in the kernel until the next: what arrives meanwhile waits for its turn, and so does
    what wakes it while others have the processors. Of the latter the kernel keeps count (``schedstat``).
    """

    def __init__(self, queued: Callable[[], float], clock: Clock) -> None:
        """Begin to look on; ``queued``: for how many seconds this process has stood in line since it began."""
        self._queued, self._clock = queued, clock
        self._since = self._asleep = self._clock.now()
        self._stood = queued()
        self._busy: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)

    def follow(self, loop: Any) -> None:
        """Be told of every turn of an event loop: last before it sleeps, first when it wakes."""
        self._turns = [loop.prepare(ref=False, priority=loop.MINPRI), loop.check(ref=False, priority=loop.MAXPRI)]
        for turn, note in zip(self._turns, (self.sleep, self.wake), strict=True):
            turn.start(note)

    def sleep(self) -> None:
        """Note that nothing is left to do."""
        self._asleep, self._stood = self._clock.now(), self._queued()

    def wake(self) -> None:
        """Note that something has come; what came before the process could sleep waits longer than since now."""
        due = self._clock.now() - (self._queued() - self._stood)
        if due - self._asleep > NAP:
            self._busy.append((self._since, self._asleep))
            self._since = due

    def of(self, start: float, end: float) -> float:
        """Return how many of the seconds of a request that has just ended may be this process's own."""
        if start >= self._since:
            return end - start
        begun = next((until for since, until in reversed(self._busy) if since <= start), start)
        return max(0.0, begun - start) + max(0.0, end - self._since)


def queue() -> Callable[[], float]:
    """Return what tells for how long this thread has stood in line; always 0 where the kernel does not say."""
    try:
        file = os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY)
    except OSError:
        return lambda: 0.0
    return partial(_seconds, file)


def _seconds(file: int) -> float:
    return int(os.pread(file, 64, 0).split()[1]) / 1e9
