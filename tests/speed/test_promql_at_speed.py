from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import promql_parser
import pytest

from pytest_obscheck.speed import (
    Class,
    Finding,
    Metric,
    Source,
    Speed,
    VirtualClock,
    classify,
    flows_in_use,
    metrics_of,
    rewrite,
)
from pytest_obscheck.speed.classes import in_story_time
from pytest_obscheck.speed.promql import durations, with_steps
from pytest_obscheck.speed.templates import sped_template

SCRIPTED = Speed(Fraction(60))
REAL = Speed(Fraction(60), Source.REAL)
CLOCKED = Speed(Fraction(60), clock=VirtualClock(story=Fraction(7000), wall=Fraction(100)))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("up == 0", "up == 0"),
        ("x > 5m", "x > 5m"),
        ("rate(x[5m]) > 300", "(rate(x[5s]) / 60) > 300"),
        ("a/rate(x[5m])", "a/(rate(x[5s]) / 60)"),
        ("irate(x[300])", "(irate(x[5s]) / 60)"),
        ("increase(x[5m] offset 1h)", "increase(x[5s] offset 1m)"),
        ("x offset -1m", "x offset -1s"),
        ("sum by (rate) (deriv(x[1m]))", "sum by (rate) ((deriv(x[1s]) / 60))"),
        ("max_over_time(rate(x[5m])[1h:1m] offset 5m)", "max_over_time((rate(x[5s]) / 60)[1m:1s] offset 5s)"),
        ("max_over_time(x[1h:])", "max_over_time(x[1m:1s])"),
        ("predict_linear(x[1h], 86400) < 0", "predict_linear(x[1m], (86400 / 60)) < 0"),
        ("predict_linear(x[1h], 4 * 3600)", "predict_linear(x[1m], ((4 * 3600) / 60))"),
        ("time() - x > 600", "(time() * 60) - x > 600"),
        ("hour() > 9", "hour(vector((time() * 60))) > 9"),
        ("hour(x) > 9", "hour(x) > 9"),
        ("timestamp(rate(x[1m]))", "(timestamp((rate(x[1s]) / 60)) * 60)"),
        ('x{a="[5m] offset 5m"}', 'x{a="[5m] offset 5m"}'),
        ("x # for [5m]\n> 1", "x # for [5m]\n> 1"),
        ("offset offset 5m", "offset offset 5s"),
        ("x @ end()", "x @ end()"),
    ],
)
def test_only_leaves_that_hold_time_change(before: str, after: str) -> None:
    assert rewrite(before, SCRIPTED) == after
    promql_parser.parse(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("rate(x[5m]) > 1", "rate(x[5s]) > 1"),
        ("increase(x[5m]) > 1", "(increase(x[5s]) * 60) > 1"),
        ("predict_linear(x[1h], 86400)", "predict_linear(x[1m], 86400)"),
        ("time() - x", "time() - x"),
    ],
)
def test_real_processes_keep_their_rates(before: str, after: str) -> None:
    assert rewrite(before, REAL) == after


def test_the_virtual_clock_runs_from_its_two_zeros() -> None:
    assert rewrite("time() - x @ 7060", CLOCKED) == "((time() - 100) * 60 + 7000) - x @ 101.000"


@pytest.mark.parametrize("text", ["rate(x[5m*2])", "x offset (5m)", "rate(x[5m", "x)", "predict_linear(x[5m])", "x offset"])
def test_what_cannot_be_divided_is_refused(text: str) -> None:
    found = classify(text, SCRIPTED)

    assert found.grade is Class.CANNOT
    assert found.equivalent == "run it at speed 1"


def test_durations_come_with_what_they_are() -> None:
    assert durations("rate(x[5m] offset 1h)") == (("range", 300_000), ("offset", 3_600_000))
    assert durations("avg_over_time(x[1h:])") == (("subquery", 3_600_000), ("step", 60_000))


def test_the_step_of_a_subquery_can_be_written_out() -> None:
    assert with_steps("max_over_time(x[1h:]) > x[5m]", Fraction(30_000)) == "max_over_time(x[1h:30s]) > x[5m]"


def test_every_rule_is_exact_over_scripted_samples() -> None:
    assert classify("hour() > 9 and time() - x > 5", SCRIPTED).grade is Class.EXACT


def test_states_restored_from_whole_seconds_are_approximate() -> None:
    assert classify("ALERTS_FOR_STATE > 5", SCRIPTED).grade is Class.APPROXIMATE


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("up == 0", Class.EXACT),
        ("rate(errors_total[5m]) / rate(requests_total[5m]) > 0.05", Class.EXACT),
        ("deriv(free_bytes[5m]) < 0", Class.APPROXIMATE),
        ("irate(x_total[5m]) > 1", Class.APPROXIMATE),
        ("errors_total > 5", Class.DECISION),
        ("changes(start[5m]) > 1", Class.DECISION),
        ("time() - last_backup > 600", Class.DECISION),
        ("replication_lag_seconds > 60", Class.DECISION),
        ("hour() > 9", Class.CANNOT),
    ],
)
def test_real_processes_give_every_class(text: str, grade: Class) -> None:
    assert classify(text, REAL).grade is grade


def test_the_reason_says_when_only_the_name_told() -> None:
    told = "lag_seconds is physical seconds (by its name; give its TYPE to be sure), compared with seconds of the story"

    assert classify("lag_seconds > 60", REAL).reason == told


def test_what_the_user_says_of_a_metric_counts_more_than_its_name() -> None:
    assert classify("lag_seconds > 60", REAL, {"lag_seconds": Metric.STATE}).grade is Class.EXACT


def test_the_exposition_tells_flows_and_states_but_not_what_seconds_mean() -> None:
    exposition = (
        "# TYPE a_total counter\n# TYPE b histogram\n# TYPE c gauge\n# TYPE d_seconds gauge\n# HELP e text\na_total 1\n"
    )

    assert metrics_of(exposition) == {
        "a_total": Metric.FLOW, "b_bucket": Metric.FLOW, "b_sum": Metric.FLOW, "b_count": Metric.FLOW, "c": Metric.STATE,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{{ query "rate(x[5m])" | first | value }}', '{{ query "(rate(x[5s]) / 60)" | first | value }}'),
        ("{{ query `x offset 1h` }}", "{{ query `x offset 1m` }}"),
        (
            "{{ printf \"rate(x{i='%s'}[5m])\" $labels.i | query }}",
            "{{ printf \"(rate(x{i='%s'}[5s]) / 60)\" $labels.i | query }}",
        ),
        ('{{ query "no [ promql" }}', '{{ query "no [ promql" }}'),
        ("for 5m: rate(x[5m])", "for 5m: rate(x[5m])"),
        ('{{ printf "%s [5m]" $labels.i }}', '{{ printf "%s [5m]" $labels.i }}'),
    ],
)
def test_queries_of_templates_are_sped_up_and_prose_is_not(before: str, after: str) -> None:
    assert sped_template(before, SCRIPTED) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("time() - last_backup_timestamp > 600", "(time() * 60) - (last_backup_timestamp * 60) > 600"),
        ('lag_seconds{a="b"} offset -5m > 60', '(lag_seconds{a="b"} offset -5s * 60) > 60'),
        ("x_total @ start() > 5", "(x_total @ start() * 60) > 5"),
        ("time() - max_over_time(a_timestamp[1h])", "(time() * 60) - (max_over_time(a_timestamp[1m]) * 60)"),
        ("changes(up[5m]) > 1", "(changes(up[5s]) * 60) > 1"),
        ("rate(x_total[5m])", "rate(x_total[5s])"),
    ],
)
def test_a_rule_read_in_story_time_multiplies_what_is_physical(before: str, after: str) -> None:
    assert rewrite(before, replace(REAL, story=in_story_time(before))) == after
    promql_parser.parse(after)


def test_a_decision_is_taken_by_the_user_and_assumed() -> None:
    found = classify("changes(up[5m]) > 1", REAL, reading="physical")

    assert found == Finding(
        Class.EXACT,
        "changes() counts what happens in a window that is N times shorter; you decided: physical",
        "physical seconds and real events, as they are",
        assumed=True,
    )


def test_a_word_that_is_no_reading_decides_nothing() -> None:
    assert classify("changes(up[5m]) > 1", REAL, reading="whatever").grade is Class.DECISION


def test_a_metric_whose_rate_is_taken_anywhere_is_a_counter() -> None:
    assert flows_in_use(["rate(a[5m]) > b", "not [ promql"]) == {"a": Metric.FLOW}
