"""Where the machine was too slow for the speed that was chosen, stories are played again slower; none because it failed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest

from pytest_obscheck import Metric
from pytest_obscheck.noise import too_fast
from pytest_obscheck.plan import Plan
from pytest_obscheck.scenario import Claim, Scenario
from pytest_obscheck.session import Played, Session
from pytest_obscheck.speed import Pace, Source, Speed
from pytest_obscheck.stack import StackFile
from pytest_obscheck.stack.pacing import half
from pytest_obscheck.testing import FakeClock, a_plan
from pytest_obscheck.verdict import Outcome, Report, Verdict, combine
from pytest_obscheck.when import never

SLOW = Verdict("quiet", Outcome.UNKNOWN, "the machine was too slow: a rule evaluation was missed before 5m00s")
NOISY = Verdict(
    "quiet",
    Outcome.UNKNOWN,
    "noise would decide it: A (r.yml:1): 9% against 5% is noise; it needs a speed of at most 80, or more",
)
BLIND = Verdict("quiet", Outcome.UNKNOWN, "nothing was seen in the window")
BROKEN = Verdict("fires", Outcome.FAILED, "inactive")
GOOD = Verdict("fires", Outcome.PASSED, "fired")


def a_report(*claims: Verdict) -> Report:
    return Report("s", "", combine(each.outcome for each in claims), (), claims)


@pytest.mark.parametrize(
    ("claims", "wanted"),
    [((GOOD, SLOW), SLOW.words), ((BLIND, SLOW), SLOW.words), ((BLIND,), ""), ((BROKEN, SLOW), ""), ((GOOD,), "")],
)
def test_what_failed_or_could_not_be_seen_for_another_reason_is_not_put_down_to_the_machine(
    claims: Sequence[Verdict], wanted: str
) -> None:
    assert too_fast(a_report(*claims)) == wanted


@pytest.mark.parametrize(("by", "wanted"), [(300, 150), (150, 75), (75, 25), (60, 30), (7, 1), (3, 1), (2, 1)])
def test_half_a_speed_divides_whatever_the_whole_does(by: int, wanted: int) -> None:
    assert half(by) == wanted


@dataclasses.dataclass
class Machine:
    """A machine that keeps up at some speed; ``played``: at which speeds which stories were played on it."""

    enough: float
    session: Session
    broken: tuple[str, ...] = ()
    slow: Verdict = SLOW
    played: list[tuple[float, list[str]]] = dataclasses.field(default_factory=list)

    def play(self, stories: Sequence[Scenario], _: Path) -> list[Played]:
        by = self.session.plan.pace.by
        self.played.append((by, [story.name for story in stories]))
        return [Played(self.report(story, by), "", Path(), 0.0) for story in stories]

    def report(self, story: Scenario, by: float) -> Report:
        if story.name in self.broken:
            return a_report(BROKEN, SLOW)
        return a_report(GOOD, self.slow) if by > self.enough and "offline" not in story.name else a_report(GOOD)


def played(machine: Machine, *stories: Scenario) -> list[Outcome]:
    """Play stories, and again where that is of use; return what came of them."""
    made = machine.session.slower(stories, machine.play(stories, Path()), Path())
    return [each.report.outcome for each in made]


def paced(speed: str) -> Plan:
    return dataclasses.replace(a_plan(), pace=Pace(Speed(Fraction(speed), Source.SCRIPTED), "scripted samples"))


def a_machine(monkeypatch: pytest.MonkeyPatch, enough: float, speed: str = "auto", broken: tuple[str, ...] = ()) -> Machine:
    monkeypatch.setattr("pytest_obscheck.session.plan", lambda _, asked, __: paced(asked))
    session = Session(StackFile(Path("stack.yaml"), "stack.yaml", {}, {}), speed=speed)
    session._plan = paced("300" if speed == "auto" else speed)
    machine = Machine(enough, session, broken)
    session.play = machine.play  # type: ignore[method-assign]
    return machine


CLAIMS = (Claim(Metric("up"), never("0s", "1s")),)
STORIES = [Scenario(name, claims=CLAIMS) for name in ("one", "offline", "two")]


def test_only_what_the_machine_was_too_slow_for_is_played_again(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = a_machine(monkeypatch, enough=75)

    assert played(machine, *STORIES) == [Outcome.PASSED] * 3
    again = ["one", "two"]
    assert machine.played == [(300, ["one", "offline", "two"]), (300, again), (150, again), (75, again)]
    assert machine.session.plan.pace.words == "scripted samples; auto: 75, for at 150 the machine was too slow"


def test_a_moment_in_which_it_was_too_slow_makes_nothing_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = a_machine(monkeypatch, enough=300)
    told: list[str] = []
    machine.session.tell = told.append
    made = [Played(a_report(GOOD, each), "", Path(), 0.0) for each in (SLOW, GOOD)]

    again = machine.session.slower([STORIES[0], STORIES[2]], made, Path())

    assert [each.report.outcome for each in again] == [Outcome.PASSED] * 2
    assert (machine.played, machine.session.plan.pace.by) == ([(300, ["one"])], 300)
    assert told == [f"at speed 300 {SLOW.words}; 1 story is played again"]


def test_where_it_was_too_slow_for_most_it_gets_slower_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = a_machine(monkeypatch, enough=150)

    played(machine, STORIES[0], STORIES[2])

    assert machine.played == [(300, ["one", "two"]), (150, ["one", "two"])]


def test_it_gets_slower_twice_and_stays_so_for_what_comes_after(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = a_machine(monkeypatch, enough=20)

    assert (played(machine, STORIES[0]), played(machine, STORIES[2])) == ([Outcome.UNKNOWN], [Outcome.UNKNOWN])
    speeds = [(speed, *stories) for speed, stories in machine.played]
    assert speeds == [(300, "one"), (300, "one"), (150, "one"), (75, "one"), (75, "two"), (75, "two")]


def test_where_noise_would_decide_a_claim_the_speed_becomes_one_at_which_it_would_not(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = a_machine(monkeypatch, enough=80)
    machine.slow = NOISY

    played(machine, STORIES[0])

    assert machine.played == [(300, ["one"]), (75, ["one"])]
    assert machine.session.plan.pace.words == "scripted samples; auto: 75, for at 300 noise would decide a claim"


def test_it_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = a_machine(monkeypatch, enough=150)
    told: list[str] = []
    machine.session.tell = told.append

    played(machine, *STORIES)

    assert told == [
        f"at speed 300 {SLOW.words}; 2 stories are played again",
        f"at speed 300 {SLOW.words}; 2 stories are played again, at speed 150",
    ]


def test_what_failed_is_not_played_until_it_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = a_machine(monkeypatch, enough=75, broken=("one", "two"))

    played(machine, *STORIES)

    assert [speed for speed, _ in machine.played] == [300]


def test_a_speed_that_the_user_chose_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = a_machine(monkeypatch, enough=75, speed="300")

    played(machine, STORIES[0])

    assert [speed for speed, _ in machine.played] == [300]


def test_another_session_beside_it_is_on_the_same_plan_and_has_nothing_running(monkeypatch: pytest.MonkeyPatch) -> None:
    machine, clock = a_machine(monkeypatch, enough=150), FakeClock()
    played(machine, STORIES[0])

    other = machine.session.another(clock)

    assert (other.clock, other.plan, other.folder) == (clock, machine.session.plan, None)
    assert other.plan.pace.by == 150
