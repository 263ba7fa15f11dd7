"""Clocks, and waiting."""

from __future__ import annotations

import threading

import pytest

from pytest_obscheck.clock import StoppableClock, Stopped, SystemClock, until
from pytest_obscheck.testing import FakeClock


def test_waiting_ends_with_the_first_look_that_is_true() -> None:
    clock = FakeClock(100.0)

    assert until(clock, lambda: clock.now() >= 101.0, timeout=5.0, every=0.25)
    assert clock.now() == 101.0


def test_waiting_gives_up_when_its_time_is_over_and_has_looked_at_the_end() -> None:
    clock = FakeClock(100.0)
    looked: list[float] = []

    assert not until(clock, lambda: bool(looked.append(clock.now())), timeout=1.0, every=0.5)
    assert looked == [100.0, 100.5, 101.0]


def test_the_clock_of_the_machine_never_goes_back_and_does_not_sleep_for_nothing() -> None:
    clock = SystemClock()
    before = clock.now()
    clock.sleep(-5.0)

    assert before <= clock.now() < before + 5.0


@pytest.mark.parametrize("seconds", [-1.0, 0.0])
def test_a_fake_clock_does_not_go_back(seconds: float) -> None:
    clock = FakeClock(100.0)
    clock.sleep(seconds)

    assert clock.now() == 100.0


def test_who_sleeps_is_woken_once_to_stop_and_may_sleep_while_tidying_up() -> None:
    stop, clock = threading.Event(), FakeClock(100.0)
    stoppable = StoppableClock(stop, clock)
    stoppable.sleep(0.0)
    stop.set()

    with pytest.raises(Stopped):
        stoppable.sleep(3600.0)

    stoppable.sleep(2.0)
    assert stoppable.now() == 102.0


def test_only_the_thread_that_made_the_clock_is_woken() -> None:
    stop, clock = threading.Event(), FakeClock(100.0)
    stoppable = StoppableClock(stop, clock)
    stop.set()

    helper = threading.Thread(target=stoppable.sleep, args=[2.0])
    helper.start()
    helper.join()

    assert clock.now() == 102.0
