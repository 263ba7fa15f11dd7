"""The probe log as the truth: what of it is sure, what is open, and which figures it refutes."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_obscheck.expectations.sla import Sla
from pytest_obscheck.journal import Event, Journal
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import History
from pytest_obscheck.testing import a_plan

ZERO = 1_700_000_000.0
QUERY = 'avg_over_time(up{job="shop"}[2s])'
PROBED = "shop /health/readiness"
UP = {"__name__": "up", "job": "shop", "instance": "shop-1:80"}


def claim(figure: str = "availability", **fields: Any) -> Sla:
    return Sla(figure, "2s", **{"query": QUERY, "probes": PROBED, **fields})  # type: ignore[arg-type]


def probed(*outages: tuple[float, float], until: float = 10.0, took: float = 0.01) -> Journal:
    """Return a journal with a probe every 200 ms, unreachable during outages."""
    journal = Journal()
    journal.write("zero", ZERO, speed=1.0)
    for number in range(round(until * 5) + 1):
        at = number * 0.2
        down = any(start <= at < end for start, end in outages)
        data = {"unreachable": "connection refused"} if down else {"status": 200, "json": None, "seconds": took}
        journal.write("look", ZERO + at, key=f"health {PROBED}", took=took, data=data)
    return journal


def said(sla: Sla, journal: Journal, value: float | None, at: float = 6.0) -> tuple[bool | None, str]:
    """Return what is said of one reading; ``up`` was scraped every 200 ms, in the middle between two probes."""
    points = [[ZERO + at - 1.9 + 0.2 * n, 1.0] for n in range(10)]
    leaves = [{"selector": "up", "at": ZERO + at, "recorded": False, "series": [{"labels": UP, "points": points}]}]
    values = [] if value is None else [value]
    data = {"at": ZERO + at, "values": values, "leaves": leaves, "late": [], "begun": [], "transport": None}
    (sight,) = sla.holds(History((Event("look", ZERO + at + 0.4, {"data": data}),), journal))
    return sight.holds, sight.words


def test_a_figure_that_says_what_the_probes_saw_is_right() -> None:
    expected = (
        "availability: truth 45.25% of 10 probes, figure 50.00%, bound 40.00% .. 50.00% "
        "(10 scrapes 200ms apart, probes 200ms apart), difference +4.75%"
    )

    assert said(claim(), probed((5.0, 9.0)), 0.5) == (True, expected)


@pytest.mark.parametrize(("value", "right"), [(1.0, False), (0.6, False), (0.4, True), (0.3, False)])
def test_only_scrapes_between_unlike_probes_are_open(value: float, right: bool) -> None:
    assert said(claim(), probed((5.0, 9.0)), value)[0] is right


def test_a_service_that_was_well_throughout_leaves_nothing_open() -> None:
    assert said(claim("error_rate"), probed(), 0.0)[0] is True
    assert said(claim("error_rate"), probed(), 0.1)[0] is False


def test_a_slow_answer_is_no_good_one_where_that_is_asked() -> None:
    assert said(claim(faster="100ms"), probed(took=0.15), 1.0)[0] is False
    assert said(claim(faster="200ms"), probed(took=0.15), 1.0)[0] is True


def test_a_figure_without_a_value_is_wrong() -> None:
    assert said(claim(), probed(), None) == (False, "availability: truth 100.00% of 10 probes, but the figure has no value")


@pytest.mark.parametrize(
    ("journal", "why"),
    [
        (probed(until=0.0), "its last part was not probed yet"),
        (probed(until=5.0), "its last part was not probed yet"),
        (Journal(), "it begins before the first probe"),
    ],
)
def test_nothing_is_told_of_what_was_not_probed(journal: Journal, why: str) -> None:
    if journal.zero is None:
        journal.write("zero", ZERO, speed=1.0)

    assert said(claim(), journal, 1.0) == (None, f"the window is not covered by probes: {why}")


def test_a_pause_in_probing_is_named() -> None:
    whole = probed()
    events = [event for event in whole.events if not (5.05 < event.wall - ZERO < 6.5 and event.kind == "look")]

    assert said(claim(), Journal(events, zero=ZERO), 1.0) == (
        None,
        "the window is not covered by probes: nobody probed for 1.59s",
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"figure": "p95"}, "probes tell no p95; they are for availability, error_rate, burn_rate"),
        ({"probes": "shop"}, "probes: 'shop' is no service and path; write them like 'checkout /health/readiness'"),
        ({"requests": "POST /checkout"}, "probes and requests are two truths; keep one of them"),
    ],
)
def test_a_claim_that_makes_no_sense_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        claim(**fields)


def test_a_figure_that_counts_events_is_refused_on_the_stack() -> None:
    plan = a_plan(Facts(recordings={"errors": "rate(http_requests_total[2s])"}), shop="service")

    assert list(claim(query="1 - sum(errors)").problems(plan)) == [
        "sla: probes tell of time, and http_requests_total counts events; leave 'probes' out, or ask a gauge such as up"
    ]
    assert list(claim(probes="shpo /health").problems(plan)) == ["no service called 'shpo'; did you mean 'shop'?"]
