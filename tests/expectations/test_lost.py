"""What requests left behind, counted by the log of the loads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from pytest_obscheck.expectations._marks import AllMarks, Marks
from pytest_obscheck.expectations.lost import Lost
from pytest_obscheck.journal import Journal
from pytest_obscheck.protocols import History
from pytest_obscheck.signals import ErrorReport, ErrorReports, Exemplar, LogFilter, LogLine, Span
from pytest_obscheck.testing import FakeClock, FakeStack, a_journal, a_plan

SPANS = Lost("traces", "== 0", "1s", service="checkout", requests="POST /checkout")
HEADER = "end,method,name,status,seconds,bytes,error,id\n"


def a_request(end: float, id_: str, status: int = 201) -> str:
    return f"{1000 + end},POST,/checkout,{status},0.1,10,,{id_}\n"


def a_run(claim: Lost, requests: Sequence[str], *looks: tuple[float, Any], ended: float = 9.0) -> History:
    """Return what is known after looks at story seconds, each of them the ids found or why there are none."""
    since, told = 0.0, []
    for at, found in looks:
        data = found if isinstance(found, str) else {"since": 1000 + since, "until": 1000 + at, "ids": dict.fromkeys(found, "")}
        told.append((at, data))
        since = at
    journal = a_journal(**{str(claim.evidence()): told})
    journal.write("load", 999.0, name="locust", phase="begun")
    journal.write("load", 1000 + ended, name="locust", phase="ended", requests=HEADER + "".join(requests))
    return History(tuple(journal.of("look", key=str(claim.evidence()))), journal)


def told(claim: Lost, history: History) -> dict[float, tuple[bool | None, str]]:
    return {round(sight.at, 3): (sight.holds, sight.words) for sight in claim.holds(history)}


def test_requests_whose_ids_were_not_seen_are_counted() -> None:
    requests = [a_request(0.3, "a"), a_request(0.5, "b"), a_request(0.7, "c"), a_request(8.0, "z")]

    seen = told(SPANS, a_run(SPANS, requests, (1.0, ["a"]), (3.0, ["a", "c"])))

    assert seen[1.0] == (False, "1 of 3 requests in the 1s before 1.0s left no span of checkout")
    assert seen[0.4] == (True, "0 of 1 requests in the 1s before 400ms left no span of checkout")
    assert max(seen) == 1.4


def test_what_comes_late_is_not_lost() -> None:
    requests = [a_request(0.3, "a"), a_request(8.0, "z")]

    seen = told(SPANS, a_run(SPANS, requests, (2.0, []), (4.0, ["a"])))

    assert seen[0.4] == (True, "0 of 1 requests in the 1s before 400ms left no span of checkout")


def test_what_came_at_all_before_the_story_was_over_is_not_lost() -> None:
    history = a_run(SPANS, [a_request(0.3, "a"), a_request(0.4, "b"), a_request(8.0, "z")], (2.0, []), (4.0, []))
    history.journal.write("autopsy", 1009.0, key=str(SPANS.autopsy()), data={"ids": {"a": ""}})

    assert told(SPANS, history)[0.4] == (False, "1 of 2 requests in the 1s before 400ms left no span of checkout")


def test_a_look_when_all_is_over_that_failed_makes_nothing_lost_or_found() -> None:
    history = a_run(SPANS, [a_request(0.3, "a"), a_request(8.0, "z")], (2.0, ["a"]))
    history.journal.write("autopsy", 1009.0, key=str(SPANS.autopsy()), error="jaeger refuses connections")

    assert told(SPANS, history)[0.4] == (True, "0 of 1 requests in the 1s before 400ms left no span of checkout")


def test_without_a_request_there_is_nothing_to_lose() -> None:
    seen = told(SPANS, a_run(SPANS, [a_request(0.3, "a"), a_request(8.0, "z")], (5.0, ["a"])))

    assert seen[2.0] == (None, "no such request ended in the 1s before 2.0s: there was nothing to lose")


@pytest.mark.parametrize(
    ("requests", "looks", "expected"),
    [
        (
            [a_request(0.3, ""), a_request(0.4, "a")],
            [(1.0, ["a"])],
            "1 of 2 answers have no X-Correlation-ID: what they left behind cannot be found",
        ),
        ([a_request(0.3, "a")], [(1.0, []), (2.0, "jaeger refuses connections")], "jaeger refuses connections"),
    ],
)
def test_what_cannot_be_followed_is_unknown(requests: list[str], looks: list[tuple[float, Any]], expected: str) -> None:
    seen = told(SPANS, a_run(SPANS, requests, *looks))

    assert set(seen.values()) == {(None, expected)}


def test_what_was_under_way_when_the_load_ended_is_unknown() -> None:
    seen = told(SPANS, a_run(SPANS, [a_request(0.3, "a"), a_request(0.7, "b")], (3.0, ["a", "b"]), ended=1.0))

    assert seen[1.2] == (
        None,
        "the request log of locust ends at 0.70s; the load ended at 1.00s, and what was under way then is not in it",
    )


def test_answers_are_lost_by_their_status_and_errors_only_by_requests_that_failed() -> None:
    requests = [a_request(0.3, "a"), a_request(0.5, "b", 502), a_request(0.7, "", 0), a_request(8.0, "z")]
    answers, errors = Lost("answers", "> 1", "1s"), Lost("errors", "== 1", "1s")

    assert told(answers, a_run(answers, requests, (3.0, [])))[1.0] == (
        True,
        "2 of 3 requests in the 1s before 1.0s left no good answer",
    )
    assert told(errors, a_run(errors, requests, (3.0, ["a"])))[1.0] == (
        True,
        "1 of 1 requests in the 1s before 1.0s left no error",
    )


def test_a_journal_of_before_has_no_ids() -> None:
    history = a_run(SPANS, [], (1.0, ["a"]))
    journal = Journal()
    for event in history.journal.events:
        data = dict(event.data)
        if "requests" in data:
            data["requests"] = "end,method,name,status,seconds,bytes,error\n1000.3,POST,/checkout,201,0.1,10,\n"
        journal.write(event.kind, event.wall, **data)

    seen = told(SPANS, History(tuple(journal.of("look")), journal))

    assert seen[1.0] == (None, "1 of 1 answers have no X-Correlation-ID: what they left behind cannot be found")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"signal": "trace"}, "signal: there is no 'trace' to lose; did you mean 'traces'?"),
        ({"service": ""}, "service: traces are of a service; write service: checkout"),
        ({"is_": "none"}, "'none' is not a comparison; write it like '== 1' or '>= 0.5'"),
    ],
)
def test_a_claim_that_says_nothing_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is asserted
        replace(SPANS, **fields)

    assert str(raised.value) == message


def test_a_store_that_there_is_not_is_named_and_the_claim_says_what_it_counts() -> None:
    claim = replace(SPANS, store="jeager")

    assert list(claim.problems(a_plan(jaeger="jaeger"))) == ["lost: no member called 'jeager'; did you mean 'jaeger'?"]
    assert str(SPANS) == "the requests of POST /checkout that left no span of checkout in 1s are == 0"


@dataclass(frozen=True)
class Store:
    """Holds one request in every signal, and another service's beside it."""

    def find_spans(self, service: str, start: float, end: float) -> list[Span]:
        ours = Span("t1", "s1", "", service, "POST", "server", 1000.0, 0.1, attributes={"correlation.id": "c-1"})
        return [ours, replace(ours, service="payments", attributes={"correlation.id": "c-2"}), replace(ours, attributes={})]

    def query_lines(self, query: str, start: float, end: float) -> list[LogLine]:
        raise AssertionError

    def find_lines(self, wanted: LogFilter, start: float, end: float) -> list[LogLine]:
        assert wanted == LogFilter({"service_name": "checkout"}, {"correlation_id": "~.+"})
        return [LogLine(1000.0, text) for text in ('{"correlation_id": "c-1"}', "no json", "[]")]

    def error_reports(self, since: float, until: float) -> ErrorReports:
        tagged = {"tags": {"correlation_id": "c-1"}}
        return ErrorReports((ErrorReport(1000.0, "event", tagged), ErrorReport(1000.0, "transaction", tagged)))

    def exemplars(self, query: str, start: float, end: float) -> list[Exemplar]:
        return [Exemplar(1000.0, {"__name__": query}, {"trace_id": "t1"}), Exemplar(1000.0, {}, {"span_id": "s"})]


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        (Marks("traces", "checkout"), {"c-1": "t1"}),
        (Marks("logs", "checkout"), {"c-1": ""}),
        (Marks("errors", "checkout"), {"c-1": ""}),
        (Marks("exemplars", "checkout", series="x_bucket"), {"t1": "t1"}),
        (Marks("answers", ""), {}),
    ],
)
def test_each_signal_tells_the_ids_of_its_requests(marks: Marks, expected: dict[str, str]) -> None:
    clock = FakeClock(1000.0)
    looked, stack = replace(marks, clock=clock), FakeStack({"store": Store()})

    found = looked.look(stack, 999.0, 1000.0)

    assert found == {"since": 999.0, "until": 1000.0, "ids": expected}
    assert clock.now() == 1001.0
    assert AllMarks(looked).look(stack, 900.0, 1001.0) == {"ids": expected}
