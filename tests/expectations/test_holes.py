"""What rules that were not evaluated for a while can hide of an alert, and what they cannot."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_obscheck import Alert, Health, Notification, Resolved
from pytest_obscheck.journal import Journal
from pytest_obscheck.judge import judge
from pytest_obscheck.scenario import Claim, Scenario
from pytest_obscheck.verdict import Outcome
from pytest_obscheck.when import never

ZERO, SPEED, EVERY = 1000.0, 300.0, 0.05
RULE = {"health": "ok", "lastError": "", "interval": EVERY, "duration": 0.4, "alerts": []}
SLOW = "the machine was too slow: a rule evaluation was missed before 5m00s"


def a_journal(pending: tuple[float, float] | None = None, hold: str = "2m", missed: float = 0.1) -> Journal:
    """Return two wall seconds at speed 300, with a hole in the first; an alert may be pending from one second to another."""
    journal = Journal()
    exprs = {"Slow": ["job:slow > 1"]}
    alerts = {name: {"where": "", "exprs": expr, "for": hold, "interval": "15s"} for name, expr in exprs.items()}
    journal.write("plan", ZERO, alerts=alerts, recordings=["job:slow"], routes=[])
    journal.write("zero", ZERO, speed=SPEED)
    for step in range(11):
        at = ZERO + step / 5
        seen = [ZERO + EVERY * n for n in range(41) if pending and pending[0] <= EVERY * n <= min(pending[1], at - ZERO)]
        series = {"labels": {"alertname": "Slow", "alertstate": "pending"}, "points": [(each, 1) for each in seen]}
        now = [series] if seen and seen[-1] > at - EVERY else []
        data = {"since": max(ZERO, at - 0.2), "until": at, "samples": [series], "now": now, "rules": {"Slow": [RULE]}}
        journal.write("look", at, key="alerts", data=data)
        journal.write("look", at, key="deliveries", data={"since": at - 0.2, "until": at, "arrived": []})
        journal.write("look", at, key="health shop /", data={"status": 200, "seconds": 0.01, "body": ""})
    for second in range(3):
        journal.write("look", ZERO + second, key="vitals", data={"missed": {"g": missed if second else 0.0}, "timeouts": []})
    journal.write("over", ZERO + 3, why="settled")
    return journal


def said(expectation: Any, journal: Journal) -> tuple[Outcome, str]:
    (verdict,) = judge(Scenario("s", claims=(Claim(expectation, never("0s", "9m")),)), journal).claims
    return verdict.outcome, verdict.words


@pytest.mark.parametrize("wanted", [Alert("Slow"), Resolved("Slow"), Notification("email", {"alertname": "Slow"})])
def test_an_alert_that_must_hold_for_longer_cannot_fire_and_end_in_a_hole(wanted: Any) -> None:
    assert said(wanted, a_journal(missed=0.35))[0] is Outcome.PASSED
    assert said(wanted, a_journal(missed=0.4)) == (Outcome.UNKNOWN, SLOW)


@pytest.mark.parametrize("wanted", [Alert("Slow"), Alert("Slow", state="pending"), Notification("email")])
def test_what_needs_no_time_to_come_is_hidden_by_one_missed_evaluation(wanted: Any) -> None:
    assert said(wanted, a_journal(hold="0s", missed=0.05)) == (Outcome.UNKNOWN, SLOW)


def test_a_pending_alert_that_ended_around_a_hole_may_have_fired_in_it() -> None:
    assert said(Alert("Slow"), a_journal((0.2, 0.5))) == (Outcome.UNKNOWN, SLOW)


def test_an_alert_that_is_pending_only_after_a_hole_did_not_fire_in_it() -> None:
    assert said(Alert("Slow"), a_journal((1.3, 1.6)))[0] is Outcome.PASSED


@pytest.mark.parametrize("pending", [(0.2, 0.45), (0.8, 1.05)], ids=["it ended in the hole", "it began in it"])
def test_a_hole_adds_no_more_than_itself_to_what_was_pending(pending: tuple[float, float]) -> None:
    # It was pending for 90 seconds, the interval after its last sample included; another 90 are 300 ms.
    assert said(Alert("Slow"), a_journal(pending, hold="3m", missed=0.25))[0] is Outcome.PASSED
    assert said(Alert("Slow"), a_journal(pending, hold="3m", missed=0.3)) == (Outcome.UNKNOWN, SLOW)


def test_an_alert_that_began_to_be_pending_in_a_hole_and_goes_on_had_no_time_to_fire_before_the_window_ends() -> None:
    assert said(Alert("Slow"), a_journal((0.9, 1.9), hold="6m", missed=0.25))[0] is Outcome.PASSED
    # It lacks 90 seconds at 9m.
    assert said(Alert("Slow"), a_journal((0.9, 1.9), hold="6m", missed=0.35)) == (Outcome.UNKNOWN, SLOW)


def lost(*walls: float, pending: tuple[float, float] | None = None) -> Journal:
    """Return the same without a missed evaluation, but with scrapes that timed out at these wall seconds."""
    journal = a_journal(pending, missed=0.0)
    journal.write("run", ZERO, scrape=15.0, pace="")
    timeouts = [["api:80", ZERO + wall] for wall in walls]
    journal.write("look", ZERO + 2.1, key="vitals", data={"missed": {"g": 0.0}, "timeouts": timeouts})
    return journal


def test_a_lost_scrape_hides_no_alert_that_must_hold_for_longer() -> None:
    assert said(Alert("Slow"), lost(0.5))[0] is Outcome.PASSED
    assert said(Alert("Slow"), lost(0.5, 0.6, 0.7))[0] is Outcome.PASSED
    assert said(Alert("Slow"), lost(0.5, pending=(0.2, 0.45)))[0] is Outcome.PASSED


@pytest.mark.parametrize(
    "journal",
    [lost(0.3, 0.5, 0.65), lost(0.5, 0.56, pending=(0.2, 0.45))],
    ids=["as long as the hold", "a pending alert ended"],
)
def test_lost_scrapes_may_hide_an_alert(journal: Journal) -> None:
    outcome, words = said(Alert("Slow"), journal)

    assert outcome is Outcome.UNKNOWN
    assert words.startswith("the machine was too slow: the scrape of api:80 timed out at ")


def test_evaluations_that_were_missed_when_there_was_a_sample_again_make_the_hole_of_a_lost_scrape_longer() -> None:
    journal = a_journal(missed=0.3)
    journal.write("run", ZERO, scrape=15.0, pace="")
    journal.write(
        "look",
        ZERO + 2.1,
        key="vitals",
        data={"missed": {"g": 0.3}, "timeouts": [["api:80", ZERO + 0.5 + i] for i in (0, 0.06)]},
    )

    assert said(Alert("Slow"), journal)[1].startswith("the machine was too slow: the scrape of api:80 timed out at ")


def test_what_no_rule_records_does_not_mind_a_hole() -> None:
    assert said(Health("shop", "/", 503), a_journal())[0] is Outcome.PASSED
