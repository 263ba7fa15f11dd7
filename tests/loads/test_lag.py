"""How much of a request's time is the load's own: what it does itself, and what it waits for a processor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_obscheck.loads._lag import Lag, queue
from pytest_obscheck.testing import FakeClock

ZERO = 1_700_000_000.0


@dataclass
class Machine:
    """A processor for which a load stands in line, and the load's event loop."""

    MINPRI, MAXPRI = -2, 2

    clock: FakeClock = field(default_factory=lambda: FakeClock(ZERO))
    stood: float = 0.0
    turns: dict[int, Any] = field(default_factory=dict)

    def prepare(self, ref: bool, priority: int) -> Any:
        """Return what is told before the loop sleeps."""
        assert not ref
        return Turn(self, priority)

    check = prepare

    def nap(self, seconds: float, late: float = 0.0) -> None:
        """Sleep until something comes, and come back from it late."""
        self.turns[self.MINPRI]()
        self.clock.sleep(seconds + late)
        self.stood += late
        self.turns[self.MAXPRI]()


@dataclass
class Turn:
    """A watcher of the loop."""

    machine: Machine
    priority: int

    def start(self, note: Any) -> None:
        """Be told from now on."""
        self.machine.turns[self.priority] = note


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def lag(machine: Machine) -> Lag:
    made = Lag(lambda: machine.stood, machine.clock)
    made.follow(machine)
    return made


def of(lag: Lag, machine: Machine, start: float) -> float:
    """Return the lag of a request that began then and has just ended, in milliseconds."""
    return round(lag.of(ZERO + start, machine.clock.now()) * 1000, 3)


def test_an_answer_that_wakes_an_idle_process_is_noted_at_once(machine: Machine, lag: Lag) -> None:
    machine.nap(0.8)

    assert of(lag, machine, 0.0) == 0.0


def test_what_the_process_stood_in_line_for_is_its_own(machine: Machine, lag: Lag) -> None:
    machine.nap(0.8, late=0.05)

    assert of(lag, machine, 0.0) == 50.0


def test_so_is_what_it_did_since_it_woke_for_another(machine: Machine, lag: Lag) -> None:
    machine.nap(0.8)
    machine.clock.sleep(0.03)

    assert of(lag, machine, 0.0) == 30.0


def test_what_came_before_it_could_sleep_has_waited_since_it_last_woke(machine: Machine, lag: Lag) -> None:
    machine.nap(0.8)
    machine.clock.sleep(0.03)
    machine.nap(0.00001)
    machine.clock.sleep(0.01)

    assert of(lag, machine, 0.0) == 40.01


def test_a_line_before_a_sleep_that_was_none_is_no_sleep(machine: Machine, lag: Lag) -> None:
    machine.nap(0.8)
    machine.nap(0.00001, late=0.02)

    assert of(lag, machine, 0.0) == 20.01


def test_a_request_may_have_been_sent_as_late_as_the_process_next_slept(machine: Machine, lag: Lag) -> None:
    machine.nap(0.1)
    machine.clock.sleep(0.025)
    machine.nap(0.5)
    machine.nap(0.2, late=0.01)

    assert of(lag, machine, 0.105) == 30.0


def test_all_of_a_request_that_began_since_it_woke_may_be_its_own(machine: Machine, lag: Lag) -> None:
    machine.nap(0.1)
    machine.clock.sleep(0.02)

    assert of(lag, machine, 0.105) == 15.0


def test_a_request_older_than_what_is_remembered_has_the_lag_of_its_end(machine: Machine, lag: Lag) -> None:
    machine.nap(0.1, late=0.004)

    assert of(lag, machine, -5.0) == 4.0


def test_the_kernel_counts_how_long_this_thread_stood_in_line() -> None:
    seen = queue()

    assert 0.0 <= seen() <= seen()
