"""Metrics: evaluations in, sights out."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from pytest_obscheck.capabilities import Series
from pytest_obscheck.errors import Problem
from pytest_obscheck.expectations.metric import Evaluations, Metric
from pytest_obscheck.journal import Journal
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import History
from pytest_obscheck.speed import Pace, Source, Speed
from pytest_obscheck.testing import FakeStack, a_journal, a_plan
from pytest_obscheck.verdict import Outcome
from pytest_obscheck.when import Decision, Phrase, always, during, eventually, never

ZERO = 1000.0
PASSED, UNKNOWN, FAILED = Outcome.PASSED, Outcome.UNKNOWN, Outcome.FAILED


def evaluated(*series: list[float | None]) -> Journal:
    """Return one look at series of values, one in each 200 ms from zero on; ``None`` where a series has none."""
    plain = []
    for number, values in enumerate(series):
        points = [[ZERO + step * 0.2, value] for step, value in enumerate(values) if value is not None]
        plain.append({"labels": {"series": str(number)}, "points": points})
    steps = max((len(values) for values in series), default=11)
    data = {"since": ZERO, "until": ZERO + (steps - 1) * 0.2, "series": plain}
    return a_journal(ZERO, metric=[((steps - 1) * 0.2, data)])


def decided(metric: Metric, phrase: Phrase, journal: Journal) -> Decision:
    window = phrase.window({})
    assert window is not None
    return phrase.decide(metric.holds(History(tuple(journal.of("look")), journal)), window, 1.0)


ALL = during("0s", "2s")


def test_a_metric_that_has_any_value_appears_even_nan() -> None:
    decision = decided(Metric("x"), eventually("0s", "2s"), evaluated([None] * 5 + [math.nan] * 6))

    assert decision == Decision(PASSED, "nan at 1.0s", settled=True, at=1.0)


def test_a_metric_that_never_appears_fails() -> None:
    assert decided(Metric("x"), eventually("0s", "2s"), evaluated()) == Decision(FAILED, "it has no series")


def test_a_value_is_compared_at_each_instant() -> None:
    journal = evaluated([0.1] * 5 + [0.7] + [0.1] * 5)

    assert decided(Metric("x", "> 0.5"), eventually("0s", "2s"), journal).words == "0.7 at 1.0s"
    assert decided(Metric("x", "<= 0.5"), always("0s", "2s"), journal).words == "0.7 at 1.0s"
    assert decided(Metric("x", "> 0.8"), never("0s", "2s"), journal).outcome is PASSED


def test_a_negative_bound_is_one() -> None:
    assert decided(Metric("x", "> -1"), always("0s", "2s"), evaluated([-0.5] * 11)).outcome is PASSED


def test_nan_satisfies_nothing_but_not_equal() -> None:
    journal = evaluated([math.nan] * 11)

    outcomes = [decided(Metric("x", sign), eventually("0s", "2s"), journal).outcome for sign in ("> 0", "<= 0", "!= 0")]

    assert outcomes == [FAILED, FAILED, PASSED]


def test_of_several_series_each_must_satisfy_it_and_one_is_enough_to_break_never() -> None:
    journal = evaluated([10.0] * 11, [600.0] * 11)

    assert decided(Metric("depth", "> 500"), never("0s", "2s"), journal).words == "10, 600 at 0s"
    assert decided(Metric("depth", "> 500"), eventually("0s", "2s"), journal).outcome is FAILED
    assert decided(Metric("depth", "<= 500"), always("0s", "2s"), journal).outcome is FAILED
    assert decided(Metric("depth", "> 5"), always("0s", "2s"), journal).outcome is PASSED


def test_a_series_that_is_gone_satisfies_nothing() -> None:
    assert decided(Metric("x", "< 5"), always("0s", "2s"), evaluated([1.0] * 5 + [None] * 6)).words == "it has no series"


def test_of_what_never_had_a_series_it_is_told_which_name_is_wrong() -> None:
    metric, whole = Metric("requests_totl", "> 1"), during("0s", "2s")
    gone, there = evaluated(), evaluated([0.5] * 11)
    slip = "no series is called 'requests_totl'; did you mean 'requests_total'?"
    for journal in (gone, there):
        journal.write("autopsy", 9.0, key="beneath requests_totl", data={"missing": [slip], "lacking": [slip]})
    histories = [History(tuple(journal.of("look")), journal) for journal in (gone, there)]

    assert [metric.tell(history, whole) for history in histories] == [slip, ""]
    assert [metric.lacks(history) for history in histories] == [slip, slip]


def test_evaluations_that_failed_prove_nothing() -> None:
    journal = a_journal(ZERO, metric=[(1.0, "prometheus refuses connections")])

    for phrase in (eventually("0s", "2s"), always("0s", "2s"), never("0s", "2s")):
        decision = decided(Metric("x", "> 1"), phrase, journal)

        assert decision == Decision(UNKNOWN, "every look failed; the last said: prometheus refuses connections")


def test_what_was_not_evaluated_is_unknown() -> None:
    decision = decided(Metric("x", "> 1"), never("0s", "4s"), evaluated([0.0] * 11))

    assert decision == Decision(UNKNOWN, "nothing was seen during 2.0s .. 4.0s")


def test_many_values_are_shortened() -> None:
    journal = evaluated(*([[value] * 11 for value in (1.0, 2.0, 3.0, 4.0)]))

    assert decided(Metric("x"), eventually("0s", "2s"), journal).words == "1, 2, 3 … at 0s"


class _Prometheus:
    def __init__(self) -> None:
        self.asked: list[tuple[float, float]] = []
        self.exprs: list[str] = []

    def query(self, expr: str, at: float) -> list[Series]:
        return []

    def query_range(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        self.asked.append((start, end))
        self.exprs.append(expr)
        return [Series({}, ((start, 1.0),))]

    def metric_names(self) -> list[str]:
        return []

    def label_names(self, selector: str) -> list[str]:
        return []


def test_looks_stay_behind_so_that_late_samples_are_there_and_leave_nothing_out() -> None:
    prometheus = _Prometheus()
    look: Any = Evaluations("x")
    looks = [look.look(FakeStack({"p": prometheus}), ZERO + n, ZERO + n + 1) for n in range(2)]

    assert [[round(at - ZERO, 3) for at in pair] for pair in prometheus.asked] == [[-0.3, 0.7], [0.7, 1.7]]
    assert (looks[0]["until"], looks[1]["since"]) == (ZERO + 0.7, ZERO + 0.7)


def test_what_is_no_promql_is_a_problem() -> None:
    fine = a_plan()
    plan = Plan(fine.home, {}, {}, {}, fine.facts, (), lambda _: "1:4: unexpected end of input")

    assert list(Metric("sum(").problems(plan)) == ["metric: 'sum(' is not PromQL: 1:4: unexpected end of input"]
    assert list(Metric("sum(x)").problems(fine)) == []


def test_what_is_no_comparison_is_refused() -> None:
    with pytest.raises(ValueError, match="comparison") as caught:
        Metric("x", "about 5")

    assert str(caught.value) == "'about 5' is not a comparison; write it like '== 1' or '>= 0.5'"


def test_metrics_speak_and_know_how_far_they_look_back() -> None:
    assert [str(Metric("x")), str(Metric("x", "> 1"))] == ["metric x appears", "metric x is > 1"]
    assert Metric("rate(x[5m] offset 1m)").history({}) == 360.0


FAST = Pace(Speed(Fraction(60)), unfit={"job:age": Problem("", "record job:age is no use at speed 60", "run it at speed 1")})


def test_at_a_speed_it_asks_for_what_the_expression_means_there() -> None:
    prometheus = _Prometheus()
    Evaluations("rate(x[5m])").look(FakeStack({"p": prometheus}, replace(a_plan(), pace=FAST)), ZERO, ZERO + 1)

    assert prometheus.exprs == ["(rate(x[5s]) / 60)"]


def test_a_value_at_a_speed_is_told_on_both_clocks() -> None:
    journal = evaluated([0.1] * 5 + [0.7] + [0.1] * 5)
    journal.speed = 60

    assert decided(Metric("x", "> 0.5"), eventually("0s", "2m"), journal).words == ("0.7 at 60.0s (1.0s of wall time)")


def test_an_expression_that_a_speed_would_make_another_is_a_problem() -> None:
    real = replace(a_plan(), pace=replace(FAST, speed=Speed(Fraction(60), Source.REAL)))

    (told,) = Metric("hour() > 9").problems(real)

    assert told == (
        "metric 'hour() > 9' cannot go at speed 60: hour() hangs on the wall clock, which cannot go faster for "
        "real processes; run it at speed 1, or offline at an instant of your choice"
    )
    assert list(Metric("job:age > 9").problems(real)) == ["record job:age is no use at speed 60; run it at speed 1"]
    assert list(Metric("hour() > 9").problems(a_plan())) == []
