"""Lanes: who is played beside whom, that it really is at the same time, and that everything ends when all is to end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_obscheck.clock import Clock
from pytest_obscheck.errors import StackError
from pytest_obscheck.lanes import Lanes, Unit, may_start
from pytest_obscheck.scenario import Scenario
from pytest_obscheck.session import Played
from pytest_obscheck.testing import FakeClock
from pytest_obscheck.verdict import Outcome, Report

LIMIT = 10.0
"""Seconds after which a test that waits for another thread fails."""

Playing = Callable[["Stand", str], Outcome]


def passes(_: Stand, __: str) -> Outcome:
    return Outcome.PASSED


@dataclass(eq=False)
class Stand:
    """What stands in for a session; ``seen``: what was asked of it and of the others on its stack file, in that order."""

    playing: Playing = passes
    speed: float = 1
    clock: Clock = field(default_factory=FakeClock)
    seen: list[str] = field(default_factory=list)
    helps: bool = False

    @property
    def plan(self) -> Any:
        return SimpleNamespace(pace=SimpleNamespace(by=self.speed))

    def another(self, clock: Clock) -> Stand:
        return replace(self, clock=clock, helps=True)

    def play(self, stories: Sequence[Scenario], _: Path) -> list[Played]:
        self.seen.append(",".join(story.name for story in stories))
        outcomes = [self.playing(self, story.name) for story in stories]
        return [Played(Report("s", "", outcome, (), ()), "", Path(), 0.0) for outcome in outcomes]

    def slower(self, _: Sequence[Scenario], made: list[Played], __: Path) -> list[Played]:
        self.seen.append("slower?")
        return made

    def close(self) -> None:
        self.seen.append("closed")


def unit(home: Stand, *stories: str, copies: int = 2, alone: bool = False, lasts: float = 0.0) -> Unit:
    return Unit(home, {name: Scenario(name) for name in stories}, copies, alone, lasts)  # type: ignore[arg-type]


@pytest.fixture
def lanes(request: pytest.FixtureRequest) -> Any:
    """Return as many lanes as the test says, two by default; all that they do has ended afterwards."""
    made = Lanes(getattr(request, "param", 2), Path())
    yield made
    made.close()


def outcomes(lanes: Lanes, *stories: str) -> list[Outcome]:
    return [lanes.result(story).report.outcome for story in stories]


A, B, FAST, FASTER = Stand(), Stand(), Stand(speed=60), Stand(speed=300)


@pytest.mark.parametrize(
    ("wants", "playing", "at_once", "may"),
    [
        (unit(A), [], 1, True),
        (unit(A), [unit(B)], 1, False),
        (unit(A), [unit(B)], 2, True),
        (unit(A), [unit(B), unit(B)], 2, False),
        (unit(A, copies=3), [unit(A), unit(A)], 1, True),
        (unit(A, copies=3), [unit(A), unit(B)], 2, False),
        (unit(A, copies=1), [unit(A)], 3, False),
        (unit(A, alone=True), [unit(B)], 3, False),
        (unit(A), [unit(B, alone=True)], 3, False),
        (unit(FAST), [unit(A)], 3, True),
        (unit(FAST), [unit(A), unit(FASTER)], 3, False),
        (unit(FAST, copies=2), [unit(FAST)], 1, True),
    ],
)
def test_what_may_be_played_beside_what(wants: Unit, playing: list[Unit], at_once: int, may: bool) -> None:
    assert may_start(wants, playing, at_once) is may


@pytest.mark.parametrize("lanes", [1], indirect=True)
def test_in_one_lane_only_what_is_asked_for_is_played_by_whoever_asks(lanes: Lanes) -> None:
    who: list[threading.Thread] = []
    home = Stand(lambda *_: who.append(threading.current_thread()) or Outcome.PASSED)  # type: ignore[func-returns-value]
    lanes.add([unit(home, "a", copies=1), unit(home, "b", "c", copies=1)])

    assert outcomes(lanes, "c", "b") == [Outcome.PASSED] * 2
    assert (home.seen, lanes.most) == (["b,c", "slower?"], 1)
    assert set(who) == {threading.current_thread()}
    assert (lanes.knows("a"), lanes.knows("b")) == (True, False)


def test_two_units_are_really_played_at_the_same_time_the_second_on_a_stack_of_its_lane(lanes: Lanes) -> None:
    met = threading.Barrier(2, timeout=LIMIT)
    helped: list[bool] = []
    home = Stand(lambda stand, _: (met.wait(), helped.append(stand.helps)) and Outcome.PASSED)  # type: ignore[func-returns-value]
    lanes.add([unit(home, "a"), unit(home, "b")])

    assert outcomes(lanes, "a", "b") == [Outcome.PASSED] * 2
    assert (sorted(helped), lanes.most) == ([False, True], 2)
    lanes.close()
    assert home.seen.count("closed") == 1


def test_what_is_unknown_in_company_is_played_again_alone_and_only_that(lanes: Lanes) -> None:
    met, told, before = threading.Barrier(2, timeout=LIMIT), list[str](), list[str]()

    def playing(_: Stand, story: str) -> Outcome:
        if story in "ab" and story not in before:
            met.wait()
        before.append(story)
        return Outcome.UNKNOWN if before.count(story) == 1 and story in "bc" else Outcome.PASSED

    lanes.tell = told.append
    home = Stand(playing)
    lanes.add([unit(home, "a"), unit(home, "b", "c")])

    assert outcomes(lanes, "a", "b", "c") == [Outcome.PASSED] * 3
    assert sorted(before) == ["a", "b", "b", "c", "c"]
    assert told == ["beside other stacks 2 stories are unknown; played again, alone"]
    # What is played again has been named among those that were played at the same time.
    assert sorted("".join(each.stories) for each in lanes.begun) == ["a", "bc"]
    # Whether the speed was too high for the machine is asked of what had no company.
    assert home.seen.count("slower?") == 1


def test_what_is_unknown_alone_stays_so(lanes: Lanes) -> None:
    home = Stand(lambda *_: Outcome.UNKNOWN)
    lanes.add([unit(home, "a")])

    assert outcomes(lanes, "a") == [Outcome.UNKNOWN]
    assert home.seen == ["a", "slower?"]


def test_a_stack_that_cannot_run_is_told_of_each_of_its_stories_and_hinders_no_other(lanes: Lanes) -> None:
    dead = StackError("web: it ended at start")

    def dies(*_: object) -> Outcome:
        raise dead

    lanes.add([unit(Stand(dies), "a", "b"), unit(Stand(), "c")])

    for story in "ab":
        with pytest.raises(StackError) as caught:
            lanes.result(story)
        assert caught.value is dead
    assert outcomes(lanes, "c") == [Outcome.PASSED]


def test_a_lane_whose_story_goes_on_is_ended_with_all_the_rest(lanes: Lanes) -> None:
    begun = threading.Event()

    def endless(stand: Stand, story: str) -> Outcome:
        if story == "a":
            assert begun.wait(LIMIT)
            return Outcome.PASSED
        begun.set()
        while True:
            stand.clock.sleep(LIMIT)

    home = Stand(endless)
    lanes.add([unit(home, "a"), unit(home, "b")])

    assert outcomes(lanes, "a") == [Outcome.PASSED]
    lanes.close()
    assert home.seen[-1] == "closed"
    assert not lanes.knows("b")


def test_while_nobody_asks_nothing_begins(lanes: Lanes) -> None:
    both = threading.Barrier(2, timeout=LIMIT)
    home = Stand(lambda _, story: both.wait() is None or Outcome.PASSED if story in "ab" else Outcome.PASSED)
    lanes.add([unit(home, "a", lasts=2), unit(home, "b", lasts=2)])
    outcomes(lanes, "a")

    lanes.add([unit(home, "c", lasts=1)])
    lanes.rest()

    assert "c" not in home.seen
    assert outcomes(lanes, "b", "c") == [Outcome.PASSED] * 2
