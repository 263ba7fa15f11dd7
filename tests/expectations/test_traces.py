"""Spans that are meant: found, missing, or not to be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from pytest_obscheck.expectations._spans import matching, wanted
from pytest_obscheck.expectations.traces import BACK, SETTLE, Traces
from pytest_obscheck.protocols import History
from pytest_obscheck.signals import Span
from pytest_obscheck.testing import FakeClock, FakeStack, a_journal, a_plan
from pytest_obscheck.when import Window

SERVER = Span("t", "a", "", "checkout", "POST /checkout", "server", 1000.0, 0.9, attributes={"http.route": "/checkout"})
INSIDE = Span("t", "b", "a", "checkout", "charge", "internal", 1000.05, 0.8)
CLIENT = Span("t", "c", "b", "checkout", "POST", "client", 1000.1, 0.75, failed=True)
OTHER = Span("u", "a", "", "checkout", "GET /", "server", 1000.0, 0.01)
SPANS = (SERVER, INSIDE, CLIENT, OTHER)


@dataclass
class Store:
    """Holds spans, and remembers what it was asked."""

    spans: Sequence[Span] = SPANS
    asked: list[Any] = field(default_factory=list)

    def find_spans(self, service: str, start: float, end: float) -> list[Span]:
        self.asked.append((service, start, end))
        return list(self.spans)


def ids(**fields: Any) -> list[str]:
    return [f"{span.trace}{span.id}" for span in matching(SPANS, wanted(fields))]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"service": "checkout"}, ["ua", "tb", "tc", "ta"]),
        ({"name": "charge"}, ["tb"]),
        ({"service": "Checkout", "name": "post /CHECKOUT"}, ["ta"]),
        ({"name": "~get \\S"}, ["ua"]),
        ({"name": "~(POST|GET) .*", "kind": "server"}, ["ua", "ta"]),
        ({"attributes": {"http.route": "~/check.*"}}, ["ta"]),
        ({"failed": True}, ["tc"]),
        ({"failed": False, "longer": "700ms"}, ["tb", "ta"]),
        ({"shorter": "100ms"}, ["ua"]),
        ({"kind": "server", "child": {"kind": "client", "longer": "700ms"}}, ["ta"]),
        ({"kind": "server", "child": {"kind": "client", "longer": "800ms"}}, []),
        ({"child": {"name": "charge", "child": {"failed": True}}}, ["ta"]),
        ({"name": "GET /", "child": {"kind": "client"}}, []),
        ({"service": "payments"}, []),
    ],
)
def test_a_span_is_meant_by_what_it_is_and_by_what_is_below_it(fields: dict[str, Any], expected: list[str]) -> None:
    assert ids(**fields) == expected


def test_a_trace_that_goes_round_in_a_circle_ends() -> None:
    circle = [replace(SERVER, parent="b"), INSIDE]

    assert matching(circle, wanted({"child": {"kind": "client"}})) == []


def look(claim: Traces, store: Store, since: float, until: float) -> Any:
    return replace(claim.evidence(), clock=FakeClock()).look(FakeStack({"jaeger": store}), since, until)


def sights(claim: Traces, *looks: tuple[float, Any]) -> tuple[list[tuple[float, bool | None, str]], History]:
    journal = a_journal(**{str(claim.evidence()): list(looks)})
    history = History(tuple(journal.of("look")), journal)
    return [(round(sight.at, 3), sight.holds, sight.words) for sight in claim.holds(history)], history


def test_a_look_reaches_back_to_where_traces_began_and_waits_for_what_is_on_its_way() -> None:
    store, clock, claim = Store(), FakeClock(1001.0), Traces("checkout", kind="client")

    found = replace(claim.evidence(), clock=clock).look(FakeStack({"jaeger": store}), 1000.0, 1001.0)

    assert (clock.time, store.asked) == (1001.0 + SETTLE, [("checkout", 1000.0 - BACK, 1001.0)])
    assert found == {
        "since": 1000.0,
        "until": 1001.0,
        "spans": [{"key": "t/c", "at": 1000.85, "words": "'POST' of checkout took 750ms"}],
        "names": {"POST /checkout": 1, "charge": 1, "POST": 1, "GET /": 1},
    }


def test_a_span_holds_for_the_instant_at_which_it_ended_once_however_often_it_is_found() -> None:
    claim = Traces("checkout", kind="client")

    seen, _ = sights(claim, (0.9, look(claim, Store(), 1000.75, 1000.9)), (1.0, look(claim, Store(), 1000.9, 1001.0)))

    assert seen == [
        (0.85, True, "'POST' of checkout took 750ms, until 850ms"),
        (0.85, False, "no such span came"),
        (0.9, False, "no such span came"),
        (1.0, False, "no such span came"),
    ]


def test_a_span_that_has_not_ended_by_the_look_is_left_to_the_next() -> None:
    assert look(Traces("checkout", kind="client"), Store(), 1000.0, 1000.8)["spans"] == []


def test_a_store_that_cannot_be_asked_shows_nothing_either_way() -> None:
    assert sights(Traces("checkout"), (1.0, "jaeger refuses connections"))[0] == [(1.0, None, "jaeger refuses connections")]


def test_what_came_instead_is_told() -> None:
    claim, window = Traces("checkout", name="POST /buy"), Window(0.0, 2.0)

    _, history = sights(claim, (1.0, look(claim, Store(), 1000.0, 1001.0)))
    _, silent = sights(claim, (1.0, look(claim, Store(()), 1000.0, 1001.0)))

    assert claim.tell(history, window) == "no such span came; spans of checkout were: POST /checkout, charge, POST, GET /"
    assert claim.tell(silent, window) == "no span of 'checkout' came at all"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"child": {"nam": "x"}}, "child: it has no field 'nam'; did you mean 'name'?"),
        ({"child": {"kind": "sever"}}, "kind: there is no kind 'sever'; did you mean 'server'?"),
        ({"child": {"longer": "soon"}}, "'soon' is not a duration; write it like '800ms', '10s' or '1m30s'"),
        ({"name": "~("}, "'(' is not a regular expression: missing ), unterminated subpattern at position 0"),
    ],
)
def test_a_claim_that_no_span_can_meet_is_refused(fields: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is asserted
        Traces("checkout", **fields)

    assert str(raised.value) == expected


def test_a_store_that_is_no_member_is_named() -> None:
    plan = a_plan(jaeger="jaeger", checkout="service")

    expected = ["traces: no member called 'yaeger'; did you mean 'jaeger'?"]

    assert list(Traces("checkout", store="yaeger").problems(plan)) == expected


def test_it_says_what_it_wants() -> None:
    claim = Traces("checkout", "POST /checkout", "server", {"a": "b"}, longer="700ms", child={"kind": "client", "failed": True})

    assert str(claim) == ("a server span 'POST /checkout' of checkout over 700ms (a=b) above a failed client span comes")


def test_a_query_of_the_store_s_own_language_says_what_is_meant_and_nothing_else_may() -> None:
    claim = Traces(query="{ status = error }")

    assert (str(claim), str(claim.evidence())) == ("a span of { status = error } comes", "traces { status = error }")
    for fields in ({"query": "{}", "service": "checkout"}, {}):
        with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is asserted
            Traces(**fields)
        assert str(raised.value) == "write which spans are meant: 'service:' and more of the like, or a TraceQL 'query:'"
