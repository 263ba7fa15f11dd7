"""Units of expressions, and annotations that contradict them."""

from __future__ import annotations

import json
from pathlib import Path

import promql_parser
import pytest

from pytest_obscheck.rulelab import lintholds, lintwords
from pytest_obscheck.rulelab.lintrules import Finding, RuleSet, read
from pytest_obscheck.rulelab.lintunits import unit


def ruleset(folder: Path, **rule: object) -> RuleSet:
    file = folder / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "g", "rules": [rule]}]}), encoding="utf-8")
    rules, findings = read(file, "rules.yml")
    assert not findings
    return RuleSet(tuple(rules))


def said(findings: list[Finding]) -> list[str]:
    return [str(finding) for finding in findings]


@pytest.mark.parametrize(
    ("expr", "words"),
    [
        ("rate(a_total[5m])", "events per second"),
        ("sum(rate(a_total[5m])) / sum(rate(b_total[5m]))", "a ratio from 0 to 1"),
        ("sum(rate(a_total[5m])) / sum(rate(b_total[5m])) * 100", "a percentage"),
        ("100 * (1 - a_bytes / b_bytes)", "a percentage"),
        ("100 - a_bytes / b_bytes * 100", "a percentage"),
        ("rate(a_seconds_sum[5m]) / rate(a_seconds_count[5m])", "seconds"),
        ("increase(a_seconds_sum[5m]) / increase(a_seconds_count[5m])", "seconds"),
        ("histogram_quantile(0.9, sum by (le) (rate(a_seconds_bucket[5m])))", "seconds"),
        ("rate(a_bytes_total[5m])", "bytes per second"),
        ("time() - a_timestamp_seconds", "seconds"),
        ("count(up == 0)", "a number of things"),
        ("predict_linear(a_bytes[1h], 3600)", "bytes"),
        ("a_ratio", "a ratio from 0 to 1"),
        ("rate(process_cpu_seconds_total[5m])", "a ratio from 0 to 1"),
        ("queue_depth", ""),
        ("rate(windows_cpu_time_total[5m])", ""),
        ("sum(rate(a[5m])) / sum(rate(b[5m]))", ""),
    ],
)
def test_the_unit_of_an_expression_follows_from_its_names(expr: str, words: str) -> None:
    assert str(unit(promql_parser.parse(expr), {})) == words


SHARE = "prints '{{ $value | humanizePercentage }}', a ratio as a percentage"


@pytest.mark.parametrize(
    ("expr", "text", "wrong"),
    [
        ("rate(a_total[5m]) > 0.1", "{{ $value | humanizePercentage }} fail", SHARE),
        ("rate(a_total[5m]) > 0.1", "error rate above 10%", "calls the threshold '10%'"),
        ("rate(a_total[5m]) > 0.1", "the error ratio is {{ $value }}", "speaks of a 'ratio'"),
        ("rate(a_total[5m]) > 0.1", "{{ $value }} errors per second", ""),
        ("rate(a_total[5m]) > 0.1", "of 100% traffic, {{ $value }} fail", ""),
        ("rate(a_total[5m]) / rate(b_total[5m]) > 0.1", "{{ $value }}%", "prints '{{ $value }}%', a percentage"),
        ("rate(a_total[5m]) / rate(b_total[5m]) > 0.1", "{{ $value | humanizePercentage }}", ""),
        ("rate(a_total[5m]) / rate(b_total[5m]) * 100 > 10", "{{ $value }}%", ""),
        ("rate(a_total[5m]) / rate(b_total[5m]) * 100 > 10", "{{ $value | humanizePercentage }}", SHARE),
        ("a_seconds > 10", "{{ $value }} seconds", ""),
        ("a_seconds > 10", "{{ $value }}%", "prints '{{ $value }}%', a percentage"),
        ("a_bytes / b_bytes > 0.9", "{{ $value | humanizeDuration }}", "prints '{{ $value | humanizeDuration }}', a duration"),
        ("queue_depth > 10", "{{ $value }}%", ""),
        ("memory_usage_ratio > 70", "{{ $value }}%", ""),
    ],
)  # fmt: skip
def test_an_annotation_prints_the_unit_that_the_value_has(tmp_path: Path, expr: str, text: str, wrong: str) -> None:
    findings = list(lintwords.check(ruleset(tmp_path, alert="A", expr=expr, annotations={"description": text})))

    assert [finding.what.split(";")[0] for finding in findings] == ([f"alert A: description {wrong}"] if wrong else [])


@pytest.mark.parametrize(
    ("expr", "name", "wrong"),
    [
        ("rate(a_seconds_sum[5m]) / rate(a_seconds_count[5m]) > 1", "p95TooHigh p95", True),
        ("avg(request_duration) > 1", "99th percentile", True),
        ("avg_over_time(request_latency[5m]) > 1", "the p99 is high", True),
        ("rate(a_seconds_sum[5m]) / rate(a_seconds_count[5m]) > 1", "the mean is high", False),
        ("histogram_quantile(0.95, rate(a_seconds_bucket[5m])) > 1", "p95", False),
        ('a_seconds{quantile="0.95"} > 1', "p95", False),
        ("avg(request_duration_p95) > 1", "p95", False),
        ("quantile(0.95, request_duration) > 1", "p95", False),
        ('rate(a_seconds_bucket{le="0.5"}[5m]) / rate(a_seconds_count[5m]) < 0.95', "95th percentile", False),
    ],
)
def test_a_percentile_is_not_an_average(tmp_path: Path, expr: str, name: str, wrong: bool) -> None:
    findings = list(lintwords.check(ruleset(tmp_path, alert="A", expr=expr, annotations={"summary": name})))

    assert [finding.check for finding in findings] == ["average-for-percentile"] * wrong


@pytest.mark.parametrize(
    ("expr", "hold", "wrong"),
    [
        (
            "sum(rate(a_total[1h])) / sum(rate(b_total[1h])) < 0.999",
            "30d",
            "1,000 times all of the budget of 0.999 over 30d (43.2m)",
        ),
        ("sum(rate(a_total[1h])) / sum(rate(b_total[1h])) < 0.999", "20m", ""),
        ("sum(rate(a_total[1h])) / sum(rate(b_total[1h])) < 0.999", "30m", "69% of the budget of 0.999 over 30d (43.2m)"),
        ("sum(rate(a_total[5m])) / sum(rate(b_total[5m])) > 0.05", "24h", "67% of the budget of 0.95 over 30d (36h)"),
        ("sum(rate(a_total[5m])) / sum(rate(b_total[5m])) * 100 > 5", "24h", "67% of the budget of 0.95 over 30d (36h)"),
        ("histogram_quantile(0.95, rate(a_seconds_bucket[5m])) > 0.5", "24h", "67% of the budget of 0.95 over 30d (36h)"),
        ("histogram_quantile(0.95, rate(a_seconds_bucket[5m])) > 0.5", "10m", ""),
        ("up == 0", "1h", "139% of the budget of 0.999 over 30d (43.2m)"),
        ("up == 0", "5m", ""),
        ("avg_over_time(up[1h]) * 100 < 99.9", "24h", "33 times all of the budget of 0.999 over 30d (43.2m)"),
        ("histogram_quantile(0.05, a_seconds_bucket) * 100 < 95", "24h", "67% of the budget of 0.95 over 30d (36h)"),
        ("1 - avail_bytes / size_bytes > 0.9", "24h", ""),
        ("certificate_days < 14", "24h", ""),
    ],
)
def test_a_hold_leaves_half_of_the_budget(tmp_path: Path, expr: str, hold: str, wrong: str) -> None:
    findings = list(lintholds.check(ruleset(tmp_path, **{"alert": "A", "expr": expr, "for": hold})))

    spoken = {"24h": "1d"}.get(hold, hold)
    assert [finding.what for finding in findings] == [
        f"alert A: for: {spoken} waits in an outage until {wrong} is spent"
    ] * bool(wrong)


def test_no_hold_is_longer_than_samples_are_kept(tmp_path: Path) -> None:
    findings = list(lintholds.check(ruleset(tmp_path, **{"alert": "A", "expr": "queue_depth > 5", "for": "20d"})))

    what = "for: 20d needs that long without one good evaluation, and samples are kept for 15d"
    right = "put the period into the range of the expression"
    assert said(findings) == [f"rules.yml:1: alert A: {what}; {right} (hold-outlasts-budget)"]


def test_an_agreement_that_says_no_figure_is_at_least_a_weak_one(tmp_path: Path) -> None:
    rule = {"expr": "sum(rate(a_total[5m])) < 100", "for": "24h"}

    assert len(list(lintholds.check(ruleset(tmp_path, alert="ThroughputSLA", **rule)))) == 1
    assert list(lintholds.check(ruleset(tmp_path, alert="Throughput", **rule))) == []


def test_a_percentage_in_the_words_is_an_objective_too(tmp_path: Path) -> None:
    rule = {"alert": "A", "expr": "success_percent < 95", "for": "24h", "annotations": {"summary": "fewer than 95% succeed"}}

    assert len(list(lintholds.check(ruleset(tmp_path, **rule)))) == 1
