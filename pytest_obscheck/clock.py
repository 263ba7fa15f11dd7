"""The only module that reads or sleeps time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


class Clock(Protocol):
    """Something that tells the time and can let it pass."""

    def now(self) -> float:
        """Return Unix seconds; never goes backwards within one process."""

    def sleep(self, seconds: float) -> None:
        """Let that many seconds pass; nothing for zero or less."""


@dataclass(frozen=True)
class SystemClock:
    """The machine's clock, read once and carried on by the monotonic one."""

    offset: float = field(default_factory=lambda: time.time() - time.monotonic())

    def now(self) -> float:
        """Return Unix seconds."""
        return time.monotonic() + self.offset

    def sleep(self, seconds: float) -> None:
        """Sleep for that many seconds of wall time."""
        if seconds > 0:
            time.sleep(seconds)


def until(clock: Clock, look: Callable[[], bool], timeout: float, every: float = 0.02) -> bool:
    """Look until it is true; ``False`` when ``timeout`` seconds have passed. The only polling there is."""
    end = clock.now() + timeout
    while not look():
        if clock.now() >= end:
            return False
        clock.sleep(every)
    return True
