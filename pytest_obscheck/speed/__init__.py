"""What a speed-up changes in a configuration, and what it cannot: pure functions, from the user's text to the sped-up one."""

from pytest_obscheck.speed.alertmanager import (
    alertmanager_fixed,
    alertmanager_flag_spans,
    alertmanager_flags,
    alertmanager_spans,
    known_flags,
    speed_alertmanager,
)
from pytest_obscheck.speed.bands import SIGMAS, Band, check_margin, firing_band, pending_for, sigmas
from pytest_obscheck.speed.classes import Class, Finding, Metric, classify, flows_in_use, metrics_of
from pytest_obscheck.speed.factor import (
    FASTEST,
    Limit,
    Span,
    check_divides,
    check_ranges,
    check_speed,
    divisors,
    factor,
    largest,
    tick,
)
from pytest_obscheck.speed.origins import Origins, Source
from pytest_obscheck.speed.pace import Pace, Timing
from pytest_obscheck.speed.prometheus import (
    evaluation_interval,
    prometheus_flag_spans,
    prometheus_flags,
    prometheus_spans,
    scrape_interval,
    speed_prometheus,
    speed_scrapes,
)
from pytest_obscheck.speed.promql import UNSPED, Speed, VirtualClock, as_read, rewrite
from pytest_obscheck.speed.rules import Rule, misfit, misfits, rules_of, spans_of, speed_rules
from pytest_obscheck.speed.shares import Share, shares

__all__ = [
    "FASTEST",
    "SIGMAS",
    "UNSPED",
    "Band",
    "Class",
    "Finding",
    "Limit",
    "Metric",
    "Origins",
    "Pace",
    "Rule",
    "Share",
    "Source",
    "Span",
    "Speed",
    "Timing",
    "VirtualClock",
    "alertmanager_fixed",
    "alertmanager_flag_spans",
    "alertmanager_flags",
    "alertmanager_spans",
    "as_read",
    "check_divides",
    "check_margin",
    "check_ranges",
    "check_speed",
    "classify",
    "divisors",
    "evaluation_interval",
    "factor",
    "firing_band",
    "flows_in_use",
    "known_flags",
    "largest",
    "metrics_of",
    "misfit",
    "misfits",
    "pending_for",
    "prometheus_flag_spans",
    "prometheus_flags",
    "prometheus_spans",
    "rewrite",
    "rules_of",
    "scrape_interval",
    "shares",
    "sigmas",
    "spans_of",
    "speed_alertmanager",
    "speed_prometheus",
    "speed_rules",
    "speed_scrapes",
    "tick",
]
