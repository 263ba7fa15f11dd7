"""The fakes do what they say, and have the capabilities that they pretend to have."""

from __future__ import annotations

import pytest

from pytest_obscheck.capabilities import AnswersPromQL, EvaluatesRules, HoldsAlerts, ScrapesTargets
from pytest_obscheck.testing import FakeClock, FakePrometheus, FakeStack, a_journal, a_plan

PROMETHEUS = FakePrometheus(FakeClock(1000.0), {"Slow": [(1.0, 2.0, "firing")]}, interval=0.5, zero=1000.0)


def test_a_fake_stack_finds_members_by_what_they_can_do() -> None:
    stack = FakeStack({"clock": FakeClock(), "prometheus": PROMETHEUS})

    assert stack.that(AnswersPromQL) is stack.that(EvaluatesRules, named="prometheus") is PROMETHEUS
    assert list(stack.all(ScrapesTargets)) == ["prometheus"]


@pytest.mark.parametrize(
    ("named", "wanted"),
    [
        (None, "no member receives alerts, groups and routes them; those that do: none"),
        ("am", "'am' is no member that receives alerts, groups and routes them; those that do: none"),
    ],
)
def test_what_no_member_can_do_is_a_lookup_error(named: str | None, wanted: str) -> None:
    with pytest.raises(LookupError) as caught:
        FakeStack({"prometheus": PROMETHEUS}).that(HoldsAlerts, named)

    assert str(caught.value) == wanted


def test_a_fake_prometheus_evaluates_at_its_interval_and_answers_in_between() -> None:
    def points(expr: str, at: float) -> list[tuple[float, float]]:
        return [point for series in PROMETHEUS.query(expr, at) for point in series.points]

    assert points("ALERTS", 1000.9) == []
    assert points("ALERTS", 1001.3) == [(1001.3, 1.0)]
    assert points("ALERTS", 1002.4) == []
    assert points("ALERTS[2000ms]", 1002.4) == [(1001.0, 1.0), (1001.5, 1.0)]
    assert points("ALERTS[400ms]", 1001.5) == [(1001.5, 1.0)]
    assert PROMETHEUS.query("up", 1001.0) == []


def test_a_journal_in_a_line_has_looks_and_failed_looks() -> None:
    journal = a_journal(1000.0, health_checkout=[(0.5, {"status": 200}), (1.0, "refused")])

    looks = journal.of("look", key="health checkout")

    assert [(journal.story(event.wall), event.data.get("error")) for event in looks] == [(0.5, None), (1.0, "refused")]


def test_in_a_plan_in_a_line_checkout_reaches_everybody_by_proxy() -> None:
    assert a_plan(checkout="service", payments="service").proxied == {"payments": ("checkout",)}
