"""Which series are scripted on a stack with both kinds of targets, and how rules that read them are rewritten."""

from __future__ import annotations

from fractions import Fraction

import pytest

from pytest_obscheck.speed import Class, Origins, Source, Speed, classify, rewrite

ORIGINS = Origins(
    {
        "jobs_total": [{"__name__": "jobs_total", "job": "mainframe", "queue": "a"}],
        "batch_end_time_seconds": [{"__name__": "batch_end_time_seconds", "job": "mainframe"}],
    },
    frozenset({"checkout", "mainframe-2"}),
    {"job:jobs:rate5m": "rate(jobs_total[5m])", "job:requests:rate5m": "rate(requests_total[5m])", "loop": "loop + loop"},
)
SPEED = Speed(Fraction(60), Source.REAL, origins=ORIGINS)


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("rate(jobs_total[5m])", {Source.SCRIPTED}),
        ('jobs_total{queue="a",env="prod"}', {Source.SCRIPTED}),
        ('jobs_total{queue="b"}', {Source.REAL}),
        ('jobs_total{job="checkout"}', {Source.REAL}),
        ('jobs_total{job=~"mainframe.*"}', {Source.SCRIPTED, Source.REAL}),
        ('jobs_total{job!~"checkout|mainframe-2"}', {Source.SCRIPTED}),
        ("job:jobs:rate5m", {Source.SCRIPTED}),
        ("job:jobs:rate5m / job:requests:rate5m", {Source.SCRIPTED, Source.REAL}),
        ("requests_total", {Source.REAL}),
        ("up == 0", set()),
        ("loop", set()),
    ],
)
def test_an_expression_reads_by_name_and_job(text: str, sources: set[Source]) -> None:
    assert set(ORIGINS.read_by(text)) == sources


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("rate(jobs_total[5m]) > 1", "(rate(jobs_total[5s]) / 60) > 1"),
        ("rate(requests_total[5m]) > 1", "rate(requests_total[5s]) > 1"),
        ("increase(jobs_total[5m])", "increase(jobs_total[5s])"),
        ("increase(requests_total[5m])", "(increase(requests_total[5s]) * 60)"),
        ("job:jobs:rate5m / job:requests:rate5m > 2", "job:jobs:rate5m / job:requests:rate5m > 2"),
        ("jobs_total and avg_over_time(load1[5m]) > 2", "jobs_total and avg_over_time(load1[5s]) > 2"),
    ],
)
def test_each_rule_is_rewritten_as_its_series_need_it(before: str, after: str) -> None:
    assert rewrite(before, SPEED) == after
    assert classify(before, SPEED).grade in (Class.EXACT, Class.APPROXIMATE)


def test_a_scripted_timestamp_needs_no_decision_and_a_real_one_does() -> None:
    assert classify("time() - batch_end_time_seconds > 3600", SPEED).grade is Class.EXACT
    assert classify("time() - backup_end_time_seconds > 3600", SPEED).grade is Class.DECISION


def test_a_rule_that_reads_both_in_ways_that_contradict_is_named_with_both() -> None:
    found = classify("rate(jobs_total[5m]) / rate(requests_total[5m]) > 2", SPEED)

    assert (found.grade, f"{found.reason}; {found.equivalent}") == (
        Class.CANNOT,
        (
            "it reads scripted series (jobs_total) and real ones (requests_total) in one rule, and no text suits both; "
            "let a recording rule of its own read the one, or run it at speed 1"
        ),
    )
