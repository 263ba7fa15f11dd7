"""What does a story's work beside the main loop: with the inbox, the only place where threads are started."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from queue import Queue


@dataclass
class _Hand:
    """One thread, which does one piece of work after another."""

    free: deque[_Hand]
    given: Queue[Callable[[], None] | None] = field(default_factory=Queue)

    def live(self) -> None:
        """Do what is given, until that is nothing."""
        while work := self.given.get():
            try:
                work()
                self.free.append(self)
            finally:
                self.given.task_done()


@dataclass
class Threads:
    """Hands that are threads: each piece of work has one to itself, so that one which hangs keeps no other waiting.

    A thread that is done is used again: to start one takes longer than most of the work.
    """

    _all: list[_Hand] = field(default_factory=list)
    _free: deque[_Hand] = field(default_factory=deque)

    def give(self, work: Callable[[], None]) -> None:
        """Have a free thread do the work, or a new one."""
        hand = self._free.pop() if self._free else self._another()
        hand.given.put(work)

    def _another(self) -> _Hand:
        hand = _Hand(self._free)
        self._all.append(hand)
        threading.Thread(target=hand.live, daemon=True).start()
        return hand

    def join(self) -> None:
        """Wait until all is done, and let the threads go; each is bounded by the time limits of what it asks."""
        for hand in self._all:
            hand.given.join()
            hand.given.put(None)
        self._all.clear()
        self._free.clear()


def all_at_once(works: Sequence[Callable[[], None]]) -> None:
    """Do several pieces of work at the same time; raise what one of them raised, when all are done."""
    raised: list[BaseException] = []

    def caught(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it is raised below, by whoever waits
            raised.append(error)

    if len(works) > 1:
        hands = Threads()
        for work in works:
            hands.give(partial(caught, work))
        hands.join()
    else:
        for work in works:
            work()
    if raised:
        raise raised[0]
