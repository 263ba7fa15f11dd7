"""Whether every alert has the series that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.capabilities import Series
from pytest_obscheck.expectations.fireable import Fireable
from pytest_obscheck.plan import AlertRule, Facts
from pytest_obscheck.protocols import History
from pytest_obscheck.testing import FakeStack, a_journal, a_plan


@dataclass(frozen=True)
class Prometheus:
    """Answers about a fixed set of metrics: name → labels, each of one value."""

    metrics: Mapping[str, Mapping[str, str]]

    def query(self, expr: str, at: float) -> list[Series]:
        name = expr.rsplit("(", 1)[1].rstrip(")")
        return [Series({"job": self.metrics[name].get("job", "")}, ((at, 1.0),))]

    def query_range(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        return []

    def metric_names(self) -> list[str]:
        return list(self.metrics)

    def label_names(self, selector: str) -> list[str]:
        return ["__name__", *self.metrics[selector]]


NEVER = "Errors can never fire:"
REQUESTS = Prometheus({"http_requests_total": {"job": "api", "status_code": "200"}, "up": {"job": "api"}})


def missing(expr: str, recordings: Mapping[str, str] | None = None, besides: tuple[str, ...] = ()) -> list[tuple[Any, str]]:
    rule = AlertRule("Errors", expr, "5m", {}, {}, "api", "15s", "rules/api.yml:12")
    stack = FakeStack({"prometheus": REQUESTS}, a_plan(Facts(alerts=(rule,), recordings=recordings or {})))
    expectation = Fireable(besides=besides)
    journal = a_journal(unfireable=[(1.0, expectation.evidence().look(stack, 1000.0, 1001.0))])
    sights = expectation.holds(History(tuple(journal.of("look")), journal))
    return [(sight.holds, sight.words) for sight in sights]


def test_an_alert_whose_series_are_all_there_can_fire() -> None:
    expected = [(True, "all can, at 1.0s")]

    assert missing('rate(http_requests_total{status_code="500"}[5m]) > 1') == expected


def test_a_label_that_no_series_has_is_named_with_the_nearest_one() -> None:
    expected = [
        (
            False,
            f"{NEVER} no series of http_requests_total has a label 'status'; did you mean 'status_code'? (rules/api.yml:12)",
        ),
    ]

    assert missing('rate(http_requests_total{status=~"5.."}[5m]) > 1') == expected


def test_a_metric_that_nobody_exposes_is_named_with_the_nearest_one() -> None:
    expected = [
        (False, f"{NEVER} no series is called 'http_request_total'; did you mean 'http_requests_total'? (rules/api.yml:12)"),
    ]

    assert missing("http_request_total > 1") == expected


def test_a_job_that_nothing_is_scraped_for_is_named() -> None:
    expected = [
        (False, "Errors can never fire: no series of up has job=\"apy\"; did you mean 'api'? (rules/api.yml:12)"),
    ]

    assert missing('up{job="apy"} == 0') == expected


def test_what_a_recording_rule_lacks_is_lacking_to_its_alert() -> None:
    recordings = {"job:errors:rate5m": 'sum by (job) (rate(http_requests_total{code="500"}[5m]))'}
    expected = "Errors can never fire: no series of http_requests_total has a label 'code'; did you mean 'status_code'?"

    ((holds, words),) = missing("job:errors:rate5m > 1", recordings)

    assert (holds, words) == (False, f"{expected} (rules/api.yml:12)")


def test_negative_matchers_and_waiting_for_absence_need_no_label() -> None:
    expected = [(True, "all can, at 1.0s")]

    assert missing('http_requests_total{code!~"2..",team=""} > 1') == expected
    assert missing("absent(nothing_at_all)") == expected


def test_alerts_that_are_left_out_are_not_judged() -> None:
    assert missing("nothing_at_all > 1", besides=("Errors",)) == [(True, "all can, at 1.0s")]


def test_a_look_that_failed_cannot_tell() -> None:
    journal = a_journal(unfireable=[(1.0, "prometheus refuses connections")])

    (sight,) = Fireable().holds(History(tuple(journal.of("look")), journal))

    assert (sight.holds, sight.words) == (None, "prometheus refuses connections")


def test_a_name_that_no_rule_file_has_is_refused() -> None:
    rule = AlertRule("Errors", "up == 0", "", {}, {}, "api", "15s", "rules/api.yml:12")
    expected = ["no rule file has an alert 'Error'; did you mean 'Errors'?"]

    assert list(Fireable(alerts=("Error",)).problems(a_plan(Facts(alerts=(rule,))))) == expected
