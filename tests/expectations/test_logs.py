"""Lines of a log: found, counted, missing, or not to be seen."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from pytest_obscheck.capabilities import LogFilter, LogLine
from pytest_obscheck.expectations.logs import SETTLE, Logs
from pytest_obscheck.protocols import History
from pytest_obscheck.testing import FakeClock, FakeStack, a_journal, a_plan

ERRORS = Logs(level="error")
KEY = "logs level=error"


@dataclass
class Store:
    """Holds one line, and remembers what it was asked."""

    asked: list[Any] = field(default_factory=list)

    def query_lines(self, query: str, start: float, end: float) -> list[LogLine]:
        self.asked.append((query, start, end))
        return [LogLine(1000.5, "paid", {"service_name": "checkout"})]

    def find_lines(self, wanted: LogFilter, start: float, end: float) -> list[LogLine]:
        self.asked.append((wanted, start, end))
        return []


def a_line(at: float, text: str = "declined") -> dict[str, Any]:
    return {"at": 1000.0 + at, "text": text, "labels": {}}


def sights(claim: Logs, *looks: tuple[float, Any]) -> list[tuple[float, bool | None, str]]:
    journal = a_journal(**{str(claim.evidence()): list(looks)})
    history = History(tuple(journal.of("look")), journal)
    return [(round(sight.at, 3), sight.holds, sight.words) for sight in claim.holds(history)]


def test_each_line_holds_for_its_instant_and_no_line_is_seen_not_to() -> None:
    assert sights(ERRORS, (1.0, []), (2.0, [a_line(1.2)])) == [
        (1.0, False, "no such line was logged"),
        (1.2, True, "'declined' at 1.2s"),
        (1.2, False, ""),
        (2.0, False, "no such line was logged"),
    ]


def test_a_store_that_cannot_be_asked_shows_nothing_either_way() -> None:
    assert sights(ERRORS, (1.0, "loki refuses connections")) == [(1.0, None, "loki refuses connections")]


def test_a_count_is_that_of_the_last_seconds() -> None:
    claim = Logs(level="error", is_="> 1", over="1s")

    seen = sights(claim, (1.0, [a_line(0.4), a_line(0.9)]), (1.5, []), (2.0, "gone"), (2.5, [a_line(2.2)]))

    assert seen == [
        (1.0, True, "2 lines in the last 1s at 1.0s"),
        (1.5, False, "1 lines in the last 1s at 1.5s"),
        (2.0, None, "gone"),
        (2.5, False, "1 lines in the last 1s at 2.5s"),
    ]


def test_a_look_waits_until_the_lines_before_it_are_with_the_store() -> None:
    store, clock = Store(), FakeClock(1001.0)

    found = replace(Logs(query="{a='b'}").evidence(), clock=clock).look(FakeStack({"loki": store}), 1000.0, 1001.0)

    assert (clock.time, store.asked) == (1001.0 + SETTLE, [("{a='b'}", 1000.0, 1001.0)])
    assert found == [{"at": 1000.5, "text": "paid", "labels": {"service_name": "checkout"}}]


def test_what_every_store_understands_is_handed_on_as_it_is() -> None:
    store = Store()
    claim = Logs(labels={"service_name": "checkout"}, json={"user.id": "7"}, level="error", contains="x", matches="y+")

    replace(claim.evidence(), clock=FakeClock()).look(FakeStack({"loki": store}), 1.0, 2.0)

    assert store.asked == [(LogFilter({"service_name": "checkout"}, {"level": "error", "user.id": "7"}, "x", "y+"), 1.0, 2.0)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "it does not say which lines are meant; write 'query:', or some of 'labels:', 'contains:', 'matches:', 'json:' "),
        ({"query": "{}", "level": "error"}, "it says twice which lines are meant; write 'query:', or some of 'labels:', "),
        ({"level": "error", "is_": "> 1"}, "'is' and 'over' go together; write is: '> 10' and over: 5s"),
        ({"matches": "("}, "matches: '(' is not a regular expression: missing ), unterminated subpattern at position 0"),
        ({"json": {"id": "~["}}, "id: '[' is not a regular expression: unterminated character set at position 0"),
    ],
)
def test_a_claim_that_cannot_be_meant_is_refused(fields: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}"):
        Logs(**fields)


def test_a_store_that_is_no_member_is_named() -> None:
    plan = a_plan(loki="loki", checkout="service")

    assert list(Logs(level="error", store="lokki").problems(plan)) == ["logs: no member called 'lokki'; did you mean 'loki'?"]
    assert list(Logs(level="error", store="loki").problems(plan)) == []


def test_it_says_what_it_wants() -> None:
    assert str(ERRORS) == "a line level=error is logged"
    assert str(ERRORS.evidence()) == KEY
    assert str(Logs(contains="paid", is_="> 10", over="5s")) == "a line containing 'paid' is logged > 10 times in 5s"
    assert str(Logs(query='{a="b"} |= "x"', store="eu")) == 'eu: a line {a="b"} |= "x" is logged'
