"""What a load that stood in line for a processor knows of its requests: the bound is wider by it, and says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pytest_obscheck.expectations._slalog import COLUMNS
from pytest_obscheck.expectations.sla import Sla
from pytest_obscheck.journal import Event, Journal
from pytest_obscheck.protocols import History

ZERO = 1_700_000_000.0
ENDS = tuple(0.05 + 0.1 * n for n in range(100))
"""Ten requests a second for ten seconds."""

EDGES = {"0.25": 0.0, "0.5": 2.0, "1.0": 2.0, "+Inf": 2.0}
TARGET = {"job": "shop", "instance": "shop-1:80"}


def a_log(lag: float, columns: int = len(COLUMNS), ends: Sequence[float] = ENDS, stop: float | None = None) -> Journal:
    """Return a load's journal: requests of 600 ms that ended then, each noted late; and when its users stopped."""
    rows = [[f"{ZERO + at:.6f}", "POST", "/checkout", "200", "0.600000", "9", "", "c-1", f"{lag:.6f}"] for at in ends]
    text = "".join(f"{','.join(row[:columns])}\n" for row in [COLUMNS, *rows])
    text += "" if stop is None else f"{ZERO + stop:.6f},,,,,,,,\n"
    journal = Journal()
    journal.write("load", ZERO - 1, name="locust", phase="begun")
    journal.write("zero", ZERO, speed=1.0)
    journal.write("load", ZERO + 11, name="locust", phase="ended", requests=text)
    return journal


def said(sla: Sla, journal: Journal, value: float | None, at: float = 5.0) -> tuple[bool | None, str]:
    """Return what is said of a figure from a histogram in which all were quicker than half a second."""
    points = {le: [[ZERO + at - 2 + 0.2 * n, 1000 + per * n] for n in range(1, 11)] for le, per in EDGES.items()}
    labels = {"__name__": "latency_seconds_bucket", **TARGET}
    series = [{"labels": {**labels, "le": le}, "points": samples} for le, samples in points.items()]
    leaves = [{"selector": "latency_seconds_bucket", "at": ZERO + at, "recorded": False, "series": series}]
    values = [] if value is None else [value]
    data: dict[str, Any] = {"at": ZERO + at, "values": values, "leaves": leaves, "late": [], "begun": [], "transport": None}
    look = Event("look", ZERO + at + 0.4, {"key": str(sla.evidence()), "data": data})
    (sight,) = sla.holds(History((look,), journal))
    return sight.holds, sight.words


def p95() -> Sla:
    return Sla("p95", "2s", query="x")


def quick() -> Sla:
    return Sla("availability", "2s", query="x", faster="500ms")


def test_a_latency_is_right_where_the_load_noted_its_requests_late() -> None:
    why = "10 scrapes 200ms apart, bucket 0.5 .. 1s, the load up to 150ms late"
    expected = f"p95: truth 600ms of 20 requests, figure 488ms, bound 487ms .. 975ms ({why}), difference -112ms"

    assert said(p95(), a_log(0.15), 0.4875) == (True, expected)


@pytest.mark.parametrize("journal", [a_log(0.0), a_log(0.05), a_log(0.15, columns=8), a_log(0.15, columns=7)])
def test_it_is_wrong_where_it_did_not_or_a_log_of_before_does_not_say(journal: Journal) -> None:
    assert said(p95(), journal, 0.4875)[0] is False


def test_where_every_request_may_have_been_quick_enough_or_not_a_share_that_is_right_proves_nothing() -> None:
    why = "10 scrapes 200ms apart, the load up to 150ms late"
    told = f"availability: truth 0.00% of 20 requests, figure 50.00%, bound 0.00% .. 100.00% ({why}), difference +50.00%"

    assert said(quick(), a_log(0.15), 0.5) == (None, f"{told}: any figure lies there, so this one proves nothing")
    assert said(quick(), a_log(0.15), 1.5)[0] is False
    assert said(quick(), a_log(0.05), 0.5)[0] is False


def test_a_bound_as_wide_as_the_figure_is_none() -> None:
    mean = Sla("mean", "2s", query="x")
    slow = "the machine was too slow: the load was up to 600ms late, and with that the bound of the mean is 0ms .. 600ms"

    assert said(mean, a_log(0.2), 0.5)[0] is True
    assert said(mean, a_log(0.59), 0.5)[0] is True
    assert said(mean, a_log(0.6), 0.5) == (None, slow)


def test_a_wrong_figure_is_wrong_beside_the_widest_bound() -> None:
    assert said(p95(), a_log(0.59), 2.0)[0] is False
    assert said(quick(), a_log(0.59), 1.5)[0] is False


def test_how_late_an_answer_was_noted_is_nothing_to_a_throughput() -> None:
    holds, words = said(Sla("throughput", "2s", query="x"), a_log(0.59), 10.0)

    assert holds is True
    assert "late" not in words


def test_what_comes_after_the_users_stopped_is_seen_though_the_process_took_long_to_end() -> None:
    alone, stopped = (a_log(0.0, ends=(0.65,), stop=stop) for stop in (None, 0.7))
    idle = Sla("mean", "2s", query="x", idle=True)

    assert said(idle, alone, None)[0] is None
    assert said(idle, stopped, None) == (True, "no request in the window, and no value: no data")
    assert said(idle, stopped, None, at=3.2)[1] == (
        "the request log of locust ends at 0.65s; the load ended at 0.70s, and what was under way then is not in it"
    )


@pytest.mark.parametrize(
    ("lag", "told"),
    [
        (0.5, (True, "no request in the window, and no value: no data")),
        (0.0, (False, "1 requests in the window: it is not idle")),
    ],
)
def test_a_request_that_may_have_ended_before_the_window_is_none_for_sure(lag: float, told: tuple[bool, str]) -> None:
    assert said(Sla("mean", "2s", query="x", idle=True), a_log(lag, ends=(3.05, 10.9)), None) == told
