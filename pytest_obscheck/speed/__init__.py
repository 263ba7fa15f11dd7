"""What a speed-up changes in a configuration, and what it cannot: pure functions, from the user's text to the sped-up one."""

from pytest_obscheck.speed.alertmanager import (
    alertmanager_findings,
    alertmanager_flag_spans,
    alertmanager_flags,
    alertmanager_spans,
    speed_alertmanager,
)
from pytest_obscheck.speed.bands import Band, check_margin, firing_band
from pytest_obscheck.speed.classes import Class, Finding, Metric, classify, flows_in_use, metrics_of
from pytest_obscheck.speed.factor import Limit, Span, check_divides, check_ranges, factor, largest, tick
from pytest_obscheck.speed.prometheus import (
    evaluation_interval,
    prometheus_flag_spans,
    prometheus_flags,
    prometheus_spans,
    scrape_interval,
    speed_prometheus,
    speed_scrapes,
)
from pytest_obscheck.speed.promql import Source, Speed, VirtualClock, rewrite
from pytest_obscheck.speed.rules import Rule, check_speedable, rules_of, spans_of, speed_rules

__all__ = [
    "Band",
    "Class",
    "Finding",
    "Limit",
    "Metric",
    "Rule",
    "Source",
    "Span",
    "Speed",
    "VirtualClock",
    "alertmanager_findings",
    "alertmanager_flag_spans",
    "alertmanager_flags",
    "alertmanager_spans",
    "check_divides",
    "check_margin",
    "check_ranges",
    "check_speedable",
    "classify",
    "evaluation_interval",
    "factor",
    "firing_band",
    "flows_in_use",
    "largest",
    "metrics_of",
    "prometheus_flag_spans",
    "prometheus_flags",
    "prometheus_spans",
    "rewrite",
    "rules_of",
    "scrape_interval",
    "spans_of",
    "speed_alertmanager",
    "speed_prometheus",
    "speed_rules",
    "speed_scrapes",
    "tick",
]
