"""Health: answers in, sights out."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_obscheck.capabilities import Answer
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.expectations._answers import Answers
from pytest_obscheck.expectations.health import Health
from pytest_obscheck.journal import Journal
from pytest_obscheck.protocols import History
from pytest_obscheck.testing import FakeStack, a_plan
from pytest_obscheck.verdict import Outcome
from pytest_obscheck.when import Decision, Phrase, always, eventually, never

ZERO = 1000.0
PASSED, UNKNOWN, FAILED = Outcome.PASSED, Outcome.UNKNOWN, Outcome.FAILED
DOWN = {"unreachable": "Connection refused"}


def ok(status: int = 200, took: float = 0.01, **json: Any) -> dict[str, Any]:
    return {"status": status, "json": json, "seconds": took}


def answered(*answers: tuple[float, float, Any]) -> Journal:
    """Return looks: asked at, seconds until the answer, and the answer (text for a look that failed)."""
    journal = Journal()
    journal.write("zero", ZERO)
    for at, took, answer in answers:
        said = {"error": answer} if isinstance(answer, str) else {"data": answer}
        journal.write("look", ZERO + at, key="health", took=took, **said)
    return journal


def each(answer: Any, until: float = 5.0) -> Journal:
    """Return the same answer in each half second."""
    return answered(*((step / 2, 0.01, answer) for step in range(int(until * 2) + 1)))


def decided(health: Health, phrase: Phrase, journal: Journal) -> Decision:
    window = phrase.window({})
    assert window is not None
    return phrase.decide(health.holds(History(tuple(journal.of("look")), journal)), window, 1.0)


def test_an_answer_with_the_wanted_status_holds_from_its_arrival_on() -> None:
    decision = decided(Health("shop", status=503), eventually("0s", "4s"), answered((0.0, 0.1, ok(200)), (1.0, 0.5, ok(503))))

    assert decision == Decision(PASSED, "503 in 10ms at 1.5s", settled=True, at=1.5)


def test_another_status_fails_and_says_which() -> None:
    decision = decided(Health("shop"), always("0s", "4s"), each(ok(500)))

    assert decision.words == "500 in 10ms at 10ms: status 500 instead of 200"


def test_fields_of_the_answer_are_compared_inside_lists_and_mappings_too() -> None:
    journal = each(ok(checks=[{"status": "degraded"}]))

    assert decided(Health("shop", json={"checks.0.status": "degraded"}), always("0s", "4s"), journal).outcome is PASSED
    assert (
        decided(Health("shop", json={"checks.1.status": "x"}), always("0s", "4s"), journal).words
        == "200 in 10ms at 10ms: checks.1.status is None instead of 'x'"
    )


def test_a_slow_answer_is_one_that_takes_longer_than_wanted() -> None:
    journal = each(ok(took=0.25))

    assert decided(Health("shop", faster="250ms"), always("0s", "4s"), journal).outcome is PASSED
    assert (
        decided(Health("shop", faster="100ms"), always("0s", "4s"), journal).words
        == "200 in 250ms at 10ms: it took 250ms, longer than 100ms"
    )


def test_that_nothing_answers_is_an_answer() -> None:
    journal = each(DOWN)

    assert decided(Health("shop", status=0), always("0s", "4s"), journal).outcome is PASSED
    assert decided(Health("shop"), never("0s", "4s"), journal).outcome is PASSED
    assert decided(Health("shop"), eventually("0s", "4s"), journal).words == "unreachable at 4.0s: Connection refused"


def test_a_question_that_hangs_is_unreachable_all_the_time_it_hangs() -> None:
    journal = answered((0.0, 0.01, ok()), (0.2, 3.0, DOWN), (3.4, 3.0, DOWN))

    assert decided(Health("shop", status=0), always("500ms", "6s"), journal).outcome is PASSED
    assert decided(Health("shop", status=0), eventually("0s", "3s"), journal).at == 0.2
    assert decided(Health("shop"), never("500ms", "2s"), journal).outcome is PASSED


def test_a_slow_answer_fills_the_time_before_it_only_where_nothing_changed() -> None:
    slow = [(at * 2.0, 1.8, ok(took=1.8)) for at in range(4)]
    turned = answered((0.0, 0.01, ok()), (0.9, 0.9, ok(503)), (1.9, 0.9, ok(503)))

    assert decided(Health("shop"), always("1s", "4s"), answered(*slow)).outcome is PASSED
    assert decided(Health("shop", status=503), eventually("0s", "2s"), turned).at == 1.8


def test_a_member_that_cannot_be_asked_proves_nothing() -> None:
    decision = decided(Health("shop"), never("0s", "4s"), each("no member of the stack reports health"))

    assert decision == Decision(UNKNOWN, "every look failed; the last said: no member of the stack reports health")


class _Shop:
    def ask(self, path: str, timeout: float) -> Answer:
        if path == "/dead":
            raise LookFailed("shop: GET /dead was not answered")
        return Answer(200, {"a": 1}, "", 0.02)


def test_a_look_asks_the_named_service() -> None:
    stack = FakeStack({"shop": _Shop()})

    assert Answers("shop", "/health").look(stack, 0, 1) == {"status": 200, "json": {"a": 1}, "seconds": 0.02}
    assert Answers("shop", "/dead").look(stack, 0, 1) == {"unreachable": "shop: GET /dead was not answered"}


def test_a_service_that_the_stack_does_not_have_is_a_problem() -> None:
    told = list(Health("chekout").problems(a_plan(checkout="service", prometheus="prometheus")))

    assert told == ["no service called 'chekout'; did you mean 'checkout'?"]


@pytest.mark.parametrize(
    ("health", "words"),
    [
        (Health("shop"), "shop /health answers 200"),
        (Health("shop", "/x", 0), "shop /x is unreachable"),
        (Health("shop", json={"a": "b"}, faster="1s"), "shop /health answers 200, a is 'b', in under 1s"),
    ],
)
def test_health_speaks(health: Health, words: str) -> None:
    assert str(health) == words
