"""What the expectation says: of figures that are right, wrong or not to be told, and of claims that make no sense."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_obscheck.capabilities import Answer, Series
from pytest_obscheck.expectations._slalog import COLUMNS
from pytest_obscheck.expectations.sla import Sla
from pytest_obscheck.journal import Event, Journal
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import History
from pytest_obscheck.testing import FakeStack, a_plan

ZERO = 1_700_000_000.0
HEADER = "end,method,name,status,seconds,bytes,error\n"
QUERY = "sum(rate(http_requests_total[2s]))"
TRUTH = "throughput: truth 10/s of 20 requests"
TARGET = {"job": "shop", "instance": "shop-1:80"}


def rows(start: float, end: float, status: int = 200, seconds: float = 0.004) -> str:
    """Return ten requests a second, in the middle between scrapes."""
    ends = [start + 0.05 + 0.1 * n for n in range(round((end - start) * 10))]
    return "".join(f"{ZERO + at:.6f},POST,/checkout,{status},{seconds:.6f},9,\n" for at in ends)


def a_log(text: str, ended: float = 10.0) -> Journal:
    """Return a journal with a load that ended and left this log."""
    journal = Journal()
    journal.write("load", ZERO - 1, name="locust", phase="begun")
    journal.write("zero", ZERO, speed=1.0)
    journal.write("load", ZERO + ended, name="locust", phase="ended", requests=text)
    return journal


def scraped(at: float, name: str = "http_requests_total", per_scrape: float = 2.0, **labels: str) -> dict[str, Any]:
    """Return the samples of a counter that grows steadily, five times a second for two seconds."""
    points = [[ZERO + at - 2 + 0.2 * n, 1000 + per_scrape * n] for n in range(1, 11)]
    return {"labels": {"__name__": name, **TARGET, **labels}, "points": points}


def said(sla: Sla, journal: Journal, value: float | None, at: float = 5.0, **more: Any) -> tuple[bool | None, str]:
    """Return what is said of one reading."""
    leaves = [{"selector": "http_requests_total", "at": ZERO + at, "recorded": False, "series": [scraped(at)]}]
    values = [] if value is None else [value]
    data = {"at": ZERO + at, "values": values, "leaves": leaves, "late": [], "begun": [], "transport": None, **more}
    look = Event("look", ZERO + at + 0.4, {"key": str(sla.evidence()), "data": data})
    (sight,) = sla.holds(History((look,), journal))
    assert sight.at == pytest.approx(at)
    return sight.holds, sight.words


def throughput(**fields: Any) -> Sla:
    return Sla("throughput", "2s", query=QUERY, **fields)


def availability(**fields: Any) -> Sla:
    return Sla("availability", "2s", query=QUERY, **fields)


def test_a_figure_inside_its_bound_is_told_with_truth_bound_and_difference() -> None:
    expected = f"{TRUTH}, figure 10/s, bound 10/s .. 10/s (10 scrapes 200ms apart), difference +0/s"

    assert said(throughput(), a_log(HEADER + rows(0, 9)), 10.0) == (True, expected)


def test_a_figure_outside_its_bound_is_told_likewise() -> None:
    expected = f"{TRUTH}, figure 20/s, bound 10/s .. 10/s (10 scrapes 200ms apart), difference +10/s"

    assert said(throughput(), a_log(HEADER + rows(0, 9)), 20.0) == (False, expected)


def test_requests_without_an_answer_are_named_where_the_figure_ignores_them() -> None:
    log = a_log(HEADER + rows(0, 4) + rows(4, 5, status=0) + rows(5, 9))
    holds, words = said(availability(), log, 1.0)

    assert holds is False
    assert words.startswith("availability: truth 50.00% of 20 requests, figure 100.00%, bound 44.44% .. 47.06%")
    assert words.endswith(
        "; 10 of the requests got no answer, and no counter of the server can hold those that never reached it"
    )
    assert said(availability(answered=True), log, 1.0)[0] is True


def test_without_a_request_there_is_no_data() -> None:
    log = a_log(HEADER + rows(0, 1) + rows(8, 9))

    assert said(availability(), log, None) == (None, "no request in the window, and no value: no data")
    assert said(availability(), log, 1.0) == (False, "no request in the window: no data is not 100.00%")
    assert said(availability(idle=True), log, None) == (True, "no request in the window, and no value: no data")
    assert said(availability(idle=True), log, 1.0) == (False, "no request in the window: no data is not 100.00%")
    assert said(availability(idle=True), a_log(HEADER + rows(0, 9)), 1.0) == (
        False,
        "20 requests in the window: it is not idle",
    )


def test_a_figure_without_a_value_is_wrong_where_there_were_requests() -> None:
    expected = "availability: truth 100.00% of 20 requests, but the figure has no value"

    assert said(availability(), a_log(HEADER + rows(0, 9)), None) == (False, expected)


def test_a_selector_without_series_is_named_and_one_that_is_too_young_tells_nothing() -> None:
    log = a_log(HEADER + rows(0, 9))
    truth = "availability: truth 100.00% of 20 requests"
    leaf = {"selector": "errors_total", "at": ZERO + 5, "recorded": False}
    young = {**scraped(5.0), "points": scraped(5.0)["points"][-1:]}

    assert said(availability(), log, None, leaves=[{**leaf, "series": []}]) == (
        False,
        f"{truth}, but the figure has no value (no series matches errors_total)",
    )
    assert said(availability(), log, None, leaves=[{**leaf, "series": [young]}]) == (
        None,
        f"{truth}; the figure has no value, for errors_total has no two samples in the window",
    )


def told_of_scrapes(at: list[float], born: list[tuple[float, float]]) -> tuple[bool | None, str]:
    """Return what is said without a series, where the target was scraped at these seconds, well at those since it was born."""
    leaf = {"selector": "errors_total", "at": ZERO + 5, "recorded": False, "series": []}
    late = [{"labels": {"__name__": "scrape_duration_seconds", **TARGET}, "points": [[ZERO + each, 0.01] for each in at]}]
    begun = [
        {"labels": {"__name__": "process_start_time_seconds", **TARGET}, "points": [[ZERO + a, ZERO + b] for a, b in born]}
    ]
    return said(availability(), a_log(HEADER + rows(0, 9)), None, leaves=[leaf], late=late, begun=begun if born else [])


@pytest.mark.parametrize(
    ("at", "born"),
    [
        ([2.0, 7.0], []),
        ([3.5, 4.5], [(2.5, -9.0)]),
        ([3.5, 4.5], [(4.5, 4.0)]),
        ([3.5, 4.5], [(4.5, 3.5)]),
    ],
)
def test_a_series_that_no_scrape_could_have_brought_is_not_missed(at: list[float], born: list[tuple[float, float]]) -> None:
    why = "the figure has no value, for shop-1:80 was not scraped in the window after any of them"

    assert told_of_scrapes(at, born) == (None, f"availability: truth 100.00% of 20 requests; {why}")


def test_a_series_that_a_scrape_should_have_brought_is() -> None:
    for seen in (told_of_scrapes([4.5], []), told_of_scrapes([4.5], [(4.5, -9.0)]), told_of_scrapes([4.5], [(4.5, 2.5)])):
        assert seen == (
            False,
            "availability: truth 100.00% of 20 requests, but the figure has no value (no series matches errors_total)",
        )


def test_one_selector_without_series_is_no_mistake_where_another_is_too_young() -> None:
    errors = {"selector": "errors_total", "at": ZERO + 5, "recorded": False, "series": []}
    young = {**scraped(5.0), "points": scraped(5.0)["points"][-1:]}
    leaves = [errors, {**errors, "selector": "all_total", "series": [young]}]
    truth = "availability: truth 100.00% of 20 requests"

    assert said(availability(), a_log(HEADER + rows(0, 9)), None, leaves=leaves) == (
        None,
        f"{truth}; the figure has no value, for all_total has no two samples in the window",
    )


def test_requests_that_nobody_answered_are_no_data_where_they_are_left_out() -> None:
    log = a_log(HEADER + rows(0, 9, status=0))

    assert said(availability(answered=True), log, None) == (None, "no request in the window, and no value: no data")


def test_a_figure_may_have_no_value_where_every_request_fell_between_scrape_and_edge() -> None:
    log = a_log(HEADER + rows(0, 2) + rows(3.0, 3.2) + rows(8, 9))
    truth = "availability: truth 100.00% of 2 requests"
    why = "for each of them may lie between a scrape and the window's edge"

    assert said(availability(), log, None) == (None, f"{truth}; the figure has no value, {why}")


def test_nothing_is_told_before_the_load_has_ended() -> None:
    journal = Journal()
    journal.write("load", ZERO - 1, name="locust", phase="begun")
    journal.write("zero", ZERO, speed=1.0)

    assert said(throughput(), journal, 10.0) == (
        None,
        "the request log of locust is not there: it comes when the load ends",
    )


def test_a_story_without_a_load_cannot_be_judged() -> None:
    journal = Journal()
    journal.write("zero", ZERO, speed=1.0)

    assert said(throughput(), journal, 10.0) == (None, "no load has begun: there is no request log to compare with")


ENDS = "ends at 4.55s; the load ended at 10.00s, and what was under way then is not in it"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (rows(0, 4.6), f"the request log of locust {ENDS}"),
        (rows(0, 4.6) + "1700000004.6,PO", f"the request log of locust is cut short: it {ENDS}"),
        (rows(0, 9) + "x,y\n", "the request log of locust cannot be read: 'x,y' has 2 columns instead of 7"),
    ],
)
def test_a_log_that_is_cut_short_is_said(text: str, expected: str) -> None:
    assert said(throughput(), a_log(HEADER + text), 10.0) == (None, expected)


def test_what_is_before_the_cut_is_still_judged() -> None:
    assert said(throughput(), a_log(HEADER + rows(0, 5.2) + "1700000005.3,PO"), 10.0)[0] is True


def test_a_log_without_its_header_is_of_no_use() -> None:
    expected = f"the request log of locust has no header line; it begins with '{','.join(COLUMNS)}'"

    assert said(throughput(), a_log(rows(0, 9)), 10.0) == (None, expected)


def test_other_requests_are_filtered_out() -> None:
    text = rows(0, 9) + rows(0, 9).replace("POST,/checkout", "GET,/")
    expected = {"POST /checkout": True, "/checkout": True, "~/ch.*": True, "POST": True, "GET ~/.*": True, "": False}

    assert {wanted: said(throughput(requests=wanted), a_log(HEADER + text), 10.0)[0] for wanted in expected} == expected


def test_the_bound_of_a_percentile_is_the_bucket_that_holds_it() -> None:
    log = a_log(HEADER + rows(0, 9, seconds=0.7))
    growth = {"0.5": 0.0, "1.0": 2.0, "+Inf": 2.0}
    series = [scraped(5.0, "latency_seconds_bucket", per, le=le) for le, per in growth.items()]
    leaves = [{"selector": "latency_seconds_bucket", "at": ZERO + 5, "recorded": False, "series": series}]
    sla = Sla("p95", "2s", query=QUERY, unit="milliseconds")

    why = "10 scrapes 200ms apart, bucket 0.5 .. 1s"
    expected = f"p95: truth 700ms of 20 requests, figure 975ms, bound 975ms .. 975ms ({why}), difference +275ms"
    assert said(sla, log, 975.0, leaves=leaves) == (True, expected)
    assert said(sla, log, 750.0, leaves=leaves)[0] is False


def shops(**fields: Any) -> Sla:
    return Sla("availability", "2s", service="shop", path="/sla", field="availability.value", unit="percent", **fields)


def told(sla: Sla, value: float, **more: float) -> tuple[bool | None, str]:
    """Return what is said of a service's own figure, where one second of the two was bad."""
    log = a_log(HEADER + rows(0, 4) + rows(4, 5, status=502) + rows(5, 9))
    data = {"at": ZERO + 5, "until": ZERO + 5, "values": [value], "words": "", "transport": None, **more}
    (sight,) = sla.holds(History((Event("look", ZERO + 5, {"key": str(sla.evidence()), "data": data}),), log))
    return sight.holds, sight.words


def test_a_services_own_figure_may_be_off_by_its_resolution() -> None:
    why = "its window is 2s, give or take 200ms"
    expected = f"availability: truth 50.00% of 20 requests, figure 70.00%, bound 44.44% .. 60.00% ({why}), difference +20.00%"

    assert told(shops(resolution="200ms"), 70.0) == (False, expected)
    assert told(shops(resolution="200ms"), 59.0)[0] is True


def test_a_service_that_says_when_its_window_began_is_taken_at_its_word() -> None:
    why = "its window is 1.5s"
    expected = f"availability: truth 33.33% of 15 requests, figure 45.00%, bound 33.33% .. 33.33% ({why}), difference +11.67%"

    assert told(shops(since="begin"), 45.0, since=ZERO + 3.5) == (False, expected)
    assert told(shops(since="begin"), 100 / 3, since=ZERO + 3.5)[0] is True
    assert told(shops(since="begin"), 50.0, since=ZERO + 1) == (False, "its window is 4s instead of 2s")


def test_a_services_own_figure_may_be_rounded() -> None:
    assert told(shops(resolution="200ms"), 60.4)[0] is False
    assert told(shops(resolution="200ms", decimals=0), 60.4)[0] is True


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"figure": "p96"}, "there is no figure 'p96'; did you mean 'p99'?"),
        ({"over": "0s"}, "over: '0s' is no window; write it like 5m"),
        ({"figure": "burn_rate"}, "burn_rate and objective go together; write objective: 99.9"),
        (
            {"figure": "burn_rate", "objective": 0.999},
            "objective: 0.999 is not between 1 and 100; write it in percent, like 99.9",
        ),
        ({"unit": "percent"}, "unit: throughput is not measured in 'percent'"),
        ({"faster": "1s"}, "faster: throughput has no bad requests; it belongs to availability, error_rate, burn_rate"),
        ({"path": "/sla"}, "query and path are two sources of one figure; keep one of them"),
        (
            {"query": "", "path": "/sla"},
            "no source of the figure; write 'query: …', or 'service:', 'path:' and 'field:' together",
        ),
    ],
)
def test_a_claim_that_makes_no_sense_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is asserted
        Sla(**{"figure": "throughput", "over": "2s", "query": QUERY, **fields})

    assert str(raised.value) == message


def test_a_service_that_the_stack_lacks_is_named() -> None:
    assert list(shops().problems(a_plan(shops="service"))) == ["no service called 'shop'; did you mean 'shops'?"]


# ── looking ──


@dataclass
class Prometheus:
    """Answers each query from a table, and remembers what it was asked."""

    table: dict[str, list[Series]]
    asked: list[tuple[str, float]] = field(default_factory=list)

    def query(self, expr: str, at: float) -> list[Series]:
        self.asked.append((expr, at))
        return self.table.get(expr, [])

    def query_range(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        return []

    def metric_names(self) -> list[str]:
        return []

    def label_names(self, selector: str) -> list[str]:
        return []


@dataclass(frozen=True)
class Shop:
    """A service that answers."""

    answer: Answer

    def ready(self) -> bool:
        return True

    def ask(self, path: str, timeout: float) -> Answer:
        return self.answer


def test_a_recorded_figure_is_read_at_the_rules_own_instant_and_jobs() -> None:
    raw = [Series({"__name__": "a_total", "job": job}, ((8.0, 1.0),)) for job in ("shop", "other")]
    table = {
        'job:rate{job="shop"}': [Series({}, ((9.6, 5.0),))],
        'timestamp(job:rate{job="shop"})': [Series({}, ((9.6, 9.5),))],
        "a_total[2000ms]": raw,
    }
    prometheus = Prometheus(table)
    stack = FakeStack({"prometheus": prometheus}, a_plan(Facts(recordings={"job:rate": "sum by (job) (rate(a_total[2s]))"})))

    found = Sla("throughput", "2s", query='job:rate{job="shop"}').evidence().look(stack, 9.0, 10.0)

    leaf = {"labels": {"__name__": "a_total", "job": "shop"}, "points": [[8.0, 1.0]]}
    assert found["values"] == [5.0]
    assert found["leaves"] == [{"selector": "a_total", "at": 9.5, "recorded": True, "series": [leaf]}]
    assert ("a_total[2000ms]", 9.5) in prometheus.asked
    assert found["transport"] is None


@pytest.mark.parametrize(
    ("json", "values", "words"),
    [
        ({"availability": {"value": 99.5}, "begin": "2023-11-14T22:13:20.5+00:00"}, [99.5], ""),
        ({"availability": {"value": None}}, [], "availability.value is None"),
        ({"availability": []}, [], "status 200, and its JSON has no field 'availability.value'"),
        (None, [], "status 200, and its JSON has no field 'availability.value'"),
    ],
)
def test_a_field_is_read_with_what_it_takes_to_reach_the_service(json: Any, values: list[float], words: str) -> None:
    stack = FakeStack({"shop": Shop(Answer(200, json, "", 0.01))})

    found = shops(since="begin").evidence().look(stack, 0.0, 1.0)

    assert (found["values"], found["words"]) == (values, words)
    assert found["until"] == pytest.approx(found["at"] + 0.01)
    assert found["transport"] >= 0
    assert found["since"] == (ZERO + 0.5 if values else None)
