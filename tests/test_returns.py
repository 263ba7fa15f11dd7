"""What failed because a member took its time to start, of which a speed makes hours, is not put down to the product."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import pytest

from pytest_obscheck.expectations.health import Health
from pytest_obscheck.expectations.resolved import Resolved
from pytest_obscheck.faults.kill import Kill
from pytest_obscheck.journal import Journal
from pytest_obscheck.judge import judge, settled
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import History, Look
from pytest_obscheck.scenario import Claim, Planned, Scenario
from pytest_obscheck.speed import Pace, Speed
from pytest_obscheck.testing import FakeClock, FakePrometheus, FakeStack, a_plan, played
from pytest_obscheck.verdict import Outcome, Verdict
from pytest_obscheck.when import Phrase, Sight, Window, always, during, eventually, never, once, within

ZERO = 1_000_000.0
PASSED, UNKNOWN, FAILED = Outcome.PASSED, Outcome.UNKNOWN, Outcome.FAILED


@dataclass
class Store:
    """A member that is there at once when it is started, and ready some seconds later."""

    clock: FakeClock
    boots: float
    started: float = 0.0
    runs: bool = True

    def kill(self) -> None:
        self.runs = False

    def alive(self) -> bool:
        return self.runs

    def start(self) -> None:
        self.runs, self.started = True, self.clock.now()

    def ready(self) -> bool:
        return self.runs and self.clock.now() >= self.started + self.boots


def a_story(*claims: Claim) -> Scenario:
    return Scenario("story", (), (Planned(Kill("store"), during("10s", "30s"), "kill"),), claims)


def resolved(over: float, speed: int = 10, boots: float = 0.85) -> tuple[Verdict, list[str]]:
    """Play that store is killed for 20 s and the alert is over ``over`` wall seconds later; return the verdict, and phases."""
    clock, story = FakeClock(ZERO), a_story(Claim(Resolved("Down"), within("10s", after="cure of kill")))
    members = {"store": Store(clock, boots), "prometheus": FakePrometheus(clock, {"Down": [(12 / speed, over, "firing")]})}
    plan = replace(a_plan(store="service"), pace=Pace(Speed(Fraction(speed))))
    journal = played(story, FakeStack(members, plan), clock)
    return judge(story, journal).claims[0], [event.data["phase"] for event in journal.of("fault")]


def test_an_alert_that_ends_later_by_no_more_than_its_target_took_to_start_may_have_ended_in_time() -> None:
    verdict, phases = resolved(over=4.3)

    slow = "the machine was too slow: store took 900ms of wall time to be ready again, 9.0s at speed 10"
    assert (verdict.outcome, verdict.words) == (UNKNOWN, f"{slow}; seen was: failed, it is still firing")
    assert phases[-3:] == ["healed", "gone", "back"]


def test_an_alert_that_ends_later_than_that_or_never_fails() -> None:
    assert [resolved(over=end)[0].outcome for end in (3.9, 5.3)] == [PASSED, FAILED]


def test_a_target_that_is_there_at_once_excuses_nothing() -> None:
    assert resolved(over=4.3, boots=0.0)[0].outcome is FAILED


def test_at_the_speed_of_production_nobody_waits_for_a_start() -> None:
    clock = FakeClock(ZERO)
    story = Scenario(
        "story", (), (Planned(Kill("store"), during("0s", "200ms"), "kill"),), (Claim(Lit(()), never("0s", "1s")),)
    )

    journal = played(story, FakeStack({"store": Store(clock, 0.9)}, a_plan(store="service")), clock)

    assert [event.data["phase"] for event in journal.of("fault")] == ["before", "injected", "confirmed", "healed", "gone"]


@dataclass(frozen=True)
class Lit:
    """A light is on in some stretches of the story."""

    on: tuple[Window, ...]

    def problems(self, plan: Plan) -> Iterable[str]:
        return ()

    def evidence(self) -> Look:
        return Health("light", "/").evidence()

    def holds(self, history: History) -> Sequence[Sight]:
        return [Sight(at, any(at in each for each in self.on), "lit") for at in range(100)]

    def tell(self, history: History, window: Window) -> str:
        return ""

    def __str__(self) -> str:
        return "light is lit"


def cured(back: float | None = 4.0, *, ready: bool = True) -> Journal:
    """Return a story at speed 10 whose fault is healed at 3 s of wall time; its member is ``back`` at that one."""
    journal = Journal()
    journal.write("zero", ZERO, speed=10.0)
    for phase, at, more in (
        ("injected", 1, {}),
        ("confirmed", 1, {"held": True, "words": "not running"}),
        ("healed", 3, {"returns": "store"}),
    ):
        journal.write("fault", ZERO + at, name="kill", phase=phase, **more)
    journal.write("fault", ZERO + 3, name="kill", phase="gone", held=False, words="running")
    if back is not None:
        journal.write("fault", ZERO + back, name="kill", phase="back", ready=ready)
    journal.write("over", ZERO + 9, why="settled")
    return journal


@pytest.mark.parametrize(
    ("phrase", "on", "wanted"),
    [
        pytest.param(eventually("31s", "40s"), [Window(45, 46)], UNKNOWN, id="came later by less"),
        pytest.param(eventually("31s", "40s"), [Window(52, 60)], FAILED, id="came later by more"),
        pytest.param(eventually("11s", "20s"), [Window(25, 26)], FAILED, id="before the cure"),
        pytest.param(never("32s", "60s"), [Window(20, 39)], UNKNOWN, id="went later by less"),
        pytest.param(never("32s", "60s"), [Window(20, 43)], FAILED, id="went later by more"),
        pytest.param(always("32s", "60s"), [Window(36, 60)], UNKNOWN, id="came back later by less"),
        pytest.param(always("32s", "60s"), [Window(36, 55)], FAILED, id="went again"),
        pytest.param(once("31s", "40s"), [Window(45, 46)], UNKNOWN, id="once, later by less"),
        pytest.param(once("31s", "60s"), [Window(33, 34), Window(50, 51)], UNKNOWN, id="twice, once at the beginning"),
        pytest.param(once("31s", "70s"), [Window(45, 46), Window(60, 61)], FAILED, id="twice later on"),
    ],
)
def test_a_failure_stands_where_the_time_of_a_start_cannot_have_caused_it(
    phrase: Phrase, on: list[Window], wanted: Outcome
) -> None:
    assert judge(a_story(Claim(Lit(tuple(on)), phrase)), cured()).claims[0].outcome is wanted


@pytest.mark.parametrize("journal", [cured(back=None), cured(ready=False)])
def test_a_member_that_was_not_ready_again_may_have_caused_any_failure_after_its_cure(journal: Journal) -> None:
    verdict = judge(a_story(Claim(Lit(()), eventually("31s", "40s"))), journal).claims[0]

    slow = "the machine was too slow: store was not ready again while anybody waited for it"
    assert (verdict.outcome, verdict.words) == (UNKNOWN, f"{slow}; seen was: failed, lit")


def test_a_story_goes_on_while_what_failed_may_still_come() -> None:
    story, journal = a_story(Claim(Lit(()), eventually("31s", "40s"))), cured()
    look = str(Lit(()).evidence())
    for wall, wanted in ((4.5, False), (5.5, True)):
        journal.write("look", ZERO + wall, key=look, data={})
        assert settled(story, journal, wall * 10) is wanted
