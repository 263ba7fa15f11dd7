"""The only module that reads or sleeps time."""

from __future__ import annotations

import threading
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


class Stopped(BaseException):
    """What a thread does is to end: what Ctrl-C is for the main one."""


@dataclass
class StoppableClock:
    """A clock that wakes the thread that made it, once, with ``Stopped`` when it is to stop; time passes while it tidies up."""

    stop: threading.Event
    clock: Clock = field(default_factory=SystemClock)
    _sleeper: int | None = field(default_factory=threading.get_ident)

    def now(self) -> float:
        """Return Unix seconds."""
        return self.clock.now()

    def sleep(self, seconds: float) -> None:
        """Let that many seconds pass; ``Stopped`` as soon as somebody wants that."""
        if self._sleeper != threading.get_ident():
            self.clock.sleep(seconds)
        elif self.stop.wait(max(0.0, seconds)):
            self._sleeper = None
            raise Stopped


def until(clock: Clock, look: Callable[[], bool], timeout: float, every: float = 0.02) -> bool:
    """Look until it is true; ``False`` when ``timeout`` seconds have passed. The only polling there is."""
    end = clock.now() + timeout
    while not look():
        if clock.now() >= end:
            return False
        clock.sleep(every)
    return True
