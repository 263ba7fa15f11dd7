"""Production's rules and routes, each broken in one way: exactly the claims that rest on it turn red, and say what is broken.

Many are broken at once, each under a story of its own. What a service itself may get wrong is in ``test_figure_sabotage.py``:
requests that it never counts, averages of averages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_obscheck import journal as journals

pytestmark = pytest.mark.integration

TOO_SLOW = "the machine was too slow"
SPEEDS = (200, 100, 60)
"""Scrapes come each 75 ms. A story that says that the machine was too slow proves nothing, either way: then more slowly."""
STACK = "stack/stack.alerts.yaml"
SCRAPES, ROUTES = "stack/production/prometheus.yml", "stack/production/alertmanager.yml"
API, BUSINESS, INFRASTRUCTURE, SLA = (f"stack/production/rules/{n}.yml" for n in ("api", "business", "infrastructure", "sla"))
CHECKOUT = "        labels: {team: shop}\n"
"""The end of the scrape config of checkout."""
INHIBITION = """
inhibit_rules:
  # Whoever was called about a service does not need mail about it as well.
  - source_matchers: [severity="critical"]
    target_matchers: [severity=~"warning|info"]
    equal: [job]
"""
BUSINESS_ROUTE = """        - matchers: [area="business"]
          receiver: business-on-call
"""
KEY = "      - service_key_file: secrets/pagerduty-infrastructure\n"
REQUESTS = 'sum by (job) (rate(http_requests_total{endpoint!~"/health/.*|/metrics"}[30d]))'
AVAILABILITY = f"""        expr: >-
          {REQUESTS.replace('"}[', '",status!~"5.."}[')}
          /
          {REQUESTS}
"""
UP_ALONE = "        expr: avg by (job) (avg_over_time(up[30d]))\n"


@dataclass(frozen=True)
class Sabotage:
    """A story, the edits (file, old text, new text) that are to turn it red, and what red claims say: patterns of both."""

    what: str
    story: str
    edits: Sequence[tuple[str, str, str]]
    red: Mapping[str, str]

    @property
    def node(self) -> str:
        """Return what pytest calls the story."""
        return f"scenarios/alerts/{self.story}"


def silent(reason: str, rules: str) -> dict[str, str]:
    """Return what is red where an alert of a rule file never fires."""
    why = rf"{re.escape(reason)} \({rules.removeprefix('stack/')}:\d+\)"
    return {
        r"alert .* fires within": why,
        r".* is notified of": "Alertmanager was never given such an alert",
        r"alert .* resolves within": f"it never fired: {why}",
        r".* is told of the end of": "it was never told that it fires",
    }


def pending(words: str) -> dict[str, str]:
    """Return what is red where an alert is pending and no more."""
    return {
        **silent("", ""),
        r"alert .* fires within": words,
        r"alert .* resolves within": "it never fired: it was pending and no more",
    }


def at_a_line(words: str) -> str:
    """Return the pattern of a sentence that ends with a line."""
    return rf"{re.escape(words)}\d+\)"


def misworded(wrong: str, right: str) -> dict[str, str]:
    """Return what is red where a message says something else."""
    return {r".* is notified of .*, saying": f"(pagerduty|email|slack|webhook) was told .*{wrong}.*, not .*{right}.*"}


def dropped(*regexes: str) -> str:
    """Return relabelling that drops samples of checkout, by what ``name;le;status`` matches."""
    rules = [f'      - {{source_labels: [__name__, le, status], regex: "{each}", action: drop}}\n' for each in regexes]
    return f"{CHECKOUT}    metric_relabel_configs:\n{''.join(rules)}"


RELABELLED = (SCRAPES, CHECKOUT, dropped("http_request_duration_seconds_bucket;0.5;.*", "http_requests_total;;5.."))
RULES = (
    Sabotage(
        "threshold x 2",
        "infrastructure.obs.yaml::HighQueueDepth",
        [(INFRASTRUCTURE, "job:queue_depth:max > 500", "job:queue_depth:max > 1000")],
        silent("job:queue_depth:max never went above 501; the rule wants > 1000", INFRASTRUCTURE),
    ),
    Sabotage(
        "for x 3",
        "infrastructure.obs.yaml::HighMemory",
        [(INFRASTRUCTURE, "ratio > 0.95\n        for: 5m", "ratio > 0.95\n        for: 15m")],
        pending(r"pending since 9m\d\ds, needs `for: 15m` \(.*\); it would fire at 24m.* too late"),
    ),
    Sabotage(
        "maximum instead of average",
        "infrastructure.obs.yaml::HighCPU",
        [(INFRASTRUCTURE, "1 - avg by (job, instance)", "1 - max by (job, instance)")],
        # Pending it was, long before: a rate begins at nothing, and there was no idle time yet.
        pending(r"instance:node_cpu:ratio_rate5m never went above 0\.83\d?; the rule wants > 0\.9 \(.*\)"),
    ),
    Sabotage(
        "free space told as used",
        "infrastructure.obs.yaml::HighDiskUsage",
        [(INFRASTRUCTURE, "instance:node_filesystem:ratio > 0.9\n", "1 - instance:node_filesystem:ratio < 0.1\n")],
        misworded("9% of the disk", "91% of the disk"),
    ),
    Sabotage(
        "label renamed in the rule: nobody is told whose payments fail",
        "critical.obs.yaml::HighPaymentFailureRate",
        [
            (
                BUSINESS,
                '(job, provider) (rate(payment_requests_total{status!="success"}',
                '(job, vendor) (rate(payment_requests_total{status!="success"}',
            ),
            (BUSINESS, "(job, provider) (rate(payment_requests_total[", "(job, vendor) (rate(payment_requests_total["),
        ],
        misworded("payments with  fail", "payments with example-pay fail"),
    ),
    Sabotage(
        "bucket removed",
        "critical.obs.yaml::CriticalLatency",
        [RELABELLED],
        silent("job:http_request_duration_seconds:p95_rate5m never went above 0.375; the rule wants > 0.5", API),
    ),
    Sabotage(
        "failures never counted",
        "burn.obs.yaml::ErrorBudgetBurn1h",
        [RELABELLED],
        {
            **silent(
                "job:http_requests_errors:ratio_rate1h never went above 0; the rule wants > 0.0144; "
                "job:http_requests_errors:ratio_rate5m never went above 0; the rule wants > 0.0144",
                SLA,
            ),
            r"alert .* fires within": r'no series http_requests_total\{.*status=~"5\.\."\} has job="checkout" \(.*\)',
        },
    ),
    Sabotage(
        "availability from up alone",
        "offline.obs.yaml::AvailabilityBelowObjective",
        [(SLA, AVAILABILITY, UP_ALONE)],
        {
            "alert AvailabilityBelowObjective, played offline, is quiet at 33d and fires": re.escape(
                "promtool says that it does not fire at 798h: the rule reads up, of which the story has no series"
            )
        },
    ),
)
BEHIND_ROUTES = (
    Sabotage(
        "route of an area removed",
        "critical.obs.yaml::HighPaymentFailureRate",
        [(ROUTES, BUSINESS_ROUTE, "")],
        {
            r"pagerduty \(receiver business-on-call\) is notified of": at_a_line(
                "Alertmanager routed HighPaymentFailureRate to 'api-on-call', 'audit' only; "
                "no route leads it to 'business-on-call', which has pagerduty (production/alertmanager.yml:"
            ),
            r"pagerduty \(receiver business-on-call\) is told of the end": "it was never told that it fires",
        },
    ),
    Sabotage(
        "the end never told",
        "infrastructure.obs.yaml::HighQueueLag",
        [(ROUTES, KEY, f"{KEY}        send_resolved: false\n")],
        {
            r"pagerduty \(receiver infrastructure-on-call\) is told of the end": at_a_line(
                "'infrastructure-on-call' does not tell pagerduty of the end: "
                "send_resolved is false (production/alertmanager.yml:"
            ),
        },
    ),
    Sabotage(
        "another severity in the matcher of a route",
        "warning.obs.yaml::QueueBacklog",
        [(ROUTES, '[severity="warning"]', '[severity="warn"]')],
        {
            r"email \(receiver dev-team\) is notified of": at_a_line(
                "Alertmanager routed QueueBacklog to 'audit' only; "
                "no route leads it to 'dev-team', which has email (production/alertmanager.yml:"
            ),
            r"email \(receiver dev-team\) is told of the end": "it was never told that it fires",
        },
    ),
    Sabotage(
        "inhibition removed",
        "error-rate.obs.yaml::CriticalErrorRate and HighErrorRate",
        [(ROUTES, INHIBITION, "")],
        {r"webhook is notified of HighErrorRate never": r"notified at \d+m\d\ds of the story.*"},
    ),
    Sabotage(
        "label that the instrumentation does not have",
        "warning.obs.yaml::LowGenerationSuccess",
        [(BUSINESS, 'generation_requests_total{status="success"}', 'generation_requests_total{state="success"}')],
        silent("no series of generation_requests_total has a label 'state'; did you mean 'status'?", BUSINESS),
    ),
)
TOO_WIDE = (
    Sabotage(
        "inhibition too wide",
        "neighbours.obs.yaml",
        [(ROUTES, "equal: [job]", "equal: [cluster]")],
        {r".* is notified of DiskFillingUp": r"Alertmanager inhibited it: [\w, ]*Down mutes it \(inhibit_rules\)"},
    ),
)


@pytest.mark.parametrize("sabotages", [RULES, BEHIND_ROUTES, TOO_WIDE], ids=["rules", "routes", "inhibition"])
def test_each_sabotage_turns_exactly_the_claims_red_that_rest_on_it(project: Any, sabotages: Sequence[Sabotage]) -> None:
    for edit in dict.fromkeys(edit for sabotage in sabotages for edit in sabotage.edits):
        project.edit(*edit)

    reports = played(project, sabotages)

    surprises = [f"{each.what}: {words}" for each in sabotages for words in surprising(each, reports[each.what])]
    assert surprises == [], "\n".join(surprises)


def played(project: Any, sabotages: Sequence[Sabotage]) -> Mapping[str, str]:
    """Play the stories together; return their reports."""
    nodes = [each.node for each in sabotages]
    for speed in SPEEDS:
        said = project.pytest(f"--obs-stack={STACK}", f"--obs-speed={speed}", "--obs-report=report", *nodes)
        if TOO_SLOW not in said:
            break
    assert (said.code, project.left()) == (1, ([], [])), said.out
    places = {each.what: project.path / f"report/{journals.stem(each.node)}.txt" for each in sabotages}
    return {what: path.read_text(encoding="utf-8") for what, path in places.items()}


def surprising(sabotage: Sabotage, report: str) -> list[str]:
    """Return what is red and should not be, what says something else than it should, and what is green and should not be."""
    seen = re.findall(r"(?m)^  [✗?] (.*?)  \[[^\[]*\]\n      (.*?)(?: \(rests on altered samples of .*\))?$", report)
    wanted = {claim: [pattern for pattern in sabotage.red if re.match(pattern, claim)] for claim, _ in seen}
    wrong = [
        f"{claim}: {why}" for claim, why in seen if not any(re.fullmatch(sabotage.red[each], why) for each in wanted[claim])
    ]
    green = [pattern for pattern in sabotage.red if not any(pattern in found for found in wanted.values())]
    return wrong + [f"nothing red is like {pattern!r}" for pattern in green]
