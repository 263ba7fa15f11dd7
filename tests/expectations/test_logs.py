"""Lines of a log: found, counted, missing, or not to be seen."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from pytest_obscheck.expectations.logs import SETTLE, Logs
from pytest_obscheck.protocols import History
from pytest_obscheck.signals import LogFilter, LogLine
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
    """Return what a claim sees in looks at story seconds, each of which covers the time since the last that worked."""
    since, told = 0.0, []
    for at, found in looks:
        covers = {"since": 1000.0 + since, "until": 1000.0 + at, "lines": found}
        told.append((at, found if isinstance(found, str) else covers))
        since = since if isinstance(found, str) else at
    journal = a_journal(**{str(claim.evidence()): told})
    history = History(tuple(journal.of("look")), journal)
    return [(round(sight.at, 3), sight.holds, sight.words) for sight in claim.holds(history)]


NONE = "no such line was logged"


def test_each_line_holds_for_its_instant_and_the_time_between_is_known_to_have_none() -> None:
    assert sights(ERRORS, (0.2, []), (0.6, [a_line(0.3)])) == [
        (0.2, False, NONE),
        (0.3, True, "'declined' at 300ms"),
        (0.3, False, NONE),
        (0.4, False, NONE),
        (0.6, False, NONE),
    ]


def test_a_store_that_cannot_be_asked_shows_nothing_either_way_until_it_can() -> None:
    assert sights(ERRORS, (0.2, "loki refuses connections"), (0.4, [])) == [
        (0.2, None, "loki refuses connections"),
        (0.2, False, NONE),
        (0.4, False, NONE),
    ]


def test_a_count_is_that_of_the_last_seconds_at_every_moment() -> None:
    claim = Logs(level="error", is_="> 1", over="1s")

    seen = sights(claim, (0.2, [a_line(0.1)]), (0.4, [a_line(0.3)]), (1.2, []), (1.3, "gone"))

    assert seen == [
        (0.2, False, "1 line in the 1s before 200ms"),
        (0.4, True, "2 lines in the 1s before 400ms"),
        (0.6, True, "2 lines in the 1s before 600ms"),
        (0.8, True, "2 lines in the 1s before 800ms"),
        (1.0, True, "2 lines in the 1s before 1.0s"),
        (1.2, False, "1 line in the 1s before 1.2s"),
        (1.3, None, "gone"),
    ]


def test_a_look_waits_until_the_lines_before_it_are_with_the_store() -> None:
    store, clock = Store(), FakeClock(1001.0)

    found = replace(Logs(query="{a='b'}").evidence(), clock=clock).look(FakeStack({"loki": store}), 1000.0, 1001.0)

    assert (clock.time, store.asked) == (1001.0 + SETTLE, [("{a='b'}", 1000.0, 1001.0)])
    line = {"at": 1000.5, "text": "paid", "labels": {"service_name": "checkout"}}
    assert found == {"since": 1000.0, "until": 1001.0, "lines": [line]}


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
