"""One failed request, followed: to the end, as far as it goes, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_obscheck.expectations.correlated import NONE, Correlated
from pytest_obscheck.protocols import History
from pytest_obscheck.testing import a_journal, a_plan
from pytest_obscheck.when import Window

CLAIM = Correlated("checkout", requests="POST /checkout", metric="latency")
LOG = """end,method,name,status,seconds,bytes,error,id
1000.3,POST,/checkout,201,0.1,10,,ok
1000.5,POST,/checkout,502,0.1,10,,c-1
1000.7,POST,/checkout,502,0.1,10,,c-2
1008.0,POST,/checkout,201,0.1,10,,z
"""
WHOLE = {"logs": ["c-1", "c-2"], "traces": ["c-1", "c-2"], "errors": ["c-1", "c-2"], "exemplars": ["trace of c-2"]}


def a_run(log: str = LOG, **links: Any) -> History:
    """Return what is known after a look at every link, each the ids found or why there are none."""
    looks = {}
    for marks in CLAIM.links():
        found = links[marks.signal]
        ids = {id_: f"trace of {id_}" if marks.signal == "traces" else "" for id_ in found}
        data = found if isinstance(found, str) else {"since": 1000.0, "until": 1003.0, "ids": ids}
        looks[str(marks)] = [(3.0, data)]
    journal = a_journal(**looks)
    journal.write("load", 999.0, name="locust", phase="begun")
    journal.write("load", 1009.0, name="locust", phase="ended", requests=log)
    return History(tuple(journal.of("look", key=str(CLAIM.evidence()))), journal)


def test_a_request_that_left_its_mark_everywhere_holds_for_its_instant() -> None:
    sights = CLAIM.holds(a_run(**WHOLE))

    words = "POST /checkout 502 at 700ms (c-2) is in logs and traces and errors and exemplars"
    assert [(round(each.at, 3), each.words) for each in sights if each.holds] == [(0.7, words)]
    assert {each.words for each in sights if each.holds is False} == {NONE}


@pytest.mark.parametrize(
    ("link", "left", "expected"),
    [
        (
            "logs",
            [],
            (
                "POST /checkout 502 at 700ms (c-2) is in traces and errors and exemplars, but no line of checkout has its "
                "correlation_id (so it is with 2 of 2 of them)"
            ),
        ),
        (
            "traces",
            ["ok"],
            (
                "POST /checkout 502 at 500ms (c-1) is in logs and errors, but no span of checkout has its correlation.id "
                "and no exemplar of latency has its trace_id (so it is with 2 of 2 of them)"
            ),
        ),
        (
            "errors",
            ["c-1"],
            (
                "POST /checkout 502 at 500ms (c-1) is in logs and traces and errors, but no exemplar of latency has its "
                "trace_id (so it is with 1 of 2 of them)"
            ),
        ),
        (
            "exemplars",
            ["trace of ok"],
            (
                "POST /checkout 502 at 500ms (c-1) is in logs and traces and errors, but no exemplar of latency has its "
                "trace_id (so it is with 2 of 2 of them)"
            ),
        ),
    ],
)
def test_the_link_that_is_missing_is_named(link: str, left: list[str], expected: str) -> None:
    history = a_run(**{**WHOLE, link: left})

    assert not [sight for sight in CLAIM.holds(history) if sight.holds]
    assert CLAIM.tell(history, Window(0.0, 2.0)) == expected


@pytest.mark.parametrize(
    ("log", "links", "expected"),
    [
        (LOG, {"errors": "sentry refuses connections"}, "sentry refuses connections"),
        (
            LOG.replace(",c-1", ","),
            {},
            "1 of 2 answers have no X-Correlation-ID: what they left behind cannot be found",
        ),
        (
            LOG.replace("seconds,", ""),
            {},
            "the request log of locust has no header line; it begins with 'end,method,name,status,seconds,bytes,error,id,lag'",
        ),
    ],
)
def test_what_nobody_could_see_is_unknown(log: str, links: dict[str, str], expected: str) -> None:
    history = a_run(log, **{**WHOLE, **links})

    assert {(sight.holds, sight.words) for sight in CLAIM.holds(history)} == {(None, expected)}
    assert CLAIM.tell(history, Window(0.0, 2.0)) == expected


def test_without_a_failed_request_nothing_was_followed() -> None:
    assert CLAIM.tell(a_run(**WHOLE), Window(1.0, 2.0)) == "no such request was answered with 5xx"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"through": ("traces", "log")}, "there is no link 'log'; did you mean 'logs'?"),
        ({"through": ()}, "through: there is no link; write it like [logs, traces, errors]"),
        ({"through": ("logs",), "metric": "x"}, "metric: an exemplar leads to a trace; put traces into 'through'"),
    ],
)
def test_a_chain_that_cannot_be_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is asserted
        Correlated("checkout", **fields)

    assert str(raised.value) == message


def test_a_service_that_there_is_not_is_named_and_the_claim_says_what_it_follows() -> None:
    assert list(Correlated("chekout").problems(a_plan(checkout="service"))) == [
        "correlated: no member called 'chekout'; did you mean 'checkout'?"
    ]
    assert str(CLAIM) == "a failed request to POST /checkout of checkout is followed through logs, traces, errors, exemplars"
