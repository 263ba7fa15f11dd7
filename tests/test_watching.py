"""Looks that are due together are taken by one hand, and one of them that hangs keeps no other waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pytest_obscheck.hands import Threads
from pytest_obscheck.journal import Journal
from pytest_obscheck.judge import settled
from pytest_obscheck.protocols import Stack
from pytest_obscheck.scenario import Scenario
from pytest_obscheck.stage import Asked, Hands, Play
from pytest_obscheck.testing import FakeClock, FakeStack
from pytest_obscheck.watching import HELP, Watch, Watches

START = 1_800_000_000.0


@dataclass(frozen=True)
class Errand:
    """A look that does something."""

    name: str
    do: Callable[[], Any]
    every: float = 0.2

    def look(self, stack: Stack, since: float, until: float) -> Any:
        return self.do()

    def __str__(self) -> str:
        return self.name


@dataclass
class Later:
    """Hands that work when they are told to."""

    given: list[Callable[[], None]] = field(default_factory=list)

    def give(self, work: Callable[[], None]) -> None:
        self.given.append(work)

    def join(self) -> None:
        """Return: nothing is under way."""


def watches(hands: Hands, *looks: Errand) -> Watches:
    stack = FakeStack()
    show = Play(Scenario("s"), stack, FakeClock(START), Journal(), hands, settled)
    return Watches([Watch(look, [show], START, START, Asked(stack)) for look in looks], hands)


def test_looks_that_are_due_together_are_taken_by_one_hand_in_their_order() -> None:
    hands, done = Later(), list[str]()
    watched = watches(hands, *(Errand(name, lambda name=name: done.append(name)) for name in "abc"))

    watched.turn(START)
    for work in hands.given:
        work()

    assert (len(hands.given), done) == (1, ["a", "b", "c"])
    assert watched.due() == START + 0.2


def test_nothing_is_given_before_it_is_due_nor_while_it_is_under_way() -> None:
    hands = Later()
    watched = watches(hands, Errand("a", lambda: None))

    watched.turn(START - 0.1)
    assert hands.given == []
    watched.turn(START)
    watched.turn(START + HELP / 2)
    assert len(hands.given) == 1


def test_a_look_that_hangs_keeps_no_other_waiting() -> None:
    hands, gate, done = Threads(), threading.Event(), threading.Event()
    watched = watches(hands, Errand("hangs", lambda: gate.wait(5)), Errand("waits", done.set))

    watched.turn(START)
    assert watched.due() == START + HELP
    watched.turn(START + HELP)

    assert done.wait(5)
    gate.set()
    hands.join()
