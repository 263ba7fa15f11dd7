"""Alerts that stop firing."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_obscheck.expectations.resolved import Resolved
from pytest_obscheck.journal import Journal
from pytest_obscheck.protocols import History
from pytest_obscheck.testing import a_journal
from pytest_obscheck.verdict import Outcome
from pytest_obscheck.when import Decision, during, eventually, never

ZERO = 1000.0
PASSED, UNKNOWN, FAILED = Outcome.PASSED, Outcome.UNKNOWN, Outcome.FAILED


def alerts(*states: str, interval: float = 1.0, health: str = "ok") -> Journal:
    """Return looks once a second at an alert: ``firing``, ``pending``, ``""`` for inactive, or why a look failed."""
    seen: list[tuple[float, Any]] = []
    for second, state in enumerate(states):
        at = ZERO + second
        labels = {"alertname": "Slow", "alertstate": state, "instance": "a"}
        series = [{"labels": labels, "points": [[at, 1.0]]}] if state in ("firing", "pending") else []
        rule = {"health": health, "lastError": "sick", "interval": interval, "alerts": []}
        data = {"since": at - 1, "until": at, "samples": series, "now": series, "rules": {"Slow": [rule]}}
        seen.append((second, data if state in ("firing", "pending", "") else state))
    return a_journal(ZERO, alerts=seen)


def decided(journal: Journal, labels: dict[str, str] | None = None) -> Decision:
    resolved, phrase = Resolved("Slow", labels or {}), eventually("0s", "9s")
    history = History(tuple(journal.of("look", key="alerts")), journal)
    return phrase.decide(resolved.holds(history), during("0s", "9s"), 1.0)


def test_an_alert_that_fired_and_stopped_is_dated_by_the_evaluation_that_found_it_inactive() -> None:
    assert Decision(PASSED, "resolved at 3.0s", settled=True, at=3.0) == decided(alerts("", "firing", "firing", "", ""))


def test_the_evaluation_counts_and_not_the_look() -> None:
    assert decided(alerts("", "firing", "", interval=0.25)).at == 1.25


def test_an_alert_that_never_fired_has_not_resolved() -> None:
    assert Decision(FAILED, "it has not fired") == decided(alerts("", "pending", "", *[""] * 7))


def test_an_alert_that_still_fires_has_not_resolved() -> None:
    assert Decision(FAILED, "it is still firing") == decided(alerts("", *["firing"] * 9))


def test_an_alert_that_fires_again_is_resolved_again() -> None:
    journal = alerts("firing", "", "firing", "firing", "")
    history = History(tuple(journal.of("look", key="alerts")), journal)

    held = [(sight.at, sight.holds) for sight in Resolved("Slow").holds(history) if sight.at % 1 == 0]

    assert held == [(0.0, False), (1.0, True), (2.0, False), (3.0, False), (4.0, True)]


def test_a_rule_that_fails_has_not_resolved() -> None:
    journal = alerts("firing", "firing")
    for event in alerts("firing", "firing", "", "", health="err").of("look", key="alerts")[2:]:
        journal.write("look", event.wall, **event.data)

    assert decided(journal).outcome is UNKNOWN


def test_looks_that_failed_prove_nothing() -> None:
    wanted = Decision(UNKNOWN, "every look failed; the last said: prometheus refuses connections")

    assert wanted == decided(alerts(*["prometheus refuses connections"] * 9))


def test_other_labels_are_another_alert() -> None:
    journal = alerts("firing", "", *[""] * 8)

    assert [decided(journal, labels).outcome for labels in ({"instance": "a"}, {"instance": "b"})] == [PASSED, FAILED]


def test_a_firing_before_time_zero_counts_as_one() -> None:
    journal = alerts("firing", "", "")
    journal.events.clear()
    shifted = Journal()
    shifted.write("zero", ZERO + 1, speed=1.0)
    for event in alerts("firing", "", "").of("look", key="alerts"):
        shifted.write("look", event.wall, **event.data)

    assert decided(shifted).outcome is PASSED


@pytest.mark.parametrize(
    ("states", "wanted"),
    [
        (["firing", "firing"], ""),
        (["pending", ""], "it never fired: it was pending and no more"),
        (["", ""], "it never fired"),
    ],
)
def test_why_nothing_resolved_is_told(states: list[str], wanted: str) -> None:
    journal = alerts(*states)
    history = History(tuple(journal.of("look", key="alerts")), journal)

    assert wanted == Resolved("Slow").tell(history, during("0s", "9s"))


def test_never_resolved_is_kept_while_it_fires() -> None:
    journal = alerts(*["firing"] * 10)
    history = History(tuple(journal.of("look", key="alerts")), journal)

    assert never("0s", "9s").decide(Resolved("Slow").holds(history), during("0s", "9s"), 1.0).outcome is PASSED


def test_it_speaks() -> None:
    assert str(Resolved("Slow", {"job": "x"})) == 'alert Slow{job="x"} resolves'
