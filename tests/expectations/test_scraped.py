"""Targets: samples of ``up`` in, sights out."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_obscheck.expectations.scraped import Scraped
from pytest_obscheck.journal import Journal
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import History
from pytest_obscheck.testing import FakeClock, FakePrometheus, FakeStack, a_journal, a_plan
from pytest_obscheck.verdict import Outcome
from pytest_obscheck.when import Decision, Phrase, always, during, eventually, never, once

ZERO = 1000.0
PASSED, UNKNOWN, FAILED = Outcome.PASSED, Outcome.UNKNOWN, Outcome.FAILED


def ups(**values: str) -> Journal:
    """Return looks in each half second at instances: ``a="1100"`` is up for a second, then down; ``-`` is no series."""
    seen: list[tuple[float, Any]] = []
    for step in range(max(len(text) for text in values.values())):
        at = ZERO + step / 2
        series = [
            {"labels": {"instance": name, "job": "api"}, "points": [[at, float(text[step])]]}
            for name, text in values.items()
            if text[step] != "-"
        ]
        seen.append((step / 2, {"until": at, "samples": series, "now": series}))
    return a_journal(ZERO, up=seen)


def decided(scraped: Scraped, phrase: Phrase, journal: Journal) -> Decision:
    window = phrase.window({})
    assert window is not None
    return phrase.decide(scraped.holds(History(tuple(journal.of("look")), journal)), window, 1.0)


def test_a_target_is_up_from_the_scrape_that_succeeded_and_down_from_the_one_that_failed() -> None:
    journal = ups(a="1110001")

    assert decided(Scraped("a", up=False), eventually("0s", "3s"), journal) == Decision(
        PASSED, "down at 1.5s", settled=True, at=1.5
    )
    assert decided(Scraped("a"), eventually("2s", "3s"), journal).words == "up at 3.0s"
    assert decided(Scraped("a"), always("0s", "3s"), journal).words == "down at 1.5s"


def test_a_target_may_be_named_by_its_job_then_all_its_instances_must_be_so() -> None:
    journal = ups(a="1111", b="1101")

    assert decided(Scraped("api"), always("0s", "1s"), journal).words == "api/b down at 1.0s"
    assert decided(Scraped("api", up=False), eventually("0s", "1500ms"), journal).outcome is FAILED
    assert decided(Scraped("api", up=False), never("0s", "1500ms"), journal).words == "api/b down at 1.0s"
    assert decided(Scraped("a"), always("0s", "1s"), journal).outcome is PASSED


def test_a_target_that_has_no_series_is_not_scraped_but_is_not_known_to_be_down() -> None:
    journal = ups(a="----")

    assert decided(Scraped("a"), eventually("0s", "1500ms"), journal) == Decision(FAILED, "it has no `up` series")
    assert decided(Scraped("a", up=False), eventually("0s", "1500ms"), journal) == Decision(
        UNKNOWN, "every look failed; the last said: it has no `up` series"
    )


def test_a_scrape_that_is_written_late_makes_no_second_change() -> None:
    journal = ups(a="11100")
    looks = journal.of("look")
    stale = looks[2].data["data"]["now"]
    looks[3].data["data"]["samples"], looks[3].data["data"]["now"] = [], stale  # the scrape of 1.5s ended after the look
    looks[4].data["data"]["samples"] = [
        {"labels": {"instance": "a", "job": "api"}, "points": [[ZERO + 1.5, 0.0], [ZERO + 2.0, 0.0]]}
    ]

    assert decided(Scraped("a", up=False), once("0s", "2s"), journal) == Decision(PASSED, "down at 1.5s", at=1.5)


def test_looks_that_failed_prove_nothing() -> None:
    journal = a_journal(ZERO, up=[(1.0, "prometheus refuses connections")])

    decision = decided(Scraped("a", up=False), never("0s", "2s"), journal)

    assert decision == Decision(UNKNOWN, "every look failed; the last said: prometheus refuses connections")


def test_a_look_asks_for_all_of_up() -> None:
    stack = FakeStack({"prometheus": FakePrometheus(FakeClock(ZERO), {})})

    assert Scraped("a").evidence().look(stack, ZERO, ZERO + 1) == {"until": ZERO + 1, "samples": [], "now": []}


def test_what_prometheus_says_of_the_target_is_told() -> None:
    journal = ups(a="0000")
    labels = {"instance": "a", "job": "api"}
    journal.write("targets", ZERO, targets=[{"labels": labels, "lastError": "connection refused"}])

    told = Scraped("a").tell(History((), journal), during("0s", "1s"))

    assert told == 'Prometheus says of {instance="a", job="api"}: connection refused'


@pytest.mark.parametrize(
    ("scraped", "words"), [(Scraped("a"), "target a is up"), (Scraped("a", up=False), "target a is down")]
)  # fmt: skip
def test_targets_speak(scraped: Scraped, words: str) -> None:
    assert str(scraped) == words


def test_a_target_that_no_scrape_configuration_has_is_a_problem() -> None:
    plan = a_plan(Facts(scraped=("api-1:8080",)))

    assert list(Scraped("api-2:8080").problems(plan)) == [
        "no scrape configuration has a target 'api-2:8080'; did you mean 'api-1:8080'?"
    ]
    assert list(Scraped("api").problems(plan)) == []
