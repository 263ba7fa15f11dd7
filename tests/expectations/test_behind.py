"""Why an alert stayed quiet: what its selectors lack, and how near its value came to the limit."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_obscheck.capabilities import Series
from pytest_obscheck.expectations._behind import Behind, Beneath, comparisons, what_lacks, why_absent, why_quiet
from pytest_obscheck.plan import AlertRule, Facts
from pytest_obscheck.testing import FakeStack, a_journal, a_plan

ERRORS = 'sum by (job) (rate(http_requests_total{status=~"5.."}[5m]))'
SERIES = (
    {"__name__": "http_requests_total", "job": "checkout", "status": "200"},
    {"__name__": "http_requests_total", "job": "payments", "status": "503"},
)
RATES = (Series({"job": "checkout"}, ((1.0, 0.2), (2.0, 0.3))), Series({"job": "payments"}, ((1.0, 0.9),)))


@dataclass(frozen=True)
class Known:
    """A Prometheus with such series, and one answer to everything that has a value."""

    series: Sequence[Mapping[str, str]] = SERIES
    values: Sequence[Series] = field(default_factory=list)
    alerts: Sequence[Series] = ()

    def query(self, expr: str, at: float) -> list[Series]:
        if expr.startswith("ALERTS{"):
            return list(self.alerts)
        asked = re.fullmatch(r"count\(last_over_time\((\w+)\{(.*)\}\[\d+ms\]\)\)", expr)
        assert asked, expr
        found = [each for each in self.series if each["__name__"] == asked[1] and _matches(each, asked[2])]
        return [Series({}, ((at, float(len(found))),))] if found else []

    def query_range(self, expr: str, start: float, end: float, step: float) -> Sequence[Series]:
        return self.values

    def metric_names(self) -> list[str]:
        return sorted({each["__name__"] for each in self.series})

    def label_names(self, selector: str) -> list[str]:
        return sorted({label for each in self.series if each["__name__"] == selector for label in each})


def _matches(labels: Mapping[str, str], inside: str) -> bool:
    asked = re.findall(r'(\w+)(=~|=)"([^"]*)"', inside)
    return all(re.fullmatch(value, labels.get(label, "")) for label, _, value in asked)


def why(expr: str, prometheus: Known, **labels: str) -> str:
    rule = AlertRule("Slow", expr, "", {"severity": "critical"}, {}, "g", "", "rules.yml:7")
    facts = Facts(alerts=(rule,), recordings={"job:errors:rate5m": ERRORS})
    look = Behind("Slow", tuple(sorted(labels.items())))
    journal = a_journal(slow=[(1.0, {})])
    found = look.look(FakeStack({"prometheus": prometheus}, a_plan(facts)), 0.0, 10.0)
    journal.write("autopsy", 10.0, key=str(look), data=found)
    return why_quiet(journal, look)


@pytest.mark.parametrize(
    ("expr", "wanted"),
    [
        ("http_request_total > 1", "no series is called 'http_request_total'; did you mean 'http_requests_total'?"),
        ("http_memory_used_bytes > 1", "no series is called 'http_memory_used_bytes'; nothing like it was scraped"),
        ("https_requests_total > 1", "no series is called 'https_requests_total'; did you mean 'http_requests_total'?"),
        (
            'http_requests_total{state="503"} > 1',
            "no series of http_requests_total has a label 'state'; did you mean 'status'?",
        ),
        ('http_requests_total{status="404"} > 1', 'no series of http_requests_total has status="404"'),
        (
            'http_requests_total{status="200",job="payments"} > 1',
            'no series matches http_requests_total{status="200",job="payments"}',
        ),
        ("job:errors:rate5m > 1", "job:errors:rate5m had no value"),
    ],
)
def test_what_keeps_a_selector_from_matching_is_told(expr: str, wanted: str) -> None:
    assert why(expr, Known()) == f"{wanted} (rules.yml:7)"


def test_series_that_are_all_of_another_job_are_not_those_that_were_meant() -> None:
    wanted = 'no series http_requests_total{status=~"5.."} has job="checkout" (rules.yml:7)'

    assert why("job:errors:rate5m > 1", Known(), job="checkout", severity="critical") == wanted
    assert why("job:errors:rate5m > 1", Known(values=RATES), job="payments").startswith(
        "job:errors:rate5m never went above 0.9;"
    )


@pytest.mark.parametrize(
    ("labels", "peak"), [({"job": "checkout"}, "0.3"), ({"job": "~check.*"}, "0.3"), ({}, "0.9"), ({"team": "shop"}, "0.9")]
)
def test_the_peak_is_that_of_the_series_that_are_meant(labels: dict[str, str], peak: str) -> None:
    words = f"http_requests_total never went above {peak}; the rule wants > 1 (rules.yml:7)"

    assert why("http_requests_total > 1", Known(values=RATES), **labels) == words


@pytest.mark.parametrize(("sign", "nearest"), [(">", [3.0, 2.0]), ("<", [1.0, 2.0])])
def test_of_each_part_of_the_story_what_came_nearest_is_kept(sign: str, nearest: list[float]) -> None:
    points = ((0.0, 1.0), (0.5, 3.0), (30.5, 2.0), (31.0, math.nan))
    rule = AlertRule("Slow", f"a {sign} 9", "", {}, {}, "g", "", "rules.yml:7")
    stack = FakeStack({"prometheus": Known(values=[Series({}, points)])}, a_plan(Facts(alerts=(rule,))))

    (course,) = Behind("Slow").look(stack, 0.0, 60.0)["courses"]

    assert course == {"of": ["a", sign, 9.0], "points": [[0.5, nearest[0]], [30.5, nearest[1]]]}


def test_of_an_alert_that_no_rule_has_and_of_a_look_that_failed_nothing_is_told() -> None:
    journal = a_journal(slow=[(1.0, {})])
    journal.write("autopsy", 10.0, key="behind Slow", error="refused")

    assert [why_quiet(journal, Behind("Slow")), why_quiet(journal, Behind("Other"))] == ["", ""]


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        ("a > 14.4 * 0.001", [("a", ">", 0.0144)]),
        ("a > (2 + 1) / 2 - 0.5", [("a", ">", 1.0)]),
        ("a > 1 / 0", []),
        ("a > b", []),
        ("a > 1 and b < 2", [("a", ">", 1.0), ("b", "<", 2.0)]),
    ],
)
def test_a_limit_may_be_a_calculation(expr: str, found: list[Any]) -> None:
    assert [(lhs, sign, pytest.approx(bound)) for lhs, sign, bound in comparisons(expr)] == found


def test_since_when_the_alert_was_in_each_state_is_known_of_those_with_its_labels() -> None:
    alerts = tuple(
        Series({"alertstate": state, "job": job}, tuple((at, 1.0) for at in times))
        for state, job, times in [("pending", "a", (3.0, 4.0)), ("firing", "a", (5.0,)), ("firing", "b", (2.0,))]
    )
    look = Behind("Slow", (("job", "a"), ("cluster", "eu")))
    facts = Facts(alerts=(AlertRule("Slow", "http_requests_total > 1", "", {}, {}, "g", "", "rules.yml:7"),))

    found = look.look(FakeStack({"prometheus": Known(alerts=alerts)}, a_plan(facts)), 0.0, 10.0)

    assert found["states"] == {"pending": 3.0, "firing": 5.0}


def test_an_expression_of_a_story_is_looked_at_in_the_same_way() -> None:
    journal, look = a_journal(slow=[(1.0, {})]), Beneath('rate(http_request_total[1m]) or http_requests_total{status="404"}')
    unread = [what_lacks(journal, look), why_absent(journal, look)]
    journal.write("autopsy", 10.0, key=str(look), data=look.look(FakeStack({"prometheus": Known()}), 0.0, 10.0))
    slip = "no series is called 'http_request_total'; did you mean 'http_requests_total'?"

    assert unread == ["", ""]
    assert what_lacks(journal, look) == slip
    assert why_absent(journal, look) == f'{slip}; no series of http_requests_total has status="404"'
