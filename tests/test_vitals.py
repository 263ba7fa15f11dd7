"""What was not evaluated because the story itself stopped who is asked is not put down to the machine."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_obscheck.expectations.alert import Alert
from pytest_obscheck.expectations.health import Health
from pytest_obscheck.faults.freeze import Freeze
from pytest_obscheck.faults.kill import Kill
from pytest_obscheck.faults.restart import Restart
from pytest_obscheck.faults.sample import Sample
from pytest_obscheck.journal import Journal
from pytest_obscheck.judge import judge
from pytest_obscheck.runner import Play, play
from pytest_obscheck.scenario import Claim, Planned, Scenario
from pytest_obscheck.stage import Asked
from pytest_obscheck.testing import FakeClock, FakePrometheus, FakeStack, Inline
from pytest_obscheck.vitals import Doubt, Vitals, mild, stoppages, unwell
from pytest_obscheck.when import Window, during, eventually, never

ZERO = 1000.0
FROZEN = Planned(Freeze("prometheus"), during("1s", "4s"), "freeze")
CALM = Claim(Alert("Slow"), never("0s", "9s"))
HEALTHY = Claim(Health("checkout", "/", 503), never("0s", "9s"))


def a_journal(*members: str, missed: float = 4.0, took: float = 3.0) -> Journal:
    """Return that Prometheus was frozen from 1s to 4s, and that a look of 900ms came back when it ran again."""
    journal = Journal()
    journal.write("zero", ZERO, speed=1.0)
    journal.write("asked", ZERO, key="vitals", members=["prometheus"])
    journal.write("asked", ZERO, key="alerts", members=list(members))
    journal.write("fault", ZERO + 1, name="freeze", phase="injected")
    journal.write("fault", ZERO + 4, name="freeze", phase="gone")
    journal.write("look", ZERO, key="vitals", data={"missed": {"g": 0}, "timeouts": []}, took=0.01)
    journal.write("look", ZERO + 0.9, key="vitals", data={"missed": {"g": missed}, "timeouts": []}, took=took)
    return journal


def said(claim: Claim, journal: Journal, *faults: Planned) -> str:
    return unwell(journal, Window(0, 9), stoppages(Scenario("s", (), faults, (claim,)), claim, journal))


def test_a_fault_that_stops_who_is_asked_is_a_cause_of_its_own() -> None:
    assert said(CALM, a_journal("prometheus"), FROZEN) == (
        "prometheus is frozen, by this story itself, and prometheus is what is asked: a rule evaluation was missed before 3.9s"
    )


def test_evaluations_that_were_missed_for_less_than_the_claim_outlasts_hide_nothing() -> None:
    journal = a_journal("alerts", missed=0.4)

    assert unwell(journal, Window(0, 9), (), Doubt(lambda _: 1.0)) == ""
    assert (
        unwell(journal, Window(0, 9), (), Doubt(lambda _: 0.3))
        == "the machine was too slow: a rule evaluation was missed before 3.9s"
    )


def test_a_hole_is_one_of_story_time_and_of_one_group() -> None:
    journal = Journal()
    journal.write("zero", ZERO, speed=60.0)
    for second, missed in enumerate(({"a": 0.0}, {"a": 0.5, "b": 0.5})):
        journal.write("look", ZERO + second, key="vitals", data={"missed": missed, "timeouts": []})
    spans: list[Window] = []

    assert unwell(journal, Window(0, 99), (), Doubt(lambda span: spans.append(span) or 31.0)) == ""  # type: ignore[func-returns-value]
    assert (
        unwell(journal, Window(0, 99), (), Doubt(lambda _: 30.0))
        == "the machine was too slow: a rule evaluation was missed before 60.0s"
    )
    # It is counted when it is over, and began before.
    assert spans == [Window(-30.0, 60.0)]


def test_a_claim_that_does_not_ask_who_was_stopped_is_not_touched() -> None:
    assert said(HEALTHY, a_journal("prometheus"), FROZEN) == ""


@pytest.mark.parametrize(
    "fault",
    [
        Planned(Freeze("checkout"), during("1s", "4s"), "freeze"),
        Planned(Freeze("prometheus"), during("1s", "4s"), "another name, never injected"),
    ],
)
def test_an_evaluation_missed_while_somebody_else_was_stopped_is_the_machines_doing(fault: Planned) -> None:
    assert said(CALM, a_journal("prometheus"), fault) == "the machine was too slow: a rule evaluation was missed before 3.9s"


def test_an_evaluation_missed_long_after_the_cure_is_the_machines_doing() -> None:
    journal = a_journal("prometheus", missed=0.0)
    for at, missed in ((6.5, 0), (7.5, 0.2)):
        journal.write("look", ZERO + at, key="vitals", data={"missed": {"g": missed}, "timeouts": []})

    assert said(CALM, journal, FROZEN) == "the machine was too slow: a rule evaluation was missed before 7.5s"


def test_a_fault_that_is_not_gone_goes_on_stopping() -> None:
    journal = a_journal("prometheus")
    journal.write("fault", ZERO, name="kill", phase="injected")
    story = Scenario("s", (), (Planned(Kill("prometheus"), during("1s", "4s"), "kill"),), (CALM,))

    assert [each.span for each in stoppages(story, CALM, journal)] == [Window(0.0, float("inf"))]


@pytest.mark.parametrize("fault", [Freeze("a"), Kill("a"), Restart("a")])
def test_every_fault_that_stops_a_member_says_which(fault: Any) -> None:
    assert fault.stops() == "a"


# ── who is asked ─────────────────────────────────────────────────────────────


def test_a_stack_notes_which_members_are_asked_by_name_or_by_what_they_can() -> None:
    clock = FakeClock()
    stack = FakeStack({"one": FakePrometheus(clock, {}), "other": FakePrometheus(clock, {})})
    asked = Asked(stack)

    assert asked.that(FakePrometheus) is stack.members["one"]
    assert asked.names == {"one"}
    assert asked.that(FakePrometheus, named="other") is stack.members["other"]
    assert asked.names == {"one", "other"}


def test_who_cannot_be_asked_is_not_noted_and_every_member_of_all_is() -> None:
    stack = FakeStack({"one": FakePrometheus(FakeClock(), {})})
    asked = Asked(stack)

    with pytest.raises(LookupError):
        asked.that(FakePrometheus, named="two")
    assert asked.names == set()
    assert asked.all(FakePrometheus) == stack.members
    assert asked.names == {"one"}


def test_the_journal_tells_once_whom_the_looks_of_a_story_ask() -> None:
    clock = FakeClock(ZERO)
    stack = FakeStack({"prometheus": FakePrometheus(clock, {"Slow": [(0, 9, "firing")]}, zero=ZERO)})
    story = Scenario("s", claims=(Claim(Alert("Slow"), eventually("3s", "5s")),))
    journal = play(Play(story, stack, clock, Journal(), Inline(), lambda _, __, now: now > 4))

    assert [dict(event.data) for event in journal.of("asked")] == [
        {"key": "alerts", "members": ["prometheus"]},
        {"key": "vitals", "members": ["prometheus"]},
    ]


# ── scrapes ──────────────────────────────────────────────────────────────────


def test_a_scrape_that_took_as_long_as_it_may_is_lost_and_one_that_failed_at_once_is_not() -> None:
    scraped = {"api:80": {0.0: (0.0, 0.25), 1.0: (0.0, 0.01), 2.0: (0.0, 0.3)}}
    stack = FakeStack({"prometheus": FakePrometheus(FakeClock(ZERO), {}, zero=ZERO, scraped=scraped)})

    assert Vitals().look(stack, ZERO, ZERO + 3)["timeouts"] == [("api:80", ZERO + 0.25), ("api:80", ZERO + 2.25)]


def a_lost_scrape(at: float, speed: float = 1.0) -> Journal:
    journal = Journal()
    journal.write("zero", ZERO, speed=speed)
    journal.write("plan", ZERO, alerts={"Slow": {"where": "", "exprs": ["rate(x[1m]) > 1"], "for": "2m"}}, routes=[])
    journal.write("look", ZERO + 60, key="vitals", data={"missed": {"g": 0}, "timeouts": [["api:80", ZERO + at]]})
    for step in range(0, 11, 1):
        data = {"since": ZERO + step, "until": ZERO + step, "samples": [], "now": [], "rules": {"Slow": [RULE]}}
        journal.write("look", ZERO + step, key="alerts", data=data)
    journal.write("over", ZERO + 60, why="settled")
    return journal


RULE = {"health": "ok", "lastError": "", "interval": 1, "duration": 2, "alerts": []}


@pytest.mark.parametrize(("at", "lost"), [(3.9, False), (4.1, True), (8.9, True), (9.1, False)])
def test_a_scrape_that_was_lost_in_the_range_or_the_hold_before_a_window_counts_as_one_inside(at: float, lost: bool) -> None:
    claim = Claim(Alert("Slow"), eventually("7m", "9m"))

    (verdict,) = judge(Scenario("s", claims=(claim,)), a_lost_scrape(at, 60)).claims

    assert verdict.words.startswith("the machine was too slow: the scrape of api:80 timed out at") is lost


def test_a_scrape_that_times_out_while_only_samples_are_altered_is_the_machines_doing() -> None:
    altered = Planned(Sample("x", set=0), during("1s", "4s"), "freeze")
    journal = a_journal("prometheus", missed=0.0)
    journal.write("look", ZERO + 5, key="vitals", data={"missed": {}, "timeouts": [("api:80", ZERO + 2)]})

    assert unwell(journal, Window(0, 9), ()) == ""
    assert unwell(journal, Window(0, 9), (), Doubt(mild=mild(Scenario("s", faults=(altered,))))) == (
        "the machine was too slow: the scrape of api:80 timed out at 2.0s, with no fault on it"
    )


@pytest.mark.parametrize(
    ("at", "words"),
    [(1.1, ""), (0.9, "the machine was too slow: the scrape of api:80 timed out at 900ms, with no fault on it")],
)
def test_a_scrape_that_timed_out_while_a_fault_was_being_injected_is_put_down_to_it(at: float, words: str) -> None:
    journal = Journal()
    journal.write("zero", ZERO, speed=1.0)
    journal.write("fault", ZERO + 1.5, name="freeze", phase="injected", began=ZERO + 1.0)
    for second in (0, 2):
        timeouts = [("api:80", ZERO + at)] if second else []
        journal.write("look", ZERO + second, key="vitals", data={"missed": {"g": 0.0}, "timeouts": timeouts})

    said = unwell(journal, Window(0.0, 3.0), [])

    assert said == words
