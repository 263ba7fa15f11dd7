"""What does a story's work beside the main loop: with the inbox, the only place where threads are started."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from queue import Queue

from pytest_obscheck.stage import Hands


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


@dataclass
class Errands:
    """Pieces of work that are done side by side; what one of them raises is raised where somebody asks for it."""

    hands: Hands
    _raised: list[BaseException] = field(default_factory=list)

    def give(self, work: Callable[[], object]) -> None:
        """Begin a piece of work."""
        self.hands.give(partial(self._do, work))

    def check(self) -> None:
        """Raise what was raised first, if anything was."""
        if self._raised:
            raise self._raised[0]

    def done(self) -> None:
        """Wait until all is done, and check."""
        self.hands.join()
        self.check()

    def _do(self, work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it is for whoever waits
            self._raised.append(error)


def all_at_once(works: Sequence[Callable[[], None]], hands: Hands | None = None) -> None:
    """Do several pieces of work at the same time; raise what one of them raised, when all are done."""
    errands = Errands(hands or Threads())
    for work in works:
        errands.give(work)
    errands.done()
