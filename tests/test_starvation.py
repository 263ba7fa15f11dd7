"""What failed while somebody was kept from running is not put down to the product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pytest

from pytest_obscheck.expectations.health import Health
from pytest_obscheck.journal import Journal
from pytest_obscheck.judge import judge
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Expectation, History, Look
from pytest_obscheck.scenario import Claim, Planned, Scenario
from pytest_obscheck.starvation import Queues, stood
from pytest_obscheck.testing import FakeStack
from pytest_obscheck.verdict import Outcome
from pytest_obscheck.when import Phrase, Sight, Window, always, during, eventually, never

ZERO = 1000.0
PASSED, UNKNOWN, FAILED = Outcome.PASSED, Outcome.UNKNOWN, Outcome.FAILED


@dataclass(frozen=True)
class Slow:
    """Checkout was slow in the second half of a second."""

    def problems(self, plan: Plan) -> Iterable[str]:
        return ()

    def evidence(self) -> Look:
        return Health("checkout", "/").evidence()

    def holds(self, history: History) -> Sequence[Sight]:
        return [Sight(at / 2, at > 1, "800ms") for at in range(5)]

    def tell(self, history: History, window: Window) -> str:
        return ""

    def __str__(self) -> str:
        return "checkout is slow"


@dataclass(frozen=True)
class Starving:
    """A fault that keeps a member from its processor."""

    def starves(self) -> str:
        return "checkout"

    def __str__(self) -> str:
        return "starved"


def a_journal(key: str, *looks: object, apart: float = 1.0) -> Journal:
    """Return a story that is over, with looks of a kind."""
    journal = Journal()
    journal.write("zero", ZERO, speed=1.0)
    for number, data in enumerate(looks):
        journal.write("look", ZERO + number * apart, key=key, data=data)
    journal.write("over", ZERO + 3, why="settled")
    return journal


def in_line(*waited: float, apart: float = 1.0) -> Journal:
    """Return looks at one thread of checkout: for how long it had stood in line for a processor by each second."""
    return a_journal("queues", *({"checkout": {"7": seconds}, "inbox": {}} for seconds in waited), apart=apart)


def verdict(journal: Journal, phrase: Phrase | None = None, *faults: Planned) -> tuple[Outcome, str]:
    claim = Claim(Slow(), phrase or never("0s", "2s"))
    found = judge(Scenario("story", (), faults, (claim,)), journal).claims[0]
    return found.outcome, found.words


def test_what_failed_while_a_member_stood_in_line_for_a_processor_may_be_the_machines_doing() -> None:
    slow = "the machine was too slow: checkout stood in line for a processor for 60% of the time before 1.0s"

    assert verdict(in_line(5.0, 5.6, 5.6)) == (UNKNOWN, f"{slow}; seen was: failed, 800ms")
    assert verdict(in_line(5.0, 5.3, 5.6)) == (FAILED, "800ms")


def test_a_thread_that_waited_long_ago_does_not_hide_one_that_waits_now() -> None:
    journal = a_journal("queues", {"checkout": {"7": 5.0, "8": 0.1}}, {"checkout": {"7": 5.0, "8": 0.7}})

    assert verdict(journal)[1].startswith(
        "the machine was too slow: checkout stood in line for a processor for 60% of the time"
    )


def test_a_thread_that_began_meanwhile_stood_in_line_since_then_and_a_stranger_says_nothing() -> None:
    assert stood({"checkout": {"7": 1.0}}, {"checkout": {"7": 1.1, "9": 0.5}, "payments": {"3": 9.0}}) == {"checkout": 0.5}


@pytest.mark.parametrize(
    "journal",
    [
        pytest.param(in_line(7.0, 0.5), id="a thread whose number was given again"),
        pytest.param(in_line(0.0, 0.09, 0.09, apart=0.1), id="a tenth of a second"),
    ],
)
def test_what_says_nothing_of_the_machine_leaves_a_failure_a_failure(journal: Journal) -> None:
    assert verdict(journal) == (FAILED, "800ms")


def test_what_held_although_a_member_stood_in_line_holds() -> None:
    assert verdict(in_line(0.0, 0.9, 1.8), eventually("0s", "2s")) == (PASSED, "800ms")


def test_a_member_that_the_story_itself_starves_is_no_sign_of_a_slow_machine() -> None:
    journal = in_line(0.0, 0.9, 1.8)
    journal.write("fault", ZERO, name="starve", phase="before", held=False, words="no burners")
    journal.write("fault", ZERO, name="starve", phase="injected", began=ZERO)
    journal.write("fault", ZERO, name="starve", phase="confirmed", held=True, words="3 burners")
    journal.write("fault", ZERO + 1.9, name="starve", phase="gone", held=False, words="no burners")

    assert verdict(journal, None, Planned(Starving(), during("0s", "1900ms"), "starve", "a.yaml:5")) == (FAILED, "800ms")


READY = Health("checkout", "/")


def refused(waiting: str, *, asked: str = "prometheus", wanted: Expectation = READY) -> tuple[Outcome, str]:
    """Return the verdict on what never holds while a member stands in line; ``asked``: who is asked for vitals."""
    journal = a_journal("queues", *({waiting: {"7": seconds}} for seconds in (0.0, 0.9, 1.8)))
    journal.write("plan", ZERO, alerts={})
    journal.write("asked", ZERO, key="vitals", members=[asked])
    journal.write("asked", ZERO, key="health checkout /", members=["checkout"])
    for second in range(3):
        journal.write("look", ZERO + second, key="health checkout /", data={"status": 503, "seconds": 0.01, "body": ""})
    claim = Claim(wanted, always("0s", "2s"))
    found = judge(Scenario("story", (), (), (claim,)), journal).claims[0]
    return found.outcome, found.words.partition(" stood in line")[0]


def test_who_scrapes_and_evaluates_keeps_nothing_waiting_that_rests_on_no_series() -> None:
    assert refused("prometheus") == (FAILED, "503 in 10ms at 0s: status 503 instead of 200")
    assert refused("prometheus", wanted=Slow()) == (UNKNOWN, "the machine was too slow: prometheus")
    assert refused("payments") == (UNKNOWN, "the machine was too slow: payments")
    assert refused("checkout", asked="checkout") == (UNKNOWN, "the machine was too slow: checkout")


@dataclass(frozen=True)
class InLine:
    """A member whose threads have stood in line."""

    threads: Mapping[str, float]

    def waited(self) -> Mapping[str, float]:
        return self.threads


def test_every_thread_is_told_to_the_millisecond_and_those_that_never_waited_are_not() -> None:
    stack = FakeStack({"api": InLine({"7": 0.12345, "8": 0.0001}), "idle": InLine({"9": 0.0})})

    assert Queues().look(stack, 0, 1) == {"api": {"7": 0.123}, "idle": {}}
